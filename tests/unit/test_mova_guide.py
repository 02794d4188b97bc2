# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mova.md: every document and part of one in it is valid, every test in it passes, every command in it is run."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganglion.cli.main import main
from ganglion.intent import words
from ganglion.mesh import spool
from ganglion.mova import compile as compiler
from ganglion.mova import episode, expression, http, lane, model, source, trigger
from ganglion.mova.advanced import advanced
from ganglion.mova.check import check
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.session import fields, memory
from ganglion.mova.trial import run_all
from ganglion.mova.vocabulary import BASE_ACTIONS, EDGE_ACTIONS, TRIGGER_SOURCES, TRIGGER_TESTS
from ganglion.node import hearing
from ganglion.pattern import MAX_TEXT as MAX_PATTERN
from ganglion_micro import cbor, engine, talk
from ganglion_micro import expression as x
from ganglion_micro.condition import OPERATORS

PAGE = (Path(__file__).parents[2] / "docs/mova.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


WHOLE = [text for text in blocks("yaml") if text.startswith("version:")]
PARTS = [text for text in blocks("yaml") if text not in WHOLE]
#: What the parts name that stands elsewhere.
AROUND: dict[str, Any] = {
    "version": "2.2",
    "dialect": "edge/1",
    "name": "part",
    "presets": {"short": {"max_tokens": 50}},
    "tools": [{"id": "weather", "name": "Weather", "endpoint": "https://example.org/"}],
    "intents": [{"name": "fridge_status", "patterns": ["how is the fridge"]}],
    "protocols": [{"name": name, "steps": [{"id": "done", "action": "end"}]} for name in ("main", "other")],
}


def around(part: Any) -> dict[str, Any]:
    """A document with some of its keys, or with these steps."""
    if isinstance(part, dict):
        return AROUND | part
    return AROUND | {"protocols": [{"name": "steps", "steps": part}, *AROUND["protocols"]]}


@pytest.mark.parametrize("text", WHOLE)
def test_every_document_is_valid_and_passes_its_tests(text: str) -> None:
    document = load(text, file="example.yaml")
    assert [*check(document), *(advanced(document) if document.edge else ())] == []
    outcomes = list(run_all(document, compile(document)))
    assert [outcome.failures for outcome in outcomes] == [[] for _ in outcomes]
    assert bool(outcomes) == document.edge


@pytest.mark.parametrize("text", PARTS)
def test_every_part_of_a_document_is_valid(text: str) -> None:
    document = load(json.dumps(around(yaml.safe_load(text))), file="part.json")
    assert check(document) == []
    assert compile(document).name == "part"


def test_every_command_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("GANGLION_LLM_URL", "GANGLION_LLM_MODEL", "GANGLION_LLM_KEY"):
        monkeypatch.delenv(name, raising=False)
    for text in WHOLE:
        Path(f"{yaml.safe_load(text).get('name', 'forecast')}.yaml").write_text(text)
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) > 15
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "ganglion"
        assert main(words) == 0, f"{line}\n{''.join(capsys.readouterr())}"


def test_every_command_that_is_named_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"`ganglion ((?:mova )?[a-z]+)", " ".join(PAGE.split())))
    assert {"mova watch", "say"} <= named
    for each in named:
        with pytest.raises(SystemExit) as ended:
            main([*each.split(), "--help"])
        assert ended.value.code == 0
    assert "usage: ganglion" in capsys.readouterr().out


@pytest.mark.parametrize("word", [*BASE_ACTIONS, *EDGE_ACTIONS, *TRIGGER_SOURCES, *TRIGGER_TESTS])
def test_every_action_and_trigger_has_its_row(word: str) -> None:
    assert re.search(rf"^\| [^|]*`{word}\b", PAGE, re.MULTILINE) or word in ("condition", "end")


def test_operators_and_functions_are_all_there() -> None:
    assert f"Operators: `{' '.join(OPERATORS)}`." in PAGE
    assert f"the functions `{' '.join(sorted(x.FUNCTIONS))}`." in " ".join(PAGE.split())


KIB = 1024


@pytest.mark.parametrize(
    "said",
    [
        f"a document | {source.MAX_BYTES // 10**6} MB, {source.MAX_DEPTH} levels, {source.MAX_VALUES} values |",
        f"a plan | {cbor.MAX_SIZE // KIB} KiB, {cbor.MAX_DEPTH} levels |",
        f"`max_steps`: {compiler.MAX_STEPS}, at most 100000 |",
        f"{engine.MAX_RECORDS}, and {episode.MAX_RESULT} characters of each result |",
        f"protocols inside one another | {engine.MAX_CALLS} |",
        f"branches of a run at a time | {engine.MAX_BRANCHES} |",
        f"tool calls in one prompt | {talk.MAX_ROUNDS} |",
        f"{expression.MAX_TEXT} characters; text that it makes {x.MAX_TEXT} |",
        f"a pattern | {MAX_PATTERN} characters |",
        f"{hearing.MAX_TEXT} characters, of which the first {words.MAX_TEXT} are looked at |",
        f"the answer of a tool | {http.MAX_ANSWER // 10**6} MB |",
        f"data of a session | {fields.MAX_BYTES // KIB} KiB; sessions in memory {memory.MAX_SESSIONS} |",
        f"on a node | {spool.DEFAULT_BYTES // KIB**2} MiB, {spool.DEFAULT_AGE // 86400} days of running; episodes go",
        f"The last {trigger.MAX_SEEN} are remembered",
        f"the last {lane.MAX_KEYS} keys of a protocol",
        f"how often ({model.RETRIES})",
        f"`backoff_ms` ({compiler.BACKOFF // 10**6}, doubled each time, at most {engine.MAX_BACKOFF // 10**9} s)",
        f"in seconds ({model.TTL})",
        f"by then (`read: true` alone: {compiler.CONFIRM.replace('s', ' s')})",
    ],
)
def test_the_numbers_are_those_of_the_code(said: str) -> None:
    assert said in " ".join(PAGE.split())
