# SPDX-License-Identifier: GPL-3.0-or-later
"""Which event is to be sent when, without I/O: in order, so many under way, again when no acknowledgement comes.

After an outage a node may be at the broker before its gateway: what it sends then is lost, and would come again behind
what it sends later. So one event goes alone until something is acknowledged on this connection, at the price of a round
trip. One that is never acknowledged holds nothing up for long: after each wait in vain twice as many go, oldest first.
"""

from ganglion.mesh.spool import Key, Row

#: Events that may be under way; the gateway takes them in batches of as many.
WINDOW = 256
#: Seconds that an event waits for its acknowledgement before it is sent again, and the longest such wait.
PATIENCE = 5.0
_PATIENCE_MAX = 60.0

_START: Key = (-1, -1)


class _Flight:
    __slots__ = ("due", "row", "wait")

    def __init__(self, row: Row, due: float) -> None:
        self.row = row
        self.wait = PATIENCE
        self.due = due


class Courier:
    """Which event is to be sent when. Seconds are of any clock that never goes back.

    Attributes:
        behind: Whether older events wait in the spool: new ones then take their turn.
        cursor: Up to here everything was sent on this connection.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, _Flight] = {}
        self._window = 1
        self.behind = True
        self.cursor = _START

    @property
    def room(self) -> int:
        """How many more may be under way."""
        return self._window - len(self._flights)

    @property
    def deadline(self) -> float | None:
        """When `due` has something to say."""
        return min((flight.due for flight in self._flights.values()), default=None)

    def restart(self) -> None:
        """There is a new connection, or a gateway came: everything that is not acknowledged is sent again, in order."""
        self._flights.clear()
        self._window = 1
        self.behind = True
        self.cursor = _START

    def sent(self, row: Row, now: float) -> None:
        """This one is under way."""
        self._flights[row.key] = _Flight(row, now + PATIENCE)
        self.cursor = max(self.cursor, row.key)

    def arrived(self, key: Key) -> None:
        """The gateway has it, or wants it from nobody: it is there."""
        self._flights.pop(key, None)
        self._window = WINDOW

    def dropped(self, key: Key) -> None:
        """It is given up here."""
        self._flights.pop(key, None)

    def due(self, now: float) -> list[Row]:
        """What waited too long, to be sent again; each time it waits twice as long.

        Before the window is open, that is all that is under way, and what there is room for then follows it in order.
        """
        late = [flight for flight in self._flights.values() if flight.due <= now]
        if late and self._window < WINDOW:
            self._window = min(2 * self._window, WINDOW)
            late = list(self._flights.values())
        for flight in late:
            flight.wait = min(2 * flight.wait, _PATIENCE_MAX)
            flight.due = now + flight.wait
        return [flight.row for flight in late]
