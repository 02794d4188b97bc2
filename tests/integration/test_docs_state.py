# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mesh.md, "State that every node has": each command is run on a mesh, and prints what the page shows."""

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.mesh.state.entry import VALUE_BYTES
from ganglion.node.shared import MAX_KEYS
from support.brokers import Broker
from support.gateway import Process, process
from support.mova import edge
from support.node import node
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "mesh.md").read_text()
SECTION = PAGE.partition("## State that every node has\n")[2].partition("\n## ")[0]
#: Each command, and what the page says that it prints, if it does.
COMMANDS = re.findall(r"^```sh\nganglion ([^\n]*)\n```\n(?:\n```text\n(.*?)^```$)?", SECTION, re.DOTALL | re.MULTILINE)
CONFIG = """
[node]
name = "fridge"
scripts = ["follow.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
"""
#: Says what it hears of a key.
SCRIPT = edge(
    "- {id: say, action: publish, topic: note/target, value: '{event.value}', class: must_arrive}",
    head="triggers: [{id: t, run: main, event: kv/shared/target}]",
)


async def started(gateway: Process, *words: str) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "GANGLION_GATEWAY": gateway.url,
        "GANGLION_TOKEN": gateway.token,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ganglion", *words, stdout=asyncio.subprocess.PIPE, env=environment
    )


async def test_every_command_prints_what_the_page_shows(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(COMMANDS) == SECTION.count("```sh") == 7
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])

        async def says(line: str, *more: str, code: int = 0) -> str:
            assert await asyncio.to_thread(main, [*shlex.split(line), *more]) == code
            return capsys.readouterr().out

        async def holds(key: str, value: Any, *more: str) -> None:
            """Waits until a copy has it."""

            async def has() -> bool:
                items = json.loads(await says("mesh kv list", "--json", *more))["items"]
                found = {item["key"]: item.get("value", item.get("members")) for item in items}
                return bool(found.get(key) == value)

            await until_answered(has, what=f"{key} is {value} {more}")

        (tmp_path / "follow.yaml").write_text(SCRIPT)
        async with node(tmp_path, CONFIG.format(broker=broker.url)) as fridge:
            id = (await fridge.ready())["id"]

            async def joined() -> bool:
                nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
                return any(each["online"] for each in nodes)

            await until_answered(joined)
            bus = await started(gateway, "mesh", "kv", "watch", "--node", "fridge", "--count", "1", "--json")
            for line, shown in COMMANDS:
                if line.startswith("mesh kv get"):
                    await holds("shared/target", 4, "--node", "fridge")
                if line.startswith("mesh kv watch"):
                    watching = await started(gateway, *shlex.split(line), "--json")
                    continue
                if line.startswith("mesh kv remove"):
                    await holds("shared/open", ["door"])
                out = await says(line)
                assert out == shown or not shown, line
                if line.startswith("mesh kv list"):
                    assert "shared/target  4" in out
                    assert '["door"] (a set)' in out
            assert watching.stdout is not None
            assert bus.stdout is not None

            async def said() -> bool:
                """Changes until the watchers, which start when they start, have seen one."""
                await says("mesh kv set shared/noise", str(asyncio.get_running_loop().time()))
                return watching.returncode is not None and bus.returncode is not None

            waits = [asyncio.create_task(each.wait()) for each in (watching, bus)]
            await until_answered(said)
            await asyncio.gather(*waits)
            for each in (watching, bus):
                assert each.stdout is not None
                seen = json.loads(await each.stdout.read())
                assert seen["topic"].startswith("shared/")
                assert seen["source"].startswith("node:") == (seen["value"] is not None)

            # A script of the node has heard of it
            async def noted() -> bool:
                events = (await gateway.http.get("/api/v1/events", params={"class": "note"})).json()["events"]
                return 4 in [event["value"] for event in events]

            await until_answered(noted, what="the script's word")
            # What a node may not write, and what is not there
            assert await says("mesh kv set policy/version 1 --node fridge", code=4) == ""
            assert await says(f"mesh kv set {id}/room kitchen --node fridge") == "kitchen\n"
            await holds(f"{id}/room", "kitchen")
            assert await says("mesh kv get shared/nothing", code=3) == ""


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(SECTION.split())
    assert f"{VALUE_BYTES // 1024} KiB at most" in text
    assert f"The first {MAX_KEYS:,} keys" in text
