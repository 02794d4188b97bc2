# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mesh.md on joining, leaving and keys, done as it says: real gateway, real nodes, each command of the section."""

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh.identity import Identity, fingerprint
from ganglion_micro import gl1
from support.brokers import Broker, nats_broker
from support.gateway import Process, process
from support.node import node
from support.waiting import until, until_answered

SECTION = re.search(
    r"^## Joining, leaving and another key\n(.*?)(?=^## |\Z)",
    (Path(__file__).parents[2] / "docs" / "mesh.md").read_text(),
    re.DOTALL | re.MULTILINE,
).group(1)  # type: ignore[union-attr]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()]
#: What the page has in place of what only a real mesh knows.
BROKER, MESH, ROOT = "mqtt://192.0.2.10:1883", "pczxc4hc5uxae", "pczxc4hc5uxaexxxxxxxxxxxxa"
KEY, FINGERPRINT = "1f0c8e5d2b7a9461", "abcd-efgh-ijkl-mnop"


class Person:
    """Somebody who types the page's commands, each once."""

    def __init__(self, folder: Path, broker: Broker, gateway: Process) -> None:
        self.folder = folder
        self.known = {BROKER: broker.url}
        self.left = list(COMMANDS)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GANGLION_")}
        self._environment = {
            **kept,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GANGLION_GATEWAY": gateway.url,
            "GANGLION_TOKEN": gateway.token,
        }

    async def starts(self, words: str, *more: str) -> asyncio.subprocess.Process:
        """Starts the next command that begins so."""
        line = next(line for line in self.left if line.startswith(words))
        self.left.remove(line)
        for shown, real in self.known.items():
            line = line.replace(shown, real)
        line, _, file = line.partition(" > ")
        words_ = [sys.executable, "-m", *shlex.split(line), *more]
        with (self.folder / (file or "nothing")).open("wb") as out:
            return await asyncio.create_subprocess_exec(
                *words_,
                cwd=self.folder,
                env=self._environment,
                stdout=out if file else asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )

    async def types(self, words: str, *more: str, code: int = 0) -> str:
        """Runs it to its end; what it said on stdout."""
        return await self.ends(await self.starts(words, *more), code=code)

    async def ends(self, started: asyncio.subprocess.Process, *, code: int = 0) -> str:
        out, err = await asyncio.wait_for(started.communicate(), 60)
        assert started.returncode == code, err.decode()
        return (out or b"").decode()

    async def asks(self, words: str) -> Any:
        """The same again with --json, as often as a test likes."""
        line = next(line for line in COMMANDS if line.startswith(words))
        self.left.append(line)
        return json.loads(await self.types(words, "--json"))


async def test_the_page_is_done_as_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with nats_broker(tmp_path / "nats") as broker, process(tmp_path / "gateway", broker.url) as gateway:
        person = Person(tmp_path, broker, gateway)
        # By a key
        await person.types("ganglion enrol-key create")
        joined = await person.types("ganglion enrol --key-file", "--wait", "30s")
        assert "is a member of the mesh" in joined
        assert "next: ganglion node run node.toml --state fridge" in joined
        [key] = (await person.asks("ganglion enrol-key list"))["enrol_keys"]
        assert (key["uses_left"], key["tags"]) == (2, ["kitchen"])
        person.known[KEY] = key["id"]
        assert "nobody joins by" in await person.types("ganglion enrol-key revoke")
        assert "revoked" in await person.types("ganglion enrol-key list")
        # By approval
        told = await person.asks("ganglion devices pending")
        person.known |= {ROOT: told["root"], MESH: told["mesh"]}
        assert f"ganglion enrol --mesh {told['mesh']}" in await person.types("ganglion devices pending")
        waiting = await person.starts("ganglion enrol --mesh", "--json", "--wait", "60s")
        assert waiting.stderr is not None
        said = (await asyncio.wait_for(waiting.stderr.readline(), 60)).decode()
        shown = fingerprint(Identity.load(tmp_path / "room" / "identity").node_id)
        assert shown in said
        assert shown in await person.types("ganglion devices pending")
        person.known[FINGERPRINT] = shown
        assert "study" in await person.types("ganglion devices approve")
        held = json.loads(await person.ends(waiting))
        assert (held["name"], held["tags"], held["fingerprint"]) == ("study", ["upstairs"], shown)
        # Another key, while the node runs: asked for from afar, and prepared on the device
        (example,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
        for shown_, real in person.known.items():
            example = example.replace(shown_, real)
        (tmp_path / "run").mkdir()
        (tmp_path / "room").rename(tmp_path / "run" / "state")
        (tmp_path / "room").symlink_to(tmp_path / "run" / "state")
        async with node(tmp_path / "run", example) as running:
            await running.ready()
            before = (await gateway.http.get("/api/v1/nodes/study")).json()["id"]
            prepared = json.loads(await person.types("ganglion id rotate --state room", "--json"))
            assert prepared["node"] == before

            async def has(name: str, field: str, value: object) -> bool:
                return bool((await gateway.http.get(f"/api/v1/nodes/{name}")).json()[field] == value)

            await until_answered(lambda: has("study", "id", prepared["next"]), what="the new id of the study")
            await until_answered(lambda: has("study", "former", [before]), what="its former id")
            (tmp_path / "fridge-run").mkdir()
            (tmp_path / "fridge").rename(tmp_path / "fridge-run" / "state")
            (tmp_path / "fridge").symlink_to(tmp_path / "fridge-run" / "state")
            config = f'[node]\nname = "fridge"\n[mqtt]\nbroker = "{broker.url}"\n[mesh]\n'
            async with node(tmp_path / "fridge-run", config) as fridge:
                await fridge.ready()
                shown = json.loads(await person.types("ganglion id show", "--json"))
                assert fingerprint(shown["node"]) == shown["fingerprint"]
                asked = json.loads(await person.types("ganglion id rotate fridge", "--json"))
                assert asked["next"] != shown["node"]
                await until_answered(lambda: has("fridge", "id", asked["next"]), what="the new id of the fridge")
                # Out of the mesh, within five seconds, and the device says so
                assert "is revoked" in await person.types("ganglion devices revoke")
                kept, kid = fridge.state / "revoked.cbor", gl1.kid_of(asked["next"])
                await until(lambda: kid in kept.read_bytes(), within=60, what="the node has the list")
        assert f"was revoked in the mesh {told['mesh']}" in capsys.readouterr().err
        nodes = {one["name"]: one for one in (await person.asks("ganglion devices list"))["nodes"]}
        assert nodes["fridge"]["revoked"] is not None
        assert nodes["study"]["revoked"] is None
        assert "revoked" in await person.types("ganglion devices list")
        assert not person.left, "commands of the page that nothing runs"
