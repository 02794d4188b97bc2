# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node may ask a model, and what counts as an answer."""

from typing import Any

import pytest

from ganglion.errors import InvalidError
from ganglion_gateway.model.question import MAX_SECONDS, AnswerError, Question
from ganglion_gateway.model.stream import Completion

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
    body = question.body("m")
    assert body["messages"] == [{"role": "system", "content": "Short."}, {"role": "user", "content": "Why?"}]
    assert (body["model"], body["max_tokens"], body["stream"]) == ("m", 400, True)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_the_script_may_name_another_model() -> None:
    assert Question.read({"prompt": "?", "model": "small"}).body("m")["model"] == "small"


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
    ],
)
def test_a_wrong_parameter_is_named(params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Question.read(params)
    assert caught.value.where == field


def test_an_answer_is_read_and_held_to_the_schema() -> None:
    question = Question.read({"prompt": "?", "schema": SCHEMA})
    assert question.value(said('{"cause": "door", "urgent": true}')) == {"cause": "door", "urgent": True}
    assert Question.read({"prompt": "?"}).value(said("as text")) == "as text"


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
        Question.read({"prompt": "?", "schema": SCHEMA}).value(answer)
    assert caught.value.code == code
