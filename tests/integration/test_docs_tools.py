# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of docs/tools.md is valid, and does what the page says."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.mova.schema import KEYWORDS
from support.rude_server import gives_tokens, rude_server, says

PAGE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()


def test_the_example_runs_with_its_secrets_contract_and_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    document = tmp_path / "orders.yaml"
    document.write_text(example)
    assert main(["mova", "check", "--advanced", str(document)]) == 0
    assert set(re.findall(r"MV\d+ .*?'.*?'", capsys.readouterr().out)) == {
        "MV407 nothing in the document sets 'session.data.pizza'",
        "MV407 nothing in the document sets 'session.data.size'",
    }
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GANGLION_SECRET_SHOP_ID", "7")
    monkeypatch.setenv("GANGLION_SECRET_SHOP_SECRET", "s3cret0123")
    words = ["mova", "run", str(document), "--set", "pizza=margherita", "--json", "--set"]

    async def run() -> None:
        async with rude_server() as shop, rude_server() as tokens:
            shop.does(says({"left": 3}))
            tokens.does(gives_tokens(3600))
            here = example.replace("https://shop.example.org/token", tokens.url)
            document.write_text(here.replace("https://shop.example.org", shop.url))
            assert await asyncio.to_thread(main, [*words, "size=large"]) == 0
            assert json.loads(capsys.readouterr().out)["session"]["data"]["left"] == 3
            (asked,) = shop.asked
            assert (asked.headers["x-shop"], asked.headers["authorization"]) == ("7", "Bearer token-1-0123456789")
            assert json.loads(asked.body) == {"pizza": "margherita", "size": "large"}
            assert tokens.asked[0].body == b"grant_type=client_credentials&scope=stock"
            assert await asyncio.to_thread(main, [*words, "size=huge"]) == 1
            error = json.loads(capsys.readouterr().out)["error"]
            assert "the contract shop does not allow what goes to stock: size is none of the values allowed" in error
            assert len(shop.asked) == 1

    asyncio.run(run())


def test_the_keywords_that_it_lists_are_those_that_are_checked() -> None:
    (listed,) = re.findall(r"Checked are: `(.*?)`", PAGE, re.DOTALL)
    assert sorted(listed.split()) == sorted(KEYWORDS)
