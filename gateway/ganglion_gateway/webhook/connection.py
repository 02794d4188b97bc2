# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP client whose connections go to addresses that were checked: a name is resolved once, judged, and used."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from functools import cache
from typing import cast

import httpcore
import httpx

from ganglion.errors import RefusedError
from ganglion_gateway.webhook.address import permitted

#: Seconds for connecting, and for an answer.
TIMEOUT = httpx.Timeout(15.0, connect=5.0)
#: Seconds that an idle connection is kept.
_KEEP = 60.0


def client(*, allow_private: bool) -> httpx.AsyncClient:
    """A client with kept-alive connections. It follows no redirect and asks no proxy: both would go past the check."""
    return httpx.AsyncClient(
        transport=_CheckedTransport(allow_private=allow_private),
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
    )


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the address that it has judged. TLS still proves the name: that comes from the URL."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        try:
            async with asyncio.timeout(timeout):
                loop = asyncio.get_running_loop()
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"the name {host} was not resolved within {timeout:g} s") from None
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host} cannot be resolved: {error}") from error
        addresses = permitted(host, [str(entry[4][0]) for entry in found], allow_private=self._allow_private)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"the name {host} has no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise RefusedError("webhooks do not go to Unix sockets")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _CheckedTransport(httpx.AsyncBaseTransport):
    def __init__(self, *, allow_private: bool) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=4,
            keepalive_expiry=_KEEP,
            network_backend=_CheckedBackend(allow_private=allow_private),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        content = cast(AsyncIterator[bytes], request.stream)
        asked = httpcore.Request(
            request.method, target, headers=request.headers.raw, content=content, extensions=request.extensions
        )
        try:
            answer = await self._pool.handle_async_request(asked)
        except httpcore.TimeoutException as error:
            raise httpx.TimeoutException(str(error) or "no answer in time", request=request) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise httpx.TransportError(str(error) or type(error).__name__, request=request) from error
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.aiter_stream():
                yield part
        except httpcore.TimeoutException as error:
            raise httpx.ReadTimeout(str(error) or "the answer stopped") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise httpx.ReadError(str(error) or type(error).__name__) from error

    async def aclose(self) -> None:
        await self._answer.aclose()
