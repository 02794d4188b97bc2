# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mesh.md, "Who may do what": each command is run, and prints what the page shows."""

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.mesh.policy import VERBS
from support.brokers import Broker
from support.gateway import process
from support.node import node
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "mesh.md").read_text()
SECTION = PAGE.partition("## Who may do what\n")[2].partition("\n## ")[0]
#: Each block of commands, and what the page says that it prints, if it does.
BLOCKS = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", SECTION, re.DOTALL | re.MULTILINE)
#: What the page has in place of what only a real mesh knows.
VERSION, GATEWAY = "1795280400", "GATEWAY"
CONFIG = """
[node]
name = "fridge"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
"""


async def test_every_command_prints_what_the_page_shows(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (document,) = re.findall(r"^```yaml\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    assert len(BLOCKS) == SECTION.count("```sh") == 6
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(document)
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])

        async def told(path: str) -> dict[str, object]:
            document: dict[str, object] = (await gateway.http.get(f"/api/v1/mesh/{path}")).json()
            return document

        async def has_it() -> bool:
            answer = await gateway.http.get("/api/v1/mesh/parties/fridge")
            return answer.status_code == 200 and answer.json()["policy"] == (await told("policy"))["version"]

        async with node(tmp_path, CONFIG.format(broker=broker.url)) as fridge:
            await fridge.ready()
            await until_answered(has_it, what="the fridge has joined")
            for block, shown in BLOCKS:
                for command in block.splitlines():
                    await until_answered(has_it, what="the fridge has the policy")
                    line, _, file = command.partition(" > ")
                    program, *words = shlex.split(line)
                    assert program == "ganglion"
                    assert await asyncio.to_thread(main, words) == (1 if shown.startswith("denied") else 0)
                    out, _ = capsys.readouterr()
                    if file:
                        (tmp_path / file).write_text(out)
                    if shown:
                        version, own = (await told("policy"))["version"], (await told("parties/gateway"))["id"]
                        assert out == shown.replace(VERSION, str(version)).replace(GATEWAY, f"node:{own}")
            refused = await gateway.http.post("/api/v1/nodes/fridge/commands", json={"method": "scripts.list"})
            assert refused.status_code == 403
            assert "the policy was deleted" in refused.json()["detail"]


def test_the_verbs_are_those_of_the_code() -> None:
    (row,) = re.findall(r"^\| `may` \| (.*) \|$", SECTION, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", row)) == VERBS
