# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service, a key or a node says wrongly about models is refused by name, and no key is told to anybody."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import InvalidError, UsageError
from ganglion.mova.completion import Completion
from ganglion.mova.ports import PromptRequest
from ganglion.mova.question import AnswerError, reply
from ganglion_gateway.model.configuration import ModelsSettings
from ganglion_gateway.model.question import Question

URL = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize("key", ["sk-secret\nsk-other", "sk-sécret", "sk-secret # for the shed"])
def test_a_key_that_is_no_word_is_refused_and_not_told(key: str, tmp_path: Path) -> None:
    (tmp_path / "own.key").write_text(key)
    (tmp_path / "models.toml").write_text(f'[[model]]\nurl = "{URL}"\nkey_file = "own.key"\n')
    with pytest.raises(InvalidError, match=r"one word of ASCII") as refused:
        ModelsSettings.of_file(tmp_path / "models.toml")
    assert "cret" not in str(refused.value)
    assert refused.value.where.endswith("model[0].key_file")
    with pytest.raises(UsageError, match="GANGLION_LLM_KEY: the key of") as refused_here:
        ModelsSettings.of_environment({"GANGLION_LLM_URL": URL, "GANGLION_LLM_KEY": key})
    assert "cret" not in str(refused_here.value)


@pytest.mark.parametrize("url", ["http://[::1/v1", "http://host:99999/v1", "http://host:0/v1", "http://ho st/v1"])
def test_what_is_no_url_is_refused_when_it_is_read(url: str) -> None:
    with pytest.raises(UsageError, match=r"GANGLION_LLM_URL: .* is no URL"):
        ModelsSettings.of_environment({"GANGLION_LLM_URL": url})


@pytest.mark.parametrize("line", ["prompt_price = 1e300", "[budget]\ncost = 1e300"])
def test_prices_and_budgets_are_what_a_database_can_sum(line: str, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(f'[[model]]\nurl = "{URL}"\n{line}\n')
    with pytest.raises(InvalidError, match=r"models\.toml: (model\[0\]|budget).*(at most|0 to)"):
        ModelsSettings.of_file(tmp_path / "models.toml")


def answered(**more: Any) -> Completion:
    """A whole answer, as a service may write it."""
    completion = Completion()
    message = {"content": "hot \ud83d\ude00 \ud800", **more}
    completion.take_document(
        json.dumps(
            {
                "model": "par\0rot\n\ud800",
                "choices": [{"message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 10**30, "completion_tokens": 7},
            }
        )
    )
    return completion


def test_halves_of_characters_and_counts_of_no_sense_go_no_further() -> None:
    found = answered()
    assert found.text == "hot 😀 \ufffd"
    assert found.model == "par?rot??"
    assert (found.prompt_tokens, found.completion_tokens) == (None, 7)
    with pytest.raises(AnswerError, match="is not JSON"):
        reply(PromptRequest(prompt="?", schema={"type": "string"}), answered(content='"\\ud800"'))
    streamed = Completion()
    for half in ("\ud83d", "\ude00"):
        streamed.take_event(json.dumps({"choices": [{"delta": {"content": half}}]}))
    streamed.close()
    assert streamed.text == "😀"


@pytest.mark.parametrize("schema", [{"type": "object", "required": 5}, {"properties": {"x": 1}, "required": [{}]}])
def test_a_schema_that_is_none_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidError, match="must be a JSON Schema"):
        Question.read({"prompt": "?", "schema": schema})


@pytest.mark.parametrize(
    ("run", "script", "counts_as"),
    [
        ("1a2b-1", "fridge", "fridge"),
        ("leaf/garden/7", "", "leaf/garden"),
        ("board/7", "", "board"),
        ("1a2b-1", "", ""),
    ],
)
def test_what_leaves_and_boards_ask_counts_as_theirs(run: str, script: str, counts_as: str) -> None:
    assert Question.read({"prompt": "?", "run": run, "script": script}).script == counts_as
