# SPDX-License-Identifier: GPL-3.0-or-later
"""The sensors of a node that runs: read again by SIGHUP, kept over a restart, hanging; recordings that are ended."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.history.block import Reading
from ganglion.history.store import Store
from ganglion.mesh.progress import Progress
from ganglion.sensors.reference import READINGS
from ganglion.sim.recording import read
from ganglion.units import SECOND
from support.brokers import nats_broker
from support.mesh import Gateway, running
from support.node import NodeProcess, node
from support.waiting import until, until_answered

HEAD = '[node]\nname = "kitchen"\n[mqtt]\nbroker = "{broker}"\n[mesh]\nenrol_key_file = "enrol.key"\n'
FRIDGE = '[sensor.fridge]\nkind = "bme280"\nbus = "sim"\nevery = "50ms"\n'
COUNTER = '[sensor.counter]\nkind = "replay"\ntrace = "count.csv"\nloop = false\n'


class Site:
    """A node and who asks it."""

    def __init__(self, folder: Path, gateway: Gateway, broker: str) -> None:
        self.folder = folder
        self.gateway = gateway
        self.head = HEAD.format(broker=broker)

    @asynccontextmanager
    async def node(self, config: str) -> AsyncIterator[NodeProcess]:
        """A node with these sensors."""
        async with node(self.folder, self.head + config) as started:
            await started.ready()
            yield started

    async def ask(self, method: str, timeout: float = 20, on_progress: Any = None, **params: Any) -> Any:
        """What the node answers."""
        return await self.gateway.client.request(
            f"sensors.{method}", params, to="kitchen", timeout=timeout, on_progress=on_progress
        )

    def readings(self, stream: str) -> list[Any]:
        """The values of a stream that the gateway has."""
        return [reading[2] for reading in self.gateway.store.readings if reading[0] == stream]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with nats_broker(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", broker.url)
        (tmp_path / "enrol.key").write_text(gateway.keys.create().text)
        async with running(gateway.client):
            yield Site(tmp_path, gateway, broker.url)


async def test_sighup_reads_the_sensors_again_and_the_others_lose_no_event(site: Site) -> None:
    (site.folder / "count.csv").write_text("seconds,x\n" + "".join(f"{i / 80},{i}\n" for i in range(200)))
    async with site.node(FRIDGE + COUNTER) as kitchen:
        await until(lambda: site.readings("counter.x"), what="the counter counts")
        (site.folder / "node.toml").write_text(site.head + COUNTER + FRIDGE.replace("fridge", "attic"))
        kitchen.process.send_signal(signal.SIGHUP)
        await until(lambda: site.readings("attic.temperature"), what="the new sensor is read")
        listed = (await site.ask("list"))["sensors"]
        assert sorted(listed) == ["attic", "counter"]
        (site.folder / "node.toml").write_text(site.head + "[sensor.x]\nkind = " + "[" * 3000 + "]" * 3000)
        kitchen.process.send_signal(signal.SIGHUP)  # a file that Python's reader of TOML has no words for
        with pytest.raises(GanglionError):
            await site.ask("reload")
        (site.folder / "node.toml").write_text(site.head + "[sensor.x]\nkind = 'bme20'\n")
        kitchen.process.send_signal(signal.SIGHUP)
        with pytest.raises(InvalidError, match='did you mean "bme280"'):
            await site.ask("reload")
        births = site.gateway.store.births
        await until(
            lambda: "attic.temperature" in births[-1].body["caps"]["sensors"], what="the gateway knows what is there"
        )
        await until(lambda: 199 in site.readings("counter.x"), what="the counter ends")
        counted = site.readings("counter.x")
        assert counted == [*range(int(counted[0]), 200)]


async def test_a_reload_says_what_only_a_new_start_takes_up(site: Site) -> None:
    lamp = '[actuator.lamp]\ndriver = "sim"\n'
    async with site.node(FRIDGE + lamp) as kitchen:
        assert await site.ask("reload") == {"added": [], "replaced": [], "removed": [], "unchanged": ["fridge"]}
        other = site.head + FRIDGE + lamp + 'max_on = "5s"\n[actuator.fan]\ndriver = "sim"\n[[report]]\nsample = "1s"\n'
        (site.folder / "node.toml").write_text(other)
        assert (await site.ask("reload"))["restart"] == ["actuator.fan", "actuator.lamp", "report"]
        kitchen.process.send_signal(signal.SIGHUP)
        assert (await site.ask("reload"))["restart"]
        (site.folder / "node.toml").write_text(site.head + FRIDGE + lamp)
        assert "restart" not in await site.ask("reload")


async def test_what_is_added_and_calibrated_is_there_after_a_restart(site: Site) -> None:
    async with site.node(FRIDGE):
        table = {"kind": "bme280", "bus": "sim", "every": "50ms", "range": {"temperature": [-40, 85]}}
        assert await site.ask("add", sensor="attic", table=table) == {"sensor": "attic", "replaced": False}
        heard: list[Progress] = []
        done = await site.ask("calibrate", sensor="attic.temperature", reference=15, on_progress=heard.append)
        assert done["correction"]["offset"] == pytest.approx(-5, abs=0.02)
        assert heard
        assert heard[-1].total == READINGS
        assert (await site.ask("stop", sensor="fridge"))["health"] == "stopped"
        with pytest.raises(UnreachableError, match="fridge is stopped"):
            await site.ask("read", sensor="fridge.temperature")
        for method, params, error, says in (
            ("remove", {"sensor": "fridge"}, RefusedError, "is the configuration's"),
            ("read", {"sensor": "atic"}, NotFoundError, 'did you mean "attic"'),
            ("inspect", {"sensor": "atic"}, NotFoundError, 'did you mean "attic"'),
            ("start", {}, InvalidError, "must name a sensor"),
            ("add", {"sensor": "x", "table": 3}, InvalidError, "must be a table"),
            ("calibrate", {"sensor": "attic", "reference": 1}, InvalidError, "must name a channel"),
            ("calibrate", {"sensor": "attic.temperature", "reference": "x"}, InvalidError, "must be a number"),
        ):
            with pytest.raises(error, match=re.escape(says)):
                await site.ask(method, **params)
    async with site.node(FRIDGE):
        listed = (await site.ask("list"))["sensors"]
        assert listed["attic"]["added"]
        assert not listed["fridge"]["added"]
        found = (await site.ask("read", sensor="attic.temperature"))["values"]["temperature"]
        assert found["value"] == pytest.approx(15, abs=0.02)
        inspected = (await site.ask("inspect", sensor="attic"))["sensors"]["attic"]
        assert inspected["table"]["range"] == {"temperature": [-40, 85]}
        channel = inspected["channels"]["temperature"]
        assert (channel["calibration"], channel["range"]) == ("calibrated", [-40, 85])
        assert channel["points"][0]["reference"] == 15
        assert channel["samples"] > 0
        assert (await site.ask("read", sensor="fridge.temperature"))["values"]["temperature"]["unit"] == "Cel"
        assert await site.ask("remove", sensor="attic") == {"sensor": "attic"}
    assert json.loads((site.folder / "state" / "sensors.json").read_text()) == {"added": {}, "calibration": {}}


async def test_a_calibration_that_is_cancelled_ends_on_the_node(site: Site) -> None:
    async with site.node(FRIDGE):
        begun = asyncio.Event()
        asking = asyncio.create_task(
            site.ask("calibrate", sensor="fridge.temperature", reference=1, on_progress=lambda said: begun.set())
        )
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await site.ask("reload")  # waits for its turn behind a calibration that goes on
        inspected = (await site.ask("inspect", sensor="fridge"))["sensors"]["fridge"]
        assert inspected["channels"]["temperature"]["points"] == []


async def test_a_read_that_hangs_holds_up_neither_the_others_nor_the_end(site: Site) -> None:
    """A pipe that nobody writes to blocks whoever opens it for reading, as a bus that is stuck does."""
    proc = site.folder / "proc"
    proc.mkdir()
    os.mkfifo(proc / "stat")
    hanging = f'[sensor.stuck]\nkind = "system"\nroot = "{site.folder}"\nevery = "1s"\n'
    async with site.node(FRIDGE + hanging) as kitchen:

        async def is_failing() -> bool:
            listed = (await site.ask("list"))["sensors"]
            return bool(listed["stuck"]["health"] == "failing" and listed["fridge"]["health"] == "ok")

        await until_answered(is_failing)
        with pytest.raises(UnreachableError, match="has not answered for 5 s"):
            await site.ask("read", sensor="stuck")
        assert (await site.ask("read", sensor="fridge"))["values"]
        kitchen.process.terminate()
        assert await asyncio.wait_for(kitchen.process.wait(), 60) == 0


async def test_analytics_know_at_the_start_what_the_history_has_kept_of_their_input(site: Site) -> None:
    store = Store(site.folder / "state" / "history", limit=1 << 24, age=86400 * SECOND)
    begin = time.time_ns() - 5000 * SECOND
    store.append([Reading(begin + i * SECOND, "sensor/fridge/temperature", 20 + i % 3 / 100) for i in range(5000)])
    store.close()
    odd = '[sensor.odd]\nkind = "analytics"\ninput = "fridge.temperature"\nwarm_up = {}\n[history]\n'
    async with site.node(FRIDGE + odd.format(5000)):
        await until(lambda: site.readings("odd.zscore"), what="a score, for which 5000 readings are needed")
    async with site.node(FRIDGE + odd.format(10000)):

        async def knows() -> bool:
            odd = (await site.ask("list"))["sensors"]["odd"]
            return odd["health"] == "starting" and bool(re.match(r"warming up: [45]\d\d\d more steps", odd["error"]))

        await until_answered(knows, what="it has learnt half of what it needs")


async def recording(folder: Path, name: str) -> asyncio.subprocess.Process:
    """`ganglion sensors record --local`, that goes on until it is ended."""
    (folder / "chip.toml").write_text(FRIDGE)
    words = ["sensors", "record", "--local", str(folder / "chip.toml"), "fridge", "--to", str(folder / name), "--json"]
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", *words],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("name", ["a.csv", "a.cbor"])
async def test_ctrl_c_ends_a_recording_cleanly_and_a_kill_loses_no_whole_row(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    child = await recording(tmp_path, name)
    await until(lambda: path.exists() and len(path.read_bytes()) > 400, what="some rows")
    child.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(child.communicate(), 60)
    said = json.loads(out)
    rows = [*read(path).rows]
    assert (child.returncode, said["rows"], said["lost"]) == (0, len(rows), 0)
    assert all(None not in row for _, row in rows)
    path.unlink()
    child = await recording(tmp_path, name)
    await until(lambda: path.exists() and 400 < len(path.read_bytes()) < len(rows) * 100, what="some rows again")
    child.kill()
    await child.communicate()
    assert len([*read(path).rows]) > 3


def test_a_recording_on_a_full_disk_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "chip.toml").write_text(FRIDGE)
    (tmp_path / "a.csv").symlink_to("/dev/full")
    words = ["sensors", "record", "--local", str(tmp_path / "chip.toml"), "fridge", "--to", str(tmp_path / "a.csv")]
    assert main([*words, "--count", "3"]) == 1
    assert "cannot be written: No space left on device" in capsys.readouterr().err


def test_what_is_computed_in_a_circle_is_said_and_the_others_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    computed = '[sensor.{}]\nkind = "fusion"\ncompute = "mean"\ninputs = ["{}"]\n'
    tables = (("mean", "fridge.temperature"), ("a", "b.value"), ("b", "a.value"), ("c", "a.value"))
    (tmp_path / "x.toml").write_text(FRIDGE + "".join(computed.format(*each) for each in tables))
    assert main(["sensors", "check", str(tmp_path / "x.toml"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["sensors"]
    assert all("is computed in a circle" in found[name]["error"] for name in "abc")
    assert found["fridge"]["error"] == found["mean"]["error"] == ""
    assert found["mean"]["values"]["value"]["unit"] == "Cel"


def test_what_is_wrong_here_is_said_for_each_sensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = tmp_path / "chips.toml"
    here.write_text(
        FRIDGE
        + '[sensor.a]\nkind = "bme28"\n[sensor.b]\nkind = "bme280"\nbus = "/dev/i2c-77"\n'
        + '[sensor.c]\nkind = "bme280"\nbus = "sim"\nrange.temperature = [40, 50]\n'
    )
    assert main(["sensors", "check", str(here), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["sensors"]
    assert found["fridge"]["error"] == ""
    assert found["fridge"]["values"]["temperature"]["unit"] == "Cel"
    assert 'did you mean "bme280"' in found["a"]["error"]
    assert "/dev/i2c-77" in found["b"]["error"]
    assert "and its range is 40 to 50" in found["c"]["error"]
    assert main(["sensors", "check", str(here)]) == 1
    assert re.search(r"^b +wrong +.*i2c-77", capsys.readouterr().out, re.M)
    for words, code in (
        (["read", "--local", str(here), "frige"], 3),
        (["read", "--local", str(here), "fridge.temprature"], 3),
        (["read", "--local", str(here), "c.temperature"], 5),
        (["read", "--local", str(tmp_path / "none.toml"), "x"], 3),
        (["record", "--local", str(here), "fridge", "--to", str(tmp_path / "a.txt")], 2),
        (["record", "--local", str(here), "fridge", "--to", str(tmp_path / "no" / "a.csv")], 1),
        (["record", "--local", str(here), "fridge", "--to", "/dev/full.csv/x.csv"], 1),
        (["record", "--local", str(here), "fridge", "--to", "a.csv", "--count", "0"], 2),
        (["record", "--local", str(here), "fridge", "--to", "a.csv", "--for", "1"], 2),
        (["calibrate", "kitchen", "fridge.temperature"], 2),
        (["read", "kitchen"], 2),
    ):
        assert main(["sensors", *words]) == code, words
        assert "ganglion: " in capsys.readouterr().err
    (tmp_path / "empty.toml").write_text("[node]\nname = 'x'\n")
    assert main(["sensors", "check", str(tmp_path / "empty.toml")]) == 1
    assert "write a table [sensor.NAME]" in capsys.readouterr().err
