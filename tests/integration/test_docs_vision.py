# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/vision.md: its sensor is one, its table has every channel, and its key on paper lets a device in."""

import asyncio
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.sensors import build
from ganglion.sensors.seen import KINDS
from support.brokers import Broker
from support.gateway import process

PAGE = (Path(__file__).parents[2] / "docs" / "vision.md").read_text()
COMMANDS = re.findall(r"^```sh\nganglion ([^\n]*)\n```$", PAGE, re.MULTILINE)


def test_the_sensor_is_one_and_the_table_has_its_channels() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    table = tomllib.loads(text)["sensor"]["door"]
    assert set(build("door", table).channels) == {"brightness", "motion", "moving", "covered", "faces", "people"}
    every = build("door", table | {"detect": list(KINDS)})
    assert list(every.channels) == re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)


async def test_a_key_on_paper_lets_a_device_in(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create, enrol = (shlex.split(command) for command in COMMANDS)
    monkeypatch.chdir(tmp_path)
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        assert await asyncio.to_thread(main, create) == 0
        assert capsys.readouterr().out.startswith("gk1_")
        here = {"v4l2:/dev/video0": "key.png", "mqtt://hub.local": broker.url}  # there is no camera
        words = [here.get(word, word) for word in enrol]
        assert await asyncio.to_thread(main, [*words, "--state", "state", "--wait", "30s", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["mesh"]
