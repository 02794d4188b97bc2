# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node asks a language model, checked where it enters, and the answer it gets. Pure."""

import json
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mova.completion import Completion
from ganglion.mova.ports import PromptReply, PromptRequest
from ganglion.mova.question import AnswerError, body, reply
from ganglion.sentences import say
from ganglion_micro.schema import invalid

#: Letters of a question with its system prompt, its tools and what they said; the mesh carries 64 KiB in all.
MAX_PROMPT = 60_000
#: Tools that a model may be offered, and rounds in which it has called some.
MAX_TOOLS = 64
MAX_ROUNDS = 16
#: Tokens of an answer where the script names no bound, and the most it may name.
TOKENS = 1024
MAX_TOKENS = 32_768
#: Seconds where the script names no bound, and the most it may name: a request of the mesh lives for 300.
SECONDS = 60.0
MAX_SECONDS = 290.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    Attributes:
        request: What is asked, within the bounds of this gateway.
        tokens: The most that the answer may take.
        seconds: The longest to wait for it.
        script: Who asks.
    """

    request: PromptRequest
    tokens: int
    seconds: float
    script: str

    @classmethod
    def read(cls, params: dict[str, Any]) -> "Question":
        """From the parameters of a request.

        Raises:
            InvalidError: one is missing or of another type or range; the message names it.
        """
        schema = params.get("schema")
        if schema is not None and not isinstance(schema, dict):
            raise InvalidError(say("must be a JSON Schema, a map"), where="schema")
        temperature = params.get("temperature")
        tokens = round(_number(params, "max_tokens", TOKENS, 1, MAX_TOKENS))
        seconds = _number(params, "seconds", SECONDS, 0.1, MAX_SECONDS)
        tools = _tools(params)
        request = PromptRequest(
            prompt=_text(params, "prompt", MAX_PROMPT, required=True),
            system=_text(params, "system", MAX_PROMPT) or None,
            schema=schema,
            tokens=tokens,
            seconds=seconds,
            model=_text(params, "model", 128) or None,
            temperature=None if temperature is None else _number(params, "temperature", 0, 0, 2),
            tools=tools,
            rounds=_rounds(params, {tool["id"] for tool in tools}),
            run=_text(params, "run", 128),
        )
        offered = json.dumps([tools, request.rounds], ensure_ascii=False) if tools else ""
        if len(request.prompt) + len(request.system or "") + len(offered) > MAX_PROMPT:
            sentence = say("prompt, system, tools and rounds have at most {most} letters together", most=MAX_PROMPT)
            raise InvalidError(sentence, where="prompt")
        # Leaves and boards do not say which of their scripts asks, and have runs such as leaf/garden/7 and board/7
        script = _text(params, "script", 128) or request.run.rpartition("/")[0]
        try:
            body(request, "")
        except (AttributeError, RecursionError, TypeError, ValueError):
            raise InvalidError(
                say("must be a JSON Schema, and so must be the parameters of tools"), where="schema"
            ) from None
        return cls(request=request, tokens=tokens, seconds=seconds, script=script)

    def reply(self, answer: Completion) -> PromptReply:
        """What the answer says, held to the schema where there is one.

        Raises:
            AnswerError: it says nothing that was asked for.
        """
        made = reply(self.request, answer)
        if self.request.schema is not None and not made.calls and (wrong := invalid(made.value, self.request.schema)):
            raise AnswerError("invalid_answer", f"the model's answer is not what was asked for: {wrong}")
        return made


def _tools(params: dict[str, Any]) -> list[dict[str, Any]]:
    tools = _list(params, "tools", MAX_TOOLS)
    for i, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("id"), str) or not tool["id"]:
            raise InvalidError(say("must be a map with an id"), where=f"tools[{i}]")
        if not isinstance(tool.get("description") or "", str) or not isinstance(tool.get("parameters") or {}, dict):
            raise InvalidError(say("has a description, a text, and parameters, a JSON Schema"), where=f"tools[{i}]")
    return tools


def _rounds(params: dict[str, Any], known: set[str]) -> list[list[Any]]:
    rounds = _list(params, "rounds", MAX_ROUNDS)
    for i, each in enumerate(rounds):
        match each:
            case [list(calls), list(results)] if len(calls) == len(results) and all(_is_call(c, known) for c in calls):
                continue
        raise InvalidError(say("must be calls [id, tool, arguments], and a result for each"), where=f"rounds[{i}]")
    return rounds


def _is_call(call: Any, known: set[str]) -> bool:
    match call:
        case [str(), str(tool), dict()]:
            return tool in known
    return False


def _list(params: dict[str, Any], name: str, most: int) -> list[Any]:
    value = params.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise InvalidError(say("must be a list of at most {most}", most=most), where=name)
    return value


def _text(params: dict[str, Any], name: str, most: int, *, required: bool = False) -> str:
    value = params.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or len(value) > most or (required and not value):
        raise InvalidError(
            say("must be text of 1 to {most} letters", most=most)
            if required
            else say("must be text of at most {most} letters", most=most),
            where=name,
        )
    return value


def _number(params: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = params.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value:
        raise InvalidError(say("must be a number from {least:g} to {most:g}", least=least, most=most), where=name)
    return min(float(value), most)
