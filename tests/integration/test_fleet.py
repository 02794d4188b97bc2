# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet whole: nodes that say how they are, jobs that outlive the gateway, logs that outlive an outage, crashes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ganglion.mesh.client import MeshClient
from ganglion.mesh.member import Peer
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.units import SECOND
from ganglion_gateway.fleet import SILENCE
from support.brokers import mosquitto_broker
from support.gateway import Process, process, start
from support.mesh import enrolled, running
from support.node import CHIP, node
from support.transports import Counted
from support.waiting import until, until_answered

#: A sensor that has no bus.
DOOR = """
[sensor.door]
kind = "bme280"
bus = "/dev/i2c-77"
"""


async def ganglion(gateway: Process, *words: str) -> tuple[int, Any]:
    """The exit code of a command, and the document that it prints."""
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", *words, "--json"],
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GANGLION_GATEWAY": gateway.url,
            "GANGLION_TOKEN": gateway.token,
        },
    )
    out, _ = await asyncio.wait_for(child.communicate(), 90)
    return int(child.returncode or 0), json.loads(out)


async def get(gateway: Process, path: str) -> Any:
    return (await gateway.http.get(f"/api/v1{path}")).json()


class Pump:
    """A node with a method that takes its time."""

    def __init__(self, folder: Path, broker: str, key: str) -> None:
        self.client = MeshClient(
            transport=MqttTransport(broker, backoff=Counted()), state=folder / "pump", name="pump", enrol_key=key
        )
        self.begun = 0
        self.go_on = asyncio.Event()
        self.client.on_request("dose", self.dose, summary="give so much (ml)")

    async def dose(self, params: dict[str, Any], peer: Peer) -> Any:
        self.begun += 1
        await self.go_on.wait()
        return {"given": params["ml"]}


@asynccontextmanager
async def pump(folder: Path, broker: str, gateway: Process) -> AsyncIterator[Pump]:
    key = (await gateway.http.post("/api/v1/enrol-keys", json={"tags": ["wet"]})).json()["key"]
    made = Pump(folder, broker, key)
    async with running(made.client):
        await enrolled(made.client)
        yield made


async def test_a_node_is_explained_tagged_killed_and_its_crash_told(tmp_path: Path) -> None:
    async with mosquitto_broker(tmp_path / "broker") as broker, process(tmp_path / "gateway", broker.url) as gateway:
        key = (await gateway.http.post("/api/v1/enrol-keys", json={"tags": ["kitchen"]})).json()["key"]
        (tmp_path / "enrol.key").write_text(key)
        config = CHIP.format(name="fridge", broker=broker.url, more=DOOR)

        async def fails() -> bool:
            codes = [each["code"] for each in (await get(gateway, "/nodes/fridge/why")).get("findings", ())]
            return codes == ["sensor"]

        async with node(tmp_path, config) as fridge:
            await fridge.ready()
            await until_answered(fails, what="the sensor that fails is known")
            code, why = await ganglion(gateway, "fleet", "why", "fridge")
            assert (code, why["health"]) == (1, "bad")
            assert "door fails: there is no /dev/i2c-77" in why["findings"][0]["text"]
            assert (await get(gateway, "/nodes/fridge"))["vitals"]["reset"] == "start"
            code, listed = await ganglion(gateway, "fleet", "list", "--health", "bad")
            assert (code, [each["name"] for each in listed["nodes"]]) == (0, ["fridge"])
            assert (await ganglion(gateway, "fleet", "list", "--health", "ok"))[1]["nodes"] == []

            code, tagged = await ganglion(gateway, "fleet", "tag", "fridge", "+cold", "-kitchen")
            assert (code, tagged["tags"], tagged["tags_removed"]) == (0, ["cold"], ["kitchen"])
            code, listed = await ganglion(gateway, "fleet", "list", "--where", "tag=cold and online=yes")
            assert [each["name"] for each in listed["nodes"]] == ["fridge"]
            assert (await get(gateway, "/audit?action=node.tag"))["entries"][0]["actor"] == "admin"
            assert (await ganglion(gateway, "crash", "list"))[0] == 3
            assert (await ganglion(gateway, "crash", "show", "fridge"))[0] == 3

            fridge.process.send_signal(signal.SIGKILL)

            async def is_away() -> bool:
                return not (await get(gateway, "/nodes/fridge"))["online"]

            await until_answered(is_away, what="its will")
            gone = await get(gateway, "/nodes/fridge")
            assert gone["died"] - gone["last_seen"] < SILENCE, "the will, and no silence"
            waiting = asyncio.create_task(ganglion(gateway, "jobs", "run", "--on", "tag=cold", "status"))

            async def waits() -> bool:
                jobs = (await get(gateway, "/jobs"))["jobs"]
                return bool(jobs and jobs[0]["nodes"] == {"waiting": 1})

            await until_answered(waits, what="the job waits for the node")

        async with node(tmp_path, config) as fridge:
            await fridge.ready()
            code, job = await waiting
            assert (code, job["nodes"], job["results"][0]["result"]["node"]) == (0, {"done": 1}, "fridge")

            async def crashed() -> bool:
                return bool((await get(gateway, "/crashes"))["crashes"])

            await until_answered(crashed, what="the crash is told")
            code, shown = await ganglion(gateway, "crash", "show", "fridge")
            assert (code, shown["kind"], shown["record"]["text"]) == (0, "killed", "the node was killed")
            await until(lambda: not list((tmp_path / "state/crashes").glob("*.json")), what="it is told once")
            kept = await get(gateway, "/nodes/fridge")
            assert (kept["tags"], kept["former"]) == (["cold"], [])


async def test_a_job_goes_on_and_warnings_come_when_a_killed_gateway_is_back(tmp_path: Path) -> None:
    async with mosquitto_broker(tmp_path / "broker") as broker:
        gateway = await start(tmp_path / "gateway", broker.url)
        try:
            async with pump(tmp_path, broker.url, gateway) as made:

                async def known() -> bool:
                    return bool((await get(gateway, "/nodes/pump")).get("online"))

                await until_answered(known)
                body = {"selector": "tag=wet", "method": "dose", "params": {"ml": 3.0}, "timeout": "2m"}
                job = (await gateway.http.post("/api/v1/jobs", json=body)).json()["id"]
                await until(lambda: made.begun == 1, what="the node has begun")
                await gateway.end(signal.SIGKILL)

                record = [1_800_000_000 * SECOND, 40, "ganglion.x", "the pump is dry"]
                made.client.publish_event("log", {"topic": "log", "records": [record], "lost": 2})
                leaf = {"leaf": "garden", "vouched": True, "topic": "leaf/garden/crash", "value": {"error": "KeyError"}}
                made.client.publish_event("crash", leaf)
                made.go_on.set()

                gateway = await start(tmp_path / "gateway", broker.url)
                code, ended = await ganglion(gateway, "jobs", "watch", job)
                assert (code, ended["nodes"]) == (0, {"done": 1})
                assert [(each["result"], each["attempts"]) for each in ended["results"]] == [({"given": 3.0}, 1)]
                assert made.begun == 1, "at most once"
                assert (await get(gateway, f"/jobs/{job}"))["names"] == ["ml"]

                async def told() -> bool:
                    return bool(
                        (await get(gateway, "/logs"))["records"] and (await get(gateway, "/crashes"))["crashes"]
                    )

                await until_answered(told, what="what waited in the spool")
                code, logs = await ganglion(gateway, "logs", "pump", "--level", "error")
                assert [(each["level"], each["text"], each["lost"]) for each in logs["records"]] == [
                    ("error", "the pump is dry", 2)
                ]
                assert (await ganglion(gateway, "crash", "show", "pump/garden"))[1]["text"] == "KeyError"

                made.go_on.clear()
                job = (await gateway.http.post("/api/v1/jobs", json=body)).json()["id"]
                await until(lambda: made.begun == 2)
                assert (await ganglion(gateway, "jobs", "cancel", job))[0] == 0
                assert (await ganglion(gateway, "jobs", "watch", job))[1]["nodes"] == {"cancelled": 1}
                assert (await ganglion(gateway, "jobs", "run", "--on", "tag=dry", "dose"))[0] == 3
                metrics = (await gateway.http.get("/metrics")).text
                assert 'ganglion_gateway_job_targets_total{state="cancelled"} 1.0' in metrics
                assert "ganglion_gateway_jobs_running 0.0" in metrics
        finally:
            await gateway.end(signal.SIGKILL)
