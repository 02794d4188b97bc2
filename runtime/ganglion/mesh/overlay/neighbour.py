# SPDX-License-Identifier: GPL-3.0-or-later
"""A neighbour on one link: its sessions, what is heard of it and what the way to it costs."""

from collections.abc import Hashable, Iterable

from ganglion.mesh.overlay import cost
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.reassembly import Reassembly
from ganglion.mesh.overlay.routes import Via
from ganglion.mesh.overlay.session import Session
from ganglion.units import MILLISECOND, SECOND

#: How long to wait for an acknowledgement, at least, at most, and where nothing was measured.
_TIMEOUT_MIN = 60 * MILLISECOND
_TIMEOUT_MAX = 200 * MILLISECOND
#: Hellos missed in a row: after so many it is probed, after so many, and no answer, it is gone.
_DOUBT = 2
_GONE = 3
#: Between probes. On a link that loses a fifth, five in a row fail once in 150 times.
_PROBE = 100 * MILLISECOND
#: A neighbour that is gone is kept so long: it comes back by one keep-alive then, without a signature.
_GRACE = 60 * SECOND


class Neighbour:
    """Made by a hello whose signature held.

    Attributes:
        via: Key id and name of the link.
        address: Where its last frame came from.
        sessions: The one in use, and perhaps one that a newer hello offers and no MAC has confirmed.
        up: Whether frames pass both ways.
        settled: The cost that routes were last computed with.
        order: Epoch and sequence of its last hello: an older one is yesterday's.
        heard: When a frame of it was last authenticated, or its hello verified.
        reassembly: Its fragments.
    """

    __slots__ = (
        "_cost",
        "_due",
        "_interval",
        "_measured",
        "_probe",
        "_rtt",
        "_txcost",
        "address",
        "heard",
        "history",
        "link",
        "order",
        "reassembly",
        "sessions",
        "settled",
        "up",
        "via",
    )

    def __init__(self, kid: bytes, link: Link, address: Hashable | None, now: int) -> None:
        self.via: Via = (kid, link.name)
        self.link = link
        self.address = address
        self.sessions: list[Session] = []
        self.history = cost.History()
        self.up = False
        self.settled = self._txcost = cost.INFINITY
        self._cost = cost.Average()
        self.order = (0, 0)
        self.heard = now
        self.reassembly = Reassembly()
        self._interval = link.interval
        self._measured: int | None = None
        self._due = 0
        self._probe = 0
        self._rtt: int | None = None

    @property
    def kid(self) -> bytes:
        """Its key id."""
        return self.via[0]

    @property
    def cost(self) -> int:
        """Smoothed."""
        return round(self._cost.value)

    @property
    def confirmed(self) -> bool:
        """Whether a MAC of it held."""
        return bool(self.sessions) and self.sessions[0].confirmed

    @property
    def rxcost(self) -> int:
        """What receiving from it costs, which it has to be told."""
        return cost.reception(self.link, self.history)

    @property
    def txcost(self) -> int:
        """What the neighbour says receiving from here costs; `cost.INFINITY` where it hears nothing."""
        return self._txcost

    @property
    def rtt(self) -> int | None:
        """Smoothed round trip to it in nanoseconds; None where none was measured."""
        return self._rtt

    @property
    def timeout(self) -> int:
        """How long an acknowledgement may take."""
        if self._rtt is None:
            return _TIMEOUT_MAX
        return min(max(_TIMEOUT_MIN, 4 * self._rtt), SECOND if self.link.wan else _TIMEOUT_MAX)

    @property
    def deadline(self) -> int | None:
        """When its next hello is overdue, or a probe due."""
        if self.up and self._doubtful:
            return min(self._due, self._probe)
        return self._due if self.history.bits or self.up else None

    @property
    def _doubtful(self) -> bool:
        return not self.link.wired and self.history.missed >= _DOUBT

    def probe(self, now: int) -> bool:
        """Whether to ask it now if it is there: hellos may be lost, and waiting for more takes long."""
        if not self.up or not self._doubtful or self._probe > now:
            return False
        self._probe = now + _PROBE
        return True

    def weighed(self, measured: int | None) -> None:
        """Somebody else has measured what the way costs, and is believed at once; None: the hellos count again."""
        if measured != self._measured:
            self._measured = measured
            self._cost = cost.Average()
            self._weigh()

    def measured(self, rtt: int) -> None:
        """A frame that was sent once was acknowledged after so long."""
        self._rtt = rtt if self._rtt is None else (7 * self._rtt + rtt) // 8

    def knows(self, ephemeral: bytes, order: tuple[int, int]) -> bool:
        """A newer hello came; whether it is of a session that there is. Another that was offered meanwhile is not."""
        found = [session for session in self.sessions if session.ephemeral == ephemeral]
        if found:
            self.order = order
            self.sessions = [session for session in self.sessions if session.confirmed or session in found]
            if found[0].confirmed:
                self.sessions = found
        return bool(found)

    def offer(self, session: Session, order: tuple[int, int]) -> None:
        """A newer hello begins a session. A confirmed one stays in use until this one is confirmed."""
        self.order = order
        self.sessions = [*[old for old in self.sessions[:1] if old.confirmed], session]

    def confirm(self, session: Session) -> bool:
        """A MAC held; whether it was the first under this session, which is the only one then."""
        if session.confirmed:
            return False
        session.confirmed = True
        self.sessions = [session]
        self.history = cost.History()
        self.reassembly = Reassembly()
        self._txcost = cost.INFINITY
        self._cost = cost.Average()
        return True

    def hello(self, seq: int, interval: int, txcost: int, now: int) -> None:
        """A keep-alive came.

        Args:
            interval: Nanoseconds until the next.
            txcost: What the neighbour says receiving from here costs.
        """
        if self.history.hello(seq):
            self._interval = interval
            self._due = now + interval + interval // 2
            self._txcost = txcost
        self._weigh()

    def overdue(self, now: int) -> None:
        """Counts hellos that did not come, of a long sleep the last ones only."""
        self._due = max(self._due, now - 16 * self._interval)
        while self._due <= now and (self.history.bits or self.up):
            self.history.miss()
            self._due += self._interval
            self._weigh()

    def _weigh(self) -> None:
        new = cost.link_cost(self.link, self.rxcost, self._txcost, self._rtt, self._measured)
        self._cost.add(new)

    def reachable(self, now: int) -> bool:
        """Whether frames pass both ways: any frame that was authenticated is a sign of life."""
        if self._txcost >= cost.INFINITY or not self.confirmed:
            return False
        if self.link.wired:
            return self.rxcost < cost.INFINITY
        return self.history.missed < _GONE or now - self.heard < _GONE * self._interval

    def forgotten(self, now: int) -> bool:
        """Whether even its session is of no use any more."""
        return not self.up and now - self.heard > _GRACE


def by_link(neighbours: Iterable[Neighbour]) -> list[list[Neighbour]]:
    """The neighbours, those on one link together: one transmission is for all of them."""
    found: dict[str, list[Neighbour]] = {}
    for neighbour in neighbours:
        found.setdefault(neighbour.link.name, []).append(neighbour)
    return list(found.values())
