# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that other tests run in carry, lose, delay and repeat as they are told, and leave nothing behind."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ganglion.units import MILLISECOND
from support.network import Network, network
from support.waiting import until

_STATION = """
import json, select, socket, sys
receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
receiver.bind(("::", 4711))
for _, device in socket.if_nameindex()[1:]:
    group = socket.inet_pton(socket.AF_INET6, "ff02::4711") + socket.if_nametoindex(device).to_bytes(4, sys.byteorder)
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
print(json.dumps("ready"), flush=True)
while True:
    ready = select.select([0, receiver], [], [])[0]
    if receiver in ready:
        print(json.dumps(receiver.recv(2000).decode()), flush=True)
    if 0 in ready:
        if not (line := sys.stdin.buffer.raw.readline()):
            break
        address, words = json.loads(line)
        for word in words:
            to = socket.getaddrinfo(address, 4711, type=socket.SOCK_DGRAM)[0]
            with socket.socket(to[0], socket.SOCK_DGRAM) as sender:
                sender.sendto(word.encode(), to[4])
"""


class Station:
    """A program in a node that says what it hears, and sends what it is told."""

    def __init__(self, net: Network, node: str) -> None:
        self.process = subprocess.Popen(
            [*net.command(node), sys.executable, "-c", _STATION],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.heard() == "ready"

    def send(self, address: str, *words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([address, words]) + "\n")
        self.process.stdin.flush()

    def heard(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def get_through(self, address: str, word: str, to: "Station") -> None:
        """Sends until it is heard."""
        assert to.process.stdout is not None
        self.send(address, word)
        while not select.select([to.process.stdout], [], [], 0.1)[0]:
            self.send(address, word)
        assert to.heard() == word

    def heard_until(self, last: str) -> list[Any]:
        return [*iter(self.heard, last)]


Stations = Callable[[Network, str], list[Station]]


@pytest.fixture
def stations() -> Iterator[Stations]:
    with ExitStack() as ended:

        def start(net: Network, nodes: str) -> list[Station]:
            started = [Station(net, node) for node in nodes]
            for station in started:
                ended.enter_context(station.process)
                ended.callback(station.process.kill)
            return started

        yield start


def _devices(net: Network, node: str) -> dict[str, list[str]]:
    shown = subprocess.run([*net.command(node), "ip", "-json", "link"], capture_output=True, check=True)
    return {device["ifname"]: device["flags"] for device in json.loads(shown.stdout)}


def test_datagrams_pass_on_cables_and_lans_and_nowhere_else(stations: Stations) -> None:
    with network({"ab": ["a", "b"], "lan": ["b", "c", "d"]}, ipv4=True) as net:
        a, b, c, d = stations(net, "abcd")
        a.send(net.address("b", "ab"), "by link-local address")
        assert b.heard() == "by link-local address"
        b.send("::ffff:" + net.ipv4("a", "ab"), "by IPv4")
        assert a.heard() == "by IPv4"
        c.send("ff02::4711%lan", "to everybody")
        assert [b.heard(), d.heard()] == ["to everybody"] * 2
        b.send(net.address("d", "lan"), "to one")
        assert d.heard() == "to one"
        b.send(net.address("a", "ab"), "to the other")
        assert a.heard() == "to the other"
        assert set(_devices(net, "a")) == {"lo", "ab"}


def test_a_cut_cable_has_no_carrier_at_either_end_and_carries_nothing(stations: Stations) -> None:
    with network({"ab": ["a", "b"], "bc": ["b", "c"]}) as net:
        a, b = stations(net, "ab")
        a.send(net.address("b", "ab"), "before")
        assert b.heard() == "before"
        net.cut("ab")
        assert "LOWER_UP" not in _devices(net, "a")["ab"]
        assert "LOWER_UP" not in _devices(net, "b")["ab"]
        assert "LOWER_UP" in _devices(net, "b")["bc"]
        a.send("ff02::4711%ab", "lost")
        assert a.heard() == "lost"  # a group is heard by who sends to it, too
        net.mend("ab")
        assert "LOWER_UP" in _devices(net, "a")["ab"]
        a.get_through(net.address("b", "ab"), "after", b)


def test_a_silent_cable_carries_nothing_and_does_not_say_so(stations: Stations) -> None:
    with network({"ab": ["a", "b"]}) as net:
        a, b = stations(net, "ab")
        a.send(net.address("b", "ab"), "before")
        assert b.heard() == "before"
        net.silence("ab", "a")
        assert "LOWER_UP" in _devices(net, "a")["ab"]
        a.send("ff02::4711%ab", "lost")
        assert a.heard() == "lost"
        b.send(net.address("a", "ab"), "the other way")
        assert a.heard() == "the other way"
        net.impair("ab")
        a.send(net.address("b", "ab"), "after")
        assert b.heard() == "after"


def test_a_bad_cable_loses_repeats_and_reorders(stations: Stations) -> None:
    words = [str(number) for number in range(1000)]
    with network({"ab": ["a", "b"]}, seed=1) as net:
        a, b = stations(net, "ab")
        to = net.address("b", "ab")
        a.send(to, "known")
        assert b.heard() == "known"

        net.impair("ab", "a", repeat=1.0)
        a.send(to, "twice")
        assert [b.heard(), b.heard()] == ["twice", "twice"]

        net.impair("ab", "a", delay=(0, 20 * MILLISECOND))
        a.send(to, *words)
        heard = [b.heard() for _ in words]
        assert heard != words
        assert sorted(heard) == sorted(words)

        net.impair("ab", "a", loss=0.3)
        a.send(to, *words)
        a.send(net.address("a", "ab"), "all sent")
        assert a.heard() == "all sent"
        net.impair("ab")
        a.send(to, "end")
        assert 600 < len(b.heard_until("end")) < 800


def test_a_node_or_medium_that_there_is_not_is_refused() -> None:
    with network({"ab": ["a", "b"], "bc": ["b", "c"]}) as net:
        with pytest.raises(KeyError):
            net.cut("ac")
        with pytest.raises(KeyError):
            net.impair("ab", "c", loss=1.0)


def test_a_network_that_cannot_be_made_says_why() -> None:
    with pytest.raises(RuntimeError, match="a-name-that-is-too-long"), network({"a-name-that-is-too-long": ["a", "b"]}):
        pass


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_nothing_is_left_when_a_test_fails() -> None:
    with suppress(AssertionError), network({"ab": ["a", "b"]}) as net:
        shell = ["sh", "-c", "echo in; exec sleep infinity"]
        sleeper = subprocess.Popen([*net.command("a"), *shell], stdout=subprocess.PIPE, text=True)
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline() == "in\n"
        raise AssertionError
    sleeper.communicate()
    assert sleeper.returncode == -signal.SIGKILL


_TEST = """
import os, signal, subprocess
from support.network import network
with network({"ab": ["a", "b"]}) as net:
    shell = ["sh", "-c", "echo in; exec sleep infinity"]
    sleeper = subprocess.Popen([*net.command("a"), *shell], stdout=subprocess.PIPE)
    sleeper.stdout.readline()
    holder = net.command("a")[1].split("/")[2]
    print(sleeper.pid, holder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_nothing_is_left_when_a_test_is_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _TEST, stdout=asyncio.subprocess.PIPE, env=environment
    )
    said, _ = await killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    sleeper, holder = map(int, said.split())
    await until(lambda: not _runs(sleeper) and not _runs(holder))
