# SPDX-License-Identifier: GPL-3.0-or-later
"""When a replica compares itself with which neighbour, and its clock with theirs, judged by their hellos."""

from ganglion.units import SECOND

#: What differs may be on its way already. Of two neighbours the one with the lower key id asks first.
SETTLE = 2 * SECOND
#: Between two questions to one neighbour; doubled while they do not help.
RETRY = 10 * SECOND
_LONGEST = 160 * SECOND
#: How long a neighbour is believed to hold what it held at its last hello.
_BELIEVED = 30 * SECOND
#: Between two summaries of one kind from one neighbour that are answered.
_ANSWERED = SECOND
#: Neighbours that are remembered.
_NEIGHBOURS = 1024


class _Neighbour:
    __slots__ = ("agreed", "answered", "ask", "heard", "new", "on_time", "wait")

    def __init__(self) -> None:
        self.new = True
        self.agreed = -_BELIEVED  # when it last held the same
        self.ask = 0  # not before; 0 where nothing differs
        self.wait = RETRY
        self.answered = [-_ANSWERED, -_ANSWERED]
        self.heard = -_BELIEVED  # the last hello of a set clock
        self.on_time = False  # whether that clock showed what ours did


class Pace:
    """Of one replica.

    Args:
        own: Its key id.
    """

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._neighbours: dict[bytes, _Neighbour] = {}

    def _neighbour(self, kid: bytes) -> _Neighbour:
        found = self._neighbours.pop(kid, None)
        if found is None:
            found = _Neighbour()
            if len(self._neighbours) >= _NEIGHBOURS:
                del self._neighbours[next(iter(self._neighbours))]
        self._neighbours[kid] = found
        return found

    def heard(self, kid: bytes, same: bool, now: int) -> bool:
        """A hello: whether to send a summary now.

        Args:
            same: Whether both hold the same.
        """
        neighbour = self._neighbour(kid)
        new, neighbour.new = neighbour.new, False
        if same:
            neighbour.agreed, neighbour.ask, neighbour.wait = now, 0, RETRY
            return False
        neighbour.agreed = -_BELIEVED
        if not neighbour.ask or neighbour.ask > now + 2 * _LONGEST:  # a clock was set back
            neighbour.ask = now + (0 if new else SETTLE) + (SETTLE if self._own > kid else 0)
        if now < neighbour.ask:
            return False
        neighbour.ask = now + neighbour.wait
        neighbour.wait = min(_LONGEST, 2 * neighbour.wait)
        return True

    def clock(self, kid: bytes, on_time: bool, now: int) -> None:
        """A hello of a neighbour whose clock is set: whether it shows what ours does."""
        neighbour = self._neighbour(kid)
        neighbour.heard, neighbour.on_time = now, on_time

    def confirmed(self, now: int) -> bool:
        """Whether more neighbours agree with this clock than not, of those heard from since it was set."""
        opinions = [one.on_time for one in self._neighbours.values() if 0 <= now - one.heard < _BELIEVED]
        return 2 * sum(opinions) > len(opinions)

    def others_agreed(self, kid: bytes, now: int) -> bool:
        """Whether another neighbour held the same as this replica a moment ago, so that it lacks what is news here."""
        return any(
            0 <= now - neighbour.agreed < _BELIEVED for other, neighbour in self._neighbours.items() if other != kid
        )

    def may_ask(self, kid: bytes, answering: bool, now: int) -> bool:
        """Whether a neighbour's summary is to be answered: one a second that asks, and one that answers."""
        neighbour = self._neighbour(kid)
        if 0 <= now - neighbour.answered[answering] < _ANSWERED:
            return False
        neighbour.answered[answering] = now
        return True
