# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the gateway that waits for each answer, on the standard library alone: a command is up in milliseconds.

Neither proxies nor redirects are followed: the token goes to the gateway that was named and to nobody else.

    client = GatewayClient("http://127.0.0.1:8470", token)
    for node in client.pages(fleet.get_nodes(), "nodes"): ...
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ganglion.client import call as calls
from ganglion.client.call import LINES, Answers, Call
from ganglion.client.operations import fleet
from ganglion.errors import UnreachableError, UsageError
from ganglion.mesh.reading import READING

T = TypeVar("T")

#: Seconds that the gateway has for an answer, beyond what the question itself may take: it waits 10 for its database
#: before it says that this is away.
TIMEOUT = 15.0
#: Seconds that a node has for a command.
COMMAND = 10.0
#: Seconds of silence in which a gateway that is followed says at least that it lives.
SILENCE = 30.0
#: What to do where no gateway answers.
START = "start one with `ganglion up`, log in with `ganglion login URL`, or name one with --gateway"

Progress = Callable[[Mapping[str, Any]], object]


def checked(url: str, token: str) -> str:
    """The URL of a gateway without a slash at its end.

    Raises:
        UsageError: the URL is none of http or https, or the token is no header value.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"the gateway's address {url!r} is no URL: write it as http://127.0.0.1:8470")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("the gateway's token holds characters that no token has: give the content of its file")
    return url.rstrip("/")


def command_call(node: str, method: str, params: Mapping[str, Any], timeout: float) -> Call[Any]:
    """Asks a node: what only looks without leave to change anything. Seconds that the node has are in it."""
    if method in READING and not params:
        return fleet.get_nodes_node_calls_method(node, method, timeout=timeout).within(timeout)
    return fleet.post_nodes_node_commands(node, method=method, params=params, timeout=timeout).within(timeout)


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
        self.url = checked(url, token)
        self._token = token
        self._answers = Answers(self.url, origin if token else "")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def ask(self, call: Call[T]) -> T:
        """The answer to a question of `ganglion.client.operations`.

        Raises:
            NotFoundError: what is named does not exist.
            UnfitError: a value or document is not taken; it is a RefusedError, too.
            OverError: it is over, or was changed meanwhile; it is a RefusedError, too.
            RefusedError: the token or a rule is against it.
            UnreachableError: no answer of the gateway, or of the node behind it, in time.
            GanglionError: anything else; the message is the gateway's.
        """
        with self._opened(call, TIMEOUT + call.patience) as response:
            return self._answers.read(call, response.status, response.read(calls.MAX_ANSWER + 1))

    def pages(self, call: Call[Any], name: str) -> Iterator[Any]:
        """What the list called `name` holds, page after page. Raises: see `ask`."""
        for page in self._pages(call, name):
            yield from page[name]

    def whole(self, call: Call[T], name: str) -> T:
        """The answer with all pages of its list called `name`. Raises: see `ask`."""
        pages = list(self._pages(call, name))
        whole: Any = {**pages[0], name: [each for page in pages for each in page[name]], "next": None}
        answer: T = whole
        return answer

    def told(self, call: Call[T], on_progress: Progress) -> T:
        """As `ask`, for what the gateway tells of on the way: `done`, `total`, `text`, any of them."""
        for line in self.follow(call):
            if "progress" in line:
                on_progress(line["progress"])
            elif "problem" in line:
                raise self._answers.error(int(line["problem"]["status"]), line["problem"])
            else:
                answer: Any = line
                result: T = answer
                return result
        raise UnreachableError(f"the gateway at {self.url} broke off its answer")

    def follow(self, call: Call[Any]) -> Iterator[dict[str, Any]]:
        """Documents as they come, a line each, until the gateway ends. An empty line says that it lives.

        Raises: see `ask`.
        """
        with self._opened(call, SILENCE, LINES) as response:
            while line := response.readline(calls.MAX_ANSWER):
                if line.strip():
                    yield self._answers.document(line)

    def command(
        self,
        node: str,
        method: str,
        params: Mapping[str, Any],
        *,
        timeout: float = COMMAND,
        on_progress: Progress | None = None,
    ) -> dict[str, Any]:
        """What the gateway answers when a node has done a thing: `result` is the node's word.

        Who is interrupted while it waits has the node end what it does.

        Args:
            node: Its name or id.
            timeout: Seconds that the node has.
            on_progress: Called with what the node says of how far it is.

        Raises: see `ask`.
        """
        call = command_call(node, method, params, timeout)
        answer: dict[str, Any] = self.ask(call) if on_progress is None else self.told(call, on_progress)
        return answer

    def get(self, path: str) -> Any:
        """The document at a path that is made elsewhere, with its query. Raises: see `ask`."""
        return self.ask(Call("GET", path))

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float = 0.0) -> Any:
        """What the gateway answers to a document at such a path. Raises: see `ask`."""
        return self.ask(Call("POST", path, body=body, patience=timeout))

    def items(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """What the list called `name` at such a path holds, page after page. Raises: see `ask`."""
        return self.pages(Call("GET", path), name)

    def _pages(self, call: Call[Any], name: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = self.ask(call.page(cursor) if cursor else call)
            self._answers.listed(call, page, name)
            yield page
            following = page.get("next")
            if not following or following == cursor:
                return
            cursor = str(following)

    @contextmanager
    def _opened(self, call: Call[Any], timeout: float, accept: str = calls.JSON) -> Iterator[http.client.HTTPResponse]:
        request = urllib.request.Request(  # noqa: S310 - checked at the start
            self.url + call.target, data=call.data, headers=call.headers(self._token, accept), method=call.method
        )
        try:
            with self._opener.open(request, timeout=timeout) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise self._answers.problem(error.code, error.read(calls.MAX_ANSWER)) from None
        except urllib.error.URLError as error:
            raise UnreachableError(f"no gateway answers at {self.url} ({_cause(error)}): {START}") from None
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"the gateway at {self.url} broke off its answer: {_cause(error)}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None makes the redirect the answer, which is then an error."""


def _cause(error: OSError | http.client.HTTPException) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
