# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates that arrive: what each neighbour has still to be told, and what was sent and is not acknowledged.

What is sent again is what holds then, never the old words: an update that was lost does not come back later.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ganglion.mesh.overlay.routes import Via
from ganglion.units import MILLISECOND

#: Changes that come within this time go out together: what someone waits for, and what is only dearer or cheaper.
GATHER = 5 * MILLISECOND
_LEISURE = 2000 * MILLISECOND
#: After so many updates in a row that a neighbour did not acknowledge, each waits twice as long, up to 32 times.
_PATIENT = 3
_BACKOFF = 5


@dataclass(slots=True)
class _Flight:
    routers: dict[bytes, bytes]
    statements: dict[bytes, int]
    waiting: set[Via]
    due: int


class Reliable:
    """The updates of one node.

    Attributes:
        owed: Destinations that each neighbour has to be told.
        heard: Statements that each neighbour has acknowledged, by origin: their sequence numbers.
    """

    def __init__(self) -> None:
        self.owed: dict[Via, dict[bytes, None]] = {}
        self.heard: dict[Via, dict[bytes, int]] = {}
        self._unanswered: dict[Via, int] = {}
        self._flights: dict[tuple[str, int], _Flight] = {}
        self._flush: int | None = None

    def __len__(self) -> int:
        return len(self._flights)

    def add(self, via: Via) -> None:
        """A neighbour that knows nothing yet."""
        self.owed[via] = {}
        self.heard[via] = {}
        self._unanswered[via] = 0

    def drop(self, via: Via) -> None:
        """A neighbour that is gone."""
        self.owed.pop(via, None)
        self.heard.pop(via, None)
        self._unanswered.pop(via, None)
        for key, flight in list(self._flights.items()):
            flight.waiting.discard(via)
            if not flight.waiting:
                del self._flights[key]

    def owe(self, via: Via, destinations: Iterable[bytes], now: int, *, urgent: bool = True) -> None:
        """A neighbour has to be told of these."""
        owed = self.owed.get(via)
        if owed is None:
            return
        owed.update(dict.fromkeys(destinations))
        due = now + (GATHER if urgent else _LEISURE)
        if owed and (self._flush is None or due < self._flush):
            self._flush = due

    def sent(
        self,
        counter: int,
        routers: dict[bytes, bytes],
        statements: dict[bytes, int],
        to: set[Via],
        now: int,
        timeout: int,
    ) -> None:
        """An update is on its way to neighbours on one link.

        Args:
            routers: The destinations in it, and the origin of each.
            statements: Those in it: their sequence numbers, by origin.
        """
        waits = max(self._unanswered.get(via, 0) for via in to) - _PATIENT
        due = now + (timeout << min(max(0, waits), _BACKOFF))
        link = next(iter(to))[1]
        self._flights[link, counter] = _Flight(routers, statements, to, due)

    def acknowledged(self, via: Via, counter: int) -> None:
        """A neighbour has it."""
        flight = self._flights.get((via[1], counter))
        if flight is None or via not in flight.waiting:
            return
        flight.waiting.discard(via)
        self._unanswered[via] = 0
        heard = self.heard.get(via)
        if heard is not None:
            for router, seqno in flight.statements.items():
                heard[router] = max(seqno, heard.get(router, 0))
        if not flight.waiting:
            del self._flights[via[1], counter]

    @property
    def deadline(self) -> int | None:
        """When to flush, or to give an update up as lost."""
        due = [flight.due for flight in self._flights.values()]
        if self._flush is not None:
            due.append(self._flush)
        return min(due, default=None)

    def tick(self, now: int) -> bool:
        """Whether there is something to be sent: `owed` says what, and is to be emptied."""
        for key, flight in list(self._flights.items()):
            if flight.due <= now:
                del self._flights[key]
                for via in flight.waiting:
                    self._unanswered[via] += 1
                    if self._unanswered[via] > 1:  # it may have forgotten who these origins are
                        for router in flight.routers.values():
                            self.heard[via].pop(router, None)
                    self.owe(via, flight.routers, now - GATHER)
        if self._flush is None or self._flush > now:
            return False
        self._flush = None
        return True
