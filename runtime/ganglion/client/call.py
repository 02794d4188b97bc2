# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to the gateway, as data: what is sent, and what the answer means. No I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from ganglion.errors import GanglionError, NotFoundError, OverError, RefusedError, UnfitError, UnreachableError
from ganglion.printable import printable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

JSON, LINES = "application/json", "application/x-ndjson"
#: Bytes of an answer; more is no answer of a gateway.
MAX_ANSWER = 32 * 1024 * 1024
_UNFIT = {400, 422}
_OVER = 409
_REFUSED = {401, 403, 429}
_UNREACHABLE = {502, 503, 504}


class Unset(Enum):
    """Stands for a field that is not sent."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True)
class Call(Generic[T_co]):
    """A question whose answer is a `T_co`; made by `ganglion.client.operations`.

    Attributes:
        method: Of HTTP.
        path: As OpenAPI has it, with `{names}`.
        parts: What stands for them.
        query: Parameters; None is left out.
        body: A document; fields that are UNSET are left out. None for no body; bytes are sent as they are.
        patience: Seconds that the question itself may take, as of a node that must answer first.
        raw: The answer is bytes, and no document.
        key: Carries it out once, however often it is asked: the `Idempotency-Key`.
    """

    method: str
    path: str
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    patience: float = 0.0
    raw: bool = False
    key: str = ""

    def within(self, patience: float) -> "Call[T_co]":
        """The same, with so many seconds for the question itself."""
        return replace(self, patience=patience)

    def once(self, key: str) -> "Call[T_co]":
        """The same, carried out once under a key of the caller's."""
        return replace(self, key=key)

    def page(self, cursor: str) -> "Call[T_co]":
        """The same of the page that `next` of the one before names."""
        return replace(self, query={**self.query, "cursor": cursor})

    @property
    def target(self) -> str:
        """Path and query."""
        path = self.path
        for name, value in self.parts.items():
            path = path.replace("{" + name + "}", quote(value, safe=""))
        given = [
            (name, _query(each))
            for name, value in self.query.items()
            for each in (value if isinstance(value, list | tuple) else [value])
            if each is not None
        ]
        mark = "&" if "?" in path else "?"  # what is filled in has none
        return f"{path}{mark}{urlencode(given)}" if given else path

    @property
    def data(self) -> bytes | None:
        """The body as it is sent."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        body = self.body
        if isinstance(body, Mapping):
            body = {name: value for name, value in body.items() if value is not UNSET}
        return json.dumps(body).encode()

    def headers(self, token: str, accept: str = JSON) -> dict[str, str]:
        """What is sent beside it."""
        sent = {"Accept": accept}
        if self.body is not None:
            sent["Content-Type"] = "application/octet-stream" if isinstance(self.body, bytes) else JSON
        if self.key:
            sent["Idempotency-Key"] = self.key
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return sent


def _query(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the answers of one gateway mean.

    Attributes:
        url: Of the gateway, for people.
        origin: Where the token is from, for people; "" where there is none.
    """

    url: str
    origin: str = ""

    def read(self, call: Call[T], status: int, data: bytes) -> T:
        """The answer.

        Raises:
            NotFoundError: what is named does not exist.
            UnfitError: a value or document is not taken; a RefusedError, too.
            OverError: it is over, or was changed meanwhile; a RefusedError, too.
            RefusedError: the token or a rule is against it.
            UnreachableError: no answer of the node behind the gateway in time.
            GanglionError: anything else; the message is the gateway's.
        """
        if not 200 <= status < 300:
            raise self.problem(status, data)
        answer: Any = data if call.raw else self.document(data)
        result: T = answer
        return result

    def document(self, data: bytes) -> Any:
        """The document that a body or a line is; None of an empty one. Raises: GanglionError: it is none."""
        try:
            if len(data) > MAX_ANSWER:
                raise ValueError("too long")
            return json.loads(data) if data else None
        except ValueError as error:
            raise GanglionError(f"what answers at {self.url} is no gateway of ours: its answer is no JSON") from error

    def problem(self, status: int, data: bytes) -> GanglionError:
        """The error that an RFC 9457 problem stands for."""
        try:
            return self.error(status, json.loads(data))
        except ValueError:
            return self.error(status, None)

    def error(self, status: int, problem: Any) -> GanglionError:
        """The same of a problem that was read."""
        said = (problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else None
        message = str(said or f"the gateway at {self.url} answered with HTTP {status}")
        message = "\n".join(printable(line) for line in message.splitlines())  # it may be a node that says it
        where = str(problem.get("instance", "")) if isinstance(problem, dict) else ""
        if status == 401 and (not said or where == "/api/v1/auth/me" or not where.startswith("/api/v1/auth/")):
            message = f"{self.url} asks for a token: `ganglion login {self.url}`, or --token-file or GANGLION_TOKEN"
            if self.origin:
                message = (
                    f"{self.url} does not know the token of {self.origin}: give --token-file or GANGLION_TOKEN that "
                    "of the file `token` in this gateway's state folder"
                )
        if status == 404:
            return NotFoundError(message)
        if status in _UNFIT:
            return UnfitError(message)
        if status == _OVER:
            return OverError(message)
        if status in _REFUSED:
            return RefusedError(message)
        if status in _UNREACHABLE:
            return UnreachableError(message)
        return GanglionError(message)

    def listed(self, call: Call[Any], page: Any, name: str) -> list[Any]:
        """What a page has in its list of a name. Raises: GanglionError: it has none."""
        if not isinstance(page, dict) or not isinstance(page.get(name), list):
            raise GanglionError(f"what answers at {self.url} is no gateway of ours: {call.path} has no {name}")
        found: list[Any] = page[name]
        return found
