# SPDX-License-Identifier: GPL-3.0-or-later
"""A port that a node lends, as a console has it: it and its node go and come back, and others write there."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ganglion.console.far import Far, FarPort
from ganglion.console.session import Asked
from ganglion.device.link import Link
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.node.console.output import KEPT
from support.lent import Lender, peer
from support.waiting import until

T = TypeVar("T")


class Mesh:
    """The way to a node, which may be away."""

    def __init__(self, node: Lender) -> None:
        self.node = node
        self.is_away = False
        self.said: list[str] = []
        self._loop = asyncio.get_running_loop()

    def far(self, by: str = "ann", **how: bool) -> Far:
        def ask(asked: Asked) -> Any:
            if self.is_away:
                raise UnreachableError("barn does not answer")
            what = asked.method.removeprefix("console.")
            console = self.node.console
            method = getattr(console._lending if what in ("write", "set") else console, what)
            done = asyncio.run_coroutine_threadsafe(method({**asked.params, "by": by}, peer()), self._loop)
            said: dict[str, Any] = done.result(60)
            if isinstance(said.get("data"), bytes):
                said["data"] = base64.urlsafe_b64encode(said["data"]).decode().rstrip("=")
            return said

        made = Far("barn:boiler", ask, **how)
        made.say = self.said.append
        return made

    async def link(self, far: Far, baud: int = 0) -> Link:
        link = await asyncio.to_thread(Link, "barn:boiler", baud=baud, opener=far.open)
        link.say = self.said.append
        return link

    async def told(self, link: Link, text: str) -> None:
        def looks() -> bool:
            link.read()
            link.look()
            return any(text in each for each in self.said)

        await eventually(looks, text)


async def eventually(condition: Callable[[], object], what: str) -> None:
    for _ in range(1200):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    node = Lender(tmp_path)
    node.console.attach()
    try:
        yield Mesh(node)
    finally:
        await node.console.aclose()
        node.cable.close()


async def end(far: Far, link: Link) -> None:
    await asyncio.to_thread(link.close)
    await asyncio.to_thread(far.close)
    await until(lambda: "barn:boiler" not in [each.name for each in threading.enumerate()], what="its threads end")


async def test_the_port_and_its_node_go_and_come_back(mesh: Mesh) -> None:
    far = mesh.far()
    link = await mesh.link(far, 9600)
    assert (link.baud, link.settings()["baudrate"]) == (9600, 9600)
    await asyncio.to_thread(link.write, b"one")
    assert await mesh.node.heard() == b"one"
    mesh.node.cable.pull()
    await mesh.told(link, "barn:boiler is gone")
    assert not link.write(b"lost")
    mesh.node.cable.plug()
    await mesh.told(link, "barn:boiler is back")
    mesh.is_away = True
    await mesh.told(link, "barn does not answer")
    mesh.said.clear()
    mesh.is_away = False
    await mesh.told(link, "barn:boiler is back")
    await asyncio.to_thread(link.write, b"two")
    assert await mesh.node.heard() == b"two"
    mesh.node.cable.write(b"three")
    said = bytearray()
    await eventually(lambda: said.extend(link.read(0.1)) or bytes(said) == b"three", "what it says")
    await end(far, link)


async def test_settings_lines_and_what_is_discarded(mesh: Mesh) -> None:
    far = mesh.far()
    link = await mesh.link(far)
    port = link.port
    assert isinstance(port, FarPort)
    await asyncio.to_thread(lambda: link.set(baudrate=57600))
    assert link.settings()["baudrate"] == 57600
    with pytest.raises(RefusedError, match="barn:boiler has no DTR"):
        await asyncio.to_thread(lambda: port.set_line("dtr", on=False))
    with pytest.raises(InvalidError, match="baudrate"):
        await asyncio.to_thread(lambda: link.set(baudrate=-1))
    mesh.node.cable.write(b"old")
    lent = mesh.node.console._desks.ports["boiler"].lent
    assert lent is not None
    await until(lambda: lent.output.end == 3, what="the node has it")
    await asyncio.to_thread(lambda: link.discard(received=True))
    mesh.node.cable.write(b"new")
    said = bytearray()
    await eventually(lambda: said.extend(link.read(0.1)) or bytes(said) == b"new", "and nothing of what was before")
    for _ in range(3 * KEPT // 1000):
        mesh.node.cable.write(b"x" * 1000)
        await asyncio.sleep(0)
    await mesh.told(link, " bytes are lost: more came than left in time")
    await end(far, link)


async def test_another_one_writes_or_the_session_is_over(mesh: Mesh) -> None:
    first, second = mesh.far(), mesh.far("bob")
    ones = await mesh.link(first)
    with pytest.raises(RefusedError, match=r"ann@gateway writes at barn:boiler, .* it has 115200 baud"):
        await mesh.link(second, 300)
    await asyncio.to_thread(second.close)
    second = mesh.far("bob")
    twos = await mesh.link(second)
    assert "ann@gateway writes at barn:boiler, and you may only read" in twos.refusal
    await asyncio.to_thread(twos.write, b"mine")
    dropped: list[str] = []
    await eventually(lambda: dropped.append(twos.take_dropped()) or dropped[-1], "they are dropped")
    assert dropped[-1].startswith("4 bytes are not written: ann@gateway writes here")
    assert twos.take_dropped() == "", "which is said once"
    third = mesh.far("eve", take=True)
    threes = await mesh.link(third)
    assert threes.refusal == ""
    await mesh.told(ones, "eve@gateway has taken over from ann@gateway")
    assert ones.refusal.startswith("eve@gateway writes at barn:boiler")
    with pytest.raises(InvalidError, match="eve@gateway writes here"):
        await asyncio.to_thread(lambda: ones.set(baudrate=9600))
    mesh.node.now += 901
    mesh.node.console.forget()
    with pytest.raises(NotFoundError, match="this session is over"):
        await mesh.told(threes, "nothing")
    for far, link in ((first, ones), (second, twos), (third, threes)):
        await end(far, link)
