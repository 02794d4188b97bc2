# SPDX-License-Identifier: GPL-3.0-or-later
"""What origins have signed of themselves: this node's own statement, and those of all others that routes lead to."""

from typing import NamedTuple

from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import signed
from ganglion.mesh.overlay.trust import Trust
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1

#: A gateway's beacon proves an uplink for so long.
BEACON_AGE = 10 * SECOND
_MEMBERS = 1024


class Stated(NamedTuple):
    """A verified statement.

    Attributes:
        seqno: Epoch in the upper half.
        gateway: Whether its origin is a way to the gateway.
        data: As signed.
    """

    seqno: int
    gateway: bool
    data: bytes


class Beacons:
    """Those that gateways send; each counts once, and only while it is new."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._last: dict[bytes, tuple[int, int]] = {}

    def judge(self, data: bytes, now: int) -> Cause | None:
        """Why a message is no beacon to go by, or None."""
        opened = self._trust.open(data, now)
        if isinstance(opened, Cause):
            return opened
        if opened.kind != gl1.HELLO or signed.parse(opened.body) != signed.Beacon():
            return Cause.MALFORMED
        if not opened.gateway:
            return Cause.UNAUTHORISED
        order = (opened.id.epoch, opened.id.seq)
        if order <= self._last.get(opened.id.kid, (0, 0)):
            return Cause.REPLAYED
        if not self._trust.timely(opened.ts, now, BEACON_AGE):
            return Cause.STALE
        self._last[opened.id.kid] = order
        return None


class Origin:
    """This node as an origin.

    Attributes:
        stated: What it says of itself now.
        cost: Of the uplink, where there is one.
    """

    def __init__(self, trust: Trust, now: int) -> None:
        self._trust = trust
        self._count = 0
        self._heard = 0
        self._beacons = Beacons(trust)
        self.cost: int | None = None
        self.stated = self._sign(now)

    def _sign(self, now: int) -> Stated:
        gateway = self.cost is not None
        data = self._trust.seal(signed.statement(self._count, gateway), now)
        return Stated(self._trust.epoch << 32 | self._count, gateway, data)

    def advance(self, now: int) -> None:
        """A newer sequence number."""
        self._count += 1
        self.stated = self._sign(now)

    def beacon(self, data: bytes, cost: int, now: int) -> Cause | None:
        """A gateway was heard over an uplink that costs so much; why it is not believed, or None."""
        cause = self._beacons.judge(data, now)
        if cause is None:
            self._heard = now
            self._uplink(cost, now)
        return cause

    def _uplink(self, cost: int | None, now: int) -> None:
        flipped = (cost is None) != (self.cost is None)
        self.cost = cost
        if flipped:
            self.advance(now)

    def silence(self, now: int) -> bool:
        """Whether the uplink ended: no beacon for ten seconds."""
        if self.cost is None or now - self._heard <= BEACON_AGE:
            return False
        self._uplink(None, now)
        return True

    @property
    def deadline(self) -> int | None:
        """When the last beacon is too old."""
        return None if self.cost is None else self._heard + BEACON_AGE + 1


class Statements:
    """What others said of themselves. Its size is that of the membership, bounded."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._stated: dict[bytes, Stated] = {}

    def __len__(self) -> int:
        return len(self._stated)

    def get(self, kid: bytes) -> Stated | None:
        """The newest of an origin."""
        return self._stated.get(kid)

    def accept(self, data: bytes, now: int) -> tuple[bytes, Cause | None]:
        """Whose statement it is, and why it is not believed, or None."""
        try:
            kid = cose.parse(data).kid
        except cbor.CBORError:
            return b"", Cause.MALFORMED
        known = self._stated.get(kid)
        if known is not None and known.data == data:
            return kid, None
        if known is None and len(self._stated) >= _MEMBERS:
            return kid, Cause.LIMITED
        opened = self._trust.open(data, now)
        if isinstance(opened, Cause):
            return kid, opened
        said = signed.parse(opened.body)
        if opened.kind != gl1.HELLO or not isinstance(said, signed.Statement):
            return kid, Cause.MALFORMED
        seqno = opened.id.epoch << 32 | said.seqno
        if known is None or seqno > known.seqno:
            self._stated[kid] = Stated(seqno, said.gateway, data)
        return kid, None

    def sweep(self, now: int) -> list[bytes]:
        """Forgets members that are none any more, and says who."""
        gone = [kid for kid in self._stated if not self._trust.allowed(kid, now)]
        for kid in gone:
            del self._stated[kid]
        return gone
