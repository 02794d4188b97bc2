# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/history.md: its configuration is that of a node; each command is run on it and prints what the page shows."""

import asyncio
import csv
import io
import json
import math
import random
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganglion import config
from ganglion.cli.main import main
from ganglion.config.history import HistorySection
from ganglion.history.block import Reading
from ganglion.history.store import Store
from support.brokers import nats_broker
from support.gateway import process
from support.node import node
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "history.md").read_text()
#: Each command, and what the page says that it prints, if it does.
COMMANDS = re.findall(r"^```sh\n([^\n]*)\n```\n(?:```text\n(.*?)^```$)?", PAGE, re.DOTALL | re.MULTILINE)
TABLES = "\n".join(re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
CONFIG = """
[node]
name = "house"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
"""
S = 1_000_000_000
#: 2026-09-01 in UTC.
SEPTEMBER = 1_788_220_800


def garden() -> Iterator[Reading]:
    """30 days, a reading each 20 minutes: a daily course, noise, a lamp beside the sensor for an hour of one night."""
    dice = random.Random(7)
    for step in range(30 * 72):
        hour = step / 3
        value = 12 + 6 * math.sin(2 * math.pi * (hour - 9) / 24) + dice.gauss(0, 0.5 * math.sqrt(3))
        if 20 * 24 + 2 <= hour < 20 * 24 + 3:
            value += 8
        yield Reading((SEPTEMBER + step * 1200) * S, "sensor/garden/temperature", value)


@pytest.fixture
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_utc")
async def test_every_command_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "state" / "history", limit=1 << 24, age=7 * 86400 * S)
    store.append(list(garden()))
    store.close()
    (tmp_path / "shed").mkdir()
    async with nats_broker(tmp_path / "broker") as broker, process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text(
            (await gateway.http.post("/api/v1/enrol-keys", json={"uses": 2})).json()["key"]
        )
        (tmp_path / "shed" / "enrol.key").write_text((tmp_path / "enrol.key").read_text())
        plain = CONFIG.format(broker=broker.url)
        async with (
            node(tmp_path, plain + TABLES) as house,
            node(tmp_path / "shed", plain.replace("house", "shed")) as shed,
        ):
            await house.ready()
            await shed.ready()

            async def run(*words: str) -> tuple[int, str]:
                code = await asyncio.to_thread(main, list(words))
                return code, capsys.readouterr().out

            async def read() -> bool:
                code, out = await run("history", "house", "sensor/room/value", "--json")
                return code == 0 and len(json.loads(out)["rows"]) > 2

            await until_answered(read, what="three readings were kept")
            said = []
            for command, shown in COMMANDS:
                program, *words = shlex.split(command)
                assert program == "ganglion"
                code, out = await run(*words)
                assert code == 0
                assert out == shown or not shown
                said.append(out)
            readings, intervals, newest, kept, _ = said

            head, *lines = (line.split() for line in readings.splitlines())
            assert head == ["time", "topic", "value"]
            assert [line[2] for line in lines] == ["sensor/room/value"] * 3
            assert all(19 < float(line[3]) < 21 for line in lines)
            rows = list(csv.DictReader(io.StringIO(intervals)))
            assert {row["topic"] for row in rows} == {"sensor/kitchen/temperature", "sensor/hall/temperature"}
            assert all(float(row["least"]) <= float(row["mean"]) <= float(row["greatest"]) for row in rows)
            document = json.loads(newest)
            assert [row[1] for row in document["rows"]] == ["sensor/room/value"]
            figures = dict(re.split(r"  +", line, maxsplit=1) for line in kept.splitlines()[1:])
            assert figures["earliest"].startswith("2026-09-01 00:00:00")
            assert figures["lost"] == figures["refused"] == "0"

            await refusals(run)

            async def keeps_none() -> bool:
                code, out = await run("history", "shed", "#", "--json")
                return code == 3 and "shed keeps no history: write [history]" in json.loads(out)["error"]

            await until_answered(keeps_none)


async def refusals(run: Any) -> None:
    """What is wrong with a line, and how it ends."""
    topic = "sensor/garden/temperature"
    for words, code, says in (
        ((topic, "--csv", "--json"), 2, "--csv shows readings"),
        ((topic, "--limit", "0"), 2, "at least 1"),
        ((topic, "--season", "1d"), 2, "--season is for --analyse"),
        ((topic, "--since", "yesterday"), 2, "--since: 'yesterday' is not a duration"),
        ((topic, "--analyse", "--season", "1d"), 2, "--season has steps: give --every"),
        ((topic, "--analyse", "--limit", "3"), 2, "looks at all of it"),
        (("--analyse",), 2, "--analyse is for readings: name one series"),
        (("--since", "1d"), 2, "--since is for readings: name a TOPIC"),
        (("sensor/+/temperature", "--analyse"), 2, "--analyse takes one series"),
        (("nothing", "--analyse"), 3, "house has nothing on nothing"),
        (("a/#/b",), 2, "is no filter of topics"),
    ):
        ended, out = await run("history", "house", *words, "--json")
        assert (ended, says in json.loads(out)["error"]) == (code, True), (words, out)


def test_the_figures_are_those_of_the_code(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(f'[node]\nname = "house"\n{TABLES}')
    assert config.load(tmp_path / "node.toml").history == HistorySection()
