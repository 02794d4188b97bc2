# SPDX-License-Identifier: GPL-3.0-or-later
"""A webhook receiver for the laptop: checks the Standard Webhooks signature, then hands the event on."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Standard Webhooks: a message older or newer than this is refused.
TOLERANCE_SECONDS = 300
#: Larger than any event the gateway sends; what says it is more is refused unread.
MAX_BODY = 256 * 1024


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """True for a body that was signed with `secret` (`whsec_…`) within the tolerance around `now` (Unix seconds)."""
    sent = headers.get("webhook-timestamp", "")
    if not sent.isdecimal() or abs(now - int(sent)) > TOLERANCE_SECONDS:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(wanted, each) for each in given)


class Receiver:
    """Listens on a free port of loopback, in a thread.

    Args:
        secret_file: Where the signing secret is kept; made (0600) where it does not exist.
        on_alert: Called in the receiver's thread with each verified CloudEvent that is new; a repeat is only answered.
    """

    def __init__(self, secret_file: Path, *, on_alert: Callable[[dict[str, Any]], None]) -> None:
        self.secret_file = secret_file
        if not secret_file.exists():
            secret_file.touch(mode=0o600)
            secret_file.write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
        self._secret = secret_file.read_text().strip()
        self._on_alert = on_alert
        self._seen: dict[str, None] = {}
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> str:
        """Starts to listen; returns the URL."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=server.serve_forever, name="webhook receiver", daemon=True).start()
        self._server = server
        return f"http://127.0.0.1:{server.server_port}/alerts"

    def stop(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def accept(self, headers: Mapping[str, str], body: bytes) -> int:
        """The HTTP status for one delivery; a good and new one has been handed on."""
        if not verify(self._secret, headers, body, now=time.time()):
            return 401
        identity = headers["webhook-id"]
        if identity not in self._seen:
            self._seen[identity] = None
            if len(self._seen) > 1000:
                del self._seen[next(iter(self._seen))]
            self._on_alert(json.loads(body))
        return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = self.headers.get("content-length", "")
                if not length.isdecimal() or int(length) > MAX_BODY:
                    status = 413
                    self.close_connection = True
                else:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    status = receiver.accept(headers, self.rfile.read(int(length)))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Requests are not logged: what arrives is said by `on_alert`."""

        return Handler
