# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two documents in what they mean: spelling, form and the order of keys do not."""

from collections.abc import Iterator
from typing import Any, NamedTuple

#: Keys by which the items of a list are told apart, so that one that has moved is not all the others changed.
_NAMES = ("id", "name")


class Difference(NamedTuple):
    """One place. `before` or `after` is `ABSENT` where there is nothing."""

    path: str
    before: Any
    after: Any


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Any = _Absent()


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """The places at which two documents of `ganglion.mova.normal` differ, in their order."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            here = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), here)
    elif (names := _named(before)) is not None and (others := _named(after)) is not None:
        order, new_order = [name for name in names if name in others], [name for name in others if name in names]
        for name in [*names, *(name for name in others if name not in names)]:
            yield from differences(names.get(name, ABSENT), others.get(name, ABSENT), f"{path}[{name}]")
        if order != new_order:
            yield Difference(f"{path} (order)", order, new_order)
    elif _nested(before) and _nested(after) and len(before) == len(after):
        for i in range(len(before)):
            yield from differences(before[i], after[i], f"{path}[{i}]")
    elif before != after or type(before) is not type(after):
        yield Difference(path, before, after)


def _nested(items: Any) -> bool:
    """Whether it is a list in which there is more than plain values, such as branches or rules."""
    return isinstance(items, list) and any(isinstance(each, dict | list) for each in items)


def _named(items: Any) -> dict[str, Any] | None:
    """The items of a list by name; None where they have none, or one twice."""
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        return None
    for key in _NAMES:
        names = [each.get(key) for each in items]
        if all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names):
            return dict(zip(names, items, strict=True))
    return None
