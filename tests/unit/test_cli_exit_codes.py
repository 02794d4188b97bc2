# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong usage ends a command with 2, whoever finds it: the parser, the command, or the gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.errors import InvalidError, RefusedError, UnfitError, UsageError
from support.web import Server

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    running = Server()
    running.says({"title": "Unprocessable Content", "detail": "it is not taken"}, status=422)
    monkeypatch.setenv("GANGLION_GATEWAY", running.url)
    monkeypatch.setenv("GANGLION_TOKEN", "t0ken")
    yield running
    running.close()


@pytest.mark.parametrize(
    "line",
    [
        "nosuch",
        "logs --since abc",
        "logs --count 0",
        "logs --level loud",
        f"release create {README} --name x --window abc",
        f"release create {README} --name x --window 1s",
        f"release create {README} --name x --requires board",
        "release assign fridge x --wait abc",
        "jobs run --on fridge status --deadline abc",
        "jobs run --on fridge status --deadline 30d",
        "jobs run --on fridge status --timeout abc",
        "jobs run --on fridge status --params [",
        "jobs run --on fridge status --retries x",
        "history fridge fridge.temperature --since abc",
        "call fridge status --timeout abc",
        "call fridge status --params [",
        "watch --where {",
        "webhooks rotate wh_1 --keep abc",
        "webhooks add ftp://x",
        "webhooks edit wh_1",
        "hooks rotate hk_1 --keep abc",
        "hooks add x --rate 0",
        "enrol-key create --ttl abc",
        "enrol-key create --ttl 1000d",
        "api-key create x --scope read --ttl abc",
        "models usage --since xx",
        "rollout plan x --to all --soak abc",
        "rollout start x --to all --quorum 101",
        "fleet list --where tga=x",
        "fleet tag fridge +a,b",
        "users add a/b",
    ],
)
def test_wrong_usage_is_2(server: Server, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(line.split())
    except SystemExit as end:  # of argparse
        code = int(end.code or 0)
    assert code == 2, capsys.readouterr().err


def test_what_is_wrong_with_an_option_is_usage_and_with_a_file_is_not() -> None:
    assert InvalidError("is no time", where="--since").exit_code == UsageError.exit_code == UnfitError.exit_code == 2
    assert InvalidError("is no time", where="node.toml: sensor.every").exit_code == 1
    assert issubclass(UnfitError, RefusedError), "who catches what the gateway refuses catches this, too"


def test_the_readme_has_the_codes() -> None:
    table = README.read_text().partition("## What a command ends with")[2].partition("\n## ")[0]
    codes = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert codes[1:] == ["---", "0", "1", "2", "3", "4", "5", "130"]
