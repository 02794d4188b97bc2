# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP client whose connections go to addresses that were checked: a name is resolved once, judged, and used."""

import asyncio
import errno
import socket
import ssl
from functools import cache, partial

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from ganglion.errors import RefusedError
from ganglion_gateway.webhook.address import permitted

#: Seconds for resolving a name, and for connecting. How long the whole may take is bounded by who asks.
_CONNECT = 5.0
#: Seconds that an idle connection is kept.
_KEEP = 60.0
_CONNECTIONS = 4


def client(*, allow_private: bool) -> aiohttp.ClientSession:
    """A client with kept-alive connections. It follows no redirect of itself, asks no proxy and keeps no cookie.

    A redirect or a proxy would go past the check; who asks says `allow_redirects=False`. It is aiohttp's, as an attempt
    with it takes a tenth of the processor time that one takes with httpx, and that is what bounds webhooks a second.
    """
    connector = aiohttp.TCPConnector(
        resolver=_CheckedResolver(allow_private=allow_private),
        socket_factory=partial(_checked_socket, allow_private=allow_private),
        ssl=_tls(),
        limit=_CONNECTIONS,
        use_dns_cache=False,  # the next connection asks anew
        keepalive_timeout=_KEEP,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding",),
        trust_env=False,
    )


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _CheckedResolver(AbstractResolver):
    """Gives the addresses that it has judged. TLS still proves the name: that comes from the URL."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises: RefusedError, one of the addresses is not public; OSError, the name has none."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        except TimeoutError:
            raise OSError(errno.ETIMEDOUT, f"the name {host} was not resolved within {_CONNECT:g} s") from None
        except (OSError, UnicodeError) as error:  # the latter is IDNA's: a label is empty or too long
            number = error.errno if isinstance(error, OSError) else errno.EINVAL
            raise OSError(number, f"the name {host} cannot be resolved: {error}") from error
        families = {str(entry[4][0]): entry[0] for entry in found}
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=families[address], proto=0, flags=socket.AI_NUMERICHOST
            )
            for address in permitted(host, families, allow_private=self._allow_private)
        ]

    async def close(self) -> None:
        """Nothing to close."""


def _checked_socket(info: aiohttp.AddrInfoType, *, allow_private: bool) -> socket.socket:
    """A socket for one connection: the last look, and the only one at an address that stands in the URL itself.

    Raises:
        PermissionError: the address is not public. Of another kind its words would not come through aiohttp.
    """
    family, kind, protocol, _, address = info
    try:
        permitted(str(address[0]), [str(address[0])], allow_private=allow_private)
    except RefusedError as error:
        raise PermissionError(errno.EACCES, str(error)) from None
    return socket.socket(family=family, type=kind, proto=protocol)
