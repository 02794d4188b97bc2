# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to deliver one message: signed when it is made, sent, and judged by the status that comes back.

aiohttp is imported here and in `lane.py` where it is used: a gateway without webhooks starts and runs without it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import structlog

from ganglion.errors import RefusedError
from ganglion.units import SECOND
from ganglion_gateway.store.database import Row
from ganglion_gateway.webhook import cloudevent, signature
from ganglion_gateway.webhook.address import parsed

if TYPE_CHECKING:
    import aiohttp

_log = structlog.get_logger(__name__)

#: Seconds for one attempt in all; bytes of an answer that are read to keep its connection, and seconds for them.
_ATTEMPT = 20.0
_MAX_ANSWER = 65536
_REST = 1.0
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
        self._url = parsed(endpoint["url"])
        self._secret: str = endpoint["secret"]
        self._key = signature.key_of(self._secret)
        former = endpoint["former_secret"]
        self._former = signature.key_of(former) if former else None

    async def send(self, http: "aiohttp.ClientSession", row: Row) -> Attempt:
        """Makes an attempt with a row as `store.webhooks.pending` gives them."""
        import aiohttp

        at = self._clock()
        status: int | None = None
        retry_after: int | None = None
        error = ""
        try:
            body = cloudevent.body(row, mesh=self._mesh)
            headers = self._signed(row, body, at)
            async with (
                asyncio.timeout(_ATTEMPT) as limit,
                http.post(self._url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
                retry_after = _retry_after(answer.headers.get("retry-after", ""), at)
                limit.reschedule(asyncio.get_running_loop().time() + _REST)
                size = 0
                async for part in answer.content.iter_any():
                    size += len(part)
                    if size > _MAX_ANSWER:
                        break
        except (aiohttp.ClientError, RefusedError) as failure:
            error = _why(failure)
        except TimeoutError:
            error = f"no answer within {_ATTEMPT:g} s"
        except Exception as failure:  # a message that cannot be sent must not keep back all that are behind it
            _log.error("webhook attempt broke", endpoint=self._endpoint["id"], event_id=row["id"], exc_info=failure)
            error = f"{type(failure).__name__}: {failure}"
        if status is not None:  # the endpoint has decided; how its answer ends does not matter
            error = _verdict(status)
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


def _why(failure: Exception) -> str:
    """What an operator can act on: of a connection that was not made, what the system says."""
    import aiohttp

    if isinstance(failure, aiohttp.ClientConnectorError):
        return failure.os_error.strerror or str(failure.os_error) or "no connection"
    return str(failure) or type(failure).__name__


def _retry_after(text: str, now: int) -> int | None:
    """Nanoseconds in a `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date."""
    if text.isascii() and text.isdecimal():
        return int(text[:9]) * SECOND
    try:
        seconds = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0, round(seconds * SECOND) - now)
