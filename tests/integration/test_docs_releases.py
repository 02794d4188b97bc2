# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/releases.md: its commands, on a node; its figures, from the code."""

import asyncio
import glob
import re
import shlex
from pathlib import Path

import pytest

from ganglion import __version__
from ganglion.cli.main import main
from ganglion.release import agent, keeper, manifest, pull, record
from ganglion_gateway.rollout.contract import Reported
from support.brokers import mosquitto_broker
from support.gateway import process
from support.node import node
from support.released import CONFIG
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "releases.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(SCRIPT,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(OVERLAY,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(SHOWN,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


async def test_every_command_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "cold.yaml").write_text(SCRIPT)
    (folder / "node.toml").write_text(OVERLAY)
    (folder / ".hidden").write_text("not sent")
    monkeypatch.chdir(tmp_path)
    said = []

    async def run(block: str) -> None:
        for line in block.splitlines():
            program, *words = shlex.split(line.replace("--window 1m", "--window 3s"))
            assert program == "ganglion"
            words = [found for word in words for found in (sorted(glob.glob(word)) if "*" in word else [word])]
            assert await asyncio.to_thread(main, words) == 0, capsys.readouterr().err
            said.append(capsys.readouterr())

    async with mosquitto_broker(tmp_path / "broker") as broker, process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        async with node(tmp_path, CONFIG.format(broker=broker.url)) as fridge:
            await fridge.ready()

            async def born() -> bool:
                nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
                return any(each["online"] for each in nodes)

            await until_answered(born)
            await run(BLOCKS[0])
            made, listed, shown, assigned, holding, status = said
            id = re.findall(r"\b[0-9a-f]{64}\b", shown.out)[0]
            assert f"next: ganglion release assign NODE {id[:12]}" in made.out
            assert f"{id[:12]}  kitchen-1  2" in listed.out
            assert "needs Ganglion >=0.1, sensor fridge.temperature" in shown.out
            assert assigned.err.startswith("waiting\n")
            first, count = holding.out.splitlines()[1:]
            assert (first.split()[:3], count) == (["fridge", "committed", "yes"], "1 node: 1 committed")
            assert assigned.out == status.out == SHOWN.replace("ID", id[:12]).replace("VERSION", __version__)
            (folder / "cold.yaml").write_text(SCRIPT.replace("above: 8", "above: 9"))
            said.clear()
            await run(BLOCKS[1])
            assert "-  - {id: warm, sensor: fridge.temperature, above: 8, run: tell}" in said[1].out
            assert "needs nothing" in said[1].out
            assert said[2].out.startswith("fridge is to run its own configuration alone: ")
            said.clear()
            await run(BLOCKS[2])
            brought = rf"Ganglion {re.escape(__version__)}\.dev\d{{14}}, which a release has brought; "
            assert re.search(brought + rf"{re.escape(__version__)} is installed$", said[2].out, re.MULTILINE)
            assert said[3].out.endswith(f"it runs Ganglion {__version__}, as installed\n")


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"At most {manifest.MAX_FILES} files, {manifest.MAX_FILE // 2**20} MiB each" in text
    assert f"{manifest.MAX_BYTES // 2**20} MiB together" in text
    assert f"{pull.CHUNK // 1024} KiB at a time" in text
    assert f"(`--window`, {manifest.WINDOW} s unless given)" in text
    assert f"up to {agent.MAX_WHEELS}, {agent.MAX_WHEEL // 2**20} MiB each" in text
    assert agent._TIMES == 3
    assert "asks for space for three times what is in it" in text
    assert record.TRIAL_STARTS == 3
    assert "started three times in the trial" in text
    assert keeper.ASK == 900
    table = PAGE.partition("| state |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z]+)`", table)) == {str(each) for each in Reported} == set(record.STATES)
