# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP connection, until the head of a request is whole: that has a size and a time, whoever connects.

Who asks is known when the head is there, and not before: strangers could fill the memory with heads that do not end,
and take all descriptors with connections that say nothing. uvicorn bounds neither. What comes then is the guard's, but
for what is no part of a body: chunks that are all overhead, and headers behind the last of them.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ganglion_gateway.access.guard import MAX_BODY

#: Bytes that a head may have, all of its headers together; seconds that it may take to come.
MAX_HEAD, PATIENCE = 64 * 1024, 20.0
#: Bytes behind a head, of the body and of what is around it.
_MAX_REST = 2 * MAX_BODY
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Reception(HttpToolsProtocol):
    """A connection that is given up where it brings no request."""

    _size = 0  # of the head that is coming, or of what has come behind the last one
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        before, had_body = self.cycle, self._has_body
        super().data_received(data)
        if self.cycle is not before or self.transport.get_protocol() is not self:  # a request, or a WebSocket's
            self._size = 0
            self._wait_no_more()
            return
        self._size = self._size + len(data) if self._has_body is had_body else 0
        is_free = self.cycle is None or self.cycle.response_complete
        if self._size > (_MAX_REST if had_body else MAX_HEAD):
            if is_free:
                self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif is_free and self._limit is None:
            self._wait()  # it was kept after an answer, and the next request has begun

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._wait_no_more()
        super().connection_lost(exc)

    @property
    def _has_body(self) -> bool:
        return self.cycle is not None and self.cycle.more_body

    def _wait(self) -> None:
        self._limit = self.loop.call_later(PATIENCE, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
