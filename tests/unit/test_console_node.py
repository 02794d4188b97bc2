# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's console: who writes, what a line may, and what ends a session."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.node.console.console import FORGOTTEN, MOST, Console
from ganglion.node.console.looks import RATE, ROOM
from ganglion.node.console.record import Record
from support.waiting import until

IDLE = 900.0


def peer(name: str = "gateway", *, role: str = "gateway") -> Any:
    return SimpleNamespace(kid=name.encode(), name=name, credential=SimpleNamespace(roles=(role,)))


class World:
    """A console of a node that has one leaf, in time that passes when it is told to."""

    def __init__(self, folder: Path, *, shell: bool = False) -> None:
        self.now = 0.0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refused: set[tuple[str, str]] = set()  # methods, by who asks
        self.record = folder / "console.log"
        self.console = Console(
            self.perform,
            permit=self.permit,
            leaves=lambda: {"garden": ["log", "status"]},
            record=Record(self.record, lambda: 1),
            shell=shell,
            where="node.toml",
            idle=IDLE,
            monotonic=lambda: self.now,
        )

    async def perform(self, method: str, params: dict[str, Any], by: Any) -> Any:
        if method == "leaf.call" and params["method"] == "log":
            raise UnreachableError("garden is away")
        if method == "console.shell":
            return await self.console.shell(params, by)
        self.asked.append((method, params))
        listed = [{"name": name, "summary": ""} for name in ("bus.event", "console.open", "log", "status")]
        return {"methods": listed} if method == "methods" else {"done": method}

    def permit(self, method: str, params: dict[str, Any], by: Any) -> None:
        if (method, by.name) in self.refused:
            raise RefusedError(f"{method!r} is refused to {by.name}")

    async def open(self, id: str, by: str = "ann", **more: Any) -> dict[str, Any]:
        return await self.console.open({"id": id * 8, "by": by, **more}, peer())

    async def line(self, id: str, line: str, by: str = "ann") -> Any:
        return (await self.console.line({"id": id * 8, "by": by, "line": line}, peer()))["result"]

    async def read(self, id: str, by: str = "ann", **more: Any) -> dict[str, Any]:
        return await self.console.read({"id": id * 8, "by": by, **more}, peer())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    made.console.attach()
    try:
        yield made
    finally:
        await made.console.aclose()


async def test_one_writes_until_another_takes_over(world: World) -> None:
    assert (await world.open("w", "eve", watch=True))["writer"] is None
    assert (await world.open("a"))["writes"] is True
    said = await world.open("b", "bob")
    assert (said["who"], said["writer"], said["writes"]) == ("bob@gateway", "ann@gateway", False)
    with pytest.raises(RefusedError, match="ann@gateway writes here, and you may only read until you take over"):
        await world.line("b", "ping", "bob")
    assert (await world.open("b", "bob", take=True))["writes"] is True
    with pytest.raises(RefusedError, match="bob@gateway writes here"):
        await world.line("a", "ping")
    assert await world.line("b", "ping", "bob") == {"done": "ping"}
    assert [text for _, _, text in (await world.read("a"))["lines"]] == [
        "bob@gateway has taken over from ann@gateway, who may only read now",
        "bob@gateway> ping",
    ]
    await world.console.close({"id": "b" * 8, "by": "bob"}, peer())
    assert await world.line("a", "ping") == {"done": "ping"}
    with pytest.raises(NotFoundError, match="over: it was closed"):
        await world.read("b", "bob")
    for params, by in (({"id": "a" * 8, "by": "bob"}, peer()), ({"id": "a" * 8, "by": "ann"}, peer("other"))):
        with pytest.raises(NotFoundError, match="no such session"):
            await world.console.read(params, by)
    assert (await world.console.open({"id": "c" * 8, "by": "ann"}, peer("attic", role="node")))["who"] == "attic"
    what = [json.loads(line) for line in world.record.read_text().splitlines()]
    assert [each["what"] for each in what][:4] == ["open", "open", "open", "take"]


async def test_sessions_end_by_idleness_and_by_silence_and_are_few(world: World) -> None:
    await world.open("a")
    await world.open("b", "bob")
    for _ in range(int(IDLE // 20) + 1):
        world.now += 20
        world.console.forget()
        await asyncio.gather(*(world.read(id, by) for id, by in (("a", "ann"), ("b", "bob")) if world.now <= IDLE))
    with pytest.raises(NotFoundError, match="over: nothing was entered for 900 s"):
        await world.read("a")
    await world.read("b", "bob")  # who only reads may do so for as long as he looks
    world.now += FORGOTTEN + 1
    world.console.forget()
    with pytest.raises(NotFoundError, match="over: nobody has looked at it for 30 s"):
        await world.read("b", "bob")
    for i in range(MOST):
        await world.open(chr(ord("c") + i))
    with pytest.raises(RefusedError, match="8 sessions are open"):
        await world.open("z")


async def test_what_a_line_may_not(world: World) -> None:
    await world.open("a")
    for line, error, said in (
        ("shell", RefusedError, "opens no shell, .* write shell = true into .console. of node.toml"),
        ("shell now", InvalidError, "takes no parameters"),
        ("log", InvalidError, "log needs a level"),
        ("log loud", InvalidError, "no level"),
        ("bus.event id=1", RefusedError, "not for a line"),
        ("console.open id=aaaaaaaaa", RefusedError, "not for a line"),
        ("help nothing", NotFoundError, "no method 'nothing'"),
        ("   ", InvalidError, "must be a text"),
    ):
        with pytest.raises(error, match=said):
            await world.line("a", line)
    assert world.asked == [("methods", {})]
    assert await world.line("a", "log debug") == {"log": "debug"}
    assert logging.getLogger("ganglion.any").isEnabledFor(logging.DEBUG)
    await world.console.close({"id": "a" * 8, "by": "ann"}, peer())
    assert not logging.getLogger("ganglion.any").isEnabledFor(logging.DEBUG)
    for wrong in ({"id": "short"}, {"id": "d" * 8, "columns": 0}, {"id": "d" * 8, "rows": "x"}):
        with pytest.raises(InvalidError):
            await world.console.open(wrong, peer())
    await world.open("d")
    for wrong in ({"after": -1}, {"wait": "x"}, {"seen": True}):
        with pytest.raises(InvalidError):
            await world.read("d", **wrong)


async def test_a_leaf_has_a_console_of_its_own(world: World) -> None:
    with pytest.raises(NotFoundError, match="no leaf 'shed'; known are garden"):
        await world.open("a", leaf="shed")
    await world.open("n")
    assert [each["name"] for each in (await world.line("n", "help"))["methods"]] == ["help", "log", "shell", "status"]
    world.asked.clear()
    assert (await world.open("a", leaf="garden"))["writes"] is True
    assert [each["name"] for each in (await world.line("a", "help"))["methods"]] == ["help", "log", "status"]
    assert await world.line("a", "status") == {"done": "leaf.call"}
    assert world.asked == [("leaf.call", {"leaf": "garden", "method": "status", "params": {}})]
    world.console._may_shell = True
    with pytest.raises(RefusedError, match="a leaf has no shell"):
        await world.console.shell({"id": "a" * 8, "by": "ann"}, peer())
    shows: list[str] = []
    while "garden is away" not in shows:
        shows += [text for _, _, text in (await world.read("a"))["lines"]]
        await asyncio.sleep(0)


async def test_the_log_of_a_leaf_is_for_those_who_may_read_it(world: World) -> None:
    world.refused.add(("leaf.call", "mallory"))
    with pytest.raises(RefusedError, match=r"leaf\.call"):
        await world.console.open({"id": "m" * 8, "leaf": "garden"}, peer("mallory", role="node"))
    assert not world.console._desks._of_leaves, "nobody follows it for him"
    for name in ("alice", "bob"):
        await world.console.open({"id": name * 3, "leaf": "garden"}, peer(name, role="node"))
    world.refused.add(("leaf.call", "alice"))
    with pytest.raises(RefusedError, match="refused to alice"):
        await world.console.read({"id": "alicealicealice"}, peer("alice", role="node"))
    with pytest.raises(NotFoundError, match=r"is over: 'leaf\.call' is refused to alice"):
        await world.console.read({"id": "alicealicealice"}, peer("alice", role="node"))
    assert (await world.console.read({"id": "bobbobbob"}, peer("bob", role="node")))["writer"] is None
    followers = []

    async def perform(method: str, params: dict[str, Any], by: Any) -> Any:
        followers.append(by.name)
        raise NotFoundError("no method log")

    world.console._desks._perform = perform
    await until(lambda: followers == ["bob"], what="it is asked on behalf of who is there")


async def test_a_shell_ends_with_the_right_to_it(tmp_path: Path) -> None:
    world = World(tmp_path, shell=True)
    world.console.attach()
    await world.open("a")
    await world.line("a", "shell")
    shell = world.console._sessions["a" * 8].shell
    assert shell is not None
    world.refused.add(("console.shell", "gateway"))
    with pytest.raises(RefusedError, match=r"console\.shell"):
        await world.read("a")
    await until(lambda: shell.code is not None, what="it has ended")
    with pytest.raises(NotFoundError, match="is over"):
        await world.console.input({"id": "a" * 8, "by": "ann", "data": "id\n"}, peer())
    await world.console.aclose()


async def test_a_flood_is_shown_no_faster_than_the_mesh_bears(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.console.attach()
    log = logging.getLogger("ganglion.flood")
    await world.open("a")
    sizes, after, lost = [], 0, 0
    for _ in range(20):
        for i in range(300):
            log.warning("%d %s", i, "x" * 200)
        reading = asyncio.create_task(world.read("a", after=after, wait=1))
        while not reading.done():
            await asyncio.sleep(0.005)
            world.now += 0.02
        said = reading.result()
        sizes.append(sum(len(text) for _, _, text in said["lines"]))
        after, lost = said["next"], lost + said["lost"]
    assert max(sizes) <= ROOM
    assert sum(sizes) <= RATE * world.now + ROOM
    assert lost > 0
    await world.console.aclose()


async def test_a_shell_is_bounded_and_ends_with_its_session(tmp_path: Path) -> None:
    world = World(tmp_path, shell=True)
    world.console.attach()
    await world.open("a", columns=100, rows=30)
    assert await world.line("a", "shell") == {"shell": True}
    session = world.console._sessions["a" * 8]
    shell = session.shell
    assert shell is not None
    await world.console.input({"id": "a" * 8, "by": "ann", "columns": 120, "rows": 40}, peer())
    await world.console.input({"id": "a" * 8, "by": "ann", "data": "stty size; yes | head -n 200000; exit 3\n"}, peer())
    await until(lambda: len(shell._waiting) >= 32 * 1024, what="it waits for who reads")
    assert len(shell._waiting) < 40 * 1024
    for wrong, error in (
        ({"data": "x" * 5000}, RefusedError),
        ({"data": 1}, InvalidError),
        ({"rows": 0}, InvalidError),
    ):
        with pytest.raises(error):
            await world.console.input({"id": "a" * 8, "by": "ann", **wrong}, peer())
    seen, is_open, said = 0, True, b""
    while is_open:
        world.now += 10
        answer = await world.read("a", seen=seen)
        assert len(answer["data"]) <= ROOM
        if len(said) < ROOM:  # an answer that was lost is given again
            world.now += 10
            assert (await world.read("a", seen=seen))["data"].startswith(answer["data"])
        said, seen, is_open = said + answer["data"], answer["seen"], answer["shell"]
        await asyncio.sleep(0)
    assert b"40 120\r\n" in said
    assert said.count(b"y\r\n") == 200_000
    assert "the shell has ended with 3" in [text for _, _, text in answer["lines"]]
    await world.line("a", "shell")
    second = session.shell
    assert second is not None

    def left() -> list[int]:
        found = []
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with suppress(OSError):
                found += [int(name)] if os.getsid(int(name)) == second._child.pid else []
        return found

    await world.console.input({"id": "a" * 8, "by": "ann", "data": "sleep 1234 & sleep 1235 &\n"}, peer())
    await until(lambda: len(left()) == 3, what="the shell and what it runs in the background")
    await world.console.close({"id": "a" * 8, "by": "ann"}, peer())
    await until(lambda: second.code is not None and not left(), what="it has ended, and what it ran")
    await world.console.aclose()
