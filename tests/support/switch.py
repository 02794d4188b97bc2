# SPDX-License-Identifier: GPL-3.0-or-later
"""Cables between network namespaces as a program: it holds the namespaces, and carries what their TAP devices send.

One line of JSON in, one out. `network.py` is its face. It stands in for veth, bridge and `tc netem`: not every kernel
has netem (the cloud's small ones do not), and here chance comes from a seed. Everything ends with this process, which
ends with its standard input: namespaces, devices, and whatever still runs in them.
"""

import contextlib
import ctypes
import fcntl
import heapq
import json
import os
import random
import selectors
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TUNSETCARRIER = 0x400454E2
_IFF_TAP_NO_PI = 0x1002
_FRAME = 65536
#: Frames that wait for this process: what is lost is what was asked for, not what a busy processor was late for.
_QUEUE = 10000
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(eq=False, slots=True)
class _End:
    """One node's device on a medium, and what becomes of what it sends."""

    device: int
    mac: bytes
    others: "list[_End]" = field(default_factory=list)
    plugged: bool = True
    loss: float = 0.0
    repeat: float = 0.0
    delay: tuple[int, int] = (0, 0)


def _call(function: str, *arguments: int) -> None:
    if getattr(_LIBC, function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def _tap(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP_NO_PI))
    return device


class Switch:
    """Namespaces, and the media between them.

    Args:
        media: Names of nodes by name of medium, which is the name of the device in each of them.
        ipv4: Whether devices have an IPv4 address beside their IPv6 link-local one.
        seed: Of all chance.
    """

    def __init__(self, media: dict[str, list[str]], *, ipv4: bool, seed: int) -> None:
        self._random = random.Random(seed)
        self._late: list[tuple[int, int, _End, bytes]] = []
        self._count = 0
        self.ends: dict[tuple[str, str], _End] = {}
        self.namespaces: dict[str, int] = {}
        for node in dict.fromkeys(node for nodes in media.values() for node in nodes):
            _call("unshare", _CLONE_NEWNET)
            self.namespaces[node] = os.open("/proc/self/ns/net", os.O_RDONLY)
            set_up = ["link set lo up"]
            for medium, name in enumerate(media, 1):
                if node not in media[name]:
                    continue
                station = media[name].index(node) + 1
                self.ends[name, node] = _End(_tap(name), bytes([2, 0, 0, 0, medium, station]))
                set_up += [
                    f"link set {name} address 02:00:00:00:{medium:02x}:{station:02x} addrgenmode none",
                    f"link set {name} txqueuelen {_QUEUE} up",
                    f"address add fe80::ff:fe00:{medium << 8 | station:x}/64 dev {name} nodad",
                ]
                if ipv4:
                    set_up.append(f"address add 10.0.{medium}.{station}/24 broadcast + dev {name}")
            subprocess.run(["ip", "-batch", "-"], input="\n".join(set_up), text=True, check=True)
        for (name, _), end in self.ends.items():
            end.others = [other for (medium, _), other in self.ends.items() if medium == name and other is not end]

    def carrier(self, medium: str, *, up: bool) -> None:
        """Plugs every end of a medium in or out; what is under way then is lost."""
        for (name, _), end in self.ends.items():
            if name == medium:
                end.plugged = up
                fcntl.ioctl(end.device, _TUNSETCARRIER, struct.pack("i", up))

    def carry(self, end: _End, now: int) -> bool:
        """Takes a frame that a device has sent to all that it is for; whether there was one."""
        try:
            frame = os.read(end.device, _FRAME)
        except OSError:
            return False  # none, or the device was set down
        to = [other for other in end.others if other.mac == frame[:6]] or end.others
        for other in to if end.plugged else ():
            for _ in range(1 + (self._random.random() < end.repeat)):
                if self._random.random() >= end.loss:
                    self._count += 1
                    due = now + self._random.randint(*end.delay)
                    heapq.heappush(self._late, (due, self._count, other, frame))
        return True

    def deliver(self, now: int) -> float | None:
        """Hands over what is due; in how many seconds the next is."""
        while self._late and self._late[0][0] <= now:
            _, _, end, frame = heapq.heappop(self._late)
            if end.plugged:
                with contextlib.suppress(OSError):  # that end is down
                    os.write(end.device, frame)
        return (self._late[0][0] - now) / 1e9 if self._late else None

    def empty(self) -> None:
        """Kills what still runs in the namespaces, which would keep them; also what is started meanwhile."""
        own = {os.fstat(namespace).st_ino for namespace in self.namespaces.values()}
        while sum(_kill(process, own) for process in Path("/proc").iterdir()):
            pass


def _kill(process: Path, namespaces: set[int]) -> bool:
    """Whether it ran in one of the namespaces, and was killed."""
    try:
        if int(process.name) == os.getpid() or (process / "ns/net").stat().st_ino not in namespaces:
            return False
        os.kill(int(process.name), signal.SIGKILL)
    except (ValueError, OSError):
        return False  # no process, or one that ended, or somebody else's
    return True


def _obey(switch: Switch, order: dict[str, Any]) -> None:
    for end in switch.ends.values():
        while switch.carry(end, time.monotonic_ns()):
            pass  # what was sent before the order goes as it went before it
    if "carrier" in order:
        switch.carrier(order["medium"], up=order["carrier"])
        return
    for (medium, node), end in switch.ends.items():
        if medium == order["medium"] and order["node"] in (None, node):
            end.loss, end.repeat, end.delay = order["loss"], order["repeat"], tuple(order["delay"])


def main() -> None:
    """Begins by the first line, obeys the others, ends with the input."""
    switch = Switch(**json.loads(sys.stdin.readline()))
    print(json.dumps(switch.namespaces), flush=True)
    orders = b""
    waiting: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        for end in switch.ends.values():
            selector.register(end.device, selectors.EVENT_READ, end)
        while True:
            for key, _ in selector.select(waiting):
                if key.data is not None:
                    switch.carry(key.data, time.monotonic_ns())
                    continue
                more = os.read(0, _FRAME)
                *lines, orders = (orders + more).split(b"\n")
                for line in lines:
                    _obey(switch, json.loads(line))
                    print("{}", flush=True)
                if not more:
                    switch.empty()
                    return
            waiting = switch.deliver(time.monotonic_ns())


if __name__ == "__main__":
    main()
