# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket on loopback that serves one client from a thread, which ends with the test."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def rfc2217(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """Has `serve` talk with whoever comes first, until it is told that all is over; the URL of RFC 2217."""
    over = threading.Event()

    def accept() -> None:
        near, _ = server.accept()
        with near:
            serve(near, over)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(300)  # a test may do a lot before it connects
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"rfc2217://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join(60)
