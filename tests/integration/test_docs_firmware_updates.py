# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/firmware-updates.md: its commands, with the agent in its slots on a real MicroPython behind node and gateway."""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.firmware import bundle, heap
from ganglion.firmware.interpreter import cached
from ganglion.firmware.sending import CHUNK
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion_agent import boot, slots
from ganglion_tools.micropython import interpreter
from support.agent import RESET, Board
from support.brokers import Broker, free_ports
from support.gateway import process
from support.leaves import PARENT
from support.mesh import NOW
from support.node import node
from support.waiting import until_answered

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "firmware-updates.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
(AGENT,) = re.findall(r"^```json\n(.*?)^```$", (ROOT / "docs" / "firmware.md").read_text(), re.DOTALL | re.MULTILINE)
#: The board's own `main.py`, but that its flash is the current folder, and nobody is waited for.
MAIN = """
from ganglion_agent import boot

boot.RESCUE_MS = 50
boot.run(".")
"""


@asynccontextmanager
async def powered(board: Board) -> AsyncIterator[None]:
    """The board is on, and again after each of its resets."""

    is_on = True

    async def keep() -> None:
        while is_on:
            await board.on()
            code = await board.ended(within=600)
            assert code == RESET or not is_on, board.console[-2000:]

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        is_on = False
        board.kill()
        await keeping


async def test_every_command_runs_and_a_bad_version_is_left(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (port,) = free_ports(1)
    said = {**json.loads(AGENT), "uplink": {"kind": "none"}, "parent": {"host": "127.0.0.1", "port": port}}
    (tmp_path / "agent.json").write_text(json.dumps(said))

    async def run(command: str, *more: str, code: int = 0) -> Any:
        program, *words = shlex.split(command)
        assert program == "ganglion"
        ended = await asyncio.to_thread(main, [*words, *more, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, out + err
        return json.loads(out)

    size, build, send = COMMANDS
    assert {"bytes", "budget", "heap"} <= (await run(size)).keys()
    first = await run(build)
    board = Board(tmp_path / "board", ROOT / "tests" / "support" / "board", heap="500k")
    (tmp_path / "board" / "main.py").write_text(MAIN)
    board.configure(**said)
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        async with node(tmp_path, PARENT.format(broker=broker.url, port=port)) as barn:
            await barn.ready()
            key = LeafFolder(tmp_path / "state").add("garden", now=NOW).text()
            (tmp_path / "board" / "leaf.key").write_text(key)
            async with powered(board):

                async def status() -> dict[str, Any]:
                    asked = {"method": "leaf.call", "params": {"leaf": "garden", "method": "status"}}
                    answer = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
                    found: dict[str, Any] = answer.json()["result"] if answer.status_code == 200 else {}
                    return found

                async def runs() -> bool:
                    return (await status()).get("slot") == "a"

                await until_answered(runs, what="the version of the build")
                assert (await run(send))["was"] == "running"

                monkeypatch.setattr(bundle, "__version__", "9.0.0")
                sent = await run(send)
                assert (sent["was"], sent["version"]) == ("committed", "9.0.0")
                assert sent["sent"] < 8192, "the manifest alone: all files are there"
                assert sent["sha256"] != first["sha256"]
                assert (await status())["slot"] == "b"
                assert (tmp_path / "board" / "slot").read_text().startswith("1 b kept 0 good ")

                monkeypatch.setattr(bundle, "__version__", "9.1.0")
                without_drivers, _, _ = send.partition(" --config")
                gone_back = await run(without_drivers, "--lines", code=1)
                assert gone_back["error"].startswith("barn/garden has gone back to its version before")
                asked = {"method": "leaf.call", "params": {"leaf": "garden", "method": "crash"}}
                answer = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
                crash = answer.json()["result"]["crash"]
                assert "ImportError: no module named 'ganglion_micro.drivers" in crash["error"]
                assert (await status())["slot"] == "b"
                assert (tmp_path / "board" / "slot").read_text().startswith("1 b kept 0 unknown ")

                monkeypatch.setattr(bundle, "__version__", "9.2.0")
                assert (await run(send, "--lines"))["was"] == "committed"
                assert (await status())["slot"] == "a"
                refused = await run("ganglion firmware send barn", code=2)
                assert refused["error"] == "barn: write PARENT/LEAF, as in barn/garden"


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"pieces of {CHUNK} bytes" in text
    assert f"after {slots.TRIAL_BOOTS} boots" in text
    assert f"after {boot.TRIAL_MS // 60000} minutes of one such boot" in text
    assert f"fails {slots.FAILURES} times in a row" in text
    assert boot.RESCUE_MS == 60000
    assert f"budget of {bundle.BUDGET // 1024} KiB" in text
    assert f"heap of {heap.BOARD // 1024} KiB while the agent runs a script of {heap.STEPS} steps" in text
    assert f"beside the {heap.FREE // 1024} KiB that are wanted" in text


def test_what_a_version_takes_is_as_the_pages_say() -> None:
    built = bundle.build()
    assert "a third larger" in PAGE
    assert 1.25 < bundle.build(lines=True).size / built.size < 1.4
    assert "128 KiB are enough" in PAGE
    assert built.size + 64 * len(built.files) < 128 * 1024
    command = interpreter(cached("i386"), "i386")
    taken = {place: heap.BOARD - heap.measure(built, command, place).free for place in heap.PLACES}
    page = " ".join((ROOT / "docs" / "firmware.md").read_text().split())
    found = re.search(r"the agent takes (\d+) KiB of heap where .* and (\d+) KiB where the board has a \[ROMFS\]", page)
    assert found
    assert int(found[1]) == pytest.approx(taken[heap.FILES] / 1024, abs=4)
    assert int(found[2]) == pytest.approx(taken[heap.ROM] / 1024, abs=4)
