# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's REST interface as commands use it: finds the gateway, asks, and turns problems into our errors.

On the standard library alone, so that a command is up in milliseconds. Neither proxies nor redirects are followed: the
token goes to the gateway that was named and to nobody else.
"""

import argparse
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ganglion import config
from ganglion.cli.show import plain
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError, UsageError
from ganglion.mesh.reading import READING

#: Seconds that the gateway has for an answer, beyond what the question itself may take.
TIMEOUT = 10.0
#: Seconds that a node has for a command.
COMMAND = 10.0
#: Seconds of silence in which a gateway that is followed says at least that it lives.
SILENCE = 30.0
#: Bytes of an answer; more is no answer of a gateway.
MAX_ANSWER = 32 * 1024 * 1024

_REFUSED = {401, 403, 409, 422, 429}
_UNREACHABLE = {502, 503, 504}
_START = "start one with `ganglion up`, log in with `ganglion login URL`, or name one with --gateway"


class GatewayClient:
    """One gateway.

    Args:
        url: `http://host:port` or https.
        token: The bearer token; "" for none.
        origin: Where the token is from, for people.

    Raises:
        UsageError: the URL is none of http or https, or the token is no header value.
    """

    def __init__(self, url: str, token: str, origin: str = "this command") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"the gateway's address {url!r} is no URL: write it as http://127.0.0.1:8470")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("the gateway's token holds characters that no token has: give the content of its file")
        self.url = url.rstrip("/")
        self._token = token
        self._origin = origin
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def get(self, path: str) -> Any:
        """The document at a path, as in `/api/v1/nodes`. Raises: see `post`."""
        return self._ask(self._request(path), TIMEOUT)

    def items(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """What a list called `name` holds, page after page. Raises: see `post`."""
        return self._pages(path, name, lambda _: None)

    def _pages(self, path: str, name: str, on_page: Callable[[dict[str, Any]], None]) -> Iterator[dict[str, Any]]:
        cursor, mark = "", "&" if "?" in path else "?"
        while True:
            page = self.get(f"{path}{mark}cursor={quote(cursor, safe='')}" if cursor else path)
            if not isinstance(page, dict) or not isinstance(page.get(name), list):
                raise GanglionError(f"what answers at {self.url} is no gateway of ours: {path} has no {name}")
            on_page(page)
            yield from page[name]
            following = page.get("next")
            if not following or following == cursor:
                return
            cursor = str(following)

    def whole(self, path: str, name: str) -> dict[str, Any]:
        """The document at a path with all pages of its list called `name`. Raises: see `post`."""
        first: dict[str, Any] = {}

        def remembered(page: dict[str, Any]) -> None:
            first.update(page) if not first else None

        found = list(self._pages(path, name, remembered))
        return {**first, name: found, "next": None}

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float = 0.0) -> Any:
        """What the gateway answers to a JSON document.

        Args:
            timeout: Seconds that the question itself may take, as of a node that must answer first.

        Raises:
            NotFoundError: what is named does not exist.
            RefusedError: the token, the document or a rule is against it.
            UnreachableError: no answer of the gateway, or of the node behind it, in time.
            GanglionError: anything else; the message is the gateway's.
        """
        return self._ask(self._request(path, body), TIMEOUT + timeout)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the gateway answers to a document that is to be at a path. Raises: see `post`."""
        return self._ask(self._request(path, body, "PUT"), TIMEOUT)

    def send(self, path: str, data: bytes) -> Any:
        """What the gateway answers to bytes that are to be at a path. Raises: see `post`."""
        headers = {"Content-Type": "application/octet-stream"}
        url = self.url + path
        request = urllib.request.Request(url, data=data, headers=headers, method="PUT")  # noqa: S310 - checked above
        return self._ask(request, TIMEOUT)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the gateway answers to a change of what is at a path. Raises: see `post`."""
        return self._ask(self._request(path, body, "PATCH"), TIMEOUT)

    def delete(self, path: str) -> None:
        """Removes what is at a path. Raises: see `post`."""
        self._ask(self._request(path, None, "DELETE"), TIMEOUT)

    def command(
        self,
        node: str,
        method: str,
        params: Mapping[str, Any],
        *,
        timeout: float = COMMAND,
        on_progress: Callable[[Mapping[str, Any]], object] | None = None,
    ) -> dict[str, Any]:
        """What the gateway answers when a node has done a thing: `result` is the node's word.

        Who is interrupted while it waits has the node end what it does.

        Args:
            node: Its name or id.
            timeout: Seconds that the node has.
            on_progress: Called with what the node says of how far it is: `done`, `total`, `text`, any of them.

        Raises: see `post`.
        """
        path = f"/api/v1/nodes/{quote(node, safe='')}"
        answer: dict[str, Any]
        if method in READING and not params:
            request = self._request(f"{path}/calls/{method}?timeout={timeout:g}")
        else:
            request = self._request(f"{path}/commands", {"method": method, "params": params, "timeout": timeout})
        if on_progress is None:
            answer = self._ask(request, TIMEOUT + timeout)
            return answer
        return self._told(request, on_progress)

    def told(
        self, path: str, body: Mapping[str, Any], on_progress: Callable[[Mapping[str, Any]], object]
    ) -> dict[str, Any]:
        """As `post`, for what the gateway tells of on the way."""
        return self._told(self._request(path, body), on_progress)

    def _told(
        self, request: urllib.request.Request, on_progress: Callable[[Mapping[str, Any]], object]
    ) -> dict[str, Any]:
        request.add_header("Accept", "application/x-ndjson")
        for line in self._lines(request):
            if "progress" in line:
                on_progress(line["progress"])
            elif "problem" in line:
                raise self._error(int(line["problem"]["status"]), line["problem"])
            else:
                return line
        raise UnreachableError(f"the gateway at {self.url} broke off its answer")

    def follow(self, path: str) -> Iterator[dict[str, Any]]:
        """Documents as they come, a line each, until the gateway ends. An empty line says that it lives.

        Raises: see `post`.
        """
        return self._lines(self._request(path))

    def _request(
        self, path: str, body: Mapping[str, Any] | None = None, verb: str | None = None
    ) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        url = self.url + path
        return urllib.request.Request(url, data=data, headers=headers, method=verb)  # noqa: S310 - checked at the start

    def _lines(self, request: urllib.request.Request) -> Iterator[dict[str, Any]]:
        with self._opened(request, SILENCE) as response:
            while line := response.readline(MAX_ANSWER):
                if line.strip():
                    yield self._document(line)

    def _ask(self, request: urllib.request.Request, timeout: float) -> Any:
        with self._opened(request, timeout) as response:
            return self._document(response.read(MAX_ANSWER + 1))

    @contextmanager
    def _opened(self, request: urllib.request.Request, timeout: float) -> Iterator[http.client.HTTPResponse]:
        if not request.has_header("Accept"):
            request.add_header("Accept", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=timeout) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise self._problem(error.code, error.read(MAX_ANSWER)) from None
        except urllib.error.URLError as error:
            raise UnreachableError(f"no gateway answers at {self.url} ({_cause(error)}): {_START}") from None
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"the gateway at {self.url} broke off its answer: {_cause(error)}") from None

    def _document(self, data: bytes) -> Any:
        try:
            if len(data) > MAX_ANSWER:
                raise ValueError("too long")
            return json.loads(data) if data else None
        except ValueError as error:
            raise GanglionError(f"what answers at {self.url} is no gateway of ours: its answer is no JSON") from error

    def _problem(self, status: int, data: bytes) -> GanglionError:
        """The error that an RFC 9457 problem stands for."""
        try:
            return self._error(status, json.loads(data))
        except ValueError:
            return self._error(status, None)

    def _error(self, status: int, problem: Any) -> GanglionError:
        said = (problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else None
        message = str(said or f"the gateway at {self.url} answered with HTTP {status}")
        message = "\n".join(plain(line) for line in message.splitlines())  # it may be a node that says it
        if status == 401 and not (said and str(problem.get("instance", "")).startswith("/api/v1/auth/")):
            message = f"{self.url} asks for a token: give --token-file or GANGLION_TOKEN"
            if self._token:
                message = (
                    f"{self.url} does not know the token of {self._origin}: give --token-file or GANGLION_TOKEN that "
                    "of the file `token` in this gateway's state folder"
                )
        if status == 404:
            return NotFoundError(message)
        if status in _REFUSED:
            return RefusedError(message)
        if status in _UNREACHABLE:
            return UnreachableError(message)
        return InvalidError(message) if status == 400 else GanglionError(message)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None makes the redirect the answer, which is then an error."""


def _cause(error: OSError | http.client.HTTPException) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)


def find(args: argparse.Namespace) -> GatewayClient:
    """The gateway that flags, environment, a running `ganglion up` or the last `ganglion login` name, in this order.

    The token of `ganglion up` or of a login goes to its own gateway only, never to one that is named otherwise.

    Raises:
        NotFoundError: no gateway is named anywhere, or the token's file is missing.
        InvalidError: `up.json` is none.
        RefusedError: the session of a login is over.
    """
    url = args.gateway or os.environ.get("GANGLION_GATEWAY", "")
    token = _token(args.token_file) if args.token_file else os.environ.get("GANGLION_TOKEN", "")
    origin = str(args.token_file or "GANGLION_TOKEN")
    if not url or not token:
        up_url, up_token_file = _up()
        if not token and up_token_file and (not url or url.rstrip("/") == up_url.rstrip("/")):
            token, origin = _token(Path(up_token_file)), up_token_file
        url = url or up_url
    if not url or not token:
        from ganglion.cli import logins

        url = url or logins.last()
        if not url:
            raise NotFoundError(f"no gateway is known here: {_START}")
        if not token:
            token, origin = logins.token(url), "`ganglion login`"
    return GatewayClient(url, token.strip(), origin)


def _up() -> tuple[str, str]:
    """URL and token file of the gateway that `ganglion up` runs; empty where it does not."""
    path = config.state_folder() / "up.json"
    try:
        told = json.loads(path.read_text())
        return str(told["gateway"]), str(told["token_file"])
    except FileNotFoundError:
        return "", ""
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError("names no gateway: stop `ganglion up`, remove the file, start again", where=str(path)) from (
            error
        )


def _token(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise NotFoundError(f"no token in {path}: the gateway makes the file when it first starts") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"the token in {path} cannot be read: {error}") from error
