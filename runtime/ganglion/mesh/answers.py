# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests were done, and what was answered, so that a copy is answered and not done again. No I/O, no clock.

Two bounds, each taken from whoever fills it: an answer over the bytes is forgotten and its id kept, so that a copy is
told that it was done; an id over the count is forgotten. A member that asks thousands of things a minute loses its own.
"""

from typing import Any, NamedTuple

#: Ids that are kept: 2 MB.
IDS = 8192
#: Bytes of answers that are kept.
BYTES = 1024 * 1024


class Done(NamedTuple):
    """A request that was done.

    Attributes:
        until: Seconds; a copy cannot come later.
        answer: What was answered; None where there was no room to keep it.
        size: Bytes of the answer.
    """

    until: float
    answer: dict[str, Any] | None
    size: int


class _Asker:
    """What one member has asked, oldest first."""

    __slots__ = ("bytes", "done", "kept")

    def __init__(self) -> None:
        self.done: dict[str, Done] = {}
        self.kept: dict[str, None] = {}  # those of them whose answer is kept
        self.bytes = 0


class Answers:
    """Those of one member. Seconds are of any clock that never goes back."""

    def __init__(self) -> None:
        self._askers: dict[bytes, _Asker] = {}
        self._soonest = float("inf")
        self.count = 0
        self.bytes = 0

    def find(self, asker: bytes, identity: str, now: float) -> Done | None:
        """What became of a request; None where it was never done, or so long ago that no copy can come."""
        known = self._askers.get(asker)
        done = None if known is None else known.done.get(identity)
        return done if done is not None and done.until > now else None

    def keep(self, asker: bytes, identity: str, answer: dict[str, Any], size: int, *, until: float, now: float) -> None:
        """Remembers an answer, and forgets what there is no room for.

        Args:
            size: Bytes that it takes.
            until: When no copy can come any more.
        """
        self._forget(asker, identity)
        if self.count >= IDS and now >= self._soonest:
            self._sweep(now)
        known = self._askers.setdefault(asker, _Asker())
        known.done[identity] = Done(until, answer, size)
        known.kept[identity] = None
        known.bytes += size
        self.bytes += size
        self.count += 1
        self._soonest = min(self._soonest, until)
        while self.bytes > BYTES:
            largest = max(self._askers.values(), key=lambda each: each.bytes)
            self._drop_answer(largest, next(iter(largest.kept)))
        while self.count > IDS:
            kid, largest = max(self._askers.items(), key=lambda each: len(each[1].done))
            self._forget(kid, next(iter(largest.done)))

    def _sweep(self, now: float) -> None:
        """Forgets what no copy can come of."""
        over = [
            (kid, identity)
            for kid, known in self._askers.items()
            for identity, done in known.done.items()
            if done.until <= now
        ]
        for kid, identity in over:
            self._forget(kid, identity)
        left = (done.until for known in self._askers.values() for done in known.done.values())
        self._soonest = min(left, default=float("inf"))

    def _drop_answer(self, known: _Asker, identity: str) -> None:
        done = known.done[identity]
        del known.kept[identity]
        known.bytes -= done.size
        self.bytes -= done.size
        known.done[identity] = done._replace(answer=None, size=0)

    def _forget(self, asker: bytes, identity: str) -> None:
        known = self._askers.get(asker)
        if known is None or identity not in known.done:
            return
        if identity in known.kept:
            self._drop_answer(known, identity)
        del known.done[identity]
        self.count -= 1
        if not known.done:
            del self._askers[asker]
