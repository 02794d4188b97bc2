# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion call`: the methods of a node from a shell, through a gateway and a broker, with progress and Ctrl-C."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.member import Peer
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.progress import report
from ganglion_gateway.access.tokens import Role, digest, new_token
from ganglion_gateway.store import keys
from support.brokers import Broker
from support.gateway import Here, Process, here, process
from support.mesh import enrolled, running
from support.transports import Counted
from support.waiting import until, until_answered


class Pump:
    """A node with methods that take their time."""

    def __init__(self, folder: Path, broker: str, key: str) -> None:
        self.client = MeshClient(
            transport=MqttTransport(broker, backoff=Counted()), state=folder / "pump", name="pump", enrol_key=key
        )
        self.begun = 0
        self.ended = 0
        self.client.on_request("dose", self.dose, summary="give so much (ml)")
        self.client.on_request("wash", self.wash, summary="\x1b[2Jwash it")
        self.client.on_request("scripts.list", self.scripts, summary="scripts")
        self.client.on_request("bus.event", self.dose, summary="the gateway's")

    async def dose(self, params: dict[str, Any], peer: Peer) -> Any:
        ml = params.get("ml")
        if not isinstance(ml, int):
            raise InvalidError("must be a whole number", where="ml")
        if ml > 50:
            raise RefusedError("50 ml is the most\x1b[2J")
        report(ml, total=ml, text="given")
        return {"given": ml, "as": bytes(3), "by": float("nan"), "to": params.get("to")}

    async def wash(self, params: dict[str, Any], peer: Peer) -> Any:
        self.begun += 1
        try:
            report(text="washing\x1b[2J")
            await asyncio.Event().wait()
        finally:
            self.ended += 1

    async def scripts(self, params: dict[str, Any], peer: Peer) -> Any:
        return {"scripts": []}


@asynccontextmanager
async def pump(folder: Path, broker: Broker, site: Here | Process) -> AsyncIterator[Pump]:
    key = (await site.http.post("/api/v1/enrol-keys", json={})).json()["key"]
    made = Pump(folder, broker.url, key)

    async def known() -> bool:
        return (await site.http.get("/api/v1/nodes/pump")).status_code == 200

    async with running(made.client):
        await enrolled(made.client)
        await until_answered(known, what="the node is known")
        yield made


async def start(gateway: Process, *words: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GANGLION_TOKEN": gateway.token}
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", "call", *words, "--gateway", gateway.url],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )


async def call(gateway: Process, *words: str) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr of `ganglion call`."""
    child = await start(gateway, *words)
    out, err = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode, out.decode(), err.decode()


async def test_a_method_is_called_from_a_shell(broker: Broker, tmp_path: Path) -> None:
    async with process(tmp_path / "state", broker.url) as gateway, pump(tmp_path, broker, gateway) as at:
        code, out, err = await call(gateway, "pump", "dose", "ml=5", "to=the garden")
        assert (code, json.loads(out)) == (0, {"given": 5, "as": "AAAA", "by": None, "to": "the garden"})
        assert err == "5 of 5: given\n"
        (tmp_path / "dose.json").write_text('{"ml": 80, "to": "x"}')
        code, out, _ = await call(gateway, "pump", "dose", "ml=7", "--params", f"@{tmp_path}/dose.json", "--json")
        assert (code, json.loads(out)["result"]["given"]) == (0, 7)

        code, out, _ = await call(gateway, "pump", "--list")
        names = [line.split()[0] for line in out.splitlines()[1:]]
        assert (code, names) == (
            0,
            [
                *("dose", "identity.rotate", "mesh.peers", "mesh.ping", "mesh.routes", "methods", "ping"),
                *("scripts.list", "wash"),
            ],
        )
        assert "\x1b" not in out
        assert (await call(gateway, "pump", "methods"))[1] == out
        assert (await call(gateway, "pump", "scripts.list", "--json"))[1]

        for words, expected, said in (
            (["pump", "dose", "ml=51"], 4, "pump: 50 ml is the most\N{REPLACEMENT CHARACTER}[2J"),
            (["pump", "dose", "ml=much"], 2, "ml: must be a whole number"),
            (["pump", "dance"], 3, "there is no method 'dance'; known are"),
            (["attic", "dose"], 3, "attic"),
            (["pump", "bus.event", "ml=1"], 4, "what the gateway itself asks of nodes"),
            (["pump", "wash", "--timeout", "300ms"], 5, "'wash'"),
            (["pump"], 2, "give a METHOD, or --list"),
            (["pump", "dose", "--list"], 2, "give a METHOD, or --list"),
            (["pump", "dose", "5"], 2, "write KEY=VALUE"),
            (["pump", "dose", "--params", "[5]"], 2, "--params: must be an object"),
            (["pump", "dose", "--params", "@none"], 3, "there is no file none"),
            (["pump", "dose", "--timeout", "1h"], 2, "--timeout is at most 5m"),
        ):
            code, out, err = await call(gateway, *words, "--json")
            assert (code, said in err) == (expected, True), (words, code, err)
            assert json.loads(out)["exit_code"] == expected
        await until(lambda: at.ended == at.begun == 1, what="what took too long is ended")


async def test_of_a_node_that_is_away_it_is_said_at_once_and_when_it_was_last_heard(
    broker: Broker, tmp_path: Path
) -> None:
    async with process(tmp_path / "state", broker.url) as gateway:
        async with pump(tmp_path, broker, gateway):
            pass

        async def away() -> bool:
            return not (await gateway.http.get("/api/v1/nodes/pump")).json()["online"]

        await until_answered(away, what="the gateway sees that it has gone")
        for method in ("dose", "scripts.list"):
            code, _, err = await call(gateway, "pump", method, "--timeout", "1s")
            said, ended = err.splitlines()
            assert said.startswith("pump is offline, and was last heard ")
            assert said.endswith("; the call waits 1 s at most for it to come back")
            assert code == 5
            assert ended.startswith(f"ganglion: pump does not answer '{method}' within 1 s: ")
            assert "; pump is offline, and was last heard " in ended


async def test_ctrl_c_ends_it_on_the_node(broker: Broker, tmp_path: Path) -> None:
    async with process(tmp_path / "state", broker.url) as gateway, pump(tmp_path, broker, gateway) as at:
        child = await start(gateway, "pump", "wash", "--timeout", "5m")
        assert child.stderr is not None
        assert await asyncio.wait_for(child.stderr.readline(), 60) == "washing\N{REPLACEMENT CHARACTER}[2J\n".encode()
        assert (at.begun, at.ended) == (1, 0)
        child.send_signal(signal.SIGINT)
        await asyncio.wait_for(child.communicate(), 60)
        assert child.returncode == 130
        await until(lambda: at.ended, what="it is ended on the node")

        async def noted() -> bool:
            entries = (await gateway.http.get("/api/v1/audit")).json()["entries"]
            return [each["detail"]["outcome"] for each in entries if each["action"] == "node.command"] == ["cancelled"]

        await until_answered(noted, what="the audit says so")


async def test_who_hangs_up_on_a_plain_request_cancels_it_too(broker: Broker, tmp_path: Path) -> None:
    async with process(tmp_path / "state", broker.url) as gateway, pump(tmp_path, broker, gateway) as at:
        body = {"method": "wash", "timeout": 300}
        asking = asyncio.create_task(gateway.http.post("/api/v1/nodes/pump/commands", json=body, timeout=300))
        await until(lambda: at.begun, what="it has begun")
        asking.cancel()
        await until(lambda: at.ended, what="it is ended on the node")


async def test_a_stream_ends_with_the_result_or_the_problem(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site, pump(tmp_path, broker, site):

        async def lines(**body: Any) -> list[Any]:
            headers = {"accept": "application/x-ndjson"}
            answer = await site.http.post("/api/v1/nodes/pump/commands", json=body, headers=headers)
            assert answer.headers["content-type"].startswith("application/x-ndjson")
            return [json.loads(line) for line in answer.text.splitlines() if line]

        progress, end = await lines(method="dose", params={"ml": 2})
        assert progress == {"progress": {"done": 2, "total": 2, "text": "given"}}
        assert (end["ok"], end["result"]["given"]) == (True, 2)
        (end,) = await lines(method="dose", params={"ml": 99})
        assert {key: end["problem"][key] for key in ("status", "title", "instance")} == {
            "status": 403,
            "title": "Forbidden",
            "instance": "/api/v1/nodes/pump/commands",
        }
        headers = {"accept": "application/x-ndjson"}
        nobody = await site.http.post("/api/v1/nodes/nobody/commands", json={"method": "x"}, headers=headers)
        assert (nobody.status_code, nobody.headers["content-type"]) == (404, "application/problem+json")


async def test_a_viewer_calls_what_only_looks(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "state", broker.url) as site, pump(tmp_path, broker, site) as at:
        token, database = new_token(), site.services.database
        await database.write(
            lambda connection: keys.save_api_key(
                connection, name="eve", role=Role.VIEWER.value, digest=digest(token), created=1
            )
        )
        site.services.keyring.load(await keys.active_api_keys(database))
        viewer = {"authorization": f"Bearer {token}"}

        async def status(method: str, path: str, **options: Any) -> int:
            answer = await site.stranger.request(method, f"/api/v1{path}", headers=viewer, **options)
            return answer.status_code

        assert await status("GET", "/nodes/pump/calls/scripts.list") == 200
        assert await status("GET", "/mesh/statistics") == 200
        listed = await site.stranger.get("/api/v1/nodes/pump/calls/methods", headers=viewer)
        assert [each["name"] for each in listed.json()["result"]["methods"] if each["reads"]] == [
            *("mesh.peers", "mesh.routes", "methods", "ping"),
            "scripts.list",
        ]
        assert await status("GET", "/nodes/pump/calls/wash") == 404
        assert await status("GET", "/nodes/pump/calls/bus.event") == 404
        assert await status("POST", "/nodes/pump/commands", json={"method": "scripts.list"}) == 403
        assert not at.begun
        assert not (await site.get("/audit", action="node.command"))["entries"], "looking is not written down"
        statistics = await site.get("/mesh/statistics")
        assert statistics["connected"] is True
        assert statistics["rejected"] == {} or set(statistics["rejected"]) == {"replayed"}
