# SPDX-License-Identifier: GPL-3.0-or-later
"""What batctl and ip print in JSON, without I/O: the costs of the stations that batman-adv knows.

batman-adv knows neighbours by the MAC addresses of the interfaces that it was given, and who is behind them, near or
far, by the MAC addresses on the mesh interface. The kernel's table of neighbours says which IP addresses have these;
the IPv6 link-local one that is made of the MAC needs no table.
"""

import ipaddress
import json
import re
from collections import defaultdict
from typing import Any

from ganglion.mesh.quality.measured import INFINITY, Measured, plain
from ganglion.units import MILLISECOND

#: A cable, and the throughput in kbit/s that costs as much: a cable of 100 Mbit/s. By the same measure a radio hop
#: of 37.5 Mbit/s costs 256.
_CABLE = 96
_CABLE_KBIT = 100_000
_RADIO = 256
_TQ_MAX = 255
_U32 = 0xFFFFFFFF
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
#: Interface and MAC.
Station = tuple[str, str]


class FormatError(ValueError):
    """It is not what the program prints."""


def _rows(text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError("it is no JSON") from error
    if not isinstance(rows, list):
        raise FormatError("it is no JSON list")
    return [row for row in rows if isinstance(row, dict)]


def _mac(value: object) -> str | None:
    return value if isinstance(value, str) and _MAC.fullmatch(value) else None


def _number(value: object, most: int) -> int | None:
    return value if type(value) is int and 0 <= value <= most else None


def _cost(row: dict[str, Any]) -> tuple[int, int] | None:
    """Cost and age of a row: from a TQ under BATMAN_IV, from kbit/s under BATMAN_V."""
    age = _number(row.get("last_seen_msecs", 0), _U32)
    tq, kbit = _number(row.get("tq"), _TQ_MAX), _number(row.get("throughput"), _U32)
    if age is None or (tq is None and kbit is None):
        return None
    if tq is not None:
        cost = _RADIO * _TQ_MAX // tq if tq else INFINITY
    else:
        cost = max(_CABLE, _CABLE * _CABLE_KBIT // kbit) if kbit else INFINITY
    return min(INFINITY, cost), age * MILLISECOND


def neighbours(originators: str, names: dict[int, str]) -> dict[Station, tuple[int, int]]:
    """Cost and age of the neighbours on the interfaces that batman-adv was given, of `batctl originators_json`.

    Every originator has a row for each neighbour that leads to it. What lies behind a neighbour is never better than
    the neighbour itself, so the best by way of it is its own.

    Args:
        names: Names of interfaces by index, for a batman-adv that does not tell them.

    Raises:
        FormatError: it is no list in JSON.
    """
    best: dict[Station, tuple[int, int]] = {}
    for row in _rows(originators):
        index = _number(row.get("hard_ifindex"), _U32)
        interface = row.get("hard_ifname", names.get(index) if index is not None else None)
        mac, cost = _mac(row.get("neigh_address")), _cost(row)
        if isinstance(interface, str) and mac and cost:
            known = best.get((interface, mac), cost)
            best[interface, mac] = min(known[0], cost[0]), min(known[1], cost[1])
    return best


def behind(originators: str, clients: str, interface: str) -> dict[Station, tuple[int, int]]:
    """Cost and age of the stations that are reached over the mesh interface, by however many hops.

    Args:
        originators: `batctl originators_json`.
        clients: `batctl transtable_global_json`: which originator a MAC address is behind.
        interface: Name of the mesh interface.

    Raises:
        FormatError: one of them is no list in JSON.
    """
    best = {_mac(row.get("orig_address")): _cost(row) for row in _rows(originators) if row.get("best") is True}
    found = {}
    for row in _rows(clients):
        mac, originator = _mac(row.get("tt_address")), _mac(row.get("orig_address"))
        cost = best.get(originator) if originator and row.get("best") is True else None
        if mac and cost:
            found[interface, mac] = cost
    return found


def link_local(mac: str) -> str:
    """The IPv6 link-local address that is made of a MAC (modified EUI-64, RFC 4291 appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + interface))


def addresses(neigh: str) -> dict[Station, set[str]]:
    """IP addresses by station of `ip -json neigh show`.

    Raises:
        FormatError: it is no list in JSON.
    """
    found: dict[Station, set[str]] = defaultdict(set)
    for row in _rows(neigh):
        interface, mac, address = row.get("dev"), row.get("lladdr"), row.get("dst")
        if isinstance(interface, str) and isinstance(mac, str) and isinstance(address, str):
            try:
                found[interface, mac].add(plain(address))
            except ValueError:
                continue
    return found


def measured(costs: dict[Station, tuple[int, int]], known: dict[Station, set[str]]) -> list[Measured]:
    """The costs of stations as costs of all their addresses."""
    return [
        Measured(interface=station[0], address=address, cost=cost, age=age)
        for station, (cost, age) in costs.items()
        for address in sorted({link_local(station[1])} | known.get(station, set()))
    ]
