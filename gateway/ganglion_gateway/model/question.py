# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node asks a language model, checked where it enters, and the answer it gets. Pure."""

import json
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
from ganglion_gateway.model.stream import Completion
from ganglion_micro.schema import invalid

#: Letters of a question with its system prompt; the mesh carries 64 KiB in all.
MAX_PROMPT = 60_000
#: Tokens of an answer where the script names no bound, and the most it may name.
TOKENS = 1024
MAX_TOKENS = 32_768
#: Seconds where the script names no bound, and the most it may name: a request of the mesh lives for 300.
SECONDS = 60.0
MAX_SECONDS = 290.0


class AnswerError(ValueError):
    """The model answered, and not what was asked for. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    Attributes:
        prompt: What is asked.
        system: What the model is told beforehand; "" for nothing.
        schema: JSON Schema of the answer; None for text.
        max_tokens: The most that the answer may take.
        seconds: The longest to wait for it.
        model: The model that the script names; "" for the gateway's own.
        temperature: None for the service's own.
        script: Who asks.
        run: In which run.
    """

    prompt: str
    system: str
    schema: dict[str, Any] | None
    max_tokens: int
    seconds: float
    model: str
    temperature: float | None
    script: str
    run: str

    @classmethod
    def read(cls, params: dict[str, Any]) -> "Question":
        """From the parameters of a request.

        Raises:
            InvalidError: one is missing or of another type or range; the message names it.
        """
        schema = params.get("schema")
        if schema is not None and not isinstance(schema, dict):
            raise InvalidError("must be a JSON Schema, a map", where="schema")
        temperature = params.get("temperature")
        question = cls(
            prompt=_text(params, "prompt", MAX_PROMPT, required=True),
            system=_text(params, "system", MAX_PROMPT),
            schema=schema,
            max_tokens=round(_number(params, "max_tokens", TOKENS, 1, MAX_TOKENS)),
            seconds=_number(params, "seconds", SECONDS, 0.1, MAX_SECONDS),
            model=_text(params, "model", 128),
            temperature=None if temperature is None else _number(params, "temperature", 0, 0, 2),
            script=_text(params, "script", 128),
            run=_text(params, "run", 128),
        )
        if len(question.prompt) + len(question.system) > MAX_PROMPT:
            raise InvalidError(f"prompt and system have at most {MAX_PROMPT} letters together", where="prompt")
        return question

    def body(self, model: str) -> dict[str, Any]:
        """The request to a chat-completions API. `model` is asked where the script names none."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        body: dict[str, Any] = {
            "messages": [*system, {"role": "user", "content": self.prompt}],
            "max_tokens": self.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.model or model:
            body["model"] = self.model or model
        if self.temperature is not None:
            body["temperature"] = self.temperature
        if self.schema is not None:
            schema = {"name": "answer", "schema": self.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def value(self, answer: Completion) -> Any:
        """What the answer says: read from JSON and held to the schema where there is one, else its text.

        Raises:
            AnswerError: half an answer, none, or not what the schema asks for.
        """
        if not answer.done and not answer.finish:
            raise AnswerError("incomplete", "the model service stopped in the middle of its answer")
        if answer.finish == "length":
            raise AnswerError("truncated", f"the answer did not fit {self.max_tokens} tokens: raise the step's budget")
        if answer.finish == "content_filter":
            raise AnswerError("filtered", "the model service withheld the answer")
        if not answer.text.strip():
            raise AnswerError("empty", "the model said nothing")
        if self.schema is None:
            return answer.text
        try:
            value = json.loads(answer.text)
        except (ValueError, RecursionError):
            raise AnswerError("invalid_answer", f"the model's answer is not JSON: {answer.text[:80]!r}") from None
        if wrong := invalid(value, self.schema):
            raise AnswerError("invalid_answer", f"the model's answer is not what was asked for: {wrong}")
        return value


def _text(params: dict[str, Any], name: str, most: int, *, required: bool = False) -> str:
    value = params.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or len(value) > most or (required and not value):
        raise InvalidError(f"must be text of {'1 to ' if required else 'at most '}{most} letters", where=name)
    return value


def _number(params: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = params.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value:
        raise InvalidError(f"must be a number from {least:g} to {most:g}", where=name)
    return min(float(value), most)
