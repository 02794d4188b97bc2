# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mcp` as a language model has it: the package's own client, both transports, a real gateway and node."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from mcp import Client

from ganglion.cli import mcp_scripts, mcp_tools
from ganglion.cli.main import main
from ganglion.cli.mcp_threads import MOST, OF_ONE, Threads
from ganglion.errors import InvalidError, RefusedError
from support.brokers import Broker, nats_broker
from support.gateway import Process, process
from support.mcp_client import http_server, over_http, stdio
from support.node import node
from support.waiting import until, until_answered

TOOLS = {"list", "describe", "read", "command", "history", "check_script", "test_script", "rollout_status"}
CONFIG = """
[node]
name = "cellar"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.bell]
kind = "bme280"
bus = "sim"
every = "100ms"
[actuator.fan]
driver = "file"
path = "{folder}/fan"
[actuator.lock]
driver = "file"
path = "{folder}/lock"
risk = "confirm"
[actuator.heater]
driver = "file"
path = "{folder}/heater"
risk = "never"
"""
SCRIPT = """
version: "2.2"
dialect: edge/1
name: trial
triggers: [{id: warm, sensor: bell.temperature, above: 8, run: main}]
protocols:
  - {name: main, steps: [{id: say, action: log, message: "warm"}]}
tests:
  - {name: warm, feed: {bell.temperature: [[1s, 20]]}, for: 10s, expect: [{ran: {main: completed}}]}
"""


@contextlib.asynccontextmanager
async def cellar(folder: Path, broker: Broker) -> AsyncIterator[Process]:
    """A gateway, and a node in its mesh."""
    async with process(folder / "gateway", broker.url) as gateway:
        (folder / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        async with node(folder, CONFIG.format(broker=broker.url, folder=folder)) as started:
            await started.ready()

            async def reads() -> bool:
                nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
                return any(each["online"] and "bell.temperature" in each["sensors"] for each in nodes)

            await until_answered(reads, what="the node, and what it reads")
            yield gateway


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """What a tool says that it does not do."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.structured_content
    return str(result.content[0].text)  # type: ignore[union-attr]


async def looks(client: Client) -> None:
    """Everything that changes nothing."""
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    [one] = (await call(client, "list"))["nodes"]
    assert (one["name"], one["online"]) == ("cellar", True)
    assert (await call(client, "list", tag="kitchen"))["nodes"] == []
    assert (await call(client, "list", what="alerts"))["alerts"] == []
    known = await call(client, "describe", node="cellar")
    assert {name: each["risk"] for name, each in known["actuators"].items()} == {
        "fan": "low",
        "lock": "confirm",
        "heater": "never",
    }
    value = (await call(client, "read", node="cellar", sensor="bell.temperature"))["bell.temperature"]
    assert isinstance(value["value"], float)
    assert "no sensor 'bel'" in await refused(client, "read", node="cellar", sensor="bel")
    assert "no node is called 'attic'" in await refused(client, "describe", node="attic")
    assert await refused(client, "read") == (
        "node: this is required: a text of at most 128 letters: a node's name or id, as `list` shows it, or PARENT/LEAF"
    )
    fan = {"node": "cellar", "actuator": "fan", "value": True}
    assert await refused(client, "command", **fan) == (
        "why: this is required: a text of at most 200 letters: for the person who is asked"
    )
    assert await refused(client, "command", **fan, wy="it is warm") == 'wy: there is no such field; did you mean "why"?'
    assert await refused(client, "read", node="cellar", sensr="x") == (
        'sensr: there is no such field; did you mean "sensor"?'
    )
    assert (
        await refused(client, "list", what="node")
        == "what: 'node' is not one of nodes, alerts, consents; did you mean \"nodes\"?"
    )
    assert await refused(client, "red") == "there is no tool 'red'; did you mean \"read\"?"
    found = await call(client, "history", node="cellar", sensor="bell.temperature", since="1h")
    assert 0 < len(found["points"]) <= mcp_tools.MAX_POINTS
    assert "is not a duration" in await refused(client, "history", node="cellar", sensor="bell.temperature", since="1y")


async def test_a_model_looks_and_commands_under_the_risk_classes_over_stdio(tmp_path: Path) -> None:
    async with (
        nats_broker(tmp_path / "nats") as broker,
        cellar(tmp_path, broker) as gateway,
        stdio(gateway.url, gateway.token) as client,
    ):
        await looks(client)
        done = await call(client, "command", node="cellar", actuator="fan", value=True, why="it is warm")
        assert (done["value"], (tmp_path / "fan").read_text()) == (True, "1\n")
        never = await refused(client, "command", node="cellar", actuator="heater", value=True, why="it is cold")
        assert "may never set it" in never
        asking = asyncio.create_task(
            call(client, "command", node="cellar", actuator="lock", value=True, why="somebody rang")
        )
        waiting: list[dict[str, Any]] = []

        async def asked() -> bool:
            waiting[:] = (await gateway.http.get("/api/v1/consents")).json()["consents"]
            return bool(waiting)

        await until_answered(asked, what="a person asked")
        assert (waiting[0]["why"], (tmp_path / "lock").read_text()) == ("somebody rang", "0\n")
        assert (await call(client, "list", what="consents"))["consents"][0]["id"] == waiting[0]["id"]
        await gateway.http.post(f"/api/v1/consents/{waiting[0]['id']}/grant")
        assert (await asyncio.wait_for(asking, 60))["value"] is True
        assert (tmp_path / "lock").read_text() == "1\n"
        rollouts = (await gateway.http.get("/api/v1/rollouts")).status_code == 200
        assert (await client.call_tool("rollout_status", {})).is_error is not rollouts


async def test_over_http_each_request_has_the_gateways_token_and_its_rights(tmp_path: Path) -> None:
    async with (
        nats_broker(tmp_path / "nats") as broker,
        cellar(tmp_path, broker) as gateway,
        http_server(gateway.url) as url,
    ):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as stranger:
            for headers in ({}, {"authorization": "Bearer gt_wrong"}, {"authorization": "Basic YTpi"}):
                answer = await stranger.post(url, json={}, headers=headers)
                assert answer.json()["title"] == "Unauthorized"
                assert (answer.status_code, "bearer" in answer.headers["www-authenticate"].lower()) == (401, True)
            known = {"authorization": f"Bearer {gateway.token}"}
            assert (await stranger.post(url, content=b"x" * (3 << 20), headers=known)).status_code == 413
        async with over_http(url, gateway.token) as client:
            await looks(client)
            await call(client, "command", node="cellar", actuator="fan", value=True, why="it is warm", seconds=2)
            await until(lambda: (tmp_path / "fan").read_text() == "0\n", what="the fan made safe after its time")
        entries = (await gateway.http.get("/api/v1/audit?action=node.command")).json()["entries"]
        assert {"advised", "why"} <= set(entries[0]["detail"]["params"])


async def test_scripts_are_judged_by_their_own_tests_and_read_no_file(tmp_path: Path) -> None:
    said = await asyncio.to_thread(mcp_scripts.checked, SCRIPT.replace("log, message", "logg, message"))
    assert "logg" in str(said)
    said = await asyncio.to_thread(mcp_scripts.tested, SCRIPT)
    assert said["passed"] is True
    said = await asyncio.to_thread(mcp_scripts.tested, SCRIPT.replace("[[1s, 20]]", "[[1s, 2]]"))
    assert said["passed"] is False
    for feed in ("{trace: /etc/passwd}", "{trace: {file: /etc/passwd}}"):
        with pytest.raises(InvalidError, match="a recording is a file of this machine"):
            mcp_scripts.tested(SCRIPT.replace("{bell.temperature: [[1s, 20]]}", feed))


def test_a_script_that_takes_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("x" * (mcp_scripts.MAX_SCRIPT + 1), "half \ud800"):
        with pytest.raises(InvalidError, match=r"at most 200000 letters|half of one"):
            mcp_scripts.checked(text)
    greedy = "x = bytearray(1 << 40)\nrunpy."
    monkeypatch.setattr(mcp_scripts, "_BOUNDED", mcp_scripts._BOUNDED.replace("runpy.", greedy))
    with pytest.raises(InvalidError, match="takes more than 30 s of the processor or 512 MB"):
        mcp_scripts.checked(SCRIPT)


async def test_so_many_questions_are_under_way_and_no_more() -> None:
    threads, go = Threads(), Event()
    waiting = [threads.run("a", lambda: go.wait(60)) for _ in range(OF_ONE)]
    with pytest.raises(RefusedError, match="too many questions"):
        threads.run("a", lambda: None)
    for i in range(MOST // OF_ONE - 1):
        waiting += [threads.run(f"b{i}", lambda: go.wait(60)) for _ in range(OF_ONE)]
    with pytest.raises(RefusedError, match="too many questions"):
        threads.run("c", lambda: None)
    waiting[0].cancel()
    with pytest.raises(RefusedError, match="too many questions"):
        threads.run("c", lambda: None)
    go.set()
    assert all(await asyncio.gather(*waiting[1:]))
    await until(lambda: not threads._under_way, what="all are done")
    with pytest.raises(InvalidError, match="no"):
        await threads.run("c", fails)


def fails() -> None:
    raise InvalidError("no")


def test_what_lies_beside_a_script_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Planted(tempfile.TemporaryDirectory[str]):
        def __enter__(self) -> str:
            (Path(self.name) / "json.py").write_text("raise SystemExit('imported')")
            return self.name

    monkeypatch.setattr("tempfile.TemporaryDirectory", Planted)
    assert mcp_scripts.checked(SCRIPT)["valid"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--http", "8480"], "write HOST:PORT"),
        (["--http", "0.0.0.0:8480"], "beyond loopback"),
        (["--insecure-listen"], "--http, which is missing"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANGLION_GATEWAY", "http://127.0.0.1:1")
    assert main(["mcp", *words]) == 2
    assert said in capsys.readouterr().err
