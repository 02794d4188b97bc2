# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of a member: what a configuration may say, which way is taken, and which beacon is believed."""

import asyncio
import socket
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ganglion.errors import InvalidError
from ganglion.mesh.links import interfaces
from ganglion.mesh.links.lan import Lan
from ganglion.mesh.links.overlay import Overlay
from ganglion.mesh.links.sink import Send
from ganglion.mesh.links.spec import LinkSpec, parse, several
from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import signed
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.trust import MemberTrust
from ganglion.mesh.transport import Message, NoBroker
from ganglion.mesh.ways import Ways
from ganglion.units import SECOND
from ganglion_micro import gl1
from ganglion_tools.mesh_air import Stated
from support.mesh import HOUR, NOW, Enrolled, Site
from support.waiting import until


def test_a_link_is_a_lan_an_interface_or_a_broker() -> None:
    assert parse("lan") == LinkSpec()
    assert parse("lan:eth0") == LinkSpec(interface="eth0")
    assert [str(url) for url in parse("mqtt://192.0.2.1").brokers] == ["mqtt://192.0.2.1:1883"]


@pytest.mark.parametrize("text", ["", "wan", "lan:", "lan:a b", "lan:" + "x" * 16, "http://x", "mqtt://"])
def test_anything_else_is_none_and_is_named(text: str) -> None:
    with pytest.raises(InvalidError):
        parse(text)


@pytest.mark.parametrize(
    "texts", [["lan", "lan"], ["lan", "lan:eth0"], ["lan:a", "lan:a"], ["mqtt://a", "lan", "mqtt://a:1883"]]
)
def test_no_link_is_there_twice(texts: list[str]) -> None:
    with pytest.raises(InvalidError):
        several(texts)


class Ports:
    """Whoever uses links."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.frames: list[bytes] = []
        self.send: dict[str, Send] = {}

    def up(self, link: Link, send: Send) -> None:
        self.links[link.name] = link
        self.send[link.name] = send

    def down(self, name: str) -> None:
        del self.links[name]

    def heard(self, name: str, address: Hashable | None, data: bytes) -> None:
        self.frames.append(data)


async def test_what_is_said_to_everyone_is_heard_by_another_on_the_same_machine() -> None:
    one, other = Ports(), Ports()
    lans = [Lan(b"12345678", "", ports) for ports in (one, other)]
    tasks = [asyncio.create_task(lan.run()) for lan in lans]
    try:
        there = len(interfaces.present())
        await until(lambda: len(one.links) == len(other.links) == there, what="the interfaces")
        assert one.links.keys() == other.links.keys()
        for name in one.links:
            one.send[name](None, b"frame of " + name.encode(), None)
        await until(lambda: len(other.frames) >= there, what="a frame on each")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert not one.links


async def test_a_machine_that_shows_no_interface_has_no_lan_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(interfaces, "changes", refuse)
    monkeypatch.setattr(socket, "if_nameindex", refuse)
    ports = Ports()
    task = asyncio.create_task(Lan(b"12345678", "", ports).run())
    await until(lambda: "Operation not permitted" in caplog.text, what="it is said")
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not ports.links


class Board(NoBroker):
    """A broker that is there."""

    def __init__(self) -> None:
        super().__init__()
        self.connected = True
        self.said: list[str] = []

    def publish(self, topic: str, payload: bytes, **_: Any) -> None:
        self.said.append(topic)


class Road:
    """An overlay of which only one thing matters: that it leads everywhere."""

    gateway = bytes(8)
    met = True

    def __init__(self) -> None:
        self.broker_leads = True
        self.sent: list[bytes] = []

    def reaches(self, destination: bytes) -> bool:
        return True

    def send(self, destination: bytes, data: bytes) -> None:
        self.sent.append(destination)


def test_who_was_not_heard_on_the_broker_is_asked_over_neighbours(tmp_path: Path) -> None:
    site = Site(tmp_path)
    a, b = site.member("a"), site.member("b")
    a.hears(b.birth())
    board, road = Board(), Road()
    ways = Ways(a.member, board)
    ways.overlay = road  # type: ignore[assignment]
    kid = b.member.identity.kid
    ways.send(a.request(b), 1)
    assert (road.sent, board.said) == ([kid], [])
    ways.heard(kid, beside=False)
    ways.send(a.request(b, identity="r2"), 1)
    assert (road.sent, len(board.said)) == ([kid], 1)
    road.broker_leads = False  # it hangs, and nobody has said so yet
    assert ways.over_to(kid) == kid
    road.broker_leads = True
    ways.lost(kid)
    ways.send(a.request(b, identity="r3"), 1)
    assert (road.sent, len(board.said)) == ([kid, kid], 1)


def test_events_go_to_the_broker_while_it_leads_to_the_gateway(tmp_path: Path) -> None:
    a = Site(tmp_path).member("a")
    board, road = Board(), Road()
    ways = Ways(a.member, board)
    ways.overlay = road  # type: ignore[assignment]
    ways.send(a.event(), 1)
    assert (road.sent, len(board.said)) == ([], 1)
    road.broker_leads = False
    ways.send(a.event(), 1)
    assert (road.sent, len(board.said)) == ([Road.gateway], 1)
    board.connected = False
    road.broker_leads = True
    assert ways.over == Road.gateway


def overlay(node: Enrolled, clock: int) -> Overlay:
    return Overlay(
        node.member,
        NoBroker(),
        [],
        Stated(node.member),
        credential=lambda: node.credential,
        clock=lambda: clock,
        on_message=lambda data: None,
        on_birth=lambda received: None,
        on_met=lambda: None,
        on_change=lambda: None,
    )


async def test_a_beacon_of_yesterday_leads_nowhere(tmp_path: Path) -> None:
    site = Site(tmp_path)
    gateway, node = site.member("gateway", role="gateway"), site.member("node")
    node.hears(gateway.birth())
    sender = MemberTrust(gateway.member, gateway.credential, Stated(gateway.member))
    topic = gl1.beacon_topic(node.member.mesh)

    def heard(overlay: Overlay, at: int) -> None:
        sender.offset = at
        overlay.take(Message(topic, sender.seal(signed.beacon(), 0), 0, False))

    late = overlay(node, NOW + 12 * HOUR)
    late.begin()
    heard(late, NOW)
    assert not late.broker_leads
    assert node.member.rejected == {Cause.STALE: 1}
    timely = overlay(node, NOW)
    timely.begin()
    heard(timely, NOW - SECOND)
    assert timely.broker_leads


def test_what_is_due_already_is_done_under_uvloop_too(tmp_path: Path) -> None:
    """Its handle of a call that is due at once does not know its time; the clock is set anew before that is made."""
    node = Site(tmp_path).member("node")
    ticks: list[int] = []

    class Late:
        """A router whose time was over a second ago."""

        deadline = 0

        def tick(self, now: int) -> list[Any]:
            ticks.append(now)
            self.deadline = now + HOUR
            return []

    async def work() -> None:
        one = overlay(node, NOW)
        one._router = Late()  # type: ignore[assignment]
        one._wind()
        one._wind()
        await until(lambda: bool(ticks), what="what was due")

    uvloop.run(work())
    assert len(ticks) == 1
