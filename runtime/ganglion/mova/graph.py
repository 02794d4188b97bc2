# SPDX-License-Identifier: GPL-3.0-or-later
"""A protocol as a flowchart of Mermaid: its steps, where each goes, and what starts it."""

import json
from collections.abc import Iterator

from ganglion.mova.model import Conditions, Model, Protocol, Rule, Step

#: Characters of a label; more would not be read in a box.
_LABEL = 60
_SHAPES = {"condition": ("{{", "}}"), "end": ("([", "])")}


def graph(of: Model, protocol: Protocol) -> str:
    """The text of a flowchart.

    Steps are boxes, conditions hexagons, ends rounded; a dotted arrow is where a step goes that has failed for good.
    """
    ids = {step.id: f"s{i}" for i, step in enumerate(protocol.steps)}
    lines = ["flowchart TD"]
    for i, step in enumerate(protocol.steps):
        opening, closing = _SHAPES.get(step.action, ("[", "]"))
        lines.append(f"    s{i}{opening}{_quoted(f'{step.id}: {_what(step)}')}{closing}")
    lines += [
        f"    t{i}>{_quoted(trigger.id)}] --> s0"
        for i, trigger in enumerate(of.triggers)
        if trigger.run is not None and trigger.run.name == protocol.name and protocol.steps
    ]
    for i, step in enumerate(protocol.steps):
        following = f"s{i + 1}" if i + 1 < len(protocol.steps) else "done"
        lines += _arrows(step, f"s{i}", following, ids)
        if protocol.fallback is not None and step.action != "end" and step.id != protocol.fallback.name:
            lines.append(f"    s{i} -. failed .-> {ids.get(protocol.fallback.name, 'done')}")
    if any(line.endswith(" done") for line in lines):
        lines.append("    done((end))")
    return "\n".join(lines)


def _arrows(step: Step, here: str, following: str, ids: dict[str, str]) -> Iterator[str]:
    if step.action == "end":
        return
    after = ids.get(step.next.name, "done") if step.next is not None else following
    if step.action != "condition" or step.conditions is None:
        gate = f"|{_quoted(_joined(step.conditions))}|" if step.conditions is not None else ""
        yield f"    {here} -->{gate} {after}"
        return
    for rule in step.conditions.rules:
        if rule.next is not None:
            yield f"    {here} -->|{_quoted(_rule(rule))}| {ids.get(rule.next.name, 'done')}"
    default = step.conditions.default
    yield f"    {here} -->|else| {ids.get(default.name, 'done') if default is not None else after}"


def _what(step: Step) -> str:
    """The action, with what it is about."""
    for key in ("prompt", "tool_api_id", "actuator", "topic", "protocol", "sensor", "duration", "message"):
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
    safe = "".join(f"#{ord(letter)};" if letter in '"#;<>&`' else letter for letter in short if letter.isprintable())
    return f'"{safe}"'
