# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP on the LANs of this machine: each interface is a link, found and lost as the kernel says.

Everyone of a mesh listens to one multicast group, derived from the mesh's id, so meshes on one LAN do not hear each
other: IPv6 link-local scope (RFC 4291 section 2.7), or 239.255/16 (RFC 2365 section 6.1) where an interface has no
IPv6. What is for one neighbour goes to the address its frames come from.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ganglion.mesh.links import interfaces
from ganglion.mesh.links.interfaces import Interface
from ganglion.mesh.links.sink import Sink
from ganglion.mesh.overlay.link import Link
from ganglion.units import MILLISECOND, SECOND

_log = logging.getLogger(__name__)

#: UDP port of multicast; what is for one goes from and to ports that the kernel picks.
PORT = 8478
#: Of the names of links.
_PREFIX, _IPV4 = "lan/", "/4"
#: What a cable costs, and the first hop by radio (RFC 8966 appendix A.2 has 96 and 256).
_CABLE, _RADIO = 96, 256
#: Between keep-alives. On a spare link they are for machines that have no other.
_INTERVAL, _SPARE = 500 * MILLISECOND, 2 * SECOND
#: linux/in.h, linux/in6.h: hear the groups that this socket has joined, and not those that any other has.
_IP_MULTICAST_ALL, _IPV6_MULTICAST_ALL = 49, 29
#: An address may take a moment until it can be used, and nothing tells of that moment everywhere.
_LOOK = 2.0


class Lan:
    """The LANs of this machine.

    Args:
        mesh: The mesh's id, 8 bytes.
        only: Name of an interface; "" is all of them.
        sink: Gets the links and what arrives.
    """

    def __init__(self, mesh: bytes, only: str, sink: Sink) -> None:
        self._mesh = mesh
        self._only = only
        self._sink = sink
        self._open: dict[str, _Port] = {}
        self._failed: dict[str, str] = {}

    async def run(self) -> None:
        """Uses the interfaces as they come and go, until cancelled."""
        changed = asyncio.Event()
        try:
            with self._listening(changed):
                while True:
                    changed.clear()
                    await self._look()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK):
                            await changed.wait()
        finally:
            for name in list(self._open):
                self._close(name)

    @contextmanager
    def _listening(self, changed: asyncio.Event) -> Iterator[None]:
        """Sets the event when the kernel says that something changed. Where it may not say so, time has to do."""
        try:
            told = interfaces.changes()
        except OSError as error:
            _log.info("Changes of interfaces are looked for every %g s: %s.", _LOOK, error)
            yield
            return

        def read() -> None:
            with suppress(OSError):  # nothing more to read; or ENOBUFS, more happened than fits
                while told.recv(65536):
                    pass
            changed.set()

        loop = asyncio.get_running_loop()
        with told:
            loop.add_reader(told, read)
            try:
                yield
            finally:
                loop.remove_reader(told)

    async def _look(self) -> None:
        try:
            there = {_name(each): each for each in interfaces.present(self._only)}
        except OSError as error:
            self._complain("", "No interface can be looked at", error)
            return
        for name, port in list(self._open.items()):
            if there.get(name) != port.interface:
                self._close(name)
        for name, interface in there.items():
            if name in self._open:
                continue
            try:
                port = await _Port.open(interface, self._mesh, self._sink)
            except OSError as error:
                self._complain(name, f"The link {name} cannot be used", error)
                continue
            self._failed.pop(name, None)
            self._open[name] = port
            self._sink.up(port.link, port.send)

    def _complain(self, name: str, what: str, error: OSError) -> None:
        """A line of the log for each reason."""
        if self._failed.get(name) != str(error):
            _log.warning("%s: %s.", what, error)
        self._failed[name] = str(error)

    def _close(self, name: str) -> None:
        port = self._open.pop(name)
        self._sink.down(port.link.name)
        port.close()


class _Port(asyncio.DatagramProtocol):
    """The two sockets of one interface: multicast is heard on the one, all else is said and heard on the other."""

    def __init__(self, interface: Interface, group: Any, sink: Sink) -> None:
        self.interface = interface
        cost = _RADIO if interface.wireless else _CABLE
        self.link = Link(
            name=_name(interface),
            multi_access=True,
            wired=not interface.wireless,
            cost_floor=cost,
            interval=_SPARE if interface.spare else _INTERVAL,
        )
        self._group = group
        self._sink = sink
        self._transports: list[asyncio.DatagramTransport] = []

    @classmethod
    async def open(cls, interface: Interface, mesh: bytes, sink: Sink) -> "_Port":
        """Opens both sockets.

        Raises:
            OSError: the kernel refuses.
        """
        group = _group(interface, mesh)
        port = cls(interface, group, sink)
        loop = asyncio.get_running_loop()
        for make in (_multicast, _unicast):
            try:
                transport, _ = await loop.create_datagram_endpoint(lambda: port, sock=make(interface, group))
            except OSError:
                port.close()
                raise
            port._transports.append(transport)
        return port

    def send(self, address: Any, data: bytes, kid: bytes | None) -> None:
        """Sends to one address, or to everyone."""
        transport = self._transports[1]
        if not transport.is_closing():
            transport.sendto(data, self._group if address is None else address)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """See asyncio.DatagramProtocol."""
        self._sink.heard(self.link.name, addr, data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there, or the network is gone: a frame lost, as any."""
        _log.debug("UDP on %s: %s", self.link.name, exc)

    def close(self) -> None:
        """Closes the sockets."""
        for transport in self._transports:
            transport.close()


def _name(interface: Interface) -> str:
    """What the link is called: `lan/eth0`, and `lan/eth0/4` over IPv4."""
    return _PREFIX + interface.name + ("" if len(interface.address) == 16 else _IPV4)


def interface_of(link: str) -> str:
    """The name of a link's interface; "" where the link is no LAN."""
    return link.removeprefix(_PREFIX).removesuffix(_IPV4) if link.startswith(_PREFIX) else ""


def _group(interface: Interface, mesh: bytes) -> Any:
    """The socket address of the mesh's group on an interface."""
    if len(interface.address) == 16:
        # ff12: not assigned for ever, link-local scope; then "gl1" and what tells the mesh.
        group = b"\xff\x12" + bytes(6) + b"gl1" + mesh[:5]
        return (socket.inet_ntop(socket.AF_INET6, group), PORT, 0, interface.number)
    return (socket.inet_ntoa(b"\xef\xff" + mesh[:2]), PORT)


def listening(interface: Interface, mesh: bytes) -> socket.socket:
    """A socket that hears what a mesh says to everyone on an interface, for whoever only looks on.

    Raises:
        OSError: the kernel refuses.
    """
    return _multicast(interface, _group(interface, mesh))


def _multicast(interface: Interface, group: Any) -> socket.socket:
    sock = _socket(interface)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # several nodes on one machine
        packed = socket.inet_pton(sock.family, group[0])
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            join = packed + struct.pack("@I", interface.number)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, join)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + interface.address)
        sock.bind(group)
    except OSError:
        sock.close()
        raise
    return sock


def _unicast(interface: Interface, group: Any) -> socket.socket:
    sock = _socket(interface)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface.number)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
            sock.bind((socket.inet_ntop(sock.family, interface.address), 0, 0, interface.number))
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface.address)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            sock.bind((socket.inet_ntoa(interface.address), 0))
    except OSError:
        sock.close()
        raise
    return sock


def _socket(interface: Interface) -> socket.socket:
    family = socket.AF_INET6 if len(interface.address) == 16 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock
