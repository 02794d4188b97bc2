# SPDX-License-Identifier: GPL-3.0-or-later
"""A protocol as a flowchart of Mermaid: its steps, where each goes, and what starts it."""

import json
from collections.abc import Iterator

from ganglion.mova.diagnostic import Place
from ganglion.mova.model import Conditions, Model, Protocol, Reference, Rule, Step
from ganglion.mova.ports import addressed

#: Characters of a label; more would not be read in a box.
_LABEL = 60
_SHAPES = {"condition": ("{{", "}}"), "end": ("([", "])"), "parallel": ("[/", "/]")}
#: Where a protocol ends.
_DONE = "done"


def graph(of: Model, protocol: Protocol) -> str:
    """The text of a flowchart.

    Steps are boxes, conditions hexagons, ends rounded; `parallel` is slanted, and each of its branches, a row of steps
    or a protocol with a double edge, leads to what follows it. A dotted arrow is where a step goes that has failed for
    good.
    """
    lines = ["flowchart TD", *_boxes(protocol.steps, "s")]
    lines += [
        f"    t{i}>{_quoted(trigger.id)}] --> s0"
        for i, trigger in enumerate(of.triggers)
        if trigger.run is not None and trigger.run.name == protocol.name and protocol.steps
    ]
    failed = ""
    if protocol.fallback is not None:
        ids = [step.id for step in protocol.steps]
        failed = f"s{ids.index(protocol.fallback.name)}" if protocol.fallback.name in ids else _DONE
    lines += _arrows(protocol.steps, "s", _DONE, failed)
    if any(line.endswith(f" {_DONE}") for line in lines):
        lines.append(f"    {_DONE}((end))")
    return "\n".join(lines)


def places(protocol: Protocol) -> dict[str, Place]:
    """The name of each box that `graph` draws for a step, and where in the text the step stands."""
    return dict(_places(protocol.steps, "s"))


def _places(steps: list[Step], prefix: str) -> Iterator[tuple[str, Place]]:
    for i, step in enumerate(steps):
        yield f"{prefix}{i}", step.place
        for n, branch in enumerate(step.branches):
            if not isinstance(branch, Reference):
                yield from _places(branch, _branch(prefix, i, n))


def _boxes(steps: list[Step], prefix: str) -> Iterator[str]:
    for i, step in enumerate(steps):
        opening, closing = _SHAPES.get(step.action, ("[", "]"))
        yield f"    {prefix}{i}{opening}{_quoted(f'{step.id}: {_what(step)}')}{closing}"
        for n, branch in enumerate(step.branches):
            if isinstance(branch, Reference):
                yield f"    {_branch(prefix, i, n)}0[[{_quoted(branch.name)}]]"
            else:
                yield from _boxes(branch, _branch(prefix, i, n))


def _branch(prefix: str, step: int, branch: int) -> str:
    """What the names of the boxes in a branch begin with."""
    return f"{prefix}{step}b{branch}_"


def _arrows(steps: list[Step], prefix: str, end: str, failed: str) -> Iterator[str]:
    """The arrows of a list of steps.

    Args:
        end: The box behind the last step.
        failed: The box where a step goes that has failed; empty for none.
    """
    ids = {step.id: f"{prefix}{i}" for i, step in enumerate(steps)}
    for i, step in enumerate(steps):
        here = f"{prefix}{i}"
        following = f"{prefix}{i + 1}" if i + 1 < len(steps) else end
        after = ids.get(step.next.name, end) if step.next is not None else following
        if step.branches:
            for n, branch in enumerate(step.branches):
                inner = _branch(prefix, i, n)
                yield f"    {here} --> {inner}0"
                if isinstance(branch, Reference):
                    yield f"    {inner}0 --> {after}"
                else:
                    yield from _arrows(branch, inner, after, "")
            if step.conditions is not None:
                yield f"    {here} -->|else| {after}"
        elif step.action == "end":
            if end != _DONE:  # of a branch alone
                yield f"    {here} --> {end}"
        else:
            yield from _ways(step, here, after, following, ids, end)
        if failed and here != failed and step.action != "end":
            yield f"    {here} -. failed .-> {failed}"


def _ways(step: Step, here: str, after: str, following: str, ids: dict[str, str], end: str) -> Iterator[str]:
    if step.action != "condition" or step.conditions is None:
        gate = f"|{_quoted(_joined(step.conditions))}|" if step.conditions is not None else ""
        yield f"    {here} -->{gate} {after}"
        return
    if not step.conditions.logic and not any(rule.next for rule in step.conditions.rules) and after != following:
        yield f"    {here} -->|{_quoted(_joined(step.conditions))}| {after}"
        yield f"    {here} -->|else| {following}"
        return
    for rule in step.conditions.rules:
        if rule.next is not None:
            yield f"    {here} -->|{_quoted(_rule(rule))}| {ids.get(rule.next.name, end)}"
    default = step.conditions.default
    yield f"    {here} -->|else| {ids.get(default.name, end) if default is not None else after}"


def _what(step: Step) -> str:
    """The action, with what it is about; of what is published, as tests call it."""
    if step.action == "publish":
        topic, mqtt = step.raw.get("topic"), step.raw.get("mqtt")
        return f"publish mqtt:{mqtt}" if mqtt else f"publish {addressed(str(topic), str(step.raw.get('to') or ''))}"
    for key in ("prompt", "tool_api_id", "actuator", "topic", "event", "protocol", "sensor", "for", "message"):
        if isinstance(about := step.raw.get(key), str):
            return f"{step.action} {about}"
    return step.action


def _joined(conditions: Conditions) -> str:
    joint = {"OR": " or ", "NOT": " and "}.get(conditions.logic, " and ")
    text = joint.join(_rule(rule) for rule in conditions.rules)
    return f"not ({text})" if conditions.logic == "NOT" else text


def _rule(rule: Rule) -> str:
    value = "" if rule.operator in ("exists", "not_exists") else f" {json.dumps(rule.value, ensure_ascii=False)}"
    text = f"{rule.variable} {rule.operator}{value}"
    return f"{text} and ({_joined(rule.nested)})" if rule.nested is not None else text


def _quoted(text: str) -> str:
    """A label that Mermaid takes as it is: quotes and what it would read as a mark are written as entities."""
    short = text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"
    safe = "".join(f"#{ord(letter)};" if letter in '"#;<>&`%{}' else letter for letter in short if letter.isprintable())
    return f'"{safe}"'
