# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts that are edited: on an agent and on a node, what runs for a time, and what is back after it."""

import base64
import logging
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.cli import dev_serial
from ganglion.cli.dry import DryPorts, Service
from ganglion.cli.live import Live as Edited
from ganglion.cli.script_file import compiled
from ganglion.clock import Clock
from ganglion.device.raw_repl import Event, Executed, Output
from ganglion.device.restoring import Restoring
from ganglion.device.trying import Ended, Said, Trying, source
from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
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
from support.mova import edge
from support.waiting import until_answered


def text(say: str, name: str = "trial") -> str:
    return edge(f'- {{id: say, action: log, message: "{say}"}}').replace("name: trial", f"name: {name}", 1)


def plan(say: str, name: str = "trial") -> Plan:
    return compile(load(text(say, name), file="x.yaml"))


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


@pytest.mark.parametrize("seconds", [0, 3601, "20", None, True])
async def test_a_node_bounds_seconds(node: Scripts, seconds: Any) -> None:
    with pytest.raises(InvalidError, match="seconds: must be 1 to 3600"):
        await put(node, plan("new"), seconds=seconds)
    assert await loaded(node) == {}


async def test_a_nodes_log_is_read_on_from_where_it_was() -> None:
    lines = Lines(lambda: None)
    log = Log(lines)
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
    log, after, found = Log(lines), 0, 0
    while (said := await log.asked({"after": after}, None))["lines"]:
        assert len(encode(said)) < MAX_SIZE
        after, found = said["next"], found + len(said["lines"])
    assert (after, found) == (256, 64 * 1024 // 524)


# The command


class Somewhere:
    """What runs scripts, and is away at times."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.error: Exception | None = None
        self.puts = 0

    def put(self, made: Plan, seconds: int | None = None) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        self.puts += 1
        replaced = made.name in self.runs
        self.runs[made.name] = made.hash
        return {"name": made.name, "hash": made.hash, "replaced": replaced}

    def live(self, name: str, seconds: int) -> bool:
        if self.error is not None:
            raise self.error
        return bool(self.runs.pop(name, "")) if not seconds else name in self.runs

    def listing(self) -> dict[str, Any]:
        return {"scripts": [{"name": name, "hash": each} for name, each in self.runs.items()]}

    def remove(self, name: str) -> dict[str, Any]:
        self.runs.pop(name)
        return {"name": name}

    def log(self, after: int) -> tuple[list[str], int]:
        return [], 0


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> tuple[Somewhere, Edited, list[str]]:
    monkeypatch.setattr("ganglion.cli.live._LOOK", 0.0)
    there, said = Somewhere(), list[str]()
    return there, Edited(there, "barn", Path("x.yaml"), lambda _, words: said.append(words), seconds=20), said


def test_a_document_that_is_wrong_is_said_with_its_place_and_the_one_before_goes_on(
    edited: tuple[Somewhere, Edited, list[str]],
) -> None:
    there, live, said = edited
    live.save(text("one").encode())
    live.save(text("two").replace("action: log", "action: lo").encode())
    failing = text("two") + "tests: [{name: it acts, feed: {}, expect: [{ran: none}]}]\n"
    live.save(failing.encode())
    live.look()
    assert there.puts == 1
    assert said[0].startswith("live on barn after 0.")
    assert "not live: x.yaml:" in said[1]
    assert "'lo'" in said[1]
    assert said[1].endswith("; the one before goes on")


def test_who_has_forgotten_it_gets_the_last_good_one_again(edited: tuple[Somewhere, Edited, list[str]]) -> None:
    there, live, said = edited
    live.save(text("one").encode())
    live.save(b"what is this")
    there.runs.clear()
    live.look()
    assert there.runs == {"trial": plan("one").hash}
    assert len(said) == 3


def test_who_is_away_gets_the_newest_when_it_is_back(edited: tuple[Somewhere, Edited, list[str]]) -> None:
    there, live, said = edited
    there.error = UnreachableError("barn does not answer")
    live.save(text("one").encode())
    live.look()
    live.save(text("two").encode())
    there.error = None
    live.look()
    live.look()
    assert there.runs == {"trial": plan("two").hash}
    assert there.puts == 1
    assert said[0] == "not live: barn does not answer: it is tried again"
    assert len(said) == 2


def test_what_is_refused_is_not_tried_again_and_a_new_name_ends_the_one_before(
    edited: tuple[Somewhere, Edited, list[str]],
) -> None:
    there, live, said = edited
    live.save(text("one").encode())
    there.error = RefusedError("no such sensor")
    live.save(text("two").encode())
    there.error = None
    live.look()
    assert there.runs == {"trial": plan("one").hash}
    live.save(text("three", "other").encode())
    assert list(there.runs) == ["other"]
    live.end()
    assert there.runs == {}
    assert said[1] == "not live: no such sensor; the one before goes on"
    assert said[3] == "trial of this file runs no more on barn"


def test_a_test_that_fails_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text("one") + "tests:\n  - name: it acts\n    feed: {}\n    expect: [{ran: main}]\n")
    with pytest.raises(InvalidError, match=r"x\.yaml:\d+:5: the test 'it acts' fails: ran main"):
        compiled(file)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"x = 1\nif x:\nprint(x)\n", r"x\.py:3:1: expected an indented block"),
        (b"x = 1\ny = '\xff'\n", r"x\.py:2:6: is no text in UTF-8"),
        (b"x = 1\ny = '\x03'\n", r"x\.py:2:6: a control character, .* write \\x03"),
        (b"(" * 5000, r"x\.py:1:\d+: too many nested parentheses"),
        (b"x" * 300_000, r"x\.py: is 300000 bytes long"),
        (b"x = '\0'", r"x\.py:1:1: source code"),
    ],
)
def test_what_is_wrong_with_python_is_said_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        source(data, "x.py")


def test_what_a_device_could_not_read_is_told_from_what_failed_there() -> None:
    where = 'Traceback (most recent call last):\n  File "x.py", line 1'
    assert Ended(f"{where}\nSyntaxError: invalid syntax\n").is_syntax
    assert not Ended(f'{where}, in <module>\n  File "y.py", line 1\nSyntaxError: invalid syntax\n').is_syntax
    assert not Ended(f"{where}, in <module>\nValueError: no\n").is_syntax
    assert not Ended("").is_syntax
    assert source("x = '\\d'  # ї\r\n".encode(), "x.py") == "x = '\\d'  # ї\r\n"
    assert source(b"\xef\xbb\xbfx", "x.py") == "x"


class Slow:
    """A session whose device says this, a byte at a time."""

    has_taken = True

    def __init__(self, out: bytes, error: bytes) -> None:
        self._events: list[Event] = [Output(bytes([each]), "out") for each in out]
        self._events += [Output(bytes([each]), "error") for each in error]
        self._events.append(Executed())

    def soft_reset(self) -> None:
        """Nothing ran."""

    def begin(self, text: str) -> None:
        """It is taken."""

    def hear(self, timeout: float) -> list[Event]:
        return [self._events.pop(0)] if self._events else []


def test_lines_are_whole_however_their_bytes_come() -> None:
    traceback = 'Traceback:\r\n  File "<stdin>", line 1, in <module>\r\nValueError: \r\n'
    session: Any = Slow("Привіт\r\nno end".encode(), traceback.encode())
    trying = Trying(session, "x.py")
    trying.run("pass")
    found = [each for _ in range(200) for each in trying.hear(0)]
    named = ["Traceback:\n", '  File "x.py", line 1, in <module>\n', "ValueError: \n"]
    assert found[0] == Said("Привіт\n", False)
    assert [each for each in found if isinstance(each, Said) and each.is_error] == [Said(each, True) for each in named]
    assert Said("no end", False) in found
    assert found[-1] == Ended("".join(named))


def test_what_a_device_says_does_a_terminal_no_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.py"
    file.touch()
    shown = dev_serial._Edited(Namespace(file=file, json=False), lambda _, text: print(text))
    shown._output(Said("a\x1b]52;c;cm0=\x07\x1b[32mgreen\n\x1b[", False))
    shown._note({}, "has ended well")
    said = f"a\N{SYMBOL FOR ESCAPE}]52;c;cm0=\a\x1b[32mgreen\n\N{SYMBOL FOR ESCAPE}[\n--- {file} has ended well\n"
    assert capsys.readouterr().out == said


def test_a_port_that_is_not_ours_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [RefusedError("udev has not been there"), GanglionError("in use"), "the port"]

    def opened(name: str, *, baud: int) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(dev_serial, "open_port", opened)
    monkeypatch.setattr(dev_serial, "_AGAIN", 0.0)
    assert dev_serial._again("/dev/ttyUSB0", 115200) == "the port"


def test_who_gives_a_device_back_takes_nothing_from_the_folder_that_is_worked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "subprocess.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)
    with Restoring("/dev/ttyUSB0", 115200) as restoring:
        pass
    assert restoring._child.returncode == 0
