# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/fleet.md: each command is run on a fleet of one node, and each method, state and metric that it names is one."""

import asyncio
import re
import shlex
import signal
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion_gateway.jobs import State
from ganglion_gateway.verdict import WORDS
from support.brokers import mosquitto_broker
from support.gateway import process
from support.node import CHIP, node
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
#: What ends with something else than 0: a job that has ended cannot be cancelled.
CODES = {"ganglion jobs cancel $JOB": 1}


def test_the_tables_have_every_word() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted([*WORDS, *State])


async def test_every_command_of_the_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with mosquitto_broker(tmp_path / "broker") as broker, process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        key = (await gateway.http.post("/api/v1/enrol-keys", json={"tags": ["kitchen"]})).json()["key"]
        (tmp_path / "enrol.key").write_text(key)
        async with node(tmp_path, CHIP.format(name="fridge", broker=broker.url, more="")) as fridge:
            await fridge.ready()
            fridge.process.send_signal(signal.SIGKILL)
        async with node(tmp_path, CHIP.format(name="fridge", broker=broker.url, more="")) as fridge:
            await fridge.ready()

            async def told() -> bool:
                crash = await gateway.http.get("/api/v1/nodes/fridge/crashes/last")
                vitals = (await gateway.http.get("/api/v1/nodes/fridge")).json()["vitals"]
                return crash.status_code == 200 and bool(vitals)

            await until_answered(told)
            for command in COMMANDS:
                if "$JOB" in command:
                    job = (await gateway.http.get("/api/v1/jobs")).json()["jobs"][0]["id"]
                words = shlex.split(command.replace("$JOB", job) if "$JOB" in command else command)
                assert words[0] == "ganglion"
                assert await asyncio.to_thread(main, words[1:]) == CODES.get(command, 0), command
                assert "fridge" in capsys.readouterr().out or "jobs" in words or "logs" in words, command
            metrics = (await gateway.http.get("/metrics")).text
            paths = (await gateway.http.get("/openapi.json")).json()["paths"]
    assert all(name in metrics for name in re.findall(r"`(ganglion_gateway_\w+)`", PAGE))
    named = re.findall(r"`(?:GET |POST )?(?:/api/v1)?(/[a-z{}/]+)(?:\?where=)?`", PAGE.partition("## For programs")[2])
    known = {re.sub(r"\{\w+\}", "{id}", path) for path in paths}
    assert len(named) > 8
    assert all(
        f"/api/v1{re.sub(r'{[a-z]+}', '{id}', path)}" in known
        for path in named
        if path not in ("/openapi.json", "/metrics")
    )
