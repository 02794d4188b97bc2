# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said on channels, as it is said, over a connection that is made anew after a break.

It is an iterator and no generator: whoever leaves a loop early leaves a generator behind that runs on until the event
loop ends, which then cannot end it. This one closes its connection as soon as nobody holds it.
"""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

import websockets
from websockets.asyncio.client import connect
from websockets.client import backoff

from ganglion.client.call import Answers
from ganglion.errors import RefusedError

#: The usual close code of "unauthorised".
_UNAUTHORISED = 4401
#: What a gateway, or a proxy before it, answers for a while.
_PASSING = frozenset({429, 500, 502, 503, 504})


class Channels:
    """Messages; after a break they go on behind the last that was told.

    Args:
        url: Of `/ws`, with ws or wss.
        token: The bearer token.
        filters: Which channels.
        after: The token of the last message that was seen before.
        answers: What the answers of this gateway mean.
        options: More of `websockets.connect`.
    """

    def __init__(
        self,
        url: str,
        token: str,
        filters: Sequence[str],
        *,
        after: str | None,
        answers: Answers,
        options: dict[str, Any],
    ) -> None:
        self._url = url
        self._filters = list(filters)
        self._after = after
        self._answers = answers
        self._options = {**options, "additional_headers": {"authorization": f"Bearer {token}"}}
        self._socket: websockets.ClientConnection | None = None
        self._read: deque[dict[str, Any]] = deque()
        self._closed = False

    def __aiter__(self) -> "Channels":
        """Itself."""
        return self

    async def __anext__(self) -> dict[str, Any]:
        """The next message.

        Raises:
            RefusedError: the token is not known, or may not follow these.
            StopAsyncIteration: it was closed.
        """
        while not self._read:
            if self._closed:
                raise StopAsyncIteration
            await self._more()
        return self._read.popleft()

    async def aclose(self) -> None:
        """Closes the connection; there are no more messages."""
        self._closed = True
        self._read.clear()
        if self._socket is not None:
            await self._socket.close()

    def __del__(self) -> None:
        """Closes the connection of a loop that was left, without a word to the gateway."""
        if self._socket is not None and not self._socket.loop.is_closed():
            self._socket.loop.call_soon_threadsafe(self._socket.transport.abort)

    async def _more(self) -> None:
        """Reads one frame, or has another connection where that has ended."""
        if self._socket is None:
            self._socket = await self._connected()
            said: dict[str, Any] = {"type": "subscribe", "channels": self._filters}
            if self._after is not None:
                said["after"] = self._after
        else:
            said = {}
        try:
            if said:
                await self._socket.send(json.dumps(said))
            self._hear(json.loads(await self._socket.recv()))
        except websockets.ConnectionClosed:
            socket, self._socket = self._socket, None
            if socket.close_code == _UNAUTHORISED and not self._closed:
                why = socket.close_reason or "log in"
                raise RefusedError(f"{self._answers.url} lets this token follow nothing: {why}") from None

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "error":
            raise RefusedError(str(message["detail"]))
        if message["type"] in ("message", "subscribed", "at"):
            self._after = message["token"]
        if message.get("missed"):
            self._read.append({"type": "missed"})
        if message["type"] == "message":
            self._read.append(message)

    async def _connected(self) -> websockets.ClientConnection:
        """A connection, with growing pauses between attempts. Raises: RefusedError: the gateway wants none."""
        delays = backoff()
        while True:
            try:
                return await connect(self._url, proxy=None, max_queue=1024, **self._options)
            except websockets.InvalidStatus as error:
                if error.response.status_code not in _PASSING:
                    said = bytes(error.response.body or b"")
                    raise self._answers.problem(error.response.status_code, said) from None
            except (OSError, websockets.InvalidMessage):
                pass
            await asyncio.sleep(next(delays))
