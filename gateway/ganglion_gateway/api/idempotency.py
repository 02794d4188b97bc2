# SPDX-License-Identifier: GPL-3.0-or-later
"""`Idempotency-Key`: a POST that is sent again because its answer was lost is not carried out again.

As draft-ietf-httpapi-idempotency-key-header has it: the same key with another request is 422, with a request that is
under way 409, and with one that was carried out it has the answer of then. A request with a key is carried out to its
end though its client is gone, as the client comes again for the answer. Only what was carried out is kept: what was
refused may be asked anew.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import nacl.exceptions
import nacl.secret
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.problems import away, problem
from ganglion_gateway.store import idempotency
from ganglion_gateway.store.database import Database, why

_log = structlog.get_logger(__name__)

#: Nanoseconds that an answer is kept; and that a request is taken to be under way, as no route takes longer.
KEPT, UNDER_WAY = 86400 * SECOND, 600 * SECOND
#: Letters of a key, and bytes of an answer that is kept.
MAX_KEY, MAX_ANSWER = 128, 256 * 1024
HEADER = "idempotency-key"
_PREFIX = "/api/v1/"
#: Where a second time is seen by other means, or is meant.
_NOT = "/api/v1/auth/"


class Idempotency:
    """Keeps answers.

    Args:
        secret: Seals them: among them are tokens that are shown once.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, database: Database, secret: bytes, clock: Callable[[], int]) -> None:
        self._database = database
        self._box = nacl.secret.SecretBox(hmac.digest(secret, b"ganglion idempotency 1", hashlib.sha256))
        self._clock = clock

    def around(self, app: ASGIApp) -> ASGIApp:
        """An application whose POSTs take the header."""

        async def keyed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["method"] == "POST" and HEADER in Headers(scope=scope):
                path = scope["path"]
                if path.startswith(_PREFIX) and not path.startswith(_NOT):
                    await self._once(app, scope, receive, send)
                    return
            await app(scope, receive, send)

        return keyed

    async def _once(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path, who = Headers(scope=scope), scope["path"], scope["state"]["principal"]
        key = headers[HEADER]
        if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
            detail = say("Idempotency-Key has 1 to {most} printable letters of ASCII", most=MAX_KEY)
            await problem(400, detail, instance=path)(scope, receive, send)
            return
        if "application/x-ndjson" in headers.get("accept", ""):
            detail = say("what is told as it goes is not kept: leave out Idempotency-Key, or accept application/json")
            await problem(400, detail, instance=path)(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            await app(scope, _gone, send)
            return
        # Of a user every session is the same; of a key the key
        owner, asked, now = who.user or who.key, _digest(scope, headers, body), self._clock()
        try:
            known = await self._database.write(
                lambda to: idempotency.begin(to, owner, key, asked=asked, now=now, expires=now + UNDER_WAY)
            )
        except SQLAlchemyError as error:
            await away(error, instance=path)(scope, receive, send)
            return
        if known is not None:
            await self._again(known, asked, path)(scope, receive, send)
            return
        answer = _Answer()
        try:
            await app(scope, _given(body), answer.take)
        finally:
            await asyncio.shield(self._settle(owner, key, answer))
        await answer.replay(send)

    def _again(self, known: dict[str, Any], asked: bytes, path: str) -> ASGIApp:
        """The answer to a key that was used."""
        if not hmac.compare_digest(known["asked"], asked):
            return problem(422, say("this Idempotency-Key was another request's: make one for each"), instance=path)
        if known["status"] is None:
            detail = say("the request with this Idempotency-Key is under way: ask again for its answer")
            return problem(409, detail, instance=path, headers={"retry-after": "1"})
        try:
            return _Answer.of(known["status"], self._box.decrypt(known["answer"]))
        except nacl.exceptions.CryptoError:
            return problem(
                409, say("the answer to this Idempotency-Key can be read no more: make another"), instance=path
            )

    async def _settle(self, owner: str, key: str, answer: "_Answer") -> None:
        try:
            await self._write(owner, key, answer)
        except SQLAlchemyError as error:  # what was carried out is answered all the same; the key is taken for a while
            _log.error("the answer to an Idempotency-Key is not kept", reason=why(error))

    async def _write(self, owner: str, key: str, answer: "_Answer") -> None:
        if 200 <= answer.status < 300 and len(answer.body) <= MAX_ANSWER:
            sealed, expires = bytes(self._box.encrypt(answer.packed())), self._clock() + KEPT
            await self._database.write(
                lambda connection: idempotency.finish(
                    connection, owner, key, status=answer.status, answer=sealed, expires=expires
                )
            )
        else:
            await self._database.write(lambda connection: idempotency.drop(connection, owner, key))


class _Answer:
    """What an application answers, kept whole."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def take(self, message: Message) -> None:
        """Is its `send`."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def packed(self) -> bytes:
        """Headers and body."""
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers]
        head = json.dumps(headers).encode()
        return len(head).to_bytes(4, "big") + head + self.body

    @classmethod
    def of(cls, status: int, packed: bytes) -> ASGIApp:
        """The application that gives a kept answer, marked as such."""
        size = int.from_bytes(packed[:4], "big")
        answer = cls()
        answer.status, answer.body = status, packed[4 + size :]
        answer.headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in json.loads(packed[4 : 4 + size])]
        answer.headers.append((b"idempotency-replayed", b"true"))

        async def again(scope: Scope, receive: Receive, send: Send) -> None:
            await answer.replay(send)

        return again

    async def replay(self, send: Send) -> None:
        """Sends it."""
        if self.status:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            await send({"type": "http.response.body", "body": self.body})


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None where it does not come."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _given(body: bytes) -> Receive:
    """A `receive` with this body, whose client does not go."""
    parts = [body]

    async def receive() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def _gone() -> Message:
    return {"type": "http.disconnect"}


def _digest(scope: Scope, headers: Headers, body: bytes) -> bytes:
    asked = hashlib.sha256()
    for part in (scope["path"].encode(), scope["query_string"], headers.get("content-type", "").encode(), body):
        asked.update(len(part).to_bytes(8, "big") + part)
    return asked.digest()
