# SPDX-License-Identifier: GPL-3.0-or-later
"""One protocol of a script that is loaded: what runs, what waits its turn, which events it has had."""

from collections import deque
from typing import Any

from ganglion_micro import plan as p

#: Idempotency keys that a protocol remembers; the oldest is forgotten first.
MAX_KEYS = 256


class Lane:
    """The runs of one protocol, by its concurrency policy.

    Attributes:
        index: Of the protocol in the plan.
        keyed: Whether the protocol has an idempotency key.
        running: Ids of the runs under way.
        waiting: What is run after them, oldest first.
    """

    __slots__ = ("_keys", "index", "keyed", "mode", "most", "running", "waiting")

    def __init__(self, index: int, protocol: list[Any]) -> None:
        self.index = index
        self.mode: int = protocol[p.CONCURRENCY]
        self.most: int = protocol[p.MAX_RUNS]
        self.keyed = protocol[p.KEY] is not None
        self.running: dict[str, None] = {}
        self.waiting: deque[Any] = deque()
        self._keys: dict[str, None] = {}

    def had(self, key: str) -> bool:
        """Whether a run, or what waits its turn, has had this idempotency key."""
        return key in self._keys

    def keep(self, key: str) -> None:
        """Remembers it."""
        if len(self._keys) >= MAX_KEYS:
            del self._keys[next(iter(self._keys))]
        self._keys[key] = None
