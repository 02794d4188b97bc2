# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release on trial has cost the node its link to the others; judged on the node, with no server's help.

A broker or a gateway that is away proves nothing against a release. What does: the machine has no way to the broker any
more, or the broker is there and the node does not get in, where what ran before had its link. A release that itself
says how the node reaches the others has to prove that it does, by an answer of the gateway. What was proved holds no
longer where the node then stays out of a broker that is there: nobody could send such a node anything better.
"""

import asyncio
import secrets
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

from ganglion.mqtt import packet
from ganglion.mqtt.url import BrokerUrl
from ganglion.units import SECOND

#: Seconds that a name has to be found, and that a broker has to answer a CONNECT.
PATIENCE = 3.0
#: Nanoseconds that something is to be so, to count against a release: a node gets in again within half a minute.
_LASTING = 30 * SECOND
#: Addresses of nobody (RFC 5737, RFC 3849): the way there is the way to everybody.
_ELSEWHERE = ((socket.AF_INET, ("192.0.2.1", 9)), (socket.AF_INET6, ("2001:db8::1", 9)))
#: Return code of CONNACK (MQTT 3.1.1, table 3.1) of a broker that serves nobody now.
_UNAVAILABLE = 3


class Reach(Enum):
    """What there is of the broker: it answers, does not, or there is no way to where it would be."""

    THERE = "there"
    AWAY = "away"
    NO_WAY = "no way"


async def reach(brokers: Sequence[BrokerUrl], *, patience: float = PATIENCE) -> Reach:
    """Looks for a broker that speaks, whatever it says. Without any address nothing is known to be there.

    It is asked as a stranger, with none of the node's credentials: what a release has made of these is not looked at
    here, and a broker that lets no stranger in is there.

    Args:
        brokers: Addresses of one broker.
        patience: Seconds for each.
    """
    ways = [not brokers]
    for broker in brokers:
        places: Sequence[tuple[Any, Any]] = _ELSEWHERE
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(patience):
                found = await asyncio.get_running_loop().getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
            places = [(family, address) for family, _, _, _, address in found]
            async with asyncio.timeout(patience):
                if await _answers(broker):
                    return Reach.THERE
        ways += [_has_way(family, address) for family, address in places]
    return Reach.AWAY if any(ways) else Reach.NO_WAY


async def _answers(broker: BrokerUrl) -> bool:
    """Whether a broker answers a CONNECT, or asks for a certificate before it does.

    What takes connections alone may be a load balancer before a broker that is away.
    """
    try:
        reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=_any_certificate(broker))
        try:
            writer.write(packet.connect(secrets.token_hex(8), keep_alive=10, will=None, username=None, password=None))
            answer = await reader.readexactly(4)
            writer.write(packet.GOODBYE)
        finally:
            writer.close()
    except asyncio.IncompleteReadError:
        return False
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # of the other side, which has looked at what we say
    return answer[0] == packet.CONNACK and answer[3] != _UNAVAILABLE


def _any_certificate(broker: BrokerUrl) -> ssl.SSLContext | None:
    """TLS without a look at whose it is: nothing is told to whoever answers."""
    if not broker.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _has_way(family: int, address: Any) -> bool:
    """Whether the machine knows where to send what is for this address; nothing is sent."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
    except OSError:
        return False
    return True


class Standing(NamedTuple):
    """How a release stands by its node's link.

    Attributes:
        proved: The node has had its link and is not kept out of it now, or had none before, either.
        why: What counts against it, where its window ended now; "" for nothing.
    """

    proved: bool
    why: str = ""


class Linking:
    """The link in one trial in one start. Pure.

    Args:
        had: The node had its link when the trial was decided on.
        changed: The release says otherwise than what ran before how the others are reached.
        window: Seconds.
    """

    def __init__(self, *, had: bool, changed: bool, window: int) -> None:
        self._had = had
        self._changed = changed
        self._window = window
        self._proved = not had
        self._reach: Reach | None = None
        self._since = 0
        self._out: int | None = None

    def look(self, *, up: bool, answered: bool, reach: Reach | None, now: int) -> Standing:
        """By what is so now.

        Args:
            up: The node is at its broker, or has a way to the gateway by its neighbours.
            answered: The gateway has answered since the start.
            reach: What was found of the broker; None before anything was.
            now: Nanoseconds of a clock that only goes on.
        """
        self._proved = self._proved or answered or (up and not self._changed)
        if reach is not self._reach:
            self._reach, self._since = reach, now
        if up or self._out is None:
            self._out = now
        lasting = min(_LASTING, self._window * SECOND // 2)
        if self._proved:
            if self._had and reach is Reach.THERE and now - max(self._out, self._since) >= lasting:
                ended = f"when the {self._window} s of the trial ended"
                return Standing(False, f"the broker is there, and the node was in no more {ended}")
            return Standing(True)
        within = f"within the {self._window} s of the trial"
        if self._changed:
            return Standing(
                False, f"it changes how the node reaches the others, and the gateway did not answer {within}"
            )
        if now - self._since < lasting:
            return Standing(False)
        match reach:
            case Reach.NO_WAY:
                return Standing(False, f"the node had a way to its broker before, and had none {within}")
            case Reach.THERE:
                return Standing(False, f"the broker is there, and the node did not get in {within}")
        return Standing(False)
