# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen in the last minutes, oldest forgotten first and never all at once."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from ganglion.units import SECOND

#: A relay must remember 4,096 messages and ten minutes at least (design: E4); 200 bytes each.
_ENTRIES = 8192
_AGE = 600 * SECOND

K = TypeVar("K", bound=Hashable)


class Seen(Generic[K]):
    """Keys with the time they were added. Add only what a signature has verified, look up before."""

    __slots__ = ("_added", "_limit")

    def __init__(self, limit: int = _ENTRIES) -> None:
        self._added: dict[K, int] = {}
        self._limit = limit

    def __len__(self) -> int:
        return len(self._added)

    def __contains__(self, key: K) -> bool:
        return key in self._added

    def add(self, key: K, now: int) -> bool:
        """Whether it is new."""
        added = self._added
        if key in added:
            return False
        if len(added) >= self._limit:
            del added[next(iter(added))]
        added[key] = now
        return True

    def expire(self, now: int) -> None:
        """Forgets what is older than ten minutes."""
        added = self._added
        while added:
            oldest = next(iter(added))
            if now - added[oldest] <= _AGE:
                return
            del added[oldest]
