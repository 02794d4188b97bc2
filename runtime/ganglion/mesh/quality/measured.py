# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source of link quality says: the cost of one neighbour each, or that it is not available and why."""

import ipaddress
from dataclasses import dataclass

#: No way there, and the dearest cost that is one.
INFINITY = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the way to one neighbour costs.

    Attributes:
        interface: Name of the network interface.
        address: IP address without a scope, in its shortest form.
        cost: 256 is one perfect radio hop, 96 a cable; 65535 is no way (RFC 8966 section 3.4.3 and appendix A.2).
        age: Nanoseconds since the neighbour was heard, when this was said.
    """

    interface: str
    address: str
    cost: int
    age: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How it stands with one source.

    Attributes:
        name: Of the program.
        available: Whether it is read.
        addresses: Of neighbours, how many it knows the cost of.
        why: Why it is not read, where it is not.
        remedy: What to do for it to be.
    """

    name: str
    available: bool
    addresses: int = 0
    why: str = ""
    remedy: str = ""


class UnavailableError(Exception):
    """A source cannot be read: why, and what to do."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


def plain(address: str) -> str:
    """An IP address without its scope, in its shortest form.

    Raises:
        ValueError: it is none.
    """
    return str(ipaddress.ip_address(address.partition("%")[0]))
