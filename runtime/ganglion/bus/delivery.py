# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells callbacks, and counts: the twin of native/python/lane.c, for the Python core."""

from collections.abc import Callable
from typing import Any

from ganglion.bus.outcome import Emitted, Outcome
from ganglion.event import Event

Callback = Callable[[Event], object]
#: A subscription's handle, the number that its window has, and whether it keeps the event: `gg_fired`.
Fired = tuple[int, float, bool]


def key(handle: int, topic: int) -> int:
    """Of what a subscription keeps of a topic."""
    return handle << 32 | topic


class _Told:
    """One subscription; another one when its handle gets a new meaning."""

    __slots__ = ("callback", "delivered", "failed", "has_window")

    def __init__(self, callback: Callback, has_window: bool) -> None:
        self.callback = callback
        self.has_window = has_window
        self.delivered = self.failed = 0


#: One of `Fired`, with the subscription that the handle means.
Note = tuple[int, float, bool, _Told]


class Delivery:
    """Callbacks by the handle of their subscription.

    Args:
        kept: Gets the events that subscriptions keep until they are due, by `key`.
        broken: Told of a handle and of what its callback raised.
    """

    def __init__(self, kept: dict[int, Event], broken: Callable[[int, Exception], None]) -> None:
        self._kept = kept
        self._broken = broken
        self._told: dict[int, _Told] = {}
        self._delivered = self._dropped = self._failed = 0

    def attach(self, handle: int, callback: Callback, has_window: bool) -> None:
        """A new subscription, which is told the statistic of a window instead of a value."""
        self._told[handle] = _Told(callback, has_window)

    def detach(self, handle: int) -> None:
        """It ends."""
        del self._told[handle]

    def counts(self, handle: int) -> tuple[int, int]:
        """How many events a subscription was told of, and how many of these made its callback raise."""
        told = self._told[handle]
        return told.delivered, told.failed

    def totals(self) -> tuple[int, int, int]:
        """Delivered, dropped and failed."""
        return self._delivered, self._dropped, self._failed

    def note(self, fired: list[Fired]) -> list[Note]:
        """Who is told, and what their handles mean now: a callback may change both."""
        return [(*each, self._told[each[0]]) for each in fired]

    def deliver(self, notes: list[Note], event: Event, topic: int, matched: int, sequence: int) -> Emitted:
        """Tells all of them, in order, but for those that are closed meanwhile.

        First it is kept for all who keep it: a callback may take so long that it is due.
        """
        counts = [0, 0, 0]
        for handle, number, is_kept, told in notes:
            if is_kept:
                self._kept[key(handle, topic)] = event._replace(value=number) if told.has_window else event
        for handle, number, is_kept, told in notes:
            if not is_kept and self._told.get(handle) is told:
                self._tell(handle, told, event._replace(value=number) if told.has_window else event, counts)
        return Emitted(matched, counts[0], counts[1], counts[2], sequence)

    def tell(self, handle: int, event: Event) -> None:
        """Tells one."""
        self._tell(handle, self._told[handle], event, [0, 0, 0])

    def _tell(self, handle: int, told: _Told, event: Event, counts: list[int]) -> None:
        outcome: Any = None
        told.delivered += 1  # first, so that a callback that closes itself is counted
        try:
            outcome = told.callback(event)
        except Exception as error:
            counts[2] += 1
            self._failed += 1
            told.failed += 1
            self._broken(handle, error)
        if outcome is Outcome.REPLACED or outcome is Outcome.LOST:
            counts[1] += 1
            self._dropped += 1
        if outcome is Outcome.LOST or outcome is Outcome.UNWANTED:
            told.delivered -= 1
        else:
            counts[0] += 1
            self._delivered += 1
