# SPDX-License-Identifier: GPL-3.0-or-later
"""`ssl`: CPython's, wrapping sockets into streams; `wrap_socket` alone checks no certificate, as in MicroPython."""

import ssl as _ssl
from typing import Any

from ganglion.shims.buffers import part as _part
from ganglion.shims.buffers import readable as _readable
from ganglion.shims.modules.socket import socket as _Socket
from ganglion.shims.streams import timed as _timed
from ganglion.shims.streams import written as _written

_WOULD_BLOCK = (_ssl.SSLWantReadError, _ssl.SSLWantWriteError)


def __getattr__(name: str) -> Any:
    return getattr(_ssl, name)


class _Stream(_ssl.SSLSocket):
    """A socket with TLS that is a stream."""

    @_timed
    def read(self, count: int = -1, buffer: Any = None) -> Any:
        """So many bytes, or all up to the end; None where it does not block and there are none."""
        if buffer is not None:
            return super().read(count, buffer)
        out = bytearray()
        while count < 0 or len(out) < count:
            try:
                data = super().read(4096 if count < 0 else count - len(out))
            except _WOULD_BLOCK:
                return bytes(out) if out else None
            if not data:
                break
            out += data
        return bytes(out)

    readinto = _Socket.readinto
    readline = _Socket.readline

    @_timed
    def write(self, data: Any, *where: int) -> Any:
        """As a socket's."""
        return _written(super().write, _part(_readable(data), where), _WOULD_BLOCK)


class SSLContext(_ssl.SSLContext):
    """What connections have in common. `PROTOCOL_TLS_CLIENT` checks the server's certificate."""

    sslsocket_class = _Stream

    def wrap_socket(self, sock: Any, **options: Any) -> Any:  # type: ignore[override]
        """A stream with TLS over a socket."""
        options.setdefault("do_handshake_on_connect", sock.gettimeout() is None)
        return super().wrap_socket(sock, **options)


def wrap_socket(
    sock: Any,
    *,
    server_side: bool = False,
    key: Any = None,
    cert: Any = None,
    cert_reqs: int = _ssl.CERT_NONE,
    cadata: Any = None,
    server_hostname: str | None = None,
    do_handshake: bool = True,
) -> Any:
    """A stream with TLS over a socket.

    Args:
        key, cert: Paths of PEM files.
        cert_reqs: What the peer's certificate must be; nothing without it.
        cadata: Certificates of authorities, PEM as text or DER as bytes.
        server_hostname: The name that the server is asked for, and held to where certificates are checked.
    """
    context = SSLContext(_ssl.PROTOCOL_TLS_SERVER if server_side else _ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = bool(server_hostname) and cert_reqs == _ssl.CERT_REQUIRED
    context.verify_mode = _ssl.VerifyMode(cert_reqs)
    if cadata is not None:
        context.load_verify_locations(cadata=cadata)
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context.wrap_socket(
        sock, server_side=server_side, server_hostname=server_hostname, do_handshake_on_connect=do_handshake
    )
