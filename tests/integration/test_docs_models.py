# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/models.md: its file is one, and its commands show what was used of a real server by it."""

import asyncio
import re
import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from ganglion.cli.main import main
from ganglion.mesh.member import Peer
from ganglion_gateway.model.configuration import CacheSettings, ModelsSettings
from support.chat_server import KEY, chat_server
from support.gateway import here, served

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
[FILE] = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
CREDENTIAL = SimpleNamespace(roles=("node",), tags=())
NODE = cast(Peer, SimpleNamespace(node_id="n" * 26, name="fridge", credential=CREDENTIAL))


async def test_the_page_is_done_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models.toml").write_text(FILE)
    (tmp_path / "openai.key").write_text(KEY)
    known = ModelsSettings.of_file(tmp_path / "models.toml")
    assert (known.scripts["watch"].tokens, known.nodes["fridge"].tokens, known.cache.url[:5]) == (
        20000,
        300000,
        "redis",
    )

    async def types(line: str) -> str:
        code = await asyncio.to_thread(main, shlex.split(line)[1:])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    async with chat_server() as chat:
        own, large = known.models
        models = (replace(own, url="http://127.0.0.1:1/v1"), replace(large, url=chat.url))
        settings = replace(known, models=models, cache=CacheSettings(ttl=known.cache.ttl))
        with capture_logs():  # they would stand among what a command says
            async with here(tmp_path / "state", models=settings) as site, served(site) as url:
                monkeypatch.setenv("GANGLION_GATEWAY", url)
                monkeypatch.setenv("GANGLION_TOKEN", site.token)
                for _ in range(2):
                    await site.gateway.member.client.perform("prompt", {"prompt": "Why?", "script": "watch"}, NODE)
                shown = await types(COMMANDS[0])
                assert "script watch" in shown
                assert "26 of 20,000" in shown
                assert KEY not in shown
                assert re.search(r"^watch +2 +1 +21 +5 +0\.0000$", await types(COMMANDS[1]), re.MULTILINE)
                assert "day" in await types(COMMANDS[2]) or "no model" in await types(COMMANDS[2])
                assert len(chat.requests) == 1
                [_, entry] = (await site.get("/audit", action="model.prompt"))["entries"]
                assert entry["detail"]["tried"] == [{"model": "own", "outcome": "unreachable"}]
