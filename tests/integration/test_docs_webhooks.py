# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/webhooks.md, done as it says: each of its commands, against a real gateway with a receiver that fails first."""

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ganglion.cli.main import main
from ganglion.units import MILLISECOND
from ganglion_gateway.webhook.schedule import Policy
from ganglion_gateway.webhook.signature import new_secret
from support.gateway import happen, here, served
from support.receiver import Answer, receiver
from support.waiting import until, until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
WEBHOOK, MESSAGE, HOOK = "wh_0123456789abcdef", "msg_abcdefghijklmnopqrstuvwxyz234567", "hk_0123456789abcdef"
FAST = Policy(first=MILLISECOND, longest=2 * MILLISECOND, rest=MILLISECOND, attempts=1, breaker=1000)


class Person:
    """Somebody who types the page's commands, each once."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.left = list(COMMANDS)
        self.known: dict[str, str] = {}
        self._capsys = capsys

    async def types(self, words: str, *more: str) -> str:
        """Runs the next command that begins so; what it said."""
        line = next(line for line in self.left if line.startswith(words))
        self.left.remove(line)
        return await self.runs(line, *more)

    async def runs(self, line: str, *more: str) -> str:
        for shown, real in self.known.items():
            line = line.replace(shown, real)
        code = await asyncio.to_thread(main, [*shlex.split(line)[1:], *more])
        said = self._capsys.readouterr()
        assert code == 0, f"{line}: {said.err}"
        return said.out

    async def asks(self, line: str) -> Any:
        return json.loads(await self.runs(line, "--json"))


async def test_the_page_is_done_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    person = Person(capsys)
    with capture_logs():  # they would stand among what a command says
        await _done(person, tmp_path, monkeypatch)
    assert person.left == []


async def _done(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        receiver(new_secret()) as office,
        here(tmp_path / "state", policy=FAST) as site,
        served(site) as url,
    ):
        monkeypatch.setenv("GANGLION_GATEWAY", url)
        monkeypatch.setenv("GANGLION_TOKEN", site.token)
        (tmp_path / "office.secret").write_text(office.secret + "\n")
        person.known = {"https://example.org/ganglion": office.url}
        said = await person.types("ganglion webhooks add", "--allow-http", "--allow-private")
        assert office.secret in said
        endpoint = said.partition(":")[0]
        person.known[WEBHOOK] = endpoint
        assert office.url in await person.types("ganglion webhooks list")
        assert "took it in" in await person.types("ganglion webhooks test")

        office.answers.extend([Answer(500)] * 4)
        await happen(site, 1, 2, 3, 4)
        await until_answered(lambda: _are(site, 4), what="four dead letters")
        assert "HTTP status 500" in await person.types("ganglion webhooks show")
        listed = await person.types("ganglion dlq list")
        assert listed.count("HTTP status 500") == 4
        person.known[MESSAGE] = (await person.asks("ganglion dlq list"))["messages"][-1]["message"]
        assert "alert/x" in await person.types("ganglion dlq show")
        assert "1 message is to be delivered again" in await person.types("ganglion dlq replay msg")
        await until(lambda: len(office.taken) == 2, what="the one that was replayed, after the test")
        assert "3 messages are to be" in await person.types("ganglion dlq replay --webhook")
        await until(lambda: len(office.taken) == 5, what="the others")
        assert "0 messages are thrown away" in await person.types("ganglion dlq drop")
        assert "signs, too, until" in await person.types("ganglion webhooks rotate")
        assert "paused" in await person.types("ganglion webhooks pause")
        assert "ok" in await person.types("ganglion webhooks resume")
        assert "alert crash" in await person.types("ganglion webhooks edit")
        await person.types("ganglion webhooks remove")
        assert (await person.asks("ganglion webhooks list"))["webhooks"] == []

        added = await person.types("ganglion hooks add shop")
        assert f"POST to {url}/hooks/hk_" in added
        assert "signed in x-hub-signature-256" in await person.types("ganglion hooks add github")
        assert "shop/order" in await person.types("ganglion hooks list")
        person.known[HOOK] = added.partition(":")[0]
        assert "holds, too, until" in await person.types("ganglion hooks rotate")
        await person.types("ganglion hooks remove")
        assert [each["name"] for each in (await person.asks("ganglion hooks list"))["hooks"]] == ["github"]


async def _are(site: Any, count: int) -> bool:
    return len((await site.get("/dlq"))["messages"]) == count
