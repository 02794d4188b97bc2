# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to deliver one message: signed when it is made, sent, and judged by the status that comes back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ganglion.errors import RefusedError, UnreachableError
from ganglion.units import SECOND
from ganglion_gateway.store.database import Row
from ganglion_gateway.webhook import cloudevent, signature
from ganglion_gateway.webhook.address import parsed

if TYPE_CHECKING:
    from ganglion_gateway.webhook.connection import Connection

_log = structlog.get_logger(__name__)

#: Letters of an error that are kept.
_ERROR = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt went.

    Attributes:
        at: When it began.
        took: Nanoseconds.
        status: HTTP status; None where none came.
        error: "" for success.
        retry_after: Nanoseconds that the endpoint asked for.
    """

    at: int
    took: int
    status: int | None
    error: str
    retry_after: int | None = None


class Sender:
    """Sends to one endpoint.

    Args:
        endpoint: A row of `endpoints`.
        mesh: The mesh's id.
        agent: The `User-Agent`.
        clock: Nanoseconds since the Unix epoch.
        headers: More headers of a message, by the ids of its event and its endpoint.

    Raises:
        InvalidError: the endpoint's secret is none, or its URL.
    """

    def __init__(
        self,
        endpoint: Row,
        *,
        mesh: str,
        agent: str,
        clock: Callable[[], int],
        headers: Callable[[str, str], dict[str, str]],
    ) -> None:
        self._endpoint = endpoint
        self._mesh = mesh
        self._agent = agent
        self._clock = clock
        self._headers = headers
        parsed(endpoint["url"])  # said now: what an older version has stored libcurl may not read
        self._secret: str = endpoint["secret"]
        self._key = signature.key_of(self._secret)
        former = endpoint["former_secret"]
        self._former = signature.key_of(former) if former else None

    def connection(self) -> "Connection":
        """A way to the endpoint, for one thread."""
        from ganglion_gateway.webhook.connection import Connection

        return Connection(self._endpoint["url"], allow_private=self._endpoint["allow_private"])

    def send(self, connection: "Connection", row: Row) -> Attempt:
        """Makes an attempt with a row as `store.webhooks.pending` gives them, and waits for how it goes."""
        at = self._clock()
        status: int | None = None
        retry_after: int | None = None
        try:
            body = cloudevent.body(row, mesh=self._mesh)
            status, retry_after = connection.post(body, self._signed(row, body, at))
            error = _verdict(status)
        except (RefusedError, UnreachableError) as failure:
            error = str(failure)
        except Exception as failure:  # a message that cannot be sent must not keep back all that are behind it
            _log.error("webhook attempt broke", endpoint=self._endpoint["id"], event_id=row["id"], exc_info=failure)
            error = f"{type(failure).__name__}: {failure}"
        return Attempt(at=at, took=self._clock() - at, status=status, error=error[:_ERROR], retry_after=retry_after)

    def _signed(self, row: Row, body: bytes, at: int) -> dict[str, str]:
        """The headers of an attempt."""
        headers = {"content-type": cloudevent.CONTENT_TYPE, "user-agent": self._agent}
        headers |= signature.headers(self._keys(at), row["message"], body, seconds=at // SECOND)
        headers |= signature.mova_headers(self._secret, cloudevent.type_of(row), body, seconds=at // SECOND)
        return headers | self._headers(row["id"], self._endpoint["id"])

    def _keys(self, now: int) -> list[bytes]:
        """The key of the secret, and for a while after a rotation that of the one before."""
        if self._former is None or now >= (self._endpoint["former_until"] or 0):
            return [self._key]
        return [self._key, self._former]


def sample(now: int) -> Row:
    """What is sent to try an endpoint."""
    event = {"cls": "test", "topic": "test", "value": None, "source": "gateway", "run": "", "timestamp": now}
    return event | {"id": f"test-{now}", "node": "gateway", "node_name": "gateway", "message": f"msg_test{now}"}


def _verdict(status: int) -> str:
    """What an answer says of the message: "" that the endpoint has it."""
    if 200 <= status < 300:
        return ""
    return f"HTTP status {status}" + (", and redirects are not followed" if 300 <= status < 400 else "")
