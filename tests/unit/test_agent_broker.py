# SPDX-License-Identifier: GPL-3.0-or-later
"""A board's way to its broker: it comes back by chance, later each time, and seldom to one that has refused it."""

import select
import socket
import time
from collections.abc import Iterator

import pytest

from ganglion_agent.broker import LONGEST_MS, Broker
from ganglion_agent.wifi import Place
from ganglion_micro.mqtt import MAX_SIZE, Mqtt

CONNACK, SUBACK = bytes.fromhex("20 02 00 00"), bytes.fromhex("90 03 00 01 01")


class Way:
    """The way of a board to a listener on loopback; its time is `now`, in milliseconds."""

    def __init__(self, port: int) -> None:
        self.said: list[str] = []
        self.ups: list[bool] = []
        self.now = 0
        self.broker = Broker(
            Place("broker", "127.0.0.1", self._say),
            port,
            lambda: Mqtt("board", ("w", b"gone"), ["a"]),
            self.ups.append,
            self._say,
        )

    def _say(self, level: str, line: str) -> None:
        self.said.append(f"{level} {line}")

    def until(self, condition: object) -> None:
        """Goes on until something is so, while its own time stands still."""
        end = time.monotonic() + 30
        while not condition():  # type: ignore[operator]
            assert time.monotonic() < end, self.said
            self.broker.open(self.now)
            time.sleep(0.001)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


@pytest.fixture
def way(listener: socket.socket) -> Iterator[Way]:
    made = Way(listener.getsockname()[1])
    yield made
    if made.broker._socket is not None:
        made.broker._socket.close()


def met(listener: socket.socket, way: Way, answer: bytes) -> socket.socket:
    """The broker's end of the board's next connection, over which it has heard and answered a CONNECT."""
    way.broker.open(way.now)
    end, _ = listener.accept()
    end.settimeout(30)
    way.until(lambda: select.select([end], [], [], 0)[0])
    assert end.recv(4096)[0] == 0x10
    end.sendall(answer)
    return end


def test_messages_go_both_ways_and_a_lost_connection_is_found_again(listener: socket.socket, way: Way) -> None:
    with met(listener, way, CONNACK + SUBACK) as end:
        way.until(lambda: way.ups)
        way.broker.send(("t", b"x", 0, False))
        end.sendall(bytes.fromhex("30 04 00 01 61 79"))
        found: list[tuple[str, bytes]] = []
        way.until(lambda: found or found.extend(filter(None, [way.broker.receive()])))
        assert found == [("a", b"y")]
        end.sendall(
            b"\x30" + bytes((0x80 | (MAX_SIZE + 5) % 128, (MAX_SIZE + 5) // 128)) + b"\x00\x01a" + bytes(MAX_SIZE + 2)
        )
        way.until(lambda: "warning broker: a message, or its topic, was too large for this board" in way.said)
        heard = b""
        while b"\x30\x04\x00\x01tx" not in heard:
            heard += end.recv(4096)
    way.until(lambda: way.ups == [True, False])
    assert way.said[-1] == "warning broker: 127.0.0.1: it has closed the connection"
    way.now += LONGEST_MS
    with met(listener, way, CONNACK + SUBACK):
        way.until(lambda: way.ups == [True, False, True])


def test_who_is_refused_says_so_once_and_comes_back_seldom(listener: socket.socket, way: Way) -> None:
    for _ in range(3):
        with met(listener, way, bytes.fromhex("20 02 00 05")):
            way.until(lambda: way.broker._socket is None)
        assert LONGEST_MS // 2 <= way.broker._again - way.now <= LONGEST_MS
        way.now += LONGEST_MS
    assert way.said == ["warning broker: 127.0.0.1: the account may not connect"]
    assert way.ups == []


def test_pauses_grow_and_are_of_chance(listener: socket.socket, way: Way) -> None:
    listener.close()
    pauses = []
    for _ in range(12):
        way.until(lambda: way.broker._socket is None and way.broker._again > way.now)
        pauses.append(way.broker._again - way.now)
        way.now = way.broker._again
    assert max(pauses) <= LONGEST_MS
    assert max(pauses[6:]) > 4 * 500, "they grow"
    assert len(set(pauses)) > 6


def test_a_broker_that_lets_nobody_in_is_given_up(listener: socket.socket, way: Way) -> None:
    with met(listener, way, b""):
        way.now += 15001
        way.until(lambda: way.broker._socket is None)
    assert way.said == ["warning broker: 127.0.0.1: it lets nobody in within 15 s"]
