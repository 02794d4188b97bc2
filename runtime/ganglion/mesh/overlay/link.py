# SPDX-License-Identifier: GPL-3.0-or-later
"""What a link is to the router: a name, a size, a price. A broker is one, UDP on the LAN another, a static peer too."""

from dataclasses import dataclass

from ganglion.errors import InvalidError
from ganglion.units import MILLISECOND, SECOND

#: A hello with a credential, and a keep-alive to a full table of neighbours, must fit.
_MIN_MTU = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One way to one neighbour or several.

    Attributes:
        name: Of this node's own choice, unique here.
        mtu: Bytes of the largest frame, 1,000 at least.
        cost_floor: What the link costs when nothing is lost; 256 is one perfect radio hop, 96 a cable.
        multi_access: Whether several neighbours may hear one transmission: a LAN, a broker.
        wired: Loses all or nothing: judged by two out of three hellos (RFC 8966 appendix A.2.1), not by ETX.
        wan: Its delay is part of its cost: a broker far away.
        penalty: Added to the cost: metered, or on battery.
        interval: Nanoseconds between keep-alives, at most a minute. A neighbour is given up after three: half a second
            finds another way within 3 s (design: M6); a broker that bills by the message may want more.
    """

    name: str
    mtu: int = 1200
    cost_floor: int = 256
    multi_access: bool = False
    wired: bool = False
    wan: bool = False
    penalty: int = 0
    interval: int = 500 * MILLISECOND

    def __post_init__(self) -> None:
        if self.mtu < _MIN_MTU:
            raise InvalidError(f"an MTU of {self.mtu} bytes: a hello needs {_MIN_MTU}", where=self.name)
        if not 0 < self.cost_floor < 0xFFFF or not 0 <= self.penalty < 0xFFFF:
            raise InvalidError("the cost floor is 1 to 65534 and the penalty 0 to 65534", where=self.name)
        if not 100 * MILLISECOND <= self.interval <= 60 * SECOND:
            raise InvalidError("keep-alives come every 0.1 to 60 seconds", where=self.name)
