# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mesh.md, "Leaves": each command is run, and the program of the page runs on a real MicroPython."""

import asyncio
import json
import os
import re
import shlex
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.config.leaves import LeavesSection
from ganglion.mesh.leaves.parent import SILENCE
from ganglion.units import SECOND
from ganglion_micro import leaf, leaf_key
from ganglion_tools.micropython import interpreter
from support.brokers import Broker, free_ports
from support.gateway import process
from support.node import node
from support.waiting import until_answered

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mesh.md").read_text()
SECTION = PAGE.partition("## Leaves: devices that cannot sign\n")[2].partition("\n## ")[0]
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
(TABLE,) = re.findall(r"^```toml\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
CONFIG = """
[node]
name = "barn"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
{table}
host = "127.0.0.1"
port = {port}
"""


@asynccontextmanager
async def device(folder: Path, port: int) -> AsyncIterator[None]:
    """The program of the page on a real MicroPython, with the files that it is given beside it."""
    program = PROGRAM.replace('"192.0.2.20", 8475', f'"127.0.0.1", {port}')
    assert program != PROGRAM
    (folder / "main.py").write_text(program)
    command = [*interpreter(ROOT / ".cache" / "micropython"), "-X", "heapsize=256k", "main.py"]
    path = os.pathsep.join(["", ".frozen", str(ROOT / "firmware")])
    child = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={"MICROPYPATH": path}, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield
        assert child.returncode is None, "it goes on"
    finally:
        if child.returncode is None:
            child.kill()
        assert child.stderr is not None
        print((await child.stderr.read()).decode())
        await child.wait()


async def test_every_command_runs_and_the_program_is_a_leaf(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (port,) = free_ports(1)
    ran = 0

    async def run(*more: str, code: int = 0) -> str:
        nonlocal ran
        program, *words = shlex.split(COMMANDS[ran])
        assert program == "ganglion"
        ran += 1
        assert await asyncio.to_thread(main, [*words, *more]) == code
        return capsys.readouterr().out

    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        (tmp_path / "barn").symlink_to(tmp_path / "state")
        async with node(tmp_path, CONFIG.format(broker=broker.url, table=TABLE, port=port)) as barn:
            await barn.ready()

            async def leaves() -> list[dict[str, Any]]:
                nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
                return nodes[0]["leaves"] if nodes else []

            assert "the key of garden is in garden.key" in await run()
            key = (tmp_path / "garden.key").read_text()
            assert leaf_key.parse(key).text() == key.split()[0]
            (tmp_path / "device").mkdir()
            (tmp_path / "device" / "leaf.key").write_text(key)
            [file] = (tmp_path / "state" / "leaves").iterdir()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            listed = await run()
            assert listed.split()[:4] == ["name", "id", "boots", "added"]
            assert "garden" in listed
            assert key.split()[0] not in listed

            async def known() -> bool:
                return [(each["name"], each["online"]) for each in await leaves()] == [("garden", False)]

            await until_answered(known, what="a leaf that has not come yet")
            async with device(tmp_path / "device", port):

                async def sensed() -> bool:
                    return any(each["online"] and each["sensors"] for each in await leaves())

                await until_answered(sensed, what="a reading of the leaf")
                [garden] = await leaves()
                assert (garden["board"], garden["methods"], garden["vouched_by"]) == ("pico-w", ["led"], "barn")
                assert (garden["sensors"]["soil"]["value"], garden["sensors"]["soil"]["unit"]) == (41.5, "%")
                shown = await run()
                assert re.search(r"^garden +online, vouched by barn +", shown, re.MULTILINE)
                assert json.loads(await run()) == {"on": True}

                async def told() -> bool:
                    events = (await gateway.http.get("/api/v1/events")).json()["events"]
                    return [(each["class"], each["topic"], each["value"], each["leaf"]) for each in events] == [
                        ("alert", "leaf/garden/started", True, "garden")
                    ]

                await until_answered(told, what="the event of the leaf, once")
                assert "refuses it at once" in await run()

                async def gone() -> bool:
                    return not await leaves()

                await until_answered(gone, what="the leaf is out of the inventory")
                stats = (await gateway.http.get("/api/v1/nodes/barn/calls/mesh.statistics")).json()["result"]
                assert stats["leaves"]["known"] == 0
    assert ran == len(COMMANDS) == 5


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(SECTION.split())
    assert f"UDP port {LeavesSection().port}" in text
    assert f"said nothing for {SILENCE // SECOND} s" in text
    assert f"in the leaf's memory, {leaf.EVENTS} of them" in text
