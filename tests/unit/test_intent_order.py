# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns first, then who else is asked; the answer's template; what was taught."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ganglion.errors import GanglionError, InvalidError, UnreachableError
from ganglion.intent.feedback import taught, teach
from ganglion.intent.order import Ask, Guess, recognise
from ganglion.intent.patterns import Intent
from ganglion.intent.recognition import Intents
from ganglion.mova.check import refuse
from ganglion.mova.intents import of
from ganglion.mova.load import load
from ganglion.mova.model import model

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
DOCUMENT = """
version: "2.2"
dialect: edge/1
requires: {sensors: [hall.lux], actuators: [lamp]}
intents:
  - {name: dim, patterns: ["dim (?P<what>the \\\\w+) to (?P<level>\\\\d+ ?%)"], response_template: "{what}: {level}, {user}, {no}"}
  - {name: hello, patterns: [hi], response_template: "Hello!"}
  - {name: bye, patterns: [bye]}
profiles: [{user_id: u1, name: Olena}]
"""  # noqa: E501


def intents() -> Intents:
    document = load(DOCUMENT)
    refuse(document)
    return of(model(document))


def says(guess: Guess | GanglionError, asked: list[str]) -> Ask:
    async def ask(text: str) -> Guess:
        asked.append(text)
        if isinstance(guess, GanglionError):
            raise guess
        return guess

    return ask


async def test_who_knows_first_is_believed_and_nobody_else_is_asked() -> None:
    asked: list[str] = []
    later = [says(Guess("hello", "model", 0.9), asked)]
    found = await recognise(intents(), "Hi, lamp!", later, now=NOW)
    assert (found.intent, found.by, found.confidence, found.response) == ("hello", "patterns", 1.0, "Hello!")
    assert asked == []
    found = await recognise(intents(), "good day", later, now=NOW)
    assert (found.intent, found.by, found.confidence, found.response) == ("hello", "model", 0.9, "Hello!")


def test_a_group_goes_before_what_else_is_of_its_kind() -> None:
    named = Intents([Intent(name="wait", patterns=["for (?P<duration>\\w+ minutes)"])])
    found = named.recognise("in 5 minutes wait 2 minutes and 3 hours, for 7 minutes", now=NOW)
    assert found.slots["duration"] == 420
    assert named.recognise("wait 2 minutes, then 3 hours", now=NOW).slots == {"duration": 120}
    assert named.recognise("hello", now=NOW).slots == {}


@pytest.mark.parametrize("text", ["", " \n", "12:30?", "🙂", "good day " * 200])
async def test_about_what_says_nothing_or_too_much_nobody_is_asked(text: str) -> None:
    asked: list[str] = []
    found = await recognise(intents(), text, [says(Guess("hello", "model", 0.9), asked)], now=NOW)
    assert (found.intent, asked) == (None, [])
    assert [note.partition(":")[0] for note in found.notes] == ["nobody else was asked"]


async def test_who_does_not_know_or_does_not_answer_is_passed_over() -> None:
    asked: list[str] = []
    ask = [
        says(UnreachableError("the gateway is away"), asked),
        says(Guess(None, "classifier", 0.3), asked),
        says(Guess("no_such_intent", "model", 1.0), asked),
        says(Guess("bye", "model", 7.0), asked),
    ]
    found = await recognise(intents(), "see you at 18:00", ask, now=NOW)
    assert (found.intent, found.by, found.confidence) == ("bye", "model", 1.0)
    assert found.notes == ("the gateway is away",)
    assert [each.value for each in found.entities] == ["2025-03-01T18:00:00+00:00"]
    assert asked == ["see you at 18:00"] * 4
    none = await recognise(intents(), "see you", ask[:3], now=NOW)
    assert (none.intent, none.by, none.confidence, none.response) == (None, None, 0.0, None)


def test_groups_and_names_are_entities_and_fill_the_answer() -> None:
    found = intents().recognise("Olena says: dim the lamp to 40 %!", now=NOW, data={"user": "overruled", "no": 1})
    assert found.data() == {
        "text": "Olena says: dim the lamp to 40 %!",
        "intent": "dim",
        "by": "patterns",
        "confidence": 1.0,
        "entities": [
            {"kind": "user", "value": "u1", "text": "Olena", "start": 0, "end": 5},
            {"kind": "what", "value": "the lamp", "text": "the lamp", "start": 16, "end": 24},
            {"kind": "actuator", "value": "lamp", "text": "lamp", "start": 20, "end": 24},
            {"kind": "level", "value": 40, "unit": "%", "text": "40 %", "start": 28, "end": 32},
            {"kind": "quantity", "value": 40, "unit": "%", "text": "40 %", "start": 28, "end": 32},
        ],
        "slots": {"what": "the lamp", "level": 40, "quantity": 40, "user": "u1", "actuator": "lamp"},
        "response": "the lamp: 40, u1, 1",
        "notes": [],
    }
    bare = intents().recognise("dim the lamp to 40%", now=NOW)
    assert bare.response == "the lamp: 40, {user}, {no}"


def test_intents_of_classes_are_intents() -> None:
    text = '{"version": "2.2", "classes": {"intent": {"name": "a", "patterns": ["hi"], "priority": 2}}}'
    assert of(model(load(text))).recognise("hi", now=NOW).intent == "a"


def test_what_was_taught_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    assert taught(path) == []
    teach(path, "a line\nand a \u2028 mark", "hello")
    teach(path, "бувай", "bye")
    assert taught(path) == [("a line\nand a \u2028 mark", "hello"), ("бувай", "bye")]


@pytest.mark.parametrize("line", ["hello", "[]", '{"text": 1, "intent": "a"}', '{"text": "a"}', "[" * 100_000])
def test_a_line_that_was_not_taught_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "feedback.jsonl"
    path.write_text(json.dumps({"text": "a", "intent": "b"}) + "\n" + line)
    with pytest.raises(InvalidError, match=r"feedback.jsonl:2: not a line of feedback"):
        taught(path)


def test_feedback_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="cannot be written"):
        teach(tmp_path, "a", "b")
    with pytest.raises(InvalidError, match="cannot be read"):
        taught(tmp_path)
