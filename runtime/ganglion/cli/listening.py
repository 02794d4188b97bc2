# SPDX-License-Identifier: GPL-3.0-or-later
"""The address at which a command serves others, taken before anything else is started."""

import errno
import socket

from ganglion.errors import RefusedError, UsageError


def bound(host: str, port: int, option: str) -> socket.socket:
    """A socket of TCP that is bound and does not listen yet.

    Args:
        port: 0 for a free one.
        option: By which another address is given.

    Raises:
        UsageError: it is no address of this machine.
        RefusedError: somebody else has it.
    """
    listener: socket.socket | None = None
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        refusal = RefusedError if error.errno == errno.EADDRINUSE else UsageError
        raise refusal(f"{host}:{port} cannot be listened on ({error.strerror}): give another {option}") from None
    listener.setblocking(False)
    return listener
