# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP exchange on the standard library, in a thread: what tools and language models are reached by."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from ganglion.errors import InvalidError, UnreachableError
from ganglion.mova.ports import ToolReply, ToolRequest
from ganglion_micro.text import text

if TYPE_CHECKING:
    import http.client

#: Bytes of an answer that are read; a tool that says more is not one for a script.
MAX_ANSWER = 1_000_000
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with names in small letters, and the body as text."""

    status: int
    headers: dict[str, str]
    body: str


async def exchange(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
    """Sends one request and returns the answer, whatever its status. Redirects are not followed.

    Raises:
        InvalidError: the URL is not one of http or https.
        UnreachableError: no whole answer came within `timeout` seconds.
    """
    import http.client  # 3 MB with what it imports; a node whose scripts call no tool does without

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidError(f"{url!r} is not the URL of an http or https server")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    try:
        connection = kind(parts.hostname, parts.port, timeout=timeout)
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        async with asyncio.timeout(timeout):
            try:
                return await asyncio.to_thread(_exchange, connection, method, target, body, headers)
            except asyncio.CancelledError:
                # A thread cannot be cancelled; without its socket it comes to its end.
                _cut(connection)
                raise
    except TimeoutError:
        raise UnreachableError(f"{server} gave no answer within {timeout:g} s") from None
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{server} gave no answer: {str(error) or type(error).__name__}") from error
    except ValueError as error:  # a port, a header or a path with characters that may not be in it
        raise InvalidError(f"{url!r} cannot be asked: {error}") from error


def _exchange(
    connection: "http.client.HTTPConnection", method: str, target: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    from http.client import HTTPException, IncompleteRead

    try:
        connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        data = response.read(MAX_ANSWER + 1)
        if len(data) > MAX_ANSWER:
            raise HTTPException(f"it says more than {MAX_ANSWER} bytes")
        if response.length:
            raise IncompleteRead(data, response.length)
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, data.decode("utf-8", "replace"))
    finally:
        connection.close()


def _cut(connection: "http.client.HTTPConnection") -> None:
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


class HttpTools:
    """Carries out `tool_api` steps. `timeout` is in seconds."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout

    async def call(self, request: ToolRequest) -> ToolReply:
        """Sends the request of a step; see `exchange` for what it raises."""
        url, body = request.url, request.body
        headers = {name: text(value) for name, value in request.headers.items()}
        if request.parameters:
            if request.method in ("POST", "PUT", "PATCH") and body is None:
                body = request.parameters
            else:
                pairs = [(name, text(value)) for name, value in request.parameters.items()]
                url += ("&" if "?" in url else "?") + urlencode(pairs)
        data = None
        if body is not None:
            data = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
            if not any(name.lower() == "content-type" for name in headers):
                headers["Content-Type"] = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
        answer = await exchange(request.method, url, headers, data, self._timeout)
        return ToolReply(status=answer.status, body=_body(answer))


def _body(answer: Answer) -> Any:
    if "json" not in answer.headers.get("content-type", "") and answer.body[:1] not in ("{", "["):
        return answer.body
    try:
        return json.loads(answer.body)
    except ValueError:
        return answer.body
