# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/sensors.md: each command is run, on a real node behind a gateway and a broker, and what it makes is used."""

import asyncio
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.mova.feed import feed
from ganglion.sensors import build
from ganglion.sensors.channel import EDGE_MOST, EDGE_READINGS
from ganglion.sensors.reference import PAUSE, READINGS
from ganglion.sim.recording import FORMAT, read
from support.brokers import nats_broker
from support.gateway import process
from support.node import node
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "sensors.md").read_text()
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.S | re.M) for line in block.splitlines()]
TABLE, MACHINE, REPLAYED = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.S | re.M)
CONFIG = '[node]\nname = "kitchen"\n[mqtt]\nbroker = "{broker}"\n[mesh]\nenrol_key_file = "enrol.key"\n'


async def test_every_command_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(line.startswith("ganglion sensors ") for line in COMMANDS)
    said: dict[str, str] = {}

    async def run(line: str) -> str:
        assert await asyncio.to_thread(main, shlex.split(line)[1:]) == 0, line
        return capsys.readouterr().out

    async with nats_broker(tmp_path) as broker, process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        async with node(tmp_path, CONFIG.format(broker=broker.url) + TABLE) as kitchen:
            await kitchen.ready()

            async def listed() -> bool:
                return bool(await asyncio.to_thread(main, ["sensors", "list", "kitchen", "--json"]) == 0)

            await until_answered(listed)
            capsys.readouterr()
            for line in COMMANDS:
                verb = line.split()[2]
                if verb == "calibrate":
                    celsius = 48.0 if "--second" in line else 1.0
                    await run(f"ganglion sim set kitchen fridge.temperature {celsius}")
                said[line] = await run(line)
            for line in COMMANDS:
                words = line.split()
                if words[2] in ("list", "inspect", "read", "reload") and "--local" not in words:
                    assert json.loads(await run(f"{line} --json"))

    def of(*words: str) -> str:
        (found,) = (text for line, text in said.items() if line.split()[2 : 2 + len(words)] == list(words))
        return found

    assert re.search(r"^fridge\.temperature +ok +19\.70* Cel$", of("check"), re.M) or "fridge.temperature" in of(
        "check"
    )
    assert "fridge.temperature" in of("read", "--local")
    assert "fridge.humidity" not in of("read", "--local")
    assert re.search(r"^fridge\.humidity +bme280 +ok +[\d.]+ % ", of("list", "kitchen"), re.M)
    assert "fridge.humidity" in of("read", "kitchen")
    assert len(of("watch").splitlines()) == 3
    assert "sensor/fridge/temperature" in of("watch")
    assert "-30 to 60" in of("inspect")
    assert of("stop").startswith("fridge is stopped")
    assert of("start") == "fridge is starting\n"
    assert of("add").startswith("attic is there;")
    assert of("remove") == "attic is removed\n"
    assert of("reload") == "unchanged: fridge\n"
    first, second, cleared = (text for line, text in said.items() if line.split()[2] == "calibrate")
    offset = float(re.search(r"reading \* 1 \+ (\S+)", first)[1])
    assert offset == pytest.approx(-1, abs=0.02)
    scale = float(re.search(r"reading \* (\S+) \+", second)[1])
    assert scale == pytest.approx(50 / 47, abs=0.002)
    assert cleared == "fridge.temperature is corrected: reading * 1 + -0.3\n"

    recording = read(tmp_path / "fridge.cbor")
    assert recording.units == {"fridge.temperature": "Cel", "fridge.pressure": "hPa", "fridge.humidity": "%"}
    assert recording.node == "kitchen"
    assert len([*recording.rows]) >= 3
    assert len([*read(tmp_path / "fridge.csv").rows]) == 5
    table = tomllib.loads(REPLAYED)["sensor"]["fridge"]
    fridge = build("fridge", table, resolve=lambda name: tmp_path / name)
    assert fridge.sample().keys() == {"temperature", "pressure", "humidity"}
    at, name, _ = next(feed({"trace": "fridge.cbor"}, tmp_path, where="feed")[1])
    assert (at, name) in [(0, column) for column in recording.columns]


def test_the_machine_has_the_channels_that_the_page_lists_in_these_units() -> None:
    machine = build("machine", tomllib.loads(MACHINE)["sensor"]["machine"])
    listed = dict(
        re.findall(r"^\| `(\w+)` \| (\S*) ?\|", PAGE.partition("## The machine itself")[2].partition("## ")[0], re.M)
    )
    shown = {channel: "" if unit == "1" else unit for channel, unit in machine.channels.items()}
    assert {**shown, "temperature": "Cel"} == listed
    machine.source.open()
    assert machine.sample().keys() <= listed.keys()
    assert machine.every == 5_000_000_000


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"takes {READINGS} readings over two seconds" in text
    assert READINGS * PAUSE == 2
    assert f"at least {EDGE_MOST} of its last {EDGE_READINGS} readings" in text
    assert f'"format": "{FORMAT}"' in text
