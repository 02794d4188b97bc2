# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/rollouts.md: each command is run against a gateway and a node, and prints what the page shows."""

import asyncio
import hashlib
import json
import re
import shlex
from pathlib import Path

import httpx
import pytest

from ganglion.cli.main import main
from ganglion_gateway.rollout.terms import MINUTE, Share, Stage, Terms
from ganglion_gateway.selecting import parse
from support.brokers import Broker
from support.gateway import process
from support.released import CONFIG, GOOD, serviced
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "rollouts.md").read_text()
#: Each block of commands, and what the page says that it prints, if it does.
BLOCKS = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", PAGE, re.DOTALL | re.MULTILINE)


async def release(http: httpx.AsyncClient, name: str) -> None:
    """A release with a short trial."""
    data = GOOD.format(name=name.replace("-", "_")).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    assert (await http.put(f"/api/v1/releases/files/{sha256}", content=data)).status_code == 200
    body = {"name": name, "files": [{"path": "door.yaml", "sha256": sha256}], "window": 2}
    assert (await http.post("/api/v1/releases", json=body)).status_code == 201


def quick(command: str) -> list[str]:
    """The words of a command; what takes ten minutes on the page takes none here."""
    program, *words = shlex.split(command)
    assert program == "ganglion"
    return [*words, "--soak", "1s"] if words[1] == "start" and "--soak" not in words else words


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_every_command_does_what_the_page_says(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(BLOCKS) == PAGE.count("```sh") == 3
    folder = tmp_path / "node"
    folder.mkdir()
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        key = await gateway.http.post("/api/v1/enrol-keys", json={"tags": ["fridge"]})
        (folder / "enrol.key").write_text(key.json()["key"])
        await release(gateway.http, "fridge-2")
        await release(gateway.http, "fridge-3")
        async with serviced(folder, CONFIG.format(broker=broker.url)):

            async def there() -> bool:
                answer = await gateway.http.get("/api/v1/nodes/fridge")
                return answer.status_code == 200 and answer.json()["online"]

            await until_answered(there, what="the fridge has joined")
            for block, shown in BLOCKS:
                for command in block.splitlines():
                    code = await asyncio.to_thread(main, quick(command))
                    said = capsys.readouterr()
                    assert code == 0, (command, said)
                    if shown:
                        assert re.sub(r"\([0-9a-f]{12}\)", "(RELEASE)", said.out) == shown
                    if " watch " in command:
                        assert re.search(r"^rollout spring is completed: 1 committed$", said.out, re.MULTILINE)
                    if " list " in command:
                        assert "spring" in said.out
            assert await asyncio.to_thread(main, ["rollout", "watch", "summer", "--json"]) == 1
            lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
            assert lines[-1]["why"] == "by admin: the door script is wrong"
            assert await asyncio.to_thread(main, ["rollout", "pause", "summer"]) == 1
            assert await asyncio.to_thread(main, ["rollout", "report", "winter"]) == 3
            assert await asyncio.to_thread(main, ["rollout", "plan", "fridge-3", "--to", "tga=x"]) == 2


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    terms = Terms(stages=(Stage(percent=100, soak=0),))
    assert f"percent of what it adds ({terms.quorum})" in PAGE
    assert terms.tolerate == terms.tolerate_stage == Share(5, percent=True)
    assert "(5 % each, so none of fewer than 20)" in PAGE
    assert terms.patience == 30 * MINUTE
    assert "`--patience` (30m)" in PAGE


def test_every_selector_of_the_page_is_one() -> None:
    section = PAGE.partition("## Which nodes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    found = [each for row in rows for each in re.findall(r"`(.*?)`", row)]
    assert len(found) >= 10
    for text in found:
        parse(text)
