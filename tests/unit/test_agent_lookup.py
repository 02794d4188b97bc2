# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent finds its parent by a name without a wait: the board goes on while a name server is silent."""

import asyncio
import socket
from struct import pack
from typing import Any

import pytest

from ganglion_agent import resolve, wifi
from ganglion_agent.resolve import answer, question
from ganglion_agent.uplink import Udp
from support.waiting import until

#: What a name server has answered: farm.example is an alias of host.farm.example, which is 192.0.2.20 (RFC 1035).
ASKED = bytes.fromhex("0001 0100 0001 0000 0000 0000 04 6661726d 07 6578616d706c65 00 0001 0001")
ANSWERED = (
    b"\x00\x01\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00" + ASKED[12:]
    + b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x07\x04host\xc0\x0c"
    + b"\xc0\x2a\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x14"
)  # fmt: skip


def test_a_question_is_as_in_the_rfc() -> None:
    assert question("farm.example", b"\x00\x01") == question("farm.example.", b"\x00\x01") == ASKED


def test_the_address_behind_an_alias_is_found() -> None:
    assert answer(ANSWERED, b"\x00\x01") == "192.0.2.20"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ASKED,
        b"\x00\x02" + ANSWERED[2:],
        ANSWERED[:3] + b"\x83" + ANSWERED[4:],  # there is no such name
        ANSWERED[:-16],  # the alias alone
        ANSWERED[:5] + b"\x09" + ANSWERED[6:],
    ],
)
def test_what_is_no_answer_has_no_address(data: bytes) -> None:
    assert answer(data, b"\x00\x01") == ""


def test_an_answer_that_is_cut_anywhere_has_no_address() -> None:
    for size in range(len(ANSWERED)):
        assert answer(ANSWERED[:size], b"\x00\x01") == ""


class Server(asyncio.DatagramProtocol):
    """A name server that knows one name, once it is let."""

    def __init__(self) -> None:
        self.answers = False
        self.asked = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.asked += 1
        if self.answers:
            at = pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton("127.0.0.9")
            self._transport.sendto(data[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + data[12:] + at, address)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port's own call finds no names: it would wait."""
    real = socket.getaddrinfo

    def numeric(host: str, port: int) -> Any:
        return real(host, port, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", numeric)


@pytest.mark.usefixtures("no_waiting")
async def test_a_parent_is_found_by_its_name_and_a_silent_server_is_asked_again(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    monkeypatch.setattr(resolve, "PORT", transport.get_extra_info("sockname")[1])
    way = Udp("farm.example", 8475, lambda _level, line: said.append(line), lambda: "127.0.0.1")
    try:
        assert not way.open(0)
        assert not way.open(100)
        await until(lambda: server.asked == 1)
        assert not way.open(2000)
        await until(lambda: server.asked == 2)
        assert said == []
        assert not way.open(5000)
        assert said == ["parent.host: farm.example is not found: 127.0.0.1 does not know it, or does not answer"]
        server.answers = True
        await until(lambda: way.open(5020))
        assert way._address == ("127.0.0.9", 8475)
        assert len(said) == 1
    finally:
        way.close()
        transport.close()


@pytest.mark.usefixtures("no_waiting")
def test_nobody_is_asked_before_the_wifi_is_joined_nor_about_an_address(said: list[str]) -> None:
    def log(_level: str, line: str) -> None:
        said.append(line)

    assert not Udp("farm.example", 8475, log, lambda: None).open(0)
    way = Udp("127.0.0.1", 8475, log, lambda: 1 // 0)  # type: ignore[arg-type, return-value]
    assert way.open(0)
    way.close()
    assert said == []
    assert not Udp("farm.example", 8475, log, lambda: "").open(0)
    assert said[0].startswith("parent.host: farm.example is not found: ")


class Station:
    def __init__(self, is_active: bool, is_connected: bool, server: str) -> None:
        self.active, self.isconnected = lambda: is_active, lambda: is_connected
        self.ifconfig = lambda: ("192.0.2.5", "255.255.255.0", "192.0.2.1", server)


@pytest.mark.parametrize(
    ("station", "server"),
    [
        (Station(True, True, "192.0.2.1"), "192.0.2.1"),
        (Station(True, False, "0.0.0.0"), None),
        (Station(True, True, "0.0.0.0"), ""),
        (Station(False, False, "0.0.0.0"), ""),
    ],
)
def test_the_name_server_is_that_of_the_wifi(
    station: Station, server: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wifi, "station", lambda: station)
    assert wifi.name_server() == server
