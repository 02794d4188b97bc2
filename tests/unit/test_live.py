# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts that are edited: on an agent and on a node, what runs for a time, and what is back after it."""

import base64
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.cli.dry import DryPorts, Service
from ganglion.clock import Clock
from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.node.console.log import Log
from ganglion.node.console.tail import Lines
from ganglion.node.hearing import Hearing
from ganglion.node.scripts import Scripts
from ganglion_agent.live import LONGEST, Live
from ganglion_agent.log import LINES as AGENT_LINES
from ganglion_agent.log import Log as AgentLog
from ganglion_agent.store import Store
from ganglion_micro.cbor import MAX_SIZE, encode
from support.edited import plan
from support.edited import text as edited
from support.waiting import until_answered

# On an agent


class Runner:
    """Scripts that are only remembered."""

    def __init__(self) -> None:
        self.scripts: dict[str, Any] = {}

    def load(self, data: bytes, now: int) -> None:
        if data == b"bad":
            raise ValueError("no plan")
        self.scripts["x"] = data

    def remove(self, name: str, now: int) -> bool:
        return self.scripts.pop(name, None) is not None


class Device:
    """What `Live` needs of one, with a clock that is moved."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.clock = self
        self.runner = Runner()
        self.logged: list[str] = []

    def ms(self) -> int:
        return self.now_ms

    def now(self) -> int:
        return self.now_ms * 1_000_000

    def log(self, level: str, message: str) -> None:
        self.logged.append(f"{level} {message}")

    def scripts(self) -> Runner:
        return self.runner


class Bench:
    """An agent's live scripts, with a flash that is a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = Device()
        self.store = Store(f"{folder}/scripts/")
        self.live = Live(self.device, self.store)  # type: ignore[arg-type]

    def _load(self, data: bytes) -> None:
        self.device.runner.load(data, 0)

    def keep(self, data: bytes) -> None:
        """On the flash, and running."""
        self.store.put("x", 0, len(data), data, self._load)

    def put(self, data: bytes, seconds: int = 20) -> dict[str, Any]:
        return self.live.put("x", 0, len(data), data, seconds, self._load)

    def after(self, seconds: float) -> dict[str, Any]:
        self.device.now_ms += round(seconds * 1000)
        self.live.advance(self.device.now_ms)
        return self.device.runner.scripts


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_nothing_of_what_is_edited_is_written_and_the_flash_is_back_after_it(bench: Bench) -> None:
    bench.keep(b"old")
    files = {path.name: path.read_bytes() for path in bench.folder.rglob("*") if path.is_file()}
    assert bench.put(b"new") == {"at": 3, "done": True}
    assert bench.put(b"newer") == {"at": 5, "done": True}
    assert bench.after(19) == {"x": b"newer"}
    assert bench.after(2) == {"x": b"old"}
    assert {path.name: path.read_bytes() for path in bench.folder.rglob("*") if path.is_file()} == files
    assert bench.device.logged == ["info the script x is as before"]


def test_what_was_not_there_before_is_not_there_after(bench: Bench) -> None:
    bench.put(b"new")
    assert bench.after(21) == {}


def test_a_script_of_the_flash_that_did_not_run_does_not_run_after(bench: Bench) -> None:
    bench.keep(b"old")
    bench.device.runner.scripts.clear()  # three crashes in a row
    bench.put(b"new")
    assert bench.after(21) == {}


def test_a_bad_one_leaves_the_one_before_and_its_time(bench: Bench) -> None:
    bench.put(b"new")
    with pytest.raises(ValueError, match="no plan"):
        bench.put(b"bad")
    assert bench.after(19) == {"x": b"new"}
    assert bench.after(2) == {}


def test_pieces_that_are_lost_are_asked_for_again(bench: Bench) -> None:
    def put(at: int, data: bytes) -> dict[str, Any]:
        return bench.live.put("x", at, 6, data, 20, bench._load)

    assert put(3, b"def") == {"at": 0}
    assert put(0, b"abc") == {"at": 3}
    assert put(0, b"abc") == {"at": 3}
    assert put(5, b"f") == {"at": 3}
    assert put(3, b"defg") == {"at": 3}
    assert put(3, b"def") == {"at": 6, "done": True}
    assert bench.after(0) == {"x": b"abcdef"}


def test_it_is_kept_put_back_and_let_go(bench: Bench) -> None:
    class Hashed(bytes):
        hash = "abc"

    assert bench.live.keep("x", 20) == {"hash": ""}
    bench.put(b"new")
    bench.device.runner.scripts["x"] = Hashed(b"new")
    bench.after(19)
    assert bench.live.keep("x", 20) == {"hash": "abc"}
    assert bench.after(19) == {"x": b"new"}
    assert bench.live.keep("x", 0) == {"hash": ""}
    assert bench.after(0) == {}
    bench.put(b"new")
    bench.live.forget("x")
    assert bench.after(99) == {"x": b"new"}, "somebody has put it on the flash"


@pytest.mark.parametrize("seconds", [0, -1, LONGEST + 1, "20", None, 1.5, True])
def test_seconds_are_bounded(bench: Bench, seconds: Any) -> None:
    with pytest.raises(ValueError, match="seconds are 1 to 3600"):
        bench.put(b"new", seconds)


def test_an_agents_log_is_read_on_from_where_it_was() -> None:
    log = AgentLog(echo=False)
    for i in range(AGENT_LINES + 3):
        log.add(i, "info", "x")
    lines, then = log.since(0, 30)
    assert (lines, then) == (["3 info x", "4 info x"], 5), "the first three are lost"
    assert log.since(then, 12)[0] == ["5 info x"]
    assert log.since(AGENT_LINES + 3, 700) == ([], AGENT_LINES + 3)
    assert len(log.since(999, 7000)[0]) == AGENT_LINES, "of another boot"


# On a node


class Things:
    """The sensors or actuators of a node that has none."""

    def capabilities(self) -> dict[str, Any]:
        return {}


@pytest.fixture
async def node() -> AsyncIterator[Scripts]:
    bus, clock = Bus(), Clock()
    nobody = Service(url="", key="", model="", temperature=None, tokens=None, seconds=None)
    runner = ScriptRunner(bus, DryPorts({}, nobody, bus, clock), clock)
    things: Any = Things()
    yield Scripts(runner, None, Hearing(runner, None), sensors=things, actuators=things)
    await runner.aclose()


async def loaded(node: Scripts) -> dict[str, str]:
    return {each["name"]: each["hash"] for each in (await node.list({}, None))["scripts"]}


async def put(node: Scripts, made: Plan, **more: Any) -> dict[str, Any]:
    return await node.put({"plan": base64.urlsafe_b64encode(made.encode()).decode(), **more}, None)


async def test_a_node_has_what_was_there_before_once_nobody_edits(node: Scripts) -> None:
    old, new, newer = plan("old"), plan("new"), plan("newer")
    node.begin([old])
    assert (await put(node, new, seconds=20))["replaced"]
    assert (await put(node, newer, seconds=1))["replaced"]
    assert await loaded(node) == {"trial": newer.hash}
    assert await node.live({"name": "trial", "seconds": 1}, None) == {"hash": newer.hash}

    async def is_back() -> bool:
        return await loaded(node) == {"trial": old.hash}

    await until_answered(is_back)
    assert await node.live({"name": "trial", "seconds": 1}, None) == {"hash": ""}


async def test_a_script_that_is_let_go_ends_or_is_as_before(node: Scripts) -> None:
    old = plan("old")
    node.begin([old])
    await put(node, plan("new"), seconds=20)
    await put(node, plan("other", "other"), seconds=20)
    for name in ("trial", "other", "none"):
        assert await node.live({"name": name, "seconds": 0}, None) == {"hash": ""}
    assert await loaded(node) == {"trial": old.hash}


async def test_what_is_put_to_stay_stays_and_what_is_removed_is_gone(node: Scripts) -> None:
    kept = plan("kept")
    await put(node, plan("new"), seconds=20)
    await put(node, kept)
    await put(node, plan("other", "other"), seconds=20)
    await node.remove({"name": "other"}, None)
    for name in ("trial", "other"):
        assert await node.live({"name": name, "seconds": 0}, None) == {"hash": ""}
    assert await loaded(node) == {"trial": kept.hash}


async def test_the_text_of_a_script_comes_in_pieces_while_its_file_is_what_runs(node: Scripts, tmp_path: Path) -> None:
    file = tmp_path / "cold.yaml"
    text = "# Тут холодно\n" * 2000 + edited("cold", "cold")
    file.write_text(text)
    made = compile(load(file))
    node.begin([made])
    node.files[made.name] = file
    read, pieces = "", 0
    while len(read) < len(text):
        told = await node.source({"name": made.name, "at": len(read)}, None)
        assert (told["hash"], told["file"], told["size"]) == (made.hash, "cold.yaml", len(text))
        assert len(encode(told)) < MAX_SIZE
        read, pieces = read + told["text"], pieces + 1
    assert read == text
    assert pieces == 3
    for at in (-1, "0", None, True):
        with pytest.raises(InvalidError, match="at: must be a number of letters"):
            await node.source({"name": made.name, "at": at}, None)
    with pytest.raises(NotFoundError, match="there is no script 'warm' here; there are cold"):
        await node.source({"name": "warm"}, None)
    await put(node, plan("new"))
    for name, now in (("trial", text), (made.name, text + "  \n- x"), (made.name, text.replace("cold", "warm"))):
        file.write_text(now)
        with pytest.raises(RefusedError, match="it was put there as a plan, or its file has changed since"):
            await node.source({"name": name}, None)


@pytest.mark.parametrize("seconds", [0, 3601, "20", None, True])
async def test_a_node_bounds_seconds(node: Scripts, seconds: Any) -> None:
    with pytest.raises(InvalidError, match="seconds: must be 1 to 3600"):
        await put(node, plan("new"), seconds=seconds)
    assert await loaded(node) == {}


async def no_news(seconds: float) -> None:
    """Nothing comes while a test waits."""


async def test_a_nodes_log_is_read_on_from_where_it_was() -> None:
    lines = Lines(lambda: None)
    log = Log(lines, no_news, "this boot")
    assert await log.asked({}, None) == {"lines": [], "next": 0}
    for i in range(3):
        lines.add(f"ganglion.test: line {i}\nmore", logging.WARNING)
        lines.add("ganglion.test: of no interest", logging.DEBUG)
        lines.add("ann> status")
    said = await log.asked({"after": 3}, None)
    assert [line.partition(" ")[2] for line in said["lines"]] == [
        "WARNING ganglion.test: line 1",
        "WARNING ganglion.test: line 2",
    ]
    assert said["next"] == 9
    assert await log.asked({"after": 9}, None) == {"lines": [], "next": 9}
    assert len((await log.asked({"after": 9999}, None))["lines"]) == 3, "of another start"
    assert len((await log.asked({}, None))["lines"]) == 3
    with pytest.raises(InvalidError, match="after: must be a whole number"):
        await log.asked({"after": "now"}, None)


async def test_an_answer_with_a_long_log_is_a_message_of_the_mesh() -> None:
    lines = Lines(lambda: None)
    for _ in range(256):
        lines.add("\N{SNOWMAN}" * 500, logging.INFO)
    log, after, found = Log(lines, no_news, "this boot"), 0, 0
    while (said := await log.asked({"after": after}, None))["lines"]:
        assert len(encode(said)) < MAX_SIZE
        after, found = said["next"], found + len(said["lines"])
    assert (after, found) == (256, 64 * 1024 // 524)
