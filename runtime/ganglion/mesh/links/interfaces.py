# SPDX-License-Identifier: GPL-3.0-or-later
"""The network interfaces of this machine that carry multicast, as Linux shows them, and word of their changes."""

import fcntl
import socket
import struct
from pathlib import Path
from typing import NamedTuple

#: linux/if.h; the last is its carrier.
_UP, _LOOPBACK, _MULTICAST, _RUNNING = 0x1, 0x8, 0x1000, 0x40
#: linux/sockios.h: flags and IPv4 address of an interface; linux/wireless.h: which radio it is, if one.
_SIOCGIFFLAGS, _SIOCGIFADDR, _SIOCGIWNAME = 0x8913, 0x8915, 0x8B01
#: linux/rtnetlink.h: RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR.
_GROUPS = 0x1 | 0x10 | 0x100
#: linux/if_addr.h: an address that is not to be used yet, or not at all (duplicate).
_TENTATIVE, _FAILED = 0x40, 0x08
#: net/ipv6.h: the scope of a link-local address.
_LINK_SCOPE = 0x20


class Interface(NamedTuple):
    """One that is up and has a carrier, with one of its addresses.

    Attributes:
        name: As `ip link` shows it.
        number: The kernel's number of it.
        address: Where this machine is to be found on it: its IPv6 link-local address, or its IPv4 one; packed.
        wireless: Whether what is on it is radio.
        spare: Whether it has a better address too: only machines without IPv6 need this one.
    """

    name: str
    number: int
    address: bytes
    wireless: bool
    spare: bool = False


def present(only: str = "") -> list[Interface]:
    """The interfaces that can be used now, once for each family of addresses; loopback where there is no other.

    Args:
        only: Of this name; "" is all.
    """
    found: list[Interface] = []
    loopback: list[Interface] = []
    local = _link_local()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for number, name in socket.if_nameindex():
            answer = _ask(probe, _SIOCGIFFLAGS, name)
            flags = struct.unpack_from("@H", answer, 16)[0] if answer else 0
            if not flags & _UP or not flags & _RUNNING or (only and name != only):
                continue
            addresses = [local[name]] if name in local else []
            if answer := _ask(probe, _SIOCGIFADDR, name):
                addresses.append(answer[20:24])
            wireless = _ask(probe, _SIOCGIWNAME, name) is not None
            several = [Interface(name, number, each, wireless, bool(i)) for i, each in enumerate(addresses)]
            if flags & _LOOPBACK:
                loopback += several
            elif flags & _MULTICAST:
                found += several
    return found or loopback


def changes() -> socket.socket:
    """A socket on which something can be read whenever an interface or an address came, changed or went (netlink)."""
    told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    told.bind((0, _GROUPS))
    return told


def _ask(probe: socket.socket, what: int, name: str) -> bytes | None:
    """A struct ifreq of an interface; None where there is none of that."""
    try:
        return fcntl.ioctl(probe, what, struct.pack("16s24x", name.encode()[:15]))
    except OSError:
        return None


def _link_local() -> dict[str, bytes]:
    """The link-local addresses by interface, of /proc/net/if_inet6: address, index, prefix, scope, flags, name."""
    found = {}
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return {}  # a machine without IPv6
    for line in lines:
        digits, _, _, scope, flags, name = line.split()
        if int(scope, 16) == _LINK_SCOPE and not int(flags, 16) & (_TENTATIVE | _FAILED):
            found[name] = bytes.fromhex(digits)
    return found
