# SPDX-License-Identifier: GPL-3.0-or-later
"""A question to a model in the words of the chat-completions API, and what its answer comes to. Pure."""

import json
import re
from collections.abc import Sequence
from typing import Any

from ganglion.mova.completion import Call, Completion
from ganglion.mova.ports import PromptReply, PromptRequest
from ganglion.mova.values import from_json
from ganglion_micro.text import text

#: Letters of a function's name that the API takes.
_MAX_NAME = 64
#: What JSON Schema calls the types of JSON values.
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_OTHER = re.compile(r"[^a-zA-Z0-9_-]")


class AnswerError(ValueError):
    """The model answered, and not what was asked for. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def body(request: PromptRequest, model: str) -> dict[str, Any]:
    """The request. `model` is asked where the question names none; "" for the service's own."""
    messages: list[dict[str, Any]] = []
    if request.system:
        messages.append({"role": "system", "content": request.system})
    messages.append({"role": "user", "content": request.prompt})
    names = _names(request.tools)
    for calls, results in request.rounds:
        messages.append({"role": "assistant", "content": None, "tool_calls": [_called(call, names) for call in calls]})
        for call, result in zip(calls, results, strict=True):
            messages.append({"role": "tool", "tool_call_id": call[0], "content": text(result)})
    made: dict[str, Any] = {"messages": messages, "stream": True, "stream_options": {"include_usage": True}}
    if request.model or model:
        made["model"] = request.model or model
    if request.temperature is not None:
        made["temperature"] = request.temperature
    if request.tokens is not None:
        made["max_tokens"] = request.tokens
    if request.schema is not None:
        # Services refuse a strict schema that leaves something optional; its answer is checked here in any case.
        schema = {"name": "answer", "schema": _typed(request.schema), "strict": _is_closed(request.schema)}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.tools:
        made["tools"] = [_offered(tool, names[tool["id"]]) for tool in request.tools]
    return made


def _typed(schema: Any) -> Any:
    """The schema, with the type beside each `enum` whose values are of one, as some services want it."""
    if isinstance(schema, list):
        return [_typed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: value if key in ("enum", "const", "required") else _typed(value) for key, value in schema.items()}
    kinds = {_TYPES.get(type(each), "") for each in schema["enum"]} if isinstance(schema.get("enum"), list) else set()
    if "type" not in schema and len(kinds) == 1 and "" not in kinds:
        made = {"type": kinds.pop(), **made}
    return made


def _is_closed(schema: Any) -> bool:
    """Whether every object of a schema names all its properties as required, and allows no others."""
    if isinstance(schema, list):
        return all(map(_is_closed, schema))
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) or schema.get("type") == "object":
        names = set(properties or ())
        if set(schema.get("required", ())) != names or schema.get("additionalProperties") is not False:
            return False
    return all(_is_closed(value) for key, value in schema.items() if key not in ("enum", "const", "required"))


def reply(request: PromptRequest, answer: Completion) -> PromptReply:
    """What the answer says: read from JSON where there is a schema, else its text. Who asks holds it to the schema.

    Raises:
        AnswerError: half an answer, none, no JSON where that was asked for, or a call of what was not offered.
    """
    if not answer.done and not answer.finish:
        raise AnswerError("incomplete", "the model service stopped in the middle of its answer")
    if answer.finish == "length":
        allowed = "its tokens" if request.tokens is None else f"{request.tokens} tokens: raise the step's budget"
        raise AnswerError("truncated", f"the answer did not fit {allowed}")
    if answer.finish == "content_filter":
        raise AnswerError("filtered", "the model service withheld the answer")
    counted = [count for count in (answer.prompt_tokens, answer.completion_tokens) if count is not None]
    tokens, model = sum(counted) if counted else None, answer.model or None
    if answer.calls:
        ids = {name: id for id, name in _names(request.tools).items()}
        calls = [_call(call, i, ids) for i, call in enumerate(answer.calls)]
        return PromptReply(value=None, tokens=tokens, model=model, calls=calls)
    if not answer.text.strip():
        raise AnswerError("empty", "the model said nothing")
    value: Any = answer.text
    if request.schema is not None:
        value = _json(answer.text, "the model's answer")
    return PromptReply(value=value, tokens=tokens, model=model)


def _names(tools: Sequence[dict[str, Any]]) -> dict[str, str]:
    """For each tool's id a name that the API takes, and no other tool has."""
    names: dict[str, str] = {}
    for tool in tools:
        short = base = _OTHER.sub("_", tool["id"])[:_MAX_NAME]
        count = 1
        while short in names.values():
            count += 1
            ending = f"_{count}"
            short = base[: _MAX_NAME - len(ending)] + ending
        names[tool["id"]] = short
    return names


def _offered(tool: dict[str, Any], name: str) -> dict[str, Any]:
    parameters = tool.get("parameters") or {"type": "object", "properties": {}}
    described = {"name": name, "description": tool.get("description") or tool["id"], "parameters": parameters}
    return {"type": "function", "function": described}


def _called(call: list[Any], names: dict[str, str]) -> dict[str, Any]:
    id, tool, arguments = call
    function = {"name": names[tool], "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": id, "type": "function", "function": function}


def _call(call: Call, index: int, ids: dict[str, str]) -> list[Any]:
    if call.name not in ids:
        raise AnswerError("invalid_answer", f"the model calls {call.name[:80]!r}, which it was not offered")
    arguments = _json(call.arguments or "{}", f"what the model gives to {ids[call.name]}")
    if not isinstance(arguments, dict):
        raise AnswerError("invalid_answer", f"what the model gives to {ids[call.name]} is no map of arguments")
    return [call.id or f"call_{index + 1}", ids[call.name], arguments]


def _json(given: str, what: str) -> Any:
    try:
        value = from_json(given)
        json.dumps(value, ensure_ascii=False).encode()  # half a character goes no further
        return value
    except ValueError:
        raise AnswerError("invalid_answer", f"{what} is not JSON: {given[:80]!r}") from None
