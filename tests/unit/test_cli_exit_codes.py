# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong usage ends a command with 2, whoever finds it: the parser, the command, or the gateway."""

import argparse
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganglion.cli.main import COMMANDS, _Parser, load, main
from ganglion.errors import InvalidError, RefusedError, UnfitError, UsageError, no_json
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
        "fleet lsit",
        "console /dev/null --baud abc",
        "bus top fridge --every inf",
        "mesh sniff --broker nonsense",
        "bridge scan --broker http://x",
        "enrol --broker x --mesh abc",
        "enrol --broker mqtt://x --mesh short",
        "enrol --broker mqtt://x --mesh aaaaaaaaaaaaaaaaaaaa --root aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "mesh sniff --broker mqtt://x --topic a/#/b",
        "mesh sniff --interface lo --mesh short",
        "leaf add a/b --state x",
        f"release create {README} --name a/b",
        f"release create {README} --name none",
        f"release create --agent {README} --agent {README} --name x",
        "gateway --link x:y",
        "gateway --database http://x",
        "gateway --home-assistant x",
        "gateway --webhook http://x",
        "gateway --webhook ftp://x",
        "gateway --webhook=",
        "gateway --webhook http:// --allow-private-webhooks",
        "up --webhook ftp://x",
        "broker init mosquitto --output x --port 0",
        "broker init mosquitto --output x --tls --host=",
        "broker init mosquitto --output x --tls --host a..b",
        "users add a/b",
    ],
)
def test_wrong_usage_is_2(server: Server, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(line.split())
    except SystemExit as end:  # of argparse
        code = int(end.code or 0)
    assert code == 2, capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("release create FILE --name x", 1),
        ("release create --agent FILE --name x", 1),
        ("limits set FILE", 1),
        ("mesh policy set FILE", 1),
        ("limits set NOTHING", 3),
        ("release create --agent NOTHING --name x", 3),
        ("gateway --state FOLDER --models NOTHING", 3),
        ("gateway --state FOLDER --port 0 --tls-certificate NOTHING --tls-key NOTHING", 3),
        ("gateway --state FOLDER --database postgresql://x/y?account=NOTHING", 3),
        ("gateway restore NOTHING --state FOLDER", 3),
        ("flash esp32-devkit --config NOTHING", 3),
        ("firmware build --driver NOTHING", 3),
        ("enrol-key create --out FILE", 4),
        ("leaf add garden --state FOLDER --out FILE", 4),
        ("mova init THERE", 4),
        ("console PTY --record FILE", 4),
        ("console PTY --share FILE", 4),
        ("console PTY --listen USED", 4),
        ("mcp --http 127.0.0.1:USED", 4),
        ("gateway --state FOLDER --port USED", 4),
    ],
)
def test_a_file_that_is_wrong_or_there_already_and_what_somebody_else_has(
    server: Server, tmp_path: Path, line: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "notes.txt"
    (tmp_path / "there.yaml").touch()
    file.write_text("nothing that anybody takes\n")
    near, far = os.openpty()
    with socket.create_server(("127.0.0.1", 0)) as used:
        named = {"FILE": str(file), "NOTHING": "nosuch", "FOLDER": str(tmp_path / "state"), "PTY": os.ttyname(far)}
        named["THERE"] = str(tmp_path / "there.yaml")
        named["USED"] = str(used.getsockname()[1])
        words = [re.sub("|".join(named), lambda found: named[found[0]], word) for word in line.split()]
        try:
            assert main(words) == code, capsys.readouterr().err
        finally:
            os.close(near)
            os.close(far)


@pytest.mark.parametrize(
    ("status", "line", "code"),
    [
        (409, "rollout abort spring", 1),
        (409, "rollout pause spring", 1),
        (409, "rollout resume spring", 1),
        (409, "jobs cancel 0a1b2c3d", 1),
        (409, "consents grant 0a1b2c3d", 1),
        (409, "consents refuse 0a1b2c3d", 1),
        (422, "release show camera", 2),
        (422, "devices approve ab", 2),
        (422, "fleet show fridge", 2),
        (404, "webhooks show wh_1", 3),
        (403, "rollout start x --to all", 4),
        (403, "users add olena", 4),
        (504, "call fridge status", 5),
    ],
)
def test_what_the_gateway_says_is_the_code(server: Server, status: int, line: str, code: int) -> None:
    server.says({"title": "No", "detail": "it is so"}, status=status)
    assert main(line.split()) == code


@pytest.mark.parametrize(
    ("detail", "line", "says"),
    [
        ("add[0]: 'a!' is no tag; remove[1]: x", "fleet tag fridge +a!", "+TAG: 'a!' is no tag; -TAG: x"),
        ("classes[0]: 'a b' is none", "webhooks add https://x --class a", "--class: 'a b' is none"),
        ("?since: there is no day x", "models usage --since x", "--since: there is no day x"),
        ("selector:3: x", "jobs run --on a method", "selector:3: x"),
        ("selector: this is none", "jobs run --on a method", "--on: this is none"),
        ("bounds: 'hot' is no bound", "rollout plan x --to all --while hot", "--while: 'hot' is no bound"),
        ("name: 1 to 32 letters", "group create x", "NAME: 1 to 32 letters"),
        ("nothing: of ours", "group create x", "nothing: of ours"),
    ],
)
def test_a_field_of_the_api_is_said_as_it_is_typed(
    server: Server, detail: str, line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.says({"title": "Unprocessable Content", "detail": detail}, status=422)
    assert main(line.split()) == 2
    assert capsys.readouterr().err == f"ganglion: {says}\n"


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _parsers(each)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_says_invalid_value(name: str) -> None:
    parser, common = _Parser(prog=name), _Parser(add_help=False)
    load(name).arguments(parser, common)
    for each in _parsers(parser):
        for action in each._actions:
            if action.type not in (None, Path):
                with pytest.raises(argparse.ArgumentError) as caught:
                    each._get_value(action, "a!")
                assert str(caught.value.message).startswith("'a!' is no "), (each.prog, action.dest)
            if action.choices:
                with pytest.raises(argparse.ArgumentError) as caught:
                    each._check_value(action, "a!")
                assert str(caught.value.message).startswith("'a!' is none; "), (each.prog, action.dest)


def test_the_near_word_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["relaese"]) == 2
    assert capsys.readouterr().err.endswith(": 'relaese' is none; did you mean \"release\"?\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a value is missing (line 1, column 1)"),
        ('{"a" 1}', "a colon is missing (line 1, column 6)"),
        ("{a}", "a name in double quotes is missing (line 1, column 2)"),
        ("[1 2]", "a comma is missing, or the end (line 1, column 4)"),
        ("1 2", "there is more behind its end (line 1, column 3)"),
        ('"a', "a text does not end (line 1, column 1)"),
        ("[" * 100_000, "it is too deep"),
    ],
)
def test_what_is_no_json_is_said_in_our_words(text: str, says: str) -> None:
    with pytest.raises((ValueError, RecursionError)) as caught:
        json.loads(text)
    assert no_json(caught.value) == f"is no JSON: {says}"


def test_what_is_wrong_with_an_option_is_usage_and_with_a_file_is_not() -> None:
    assert InvalidError("is no time", where="--since").exit_code == UsageError.exit_code == UnfitError.exit_code == 2
    assert InvalidError("is no time", where="node.toml: sensor.every").exit_code == 1
    assert issubclass(UnfitError, RefusedError), "who catches what the gateway refuses catches this, too"


def test_the_readme_has_the_codes() -> None:
    table = README.read_text().partition("## What a command ends with")[2].partition("\n## ")[0]
    codes = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert codes[1:] == ["---", "0", "1", "2", "3", "4", "5", "130"]
