# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_agent.serial on a UART of its own, whose wires are a pty here."""

import os
import sys
import time
import tty
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion_agent.section import ConfigError, Section
from ganglion_agent.serial import Serial
from ganglion_micro.framing import Unframer, framed


class Uart:
    """`machine.UART`, with what it was made of."""

    def __init__(self, number: int, **how: Any) -> None:
        if number != 1:
            raise ValueError(f"UART({number}) doesn't exist")
        self.how = how
        self.far, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self.far, False)
        made.append(self)

    def fileno(self) -> int:
        return self._near

    def read(self, count: int) -> bytes:
        return os.read(self._near, count)

    def write(self, data: bytes) -> int:
        return os.write(self._near, data)


made: list[Uart] = []


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(UART=Uart))
    made.clear()
    yield
    for uart in made:
        os.close(uart.far)
        os.close(uart.fileno())


def line(**said: Any) -> Serial:
    return Serial(Section("agent.json.uplink", said))


def test_messages_go_both_ways_on_the_uart_that_is_named() -> None:
    way = line(uart=1, tx=4, rx=5)
    [uart] = made
    assert uart.how == {"baudrate": 115200, "tx": 4, "rx": 5, "rxbuf": 1024}
    assert way.open(0)
    assert way.receive() is None
    os.write(uart.far, b"noise" + framed(b"one") + framed(b"two") + framed(b"three")[:4])
    assert [way.receive() for _ in range(3)] == [b"one", b"two", None]
    os.write(uart.far, framed(b"three")[4:])
    assert way.receive() == b"three"
    way.send(bytes(range(256)))
    assert Unframer().feed(os.read(uart.far, 1000)) == [bytes(range(256))]


def test_a_line_that_takes_nothing_loses_the_message_and_stops_nobody() -> None:
    way = line(uart=1, tx=4, rx=5)
    [uart] = made
    os.set_blocking(uart.fileno(), False)
    full = 0
    while full < 20:  # what was written moves on to the other side in its own time, and makes room
        try:
            os.write(uart.fileno(), b"\0" * 4096)
            full = 0
        except BlockingIOError:
            full += 1
            time.sleep(0.01)
    way.send(b"lost")
    while True:
        try:
            data = os.read(uart.far, 65536)
        except BlockingIOError:
            break
        assert not data.strip(b"\0")
    way.send(b"heard")
    assert Unframer().feed(os.read(uart.far, 1000)) == [b"heard"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"uart": 9, "tx": 4, "rx": 5}, "agent.json.uplink.uart: the board refuses it: UART"),
        ({"uart": 1}, "agent.json.uplink.tx: is missing"),
        ({"uart": 1, "tx": 4, "rx": 5, "baud": 50}, "agent.json.uplink.baud: must be 300 to 4000000"),
        ({"baud": 9600}, "agent.json.uplink.baud: there is no such key"),
    ],
)
def test_what_is_wrong_is_named(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        line(**said)
