# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: requests against a server, as scripts use it."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ganglion.shims.modules import requests


class Handler(BaseHTTPRequestHandler):
    """Says what it was asked; under `/to?` sends to what follows."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        if self.path.startswith("/to?") or self.path == "/circle":
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.end_headers()
            return
        said = {"method": self.command, "path": self.path, "body": body, "type": self.headers.get("Content-Type")}
        said["auth"], said["cookie"] = self.headers.get("Authorization"), self.headers.get("Cookie")
        text = json.dumps(said).encode()
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("X-Own", "yes")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
    setattr(Handler, f"do_{method}", Handler.answer)


@contextlib.contextmanager
def served(tls: Any = None) -> Iterator[int]:
    """The port of a server, with TLS by a context of it."""
    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url() -> Iterator[str]:
    with served() as port:
        yield f"http://127.0.0.1:{port}"


def test_requests_are_answered(url: str) -> None:
    response = requests.get(f"{url}/a?b=c", headers={"X": "1"}, timeout=5)
    assert (response.status_code, response.reason, response.headers["X-Own"]) == (200, b"OK", "yes")
    assert response.json()["path"] == "/a?b=c"
    assert response.content == response.content
    assert json.loads(response.text)["method"] == "GET"
    response.close()
    with requests.post(url, json={"k": [1]}) as response:
        assert response.json() == {
            "method": "POST", "path": "/", "body": '{"k": [1]}', "type": "application/json", "auth": None,
            "cookie": None,
        }  # fmt: skip
    assert requests.put(url, data="text", auth=("u", "p")).json()["auth"] == "Basic dTpw"
    assert requests.patch(url, data=iter([b"a", b"b"]), headers={"Content-Length": "2"}).json()["body"] == "ab"
    assert requests.delete(f"{url}/none").status_code == 404
    assert requests.head(url).content == b""
    assert requests.post(f"{url}/to?/here?x=1", data=b"x").json()["path"] == "/here?x=1"
    assert requests.get(url).raw.read(2) == b'{"'
    with pytest.raises(ValueError, match="Unsupported protocol: ftp"):
        requests.get("ftp://host/")
    with pytest.raises(ValueError, match="Too many redirects"):
        requests.get(f"{url}/circle")


def test_what_proves_who_asks_stays_with_whom_it_was_meant_for(url: str) -> None:
    secret = {"authorization": "Bearer t", "COOKIE": "a=b", "X": "1"}

    def told(where: str) -> list[str | None]:
        said = requests.get(f"{url}/to?{where}", headers=secret, timeout=5).json()
        return [said["auth"], said["cookie"]]

    assert told("/here") == told(f"{url}/here") == ["Bearer t", "a=b"]
    with served() as other:
        assert told(f"http://127.0.0.1:{other}/") == [None, None]  # another port
        assert told(f"http://127.0.0.1:{other}/to?{url}/here") == [None, None]  # and back: it was dropped
    assert told(url.replace("127.0.0.1", "localhost")) == [None, None]  # another host
    assert secret == {"authorization": "Bearer t", "COOKIE": "a=b", "X": "1"}


def test_a_redirection_out_of_tls_tells_nobody_who_asks(
    url: str, certificates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with served(context) as port:
        https = f"https://localhost:{port}"
        assert requests.get(f"{https}/here", auth=("u", "p"), timeout=5).json()["auth"] == "Basic dTpw"
        assert requests.get(f"{https}/to?{url}/here", auth=("u", "p"), timeout=5).json()["auth"] is None
