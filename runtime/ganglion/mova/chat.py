# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a language model behind any OpenAI-compatible URL (POST /v1/chat/completions), on the standard library."""

import json
from typing import Any

from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.mova.http import Answer, exchange
from ganglion.mova.ports import PromptReply, PromptRequest

#: Seconds for an answer where the step names no bound.
TIMEOUT = 60.0


class Chat:
    """One model service.

    Args:
        url: Its base, as in `http://127.0.0.1:11434/v1`, or the whole of `…/chat/completions`.
        key: The bearer token; empty for none.
        model: Asked where the step's preset names none.
    """

    def __init__(self, url: str, key: str = "", model: str = "") -> None:
        base = url.rstrip("/")
        self._url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        self._key = key
        self._model = model

    async def prompt(self, request: PromptRequest) -> PromptReply:
        """The model's answer, read from JSON where the request has a schema.

        Raises:
            UnreachableError: no answer, or a status that says to come again (408, 429, 5xx).
            RefusedError: another status of refusal.
            InvalidError: the answer is not one of this API, or not the JSON that was asked for.
        """
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        body = json.dumps(self._body(request), ensure_ascii=False).encode()
        answer = await exchange("POST", self._url, headers, body, request.seconds or TIMEOUT)
        if answer.status >= 400:
            message = f"the model service answered with HTTP status {answer.status}: {answer.body[:200].strip()}"
            if answer.status in (408, 425, 429) or answer.status >= 500:
                raise UnreachableError(message)
            raise RefusedError(message)
        return _reply(answer, request)

    def _body(self, request: PromptRequest) -> dict[str, Any]:
        messages = [{"role": "system", "content": request.system}] if request.system else []
        body: dict[str, Any] = {"messages": [*messages, {"role": "user", "content": request.prompt}]}
        if model := request.model or self._model:
            body["model"] = model
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.tokens is not None:
            body["max_tokens"] = request.tokens
        if request.schema is not None:
            schema = {"name": "answer", "schema": request.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


def _reply(answer: Answer, request: PromptRequest) -> PromptReply:
    try:
        document = json.loads(answer.body)
        content = document["choices"][0]["message"]["content"]
        usage = document.get("usage") or {}
        model = document.get("model")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidError(f"the model service's answer is not a chat completion: {error}") from error
    if not isinstance(content, str):
        raise InvalidError("the model service's answer has no text")
    value: Any = content
    if request.schema is not None:
        try:
            value = json.loads(content)
        except ValueError:
            raise InvalidError(f"the model's answer is not JSON: {content[:80]!r}") from None
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return PromptReply(value=value, tokens=tokens if isinstance(tokens, int) else None, model=model)
