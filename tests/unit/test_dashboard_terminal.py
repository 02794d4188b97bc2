# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal of a console: what of a pasted block is carried out, and whose words reach the terminal as they are."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from nicegui import core
from nicegui.events import XtermDataEventArguments, XtermResizeEventArguments

from ganglion.client.call import Call
from ganglion.errors import RefusedError
from ganglion_gateway.dashboard.console.terminal import Terminal
from ganglion_gateway.dashboard.words import speaking
from support.waiting import until


class Node:
    """What stands for visit, screen and node: it answers lines when it may, and says what it is given to say."""

    say = speaking("en")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.inputs: list[Any] = []
        self.shown = ""
        self.may_answer = asyncio.Event()
        self.says: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = False

    def write(self, text: str) -> None:
        self.shown += text

    async def ask(self, call: Call[Any]) -> Any:
        assert call.data is not None
        asked = json.loads(call.data)
        match asked["method"]:
            case "console.open":
                return {"result": {"who": "a", "writer": "a", "writes": True, "new": True, "after": 0}}
            case "console.read":
                data = base64.urlsafe_b64encode(await self.says.get()).decode()
                read = {"lines": [], "lost": 0, "data": data, "writer": "a", "writes": True, "shell": True}
                return {"result": {**read, "next": 0, "seen": 0}}
            case "console.line":
                line = asked["params"]["line"]
                self.lines.append(line)
                await self.may_answer.wait()
                if line == "shell":
                    raise RefusedError("no shell here")
                return {"result": {"shown": line, "result": {}}}
            case "console.input":
                given = asked["params"]
                self.inputs.append(given.get("data") or given["columns"])
                await self.may_answer.wait()
                return {"result": {}}
        self.closed = True
        return {"result": {}}


@asynccontextmanager
async def terminal() -> AsyncIterator[tuple[Node, Terminal]]:
    core.loop = asyncio.get_running_loop()  # NiceGUI has its tasks there
    node = Node()
    one = Terminal(cast(Any, node), "n", "n", cast(Any, node), lambda: None, columns=80, rows=24)
    one.begin()
    await until(lambda: "console of n" in node.shown)
    try:
        yield node, one
    finally:
        await one.end()


def paste(one: Terminal, text: str) -> None:
    one.pressed(XtermDataEventArguments(sender=cast(Any, None), client=cast(Any, None), data=text))


def resize(one: Terminal, columns: int) -> None:
    one.resized(XtermResizeEventArguments(sender=cast(Any, None), client=cast(Any, None), cols=columns, rows=24))


async def test_a_shell_has_the_last_size_and_has_it_before_what_is_typed_then() -> None:
    async with terminal() as (node, one):
        one._in_shell = True
        resize(one, 100)
        await until(lambda: node.inputs == [100])
        for columns in (90, 70):
            resize(one, columns)
        paste(one, "tput cols")
        for _ in range(20):
            await asyncio.sleep(0)
        assert node.inputs == [100]
        node.may_answer.set()
        await until(lambda: "tput cols" in node.inputs)
        assert node.inputs == [100, 70, "tput cols"]
        resize(one, 90)
        await until(lambda: node.inputs[-1] == 90)
        assert len(node.inputs) == 4


async def test_of_a_pasted_block_nothing_is_begun_once_the_page_is_gone() -> None:
    async with terminal() as (node, one):
        paste(one, "status\rreboot\rpump on\r")
        await until(lambda: node.lines == ["status"])
    assert node.closed
    node.may_answer.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert node.lines == ["status"]


async def test_a_refused_shell_leaves_what_is_shown_harmless() -> None:
    async with terminal() as (node, one):
        node.may_answer.set()
        paste(one, "shell\r")
        await until(lambda: "no shell here" in node.shown)
        node.says.put_nowait(b"somebody's \x1b]0;owned\x07 shell")  # that another one has opened
        await until(lambda: "shell" in node.shown.split("no shell here")[1])
        assert "\x1b]" not in node.shown
