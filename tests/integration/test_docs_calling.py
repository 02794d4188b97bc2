# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mesh.md, "Calling a node": each command is run on a node, and prints what the page shows."""

import argparse
import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli import mesh_stats
from ganglion.cli.main import main
from ganglion.mesh.methods import LONGEST
from ganglion.mesh.reading import READING
from ganglion.mesh.spool import DEFAULT_AGE, DEFAULT_BYTES
from support.brokers import Broker
from support.gateway import process
from support.node import CHIP, node
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "mesh.md").read_text()
SECTION = PAGE.partition("## Calling a node\n")[2].partition("\n## ")[0]
#: Each command, and what the page says that it prints, if it does.
COMMANDS = re.findall(r"^```sh\n([^\n]*)\n```\n(?:\n```(?:text|json)\n(.*?)^```$)?", SECTION, re.DOTALL | re.MULTILINE)


async def test_every_command_prints_what_the_page_shows(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(COMMANDS) == SECTION.count("```sh") == 3
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        async with node(tmp_path, CHIP.format(name="fridge", broker=broker.url, more="")) as fridge:
            await fridge.ready()

            async def joined() -> bool:
                nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
                return any(each["online"] for each in nodes)

            await until_answered(joined)
            said: dict[str, Any] = {}
            for command, shown in COMMANDS:
                program, *words = shlex.split(command)
                assert program == "ganglion"
                assert await asyncio.to_thread(main, words) == 0
                out = capsys.readouterr().out
                assert out == shown or not shown
                said = json.loads(out) if not shown else said
            assert said["result"]["delivery"]["spooled_by_rank"] == {"record": 0, "event": 0, "alert": 0}
            assert said["result"]["connected"] is True
            rows = await asyncio.to_thread(stats, "fridge")
            assert ["delivery.spooled", "0"] in rows
            assert ["connected", "true"] in await asyncio.to_thread(stats)


def stats(*words: str) -> list[list[str]]:
    """The lines of `ganglion mesh stats`, as its own parser has it."""
    parser = argparse.ArgumentParser()
    mesh_stats.arguments(parser.add_subparsers(), argparse.ArgumentParser(add_help=False))
    args = parser.parse_args(["stats", *words])
    return [line.split() for line in args.perform(args).text().splitlines()]


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(SECTION.split())
    assert f"{DEFAULT_BYTES // 2**20} MiB, and {DEFAULT_AGE // 86400} days of running" in text
    assert f"{LONGEST // 60_000_000_000} minutes at most" in text
    *most, last = (f"`{name}`" for name in sorted(READING))
    assert f"may call {', '.join(most)} and {last};" in text
