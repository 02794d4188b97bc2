# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a tree from one form of a document into the other: `ganglion.mova.forms` says what differs."""

import re
from collections.abc import Iterator
from typing import Any

from ganglion.editor.tree import Collection, Entry, Node, Scalar, Style, text
from ganglion.mova.diagnostic import Place
from ganglion.mova.forms import PARTS, Part, unsaid
from ganglion.mova.shape import IDENTIFIER
from ganglion.mova.source import Report

_FLAT = {part.flat: part for part in PARTS}
_ONE = {part.one: part for part in PARTS}


def names(root: Collection, report: Report) -> None:
    """Reports the names of a flat document that `classes` has no place for."""
    for what, path, name in _names(root):
        allowed = name.text.replace(".", "") if what == "tool" else name.text
        if not IDENTIFIER.fullmatch(allowed):
            better = re.sub(r"[^a-zA-Z0-9_]+", "_", name.text).strip("_")
            report.add(
                "MV105",
                Place(path, name.start),
                f"the {what} {name.text!r} cannot go into classes, whose names have A to Z, digits and _ only",
                f"rename it, for example to {better}" if better else "rename it",
            )


def _names(root: Collection) -> Iterator[tuple[str, str, Scalar]]:
    for entry in root.entries:
        if (part := _FLAT.get(entry.name)) is None or part.what == "instruction":
            continue
        for i, raw in enumerate(_items(entry.value)):
            yield from _name(part.what, f"{part.flat}[{i}]", raw, part.name)
            if part.what == "protocol" and (steps := raw.get("steps")) is not None:
                for j, step in enumerate(_items(steps.value)):
                    yield from _name("step", f"{part.flat}[{i}].steps[{j}]", step, "id")


def _name(what: str, path: str, raw: Collection, key: str) -> Iterator[tuple[str, str, Scalar]]:
    if (entry := raw.get(key)) is not None and isinstance(entry.value, Scalar):
        yield what, f"{path}.{key}", entry.value


def to_classes(root: Collection) -> None:
    """Puts the lists of the flat form under `classes`; one object stands there alone, without a list."""
    inside: list[Entry] = []
    outside: list[Entry] = []
    for entry in root.entries:
        if (part := _FLAT.get(entry.name)) is None:
            outside.append(entry)
            continue
        for number, raw in enumerate(_items(entry.value), 1):
            _respell(part, raw, part.renamed, "next_step_id")
            _leave_unsaid(part, raw, number)
        inside.append(_alone(part, entry))
    classes = Collection(keyed=True, entries=inside)
    root.entries = [*outside, Entry(key=Scalar(text="classes"), value=classes)]


def to_flat(root: Collection) -> None:
    """Puts what stands under `classes` into the lists of the flat form."""
    classes = root.get("classes")
    assert classes is not None  # its form is said by this key
    assert isinstance(classes.value, Collection)  # the document was checked
    moved = classes.value.entries
    for entry in moved:
        if (part := _ONE.get(entry.name)) is None or not isinstance(entry.key, Scalar):
            continue
        if isinstance(entry.value, Collection) and entry.value.keyed:
            entry.value = Collection(keyed=False, entries=[Entry(value=entry.value)])
        renamed = {one: flat for flat, one in part.renamed.items()}
        for number, raw in enumerate(_items(entry.value), 1):
            _respell(part, raw, renamed, "next_step")
            _say(part, raw, number)
        entry.key.text = part.flat
    above = [*classes.before, *([classes.after] if classes.after else [])]
    if moved:
        moved[0].before = above + moved[0].before
        moved[-1].value = _with_tail(moved[-1].value, classes.value.tail)
    else:
        root.tail += above
    at = root.entries.index(classes)
    root.entries[at : at + 1] = moved


def _with_tail(node: Node, tail: list[str]) -> Node:
    if isinstance(node, Collection):
        node.tail += tail
    return node


def _items(node: Node) -> Iterator[Collection]:
    """The objects of a list."""
    if isinstance(node, Collection) and not node.keyed:
        for entry in node.entries:
            if isinstance(entry.value, Collection):
                yield entry.value


def _steps(raw: Collection) -> Iterator[Collection]:
    """The steps of a protocol, and those of the branches in it."""
    steps = raw.get("steps")
    waiting = [steps.value] if steps is not None else []
    while waiting:
        for step in _items(waiting.pop()):
            yield step
            branches = step.get("branches")
            if branches is not None and isinstance(branches.value, Collection):
                waiting += [each.value for each in branches.value.entries]


def _alone(part: Part, entry: Entry) -> Entry:
    """The pair under `classes`: of a list of one its one item, but for intents, which are always a list there."""
    assert isinstance(entry.key, Scalar)
    assert isinstance(entry.value, Collection)
    made = Entry(
        key=Scalar(text=part.one, style=entry.key.style), value=entry.value, before=entry.before, after=entry.after
    )
    if part.what != "intent" and len(entry.value.entries) == 1:
        item = entry.value.entries[0]
        made.before = [*entry.before, *(each for each in item.before if each)]
        if item.after:
            made.before.append(item.after)
        made.value = _with_tail(item.value, entry.value.tail)
    return made


def _respell(part: Part, raw: Collection, renamed: dict[str, str], next_step: str) -> None:
    """Gives keys the spelling of the form, in place."""
    for entry in raw.entries:
        if isinstance(entry.key, Scalar) and entry.name in renamed:
            entry.key.text = renamed[entry.name]
    if part.what == "protocol":
        for step in _steps(raw):
            _lead(step, next_step)


def _lead(step: Collection, spelling: str) -> None:
    """One key says where a step goes: the first that is filled, as the model reads it."""
    found = [entry for key in ("next_step", "next_step_id") if (entry := step.get(key)) is not None]
    if not found:
        return
    kept = next((entry for entry in found if isinstance(entry.value, Scalar) and entry.value.text), found[0])
    for entry in found:
        if entry is not kept:
            _drop(step, entry)
    assert isinstance(kept.key, Scalar)
    kept.key.text = spelling


def _leave_unsaid(part: Part, raw: Collection, number: int) -> None:
    for key, value in unsaid(part.what, _text(raw, part.class_name), number).items():
        entry = raw.get(key)
        if entry is not None and _is(entry.value, value):
            _drop(raw, entry)


def _say(part: Part, raw: Collection, number: int) -> None:
    for key, value in unsaid(part.what, _text(raw, part.name), number).items():
        if raw.get(key) is None:
            made: Node = text(value) if isinstance(value, str) else Collection(keyed=False)
            raw.entries.append(Entry(key=Scalar(text=key), value=made))


def _drop(owner: Collection, entry: Entry) -> None:
    """Leaves out a pair; its comments go to the one that follows."""
    at = owner.entries.index(entry)
    comments = [*(each for each in entry.before if each), *([entry.after] if entry.after else [])]
    if at + 1 < len(owner.entries):
        after = owner.entries[at + 1]
        after.before = comments + after.before
    else:
        owner.tail = comments + owner.tail
    del owner.entries[at]


def _text(raw: Collection, key: str) -> str:
    entry = raw.get(key)
    return entry.value.text if entry is not None and isinstance(entry.value, Scalar) else ""


def _is(node: Node, value: Any) -> bool:
    if isinstance(node, Scalar):
        return node.style is not Style.WORD and node.text == value
    return isinstance(node, Collection) and not node.entries and not node.tail and not node.keyed and value == []
