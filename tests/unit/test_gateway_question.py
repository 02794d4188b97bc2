# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node may ask a model, and what counts as an answer."""

from typing import Any

import pytest

from ganglion.errors import InvalidError
from ganglion.mova.completion import Completion
from ganglion.mova.ports import PromptRequest
from ganglion.mova.question import AnswerError, body
from ganglion_gateway.model.question import MAX_SECONDS, Question

SCHEMA = {
    "type": "object",
    "properties": {"cause": {"enum": ["door", "power"]}, "urgent": {"type": "boolean"}},
    "required": ["cause", "urgent"],
    "additionalProperties": False,
}


def said(text: str, *, finish: str = "stop", done: bool = True) -> Completion:
    return Completion(text=text, finish=finish, done=done)


def test_a_question_becomes_a_request_with_its_budget_and_schema() -> None:
    question = Question.read(
        {"prompt": "Why?", "system": "Short.", "schema": SCHEMA, "max_tokens": 400, "seconds": 10, "script": "s"}
    )
    asked = body(question.request, "m")
    assert asked["messages"] == [{"role": "system", "content": "Short."}, {"role": "user", "content": "Why?"}]
    assert (asked["model"], asked["max_tokens"], asked["stream"]) == ("m", 400, True)
    assert asked["response_format"]["json_schema"]["schema"]["required"] == ["cause", "urgent"]


def test_the_script_may_name_another_model() -> None:
    assert body(Question.read({"prompt": "?", "model": "small"}).request, "m")["model"] == "small"


def test_no_question_lives_longer_than_a_request_of_the_mesh() -> None:
    assert Question.read({"prompt": "?", "seconds": 10_000}).seconds == MAX_SECONDS


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": "x" * 70_000}, "prompt"),
        ({"prompt": "x" * 40_000, "system": "y" * 40_000}, "prompt"),
        ({"prompt": "?", "schema": "yes"}, "schema"),
        ({"prompt": "?", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "?", "max_tokens": True}, "max_tokens"),
        ({"prompt": "?", "seconds": "10"}, "seconds"),
        ({"prompt": "?", "seconds": float("nan")}, "seconds"),
        ({"prompt": "?", "system": b"x"}, "system"),
        ({"prompt": "?", "tools": {}}, "tools"),
        ({"prompt": "?", "tools": [{"id": ""}]}, "tools[0]"),
        ({"prompt": "?", "tools": [{"id": "a", "parameters": [1]}]}, "tools[0]"),
        ({"prompt": "?", "tools": [{"id": "a", "description": "x" * 60_000}]}, "prompt"),
        ({"prompt": "?", "rounds": [[[["c", "a", {}]], [1]]]}, "rounds[0]"),
        ({"prompt": "?", "tools": [{"id": "a"}], "rounds": [[[["c", "a", {}]], []]]}, "rounds[0]"),
        ({"prompt": "?", "tools": [{"id": "a"}], "rounds": [[[["c", "a", 3]], [1]]]}, "rounds[0]"),
    ],
)
def test_a_wrong_parameter_is_named(params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Question.read(params)
    assert caught.value.where == field


def test_an_answer_is_read_and_held_to_the_schema() -> None:
    question = Question.read({"prompt": "?", "schema": SCHEMA})
    assert question.reply(said('{"cause": "door", "urgent": true}')).value == {"cause": "door", "urgent": True}
    assert Question.read({"prompt": "?"}).reply(said("as text")).value == "as text"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (said("not json"), "invalid_answer"),
        (said('{"cause": "cat", "urgent": true}'), "invalid_answer"),
        (said('{"cause": "door"}'), "invalid_answer"),
        (said("[" * 100_000), "invalid_answer"),
        (said('{"cause"', finish="length"), "truncated"),
        (said("", finish="content_filter"), "filtered"),
        (said("  "), "empty"),
        (said('{"cause": "do', finish="", done=False), "incomplete"),
    ],
)
def test_what_is_no_answer_says_why(answer: Completion, code: str) -> None:
    with pytest.raises(AnswerError) as caught:
        Question.read({"prompt": "?", "schema": SCHEMA}).reply(answer)
    assert caught.value.code == code


def _asked(schema: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = body(PromptRequest(prompt="x", schema=schema), "m")["response_format"]["json_schema"]
    return made


def test_a_schema_is_strict_where_nothing_in_it_is_optional_and_says_the_types_of_what_it_lists() -> None:
    level = {"enum": ["low", "high"]}
    closed = {"type": "object", "properties": {"level": level}, "required": ["level"], "additionalProperties": False}
    assert _asked(closed) == {
        "name": "answer",
        "schema": {**closed, "properties": {"level": {"type": "string", **level}}},
        "strict": True,
    }
    optional = {**closed, "required": []}
    assert _asked(optional)["strict"] is False
    nested = {"type": "array", "items": optional}
    assert _asked({**closed, "properties": {"level": nested}})["strict"] is False
    assert _asked({**closed, "properties": {"level": {"enum": ["low", 1]}}})["schema"]["properties"]["level"] == {
        "enum": ["low", 1]
    }
    assert _asked({**closed, "additionalProperties": True})["strict"] is False
