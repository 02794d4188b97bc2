# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova watch` and `ganglion scripts put`, against a node and a gateway that run."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.brokers import Broker
from support.gateway import Process, process
from support.node import node
from support.waiting import until_answered

SCRIPT = """
version: "2.2"
dialect: edge/1
name: first
triggers: [{id: called, event: call, run: light}]
protocols: [{name: light, steps: [{id: lit, action: actuate, actuator: lamp, value: true}]}]
"""
CONFIG = """
[node]
name = "home"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[actuator.lamp]
driver = "file"
path = "lamp"
"""


@pytest.fixture
async def gateway(broker: Broker, tmp_path: Path) -> AsyncIterator[Process]:
    """One with a node `home` that has no scripts."""
    async with process(tmp_path / "gateway", broker.url) as made:
        key = (await made.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (tmp_path / "enrol.key").write_text(key)
        async with node(tmp_path, CONFIG.format(broker=broker.url)) as home:
            await home.ready()

            async def reached() -> bool:
                return (await ended(made, "scripts", "list", "home", "--json"))[0] == 0

            await until_answered(reached)
            yield made


@asynccontextmanager
async def ganglion(gateway: Process, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command that goes on until the block ends."""
    environment = {**os.environ, "GANGLION_GATEWAY": gateway.url, "GANGLION_TOKEN": gateway.token}
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ganglion", *words, stdout=pipe, stderr=pipe, env=environment
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def ended(gateway: Process, *words: str) -> tuple[int | None, str, str]:
    """Exit code, output and errors of a command."""
    async with ganglion(gateway, *words) as child:
        out, err = await asyncio.wait_for(child.communicate(), 60)
        return child.returncode, out.decode(), err.decode()


async def scripts(gateway: Process) -> set[str]:
    listed = json.loads((await ended(gateway, "scripts", "list", "home", "--json"))[1])
    return {each["name"] for each in listed["scripts"]}


def save(file: Path, name: str) -> None:
    """At once, so that the watch never sees half of it."""
    made = file.with_suffix(".new")
    made.write_text(SCRIPT.replace("name: first", f"name: {name}"))
    made.replace(file)


async def said(child: asyncio.subprocess.Process) -> dict[str, Any]:
    assert child.stdout is not None
    document: dict[str, Any] = json.loads(await asyncio.wait_for(child.stdout.readline(), 60))
    return document


async def test_a_document_that_is_renamed_leaves_nothing_behind_under_its_old_name(
    gateway: Process, tmp_path: Path
) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(SCRIPT)
    async with ganglion(gateway, "mova", "watch", str(file), "--node", "home", "--json") as child:
        assert (await said(child))["name"] == "first"
        save(file, "second")
        assert (await said(child))["name"] == "second"
        assert await said(child) == {"removed": "first"}
        assert await scripts(gateway) == {"second"}

        assert (await ended(gateway, "scripts", "remove", "home", "second"))[0] == 0
        save(file, "third")
        assert (await said(child))["name"] == "third"
        gone = await said(child)
        assert (gone["removed"], "no script 'second'" in gone["error"]) == (None, True)
        assert await scripts(gateway) == {"third"}


async def test_a_watch_lives_through_restarts_of_gateway_and_node(broker: Broker, tmp_path: Path) -> None:
    config = CONFIG.format(broker=broker.url)
    file = tmp_path / "script.yaml"
    file.write_text(SCRIPT)

    async def reached() -> bool:
        return (await ended(gateway, "scripts", "list", "home", "--json"))[0] == 0

    async with process(tmp_path / "gateway", broker.url) as gateway:
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (tmp_path / "enrol.key").write_text(key)
        port = gateway.url.rpartition(":")[2]
        async with node(tmp_path, config) as home:
            await home.ready()
            await until_answered(reached)
            async with ganglion(gateway, "mova", "watch", str(file), "--node", "home", "--json") as child:
                assert (await said(child))["name"] == "first"
                home.process.kill()
                await home.process.wait()
                async with node(tmp_path, config) as again:
                    await again.ready()
                    while not (told := await said(child))["live"]:
                        assert "home" in told["error"] or "answer" in told["error"]
                    assert (told["name"], told["replaced"]) == ("first", False)
                    await gateway.end()
                    save(file, "second")
                    while "no gateway" not in (told := await said(child))["error"]:
                        pass
                    async with process(tmp_path / "gateway", broker.url, "--port", port):
                        while not (told := await said(child))["live"]:
                            pass
                        assert told["name"] == "second"


async def test_what_runs_already_goes_on_as_it_is(gateway: Process, tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(SCRIPT)
    for text, replaced in ((SCRIPT, False), (SCRIPT + "# a comment\n", False), (SCRIPT.replace("call", "cry"), True)):
        file.write_text(text)
        code, out, _ = await ended(gateway, "scripts", "put", "home", str(file), "--json")
        assert (code, json.loads(out)["replaced"]) == (0, replaced)


async def test_a_script_that_the_node_cannot_run_is_refused_and_the_one_before_goes_on(
    gateway: Process, tmp_path: Path
) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(SCRIPT)
    assert (await ended(gateway, "scripts", "put", "home", str(file)))[0] == 0
    before = await ended(gateway, "scripts", "list", "home")
    file.write_text(SCRIPT.replace("actuator: lamp", "actuator: lam"))
    for words in (("scripts", "put", "home", str(file)), ("mova", "watch", str(file), "--node", "home", "--once")):
        code, _, err = await ended(gateway, *words)
        assert code == 4, err
        assert "there is no actuator 'lam' (did you mean \"lamp\"?): it has lamp" in err
    assert await ended(gateway, "scripts", "list", "home") == before
