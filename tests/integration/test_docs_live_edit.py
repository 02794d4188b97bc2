# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/live-edit.md: its commands, on a node, on a leaf with a real MicroPython, and on emulated boards."""

import asyncio
import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from ganglion.cli import saves
from ganglion.cli.dev import LEASE
from ganglion.device.files import Files
from ganglion.device.port import open_port
from ganglion.device.session import Session
from ganglion.errors import GanglionError, NotFoundError
from ganglion.mesh.leaves.folder import LeafFolder
from support.agent import Board
from support.boards import booted
from support.brokers import Broker, free_ports
from support.gateway import Process, process
from support.leaves import PARENT
from support.mesh import NOW
from support.node import node
from support.waiting import until_answered

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "live-edit.md").read_text()
NODE, LEAF, PORT = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
(SCRIPT,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SENSOR = """
[sensor.light]
kind = "bh1750"
bus = "sim"
every = "200ms"
"""
AGENT = {
    "name": "garden",
    "board": "pico-w",
    "uplink": {"kind": "none"},
    "buses": {"i2c0": {"id": 0, "sda": 4, "scl": 5}},
    "sensors": {"light": {"driver": "bh1750", "bus": "i2c0", "every": "1s"}},
}
#: Goes on until it is ended; this MicroPython has no `time`.
BUSY = "n = 0\nwhile True:\n    n += 1\n    if n % 100000 == 1:\n        print({!r})\n"
#: Seconds that anything may take.
LIMIT = 60


class Dev:
    """`ganglion dev … --json`, and what it says."""

    def __init__(self, command: str, folder: Path) -> None:
        program, *words = shlex.split(command)
        assert program == "ganglion"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ganglion", *words, "--json"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        self._said: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(line)
        self._said.put("")

    def until(self, **wanted: Any) -> dict[str, Any]:
        """The next document that has these; a text is looked for within the value, one of a device in all that came."""
        said = ""
        texts = {"out": "", "traceback": ""}
        while line := self._next(said):
            said += line
            document: dict[str, Any] = json.loads(line)
            for key in texts.keys() & document.keys():
                document[key] = texts[key] = texts[key] + document[key]
            if all(
                key in document and (value in document[key] if isinstance(value, str) else document[key] == value)
                for key, value in wanted.items()
            ):
                return document
        raise AssertionError(f"it has ended without {wanted}:\n{said}")

    def _next(self, said: str) -> str:
        try:
            return self._said.get(timeout=LIMIT)
        except Empty:
            raise AssertionError(f"it says no more:\n{said}") from None

    def end(self) -> None:
        """As the end of a terminal does."""
        self.process.terminate()
        assert self.process.wait(timeout=LIMIT) == 128 + signal.SIGTERM

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=LIMIT)

    def close(self) -> None:
        self.kill()
        self._reader.join(timeout=LIMIT)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def dev(command: str, folder: Path) -> Iterator[Dev]:
    made = Dev(command, folder)
    try:
        yield made
    finally:
        made.close()


@asynccontextmanager
async def farm(broker: Broker, folder: Path, firmware: Path) -> AsyncIterator[Process]:
    """A gateway, a node `barn` with a sensor, and its leaf `garden`."""
    (port,) = free_ports(1)
    async with process(folder / "gateway", broker.url) as gateway:
        (folder / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        board = Board(folder / "flash", firmware)
        board.configure(**AGENT, parent={"host": "127.0.0.1", "port": port})
        (board.folder / "lux").write_text("50")
        async with node(folder, PARENT.format(broker=broker.url, port=port) + SENSOR) as barn:
            await barn.ready()
            (board.folder / "leaf.key").write_text(LeafFolder(folder / "state").add("garden", now=NOW).text())
            await board.on()
            try:
                yield gateway
            finally:
                await board.off()


async def scripts(gateway: Process, leaf: str = "") -> dict[str, str]:
    """Of the node or its leaf: hashes, as far as both have them."""
    asked: dict[str, Any] = {"method": "scripts.list", "params": {}}
    if leaf:
        asked = {"method": "leaf.call", "params": {"leaf": leaf, "method": "scripts.list"}}
    answer = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
    return {each["name"]: each["hash"][:12] for each in answer.json()["result"]["scripts"]}


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_an_edit_is_live_on_a_node_and_a_leaf_and_gone_with_the_command(
    broker: Broker, tmp_path: Path, firmware: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "light.yaml"
    async with farm(broker, tmp_path, firmware) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)

        async def joined() -> bool:
            asked = {"method": "leaf.call", "params": {"leaf": "garden", "method": "ping"}}
            return (await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)).status_code == 200

        await until_answered(joined)
        file.write_text(SCRIPT)
        for nobody in ("bran", "barn/gardn"):
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "ganglion", "dev", nobody, str(file)],
                capture_output=True,
                text=True,
                timeout=LIMIT,
            )
            assert done.returncode == 3, done.stderr
            assert nobody.rpartition("/")[2] in done.stderr
        for command, leaf in ((NODE, ""), (LEAF, "garden")):
            file.write_text(SCRIPT.replace("dark:", "kept:"))
            target = shlex.split(command)[2]
            kept = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "ganglion", "scripts", "put", target, str(file)],
                timeout=LIMIT, capture_output=True, text=True,
            )  # fmt: skip
            assert kept.returncode == 0, kept.stderr
            before = await scripts(gateway, leaf)
            flash = {path: path.read_bytes() for path in (tmp_path / "flash").rglob("*.plan*")}
            file.write_text(SCRIPT)
            with dev(command, tmp_path) as edited:
                live = await asyncio.to_thread(edited.until, live=True, name="light")
                if not leaf:
                    asked = {"method": "sim.set", "params": {"sensor": "light.illuminance", "value": 50}}
                    assert (await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)).status_code == 200
                await asyncio.to_thread(edited.until, log="dark: ")
                file.write_text(SCRIPT.replace("below", "belo"))
                wrong = await asyncio.to_thread(edited.until, live=False)
                assert wrong["error"].startswith("light.yaml:4:"), wrong
                file.write_text(SCRIPT.replace("[1s, 50]", "[1s, 150]"))
                failing = await asyncio.to_thread(edited.until, live=False)
                assert "light.yaml:9:5: the test 'dusk is told' fails" in failing["error"]
                assert (await scripts(gateway, leaf))["light"] == live["hash"][:12] != before["light"]
                file.write_text(SCRIPT.replace("dark:", "darker:"))
                newer = await asyncio.to_thread(edited.until, live=True)
                assert (await scripts(gateway, leaf))["light"] == newer["hash"][:12] != live["hash"][:12]
                assert {path: path.read_bytes() for path in (tmp_path / "flash").rglob("*.plan*")} == flash
                if leaf:
                    edited.kill()
                else:
                    await asyncio.to_thread(edited.end)

            async def is_back(leaf: str = leaf, before: dict[str, str] = before) -> bool:
                return await scripts(gateway, leaf) == before

            await until_answered(is_back, what="what was there before")


@pytest.mark.parametrize("kind", ["microbit", "cortex-m3"])
def test_python_runs_on_a_board_and_its_own_program_after_it(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "blink.py"
    file.write_text(BUSY.format("one"))
    with booted(kind) as port:
        if kind == "microbit":  # the other has no flash that outlives a reset
            with Session(open_port(port)) as session:
                Files(session).write("main.py", b"with open('ran', 'w') as file: file.write('x')\n")
        with dev(PORT.replace("/dev/ttyUSB0", port), tmp_path) as edited:
            assert edited.until(running=True)["file"] == "blink.py"
            edited.until(out="one\n")
            file.write_text("def act():\n    1 // 0\nprint('two')\nact()\n")
            edited.until(out="two\n")
            edited.until(traceback='  File "blink.py", line 2, in act\n')
            assert edited.until(ended=False)
            file.write_text(BUSY.format("three"))
            edited.until(out="three\n")
            file.write_text("print('four'\n")
            assert edited.until(running=False)["error"] == "blink.py:1:6: '(' was never closed"
            edited.until(out="three\n")
            file.write_text("match 1:\n    case 1:\n        pass\n")
            assert "SyntaxError" in edited.until(running=False)["error"]
            edited.until(running=True)
            edited.until(out="three\n")
            if kind == "microbit":
                edited.kill()
            else:
                edited.end()
        names = there(port)
        assert names == ({"main.py", "ran"} if kind == "microbit" else set())


def there(port: str) -> set[str]:
    """The files of a board, once its own program has run and nothing is left of another."""
    until = time.monotonic() + LIMIT
    while True:
        time.sleep(1)  # whoever gives it back needs the port, too
        try:
            with Session(open_port(port)) as session:
                clean = session.execute("print('n' in globals())") == b"False\r\n"
                names = {entry.name for entry in Files(session).listing()}
        except NotFoundError:  # the Cortex-M3 has no file system
            names = set()
        except GanglionError as error:
            assert "is in use by" in str(error), error  # by that one
            continue
        finally:
            assert time.monotonic() < until
        if clean and names != {"main.py"}:
            return names


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"nothing for {LEASE} seconds" in text
    assert f"stayed the same for {saves._SETTLED} seconds" in text


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["barn", "blink.py"], 2, "a node and a leaf run MOVA"),
        (["/dev/ttyUSB0", "light.yaml"], 2, "the agent takes MOVA over the mesh alone"),
        (["barn", "light.yaml", "--baud", "9600"], 2, "--baud is for a serial port"),
        (["/dev/ttyUSB0", "blink.py", "--baud", "0"], 2, "--baud 0: at least 1"),
        (["barn", "none.yaml"], 3, "none.yaml: there is no such file"),
        (["/dev/null", "blink.py"], 1, "is no serial port"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, words: list[str], code: int, says: str) -> None:
    (tmp_path / "blink.py").write_text("pass\n")
    (tmp_path / "light.yaml").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "ganglion", "dev", *words], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT
    )
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
