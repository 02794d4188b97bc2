# SPDX-License-Identifier: GPL-3.0-or-later
"""`network`: interfaces that are simulated, or what Linux says of its own, which the system and no script connects."""

import socket as _socket
from pathlib import Path as _Path
from typing import Any

from ganglion.shims import board as _board
from ganglion.shims.board import network as _linux
from ganglion.shims.board.sim import SimBoard as _SimBoard
from ganglion.shims.buffers import readable as _readable

STA_IF, AP_IF = 0, 1
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD, STAT_CONNECT_FAIL, STAT_HANDSHAKE_TIMEOUT = 201, 202, 203, 204
AUTH_OPEN, AUTH_WEP, AUTH_WPA_PSK, AUTH_WPA2_PSK, AUTH_WPA_WPA2_PSK = 0, 1, 2, 3, 4
MODE_11B, MODE_11G, MODE_11N = 1, 2, 4
PHY_LAN8720 = 1
_CLASS = _Path("/sys/class/net")
_NOWHERE = "0.0.0.0"  # noqa: S104 - an address that nobody has
_ROUTES = _Path("/proc/net/route")
_RESOLV = _Path("/etc/resolv.conf")
_hostname = ""
_country = "XX"
_instances: dict[tuple[object, int], "WLAN"] = {}


def hostname(name: str | None = None) -> str | None:
    """This machine's name; setting it is for the script alone."""
    global _hostname
    if name is None:
        return _hostname or _socket.gethostname()
    _hostname = name
    return None


def country(code: str | None = None) -> str | None:
    """Two letters.

    Raises:
        ValueError: it is no such code.
    """
    global _country
    if code is None:
        return _country
    if len(code) != 2:
        raise ValueError("a country has two letters")
    _country = code.upper()
    return None


class _Interface:
    """What a LAN and a WLAN have in common."""

    _wireless = False

    def __init__(self) -> None:
        here = _board.current()
        self._sim = here if isinstance(here, _SimBoard) else None
        self._active = self._sim is None
        self._set: tuple[str, str, str, str] | None = None

    def active(self, is_active: Any = None) -> bool | None:
        """Whether it is switched on; with an argument, switches a simulated one."""
        if is_active is None:
            return self._active and (self._sim is not None or bool(self._names()))
        self._active = bool(is_active)
        return None

    def isconnected(self) -> bool:
        if self._sim is not None:
            return self._active
        return any(_linux.is_up(_CLASS, name) and _linux.address(name)[0] != _NOWHERE for name in self._names())

    def ifconfig(self, config: Any = None) -> tuple[str, str, str, str] | None:
        """(address, mask, gateway, name server); with an argument, sets those of a simulated one.

        Raises:
            OSError: the addresses are the system's to set.
        """
        if config is not None:
            if self._sim is None:
                raise OSError("addresses are set by this system's network configuration, not by a script")
            self._set = None if config == "dhcp" else tuple(config)
            return None
        if self._sim is not None:
            if not self.isconnected():
                return (_NOWHERE,) * 4
            return self._set or ("192.168.4.2", "255.255.255.0", "192.168.4.1", "192.168.4.1")
        for name in self._names():
            if _linux.is_up(_CLASS, name):
                return (*_linux.address(name), _linux.gateway(_ROUTES, name), _linux.resolver(_RESOLV))
        return (_NOWHERE,) * 4

    def ipconfig(self, what: str | None = None, **options: Any) -> Any:
        """`addr4`, `gw4`, `dhcp4` or `has_dhcp4`; setting is as with `ifconfig`."""
        address, mask, gateway, _ = self.ifconfig() or (_NOWHERE,) * 4
        known = {
            "addr4": (address, mask),
            "gw4": gateway,
            "dhcp4": self._set is None,
            "has_dhcp4": address != _NOWHERE,
        }
        if what is not None:
            if what not in known:
                raise ValueError("unknown config param")
            return known[what]
        if self._sim is None:
            raise OSError("addresses are set by this system's network configuration, not by a script")
        if "addr4" in options:
            given = options["addr4"]
            pair = given if isinstance(given, tuple) else (given.partition("/")[0], mask)
            self._set = (*pair, options.get("gw4", gateway), gateway)
        return None

    def mac(self) -> bytes:
        """The hardware's address."""
        if self._sim is not None:
            return b"\x02" + self._sim.unique_id()[:5]
        return next((_linux.mac(_CLASS, name) for name in self._names()), bytes(6))

    def config(self, *what: str, **options: Any) -> Any:
        """One parameter by its name; what is set is kept, and changes nothing.

        Raises:
            ValueError: there is no such parameter.
        """
        kept: dict[str, Any] = self.__dict__.setdefault("_options", {})
        if not what:
            kept.update(options)
            return None
        known = {"mac": self.mac(), "hostname": hostname(), "dhcp_hostname": hostname(), **kept}
        if what[0] not in known:
            raise ValueError("unknown config param")
        return known[what[0]]

    def _names(self) -> list[str]:
        return _linux.interfaces(_CLASS, wireless=self._wireless)


class LAN(_Interface):
    """A cable."""

    def status(self) -> int:
        return STAT_GOT_IP if self.isconnected() else STAT_IDLE


class WLAN(_Interface):
    """A radio; the same one for the same number."""

    IF_STA, IF_AP = STA_IF, AP_IF
    SEC_OPEN, SEC_WPA_WPA2 = 0, 4
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    _wireless = True

    def __new__(cls, interface_id: int = STA_IF) -> "WLAN":
        if interface_id not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        return _instances.setdefault((_board.current(), interface_id), super().__new__(cls))

    def __init__(self, interface_id: int = STA_IF) -> None:
        if not hasattr(self, "_id"):
            super().__init__()
            self._id = interface_id
            self._status = STAT_IDLE
            self._ssid = ""

    def connect(self, ssid: Any = None, key: Any = None, *, bssid: Any = None) -> None:
        """Begins to connect to a network of the simulated board; on Linux, the system has connected or has not.

        Raises:
            OSError: it is not active; on Linux, no wireless interface is connected.
        """
        if not self._active:
            raise OSError("Wifi Not Started")
        if self._sim is None:
            if not self.isconnected():
                raise OSError("no wireless interface is connected: connect it with this system's network configuration")
            return
        name = "" if ssid is None else _readable(ssid).decode()
        self._ssid = name
        if name not in self._sim.networks:
            self._status = STAT_NO_AP_FOUND
        elif self._sim.networks[name] != ("" if key is None else _readable(key).decode()):
            self._status = STAT_WRONG_PASSWORD
        else:
            self._status = STAT_GOT_IP

    def disconnect(self) -> None:
        self._status = STAT_IDLE

    def isconnected(self) -> bool:
        if self._sim is None:
            return super().isconnected()
        return self._active and (self._id == AP_IF or self._status == STAT_GOT_IP)

    def status(self, param: str | None = None) -> Any:
        """How far `connect` is; `rssi` in dBm, or the `stations` of an access point.

        Raises:
            ValueError: there is no such parameter.
        """
        if param == "rssi":
            return -50
        if param == "stations":
            return []
        if param is not None:
            raise ValueError("unknown status param")
        if self._sim is None:
            return STAT_GOT_IP if self.isconnected() else STAT_IDLE
        return self._status

    def scan(self) -> list[tuple[bytes, bytes, int, int, int, bool]]:
        """(ssid, bssid, channel, RSSI, security, hidden) of each network of the simulated board.

        Raises:
            OSError: on Linux, the radio is the system's.
        """
        if self._sim is None:
            raise OSError("scanning is left to this system's network configuration")
        found = enumerate(sorted(self._sim.networks.items()))
        return [
            (name.encode(), b"\x02\x00\x00\x00\x00" + bytes([i]), 1, -50, AUTH_WPA2_PSK if key else AUTH_OPEN, False)
            for i, (name, key) in found
        ]

    def config(self, *what: str, **options: Any) -> Any:
        """As on a LAN; also `ssid` and `essid`."""
        if what and what[0] in ("ssid", "essid") and what[0] not in self.__dict__.get("_options", {}):
            return self._ssid
        return super().config(*what, **options)
