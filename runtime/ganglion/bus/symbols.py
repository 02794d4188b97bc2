# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers for values that are none, so that the core can compare them."""

from typing import Any


class Symbols:
    """The values that conditions name, each with a number of its own while it is in use. Equal values have one."""

    def __init__(self) -> None:
        self._last = 0
        self._known: dict[Any, list[int]] = {}  # value -> [symbol, how many conditions]
        self._unhashable: list[tuple[Any, list[int]]] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._known or self._unhashable)

    def of(self, value: Any) -> int:
        """The symbol of a value; 0 where no condition names it."""
        entry = self._find(value)
        return entry[0] if entry is not None else 0

    def take(self, value: Any) -> int:
        """The symbol of a value that another condition names."""
        entry = self._find(value)
        if entry is None:
            self._last += 1
            entry = [self._last, 0]
            try:
                self._known[value] = entry
            except TypeError:
                self._unhashable.append((value, entry))
        entry[1] += 1
        return entry[0]

    def release(self, value: Any) -> None:
        """One condition fewer names the value."""
        entry = self._find(value)
        assert entry is not None
        entry[1] -= 1
        if entry[1] == 0:
            try:
                del self._known[value]
            except TypeError:
                self._unhashable = [each for each in self._unhashable if each[1] is not entry]

    def _find(self, value: Any) -> list[int] | None:
        try:
            return self._known.get(value)
        except TypeError:
            return next((entry for known, entry in self._unhashable if known == value), None)
