# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out `tool_api` steps over HTTP: with credentials, with secrets that nobody else sees, within their time."""

import asyncio
import json
import re
import time
from typing import Any

from ganglion.errors import GanglionError, InvalidError, RefusedError, RemoteProtocolError
from ganglion.mova.auth import Tokens, apply, client_of
from ganglion.mova.authentication import HEADER
from ganglion.mova.http import Answer, LostError, exchange, server, with_query
from ganglion.mova.ports import ToolReply, ToolRequest
from ganglion.mova.secrets import Filling, Secrets
from ganglion.mova.values import from_json
from ganglion_micro.text import text
from ganglion_micro.tool import idempotent

#: Seconds for a call, with the fetch of its token, where the step names no bound.
TIMEOUT = 10.0
#: What a header's value may be made of (RFC 9110, 5.5), as far as Latin-1 has it.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class HttpTools:
    """`ganglion.mova.ports.Tools` over HTTP.

    Args:
        secrets: What `{secret.NAME}` stands for in requests.
        timeout: Seconds for a call where its step names no bound.
    """

    def __init__(self, secrets: Secrets | None = None, *, timeout: float = TIMEOUT) -> None:
        self._secrets = secrets or Secrets()
        self._timeout = timeout
        self._tokens = Tokens()

    async def call(self, request: ToolRequest) -> ToolReply:
        """Sends the request of a step. No secret is in the reply or in an error, even where the server repeats it.

        Raises:
            InvalidError: the request cannot be sent, a secret is missing, or the answer is too long.
            RefusedError: the server leads elsewhere, or is none that is trusted; or credentials were not taken.
            RemoteProtocolError: the answer says that it is JSON, and is not.
            UnreachableError: there was no whole answer. `retry` of both is False where the request may have been
                carried out and must not be twice (RFC 9110, 9.2.2).
        """
        filling = Filling(self._secrets)
        try:
            answer = await self._answer(request, filling)
            body = filling.hide(_body(answer, request))
        except GanglionError as error:
            raise filling.hidden(error) from None
        after = answer.retry_after(time.time()) if answer.status >= 400 else 0.0
        return ToolReply(status=answer.status, body=body, retry_after=after)

    async def _answer(self, request: ToolRequest, filling: Filling) -> Answer:
        loop = asyncio.get_running_loop()
        end = loop.time() + (request.seconds or self._timeout)

        def left() -> float:
            return max(0.001, end - loop.time())

        url, headers, body = _rendered(request, filling)
        auth = {name: text(filling.fill(value)) for name, value in (request.auth or {"type": "none"}).items()}
        client = client_of(auth) if auth["type"] == "oauth2" else None
        token = "" if client is None else await self._tokens.get(client, filling, left())
        answer = await _sent(request, apply(auth, url, headers, filling, token), headers, body, left())
        if answer.status == 401 and client is not None:
            # It was refused before its time, and nothing was done: once more with a new one.
            self._tokens.forget(client, token)
            token = await self._tokens.get(client, filling, left())
            answer = await _sent(request, apply(auth, url, headers, filling, token), headers, body, left())
        if 300 <= answer.status < 400:
            message = f"{server(url)} leads elsewhere with HTTP status {answer.status}, which is not followed"
            raise RefusedError(f"{message}: give {request.tool} the address that it leads to")
        return answer


async def _sent(request: ToolRequest, url: str, headers: dict[str, str], body: bytes | None, timeout: float) -> Answer:
    for name, value in headers.items():
        if not HEADER.fullmatch(name) or not _VALUE.fullmatch(value):
            raise InvalidError(f"the header {name!r} of {request.tool} has a character that it may not have")
    try:
        return await exchange(request.method, url, headers, body, timeout)
    except LostError as error:
        error.retry = idempotent(request.method)
        raise


def _rendered(request: ToolRequest, filling: Filling) -> tuple[str, dict[str, str], bytes | None]:
    """URL, headers and body, with their secrets."""
    url = filling.fill_url(request.url)
    headers = {name: text(filling.fill(value)) for name, value in request.headers.items()}
    parameters, body = filling.fill(request.parameters), filling.fill(request.body)
    if parameters:
        if request.method in ("POST", "PUT", "PATCH") and body is None:
            body = parameters
        else:
            url = with_query(url, [(name, text(value)) for name, value in parameters.items()])
    if body is None:
        return url, headers, None
    is_text = isinstance(body, str)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "text/plain; charset=utf-8" if is_text else "application/json"
    # Half of a pair that UTF-16 would need can be in a text from outside; it is no character.
    return url, headers, (body if is_text else json.dumps(body, ensure_ascii=False)).encode("utf-8", "replace")


def _body(answer: Answer, request: ToolRequest) -> Any:
    """The value of JSON, or text. What is only said to be JSON is an error, unless the status is one already."""
    said = "json" in answer.headers.get("content-type", "")
    if not answer.body or not (said or answer.body[:1] in (b"{", b"[")):
        return answer.text
    try:
        return from_json(answer.body.decode("utf-8-sig"))
    except ValueError as error:
        if not said or answer.status >= 300:
            return answer.text
        wrong = RemoteProtocolError(f"{request.tool} answers with what is not the JSON that it says it is: {error}")
        wrong.retry = idempotent(request.method)
        raise wrong from None
