# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server on loopback that answers what a test tells it to, and remembers what it was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class Answers(BaseHTTPRequestHandler):
    """Answers as the test says, and remembers what it was asked."""

    status: ClassVar[int]
    body: ClassVar[bytes]
    headers_out: ClassVar[dict[str, str]]
    then: ClassVar[bytes | None]
    seen: ClassVar[list[tuple[str, str, str | None, Any]]]

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        document = json.loads(self.rfile.read(length)) if length else None
        self.seen.append((self.command, self.path, self.headers.get("Authorization"), document))
        self.send_response(self.status)
        for name, value in self.headers_out.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)
        if self.then is not None:
            type(self).body = self.then

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Server:
    """A web server on loopback."""

    def __init__(self) -> None:
        self.answers = type(
            "Each", (Answers,), {"status": 200, "body": b"{}", "headers_out": {}, "then": None, "seen": []}
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self.answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def says(self, document: Any, *, status: int = 200, then: Any = None, **headers: str) -> None:
        """Answers with a document, JSON or bytes; from the second time on with `then`, where there is one."""
        self.answers.then = None if then is None else json.dumps(then).encode()
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers.status, self.answers.body, self.answers.headers_out = status, body, headers

    @property
    def seen(self) -> list[tuple[str, str, str | None, Any]]:
        return self.answers.seen

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
