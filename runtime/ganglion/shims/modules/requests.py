# SPDX-License-Identifier: GPL-3.0-or-later
"""`requests` and `urequests`: HTTP requests, on CPython's `http.client`; bodies are read when they are asked for."""

import base64 as _base64
import http.client as _http
import json as _json
import ssl as _ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin as _urljoin
from urllib.parse import urlsplit as _urlsplit

from ganglion.shims.buffers import readable as _readable

_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}
#: What proves to a server who asks, and is nobody else's to see (RFC 9110, 15.4).
_CREDENTIALS = ("authorization", "cookie", "proxy-authorization")


class Response:
    """An answer.

    Attributes:
        status_code, reason: Of its first line.
        headers: Of which each name is there once.
        raw: The body as a stream, until `close` or until `content` has read it.
        encoding: Of `text`.
    """

    def __init__(self, f: Any) -> None:
        self.raw = f
        self.encoding = "utf-8"
        self.status_code = 0
        self.reason: Any = b""
        self.headers: dict[str, str] = {}
        self._cached: bytes | None = None

    def close(self) -> None:
        """Ends the connection."""
        if self.raw is not None:
            self.raw.close()
            self.raw = None
        self._cached = None

    @property
    def content(self) -> bytes:
        """The whole body."""
        if self._cached is None:
            try:
                self._cached = self.raw.read()
            finally:
                self.raw.close()
                self.raw = None
        return self._cached

    @property
    def text(self) -> str:
        return str(self.content, self.encoding)

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        return _json.loads(self.content)

    def __enter__(self) -> "Response":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def request(
    method: str,
    url: str,
    data: Any = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    stream: Any = None,
    auth: Any = None,
    timeout: float | None = None,
    parse_headers: Any = True,
) -> Response:
    """Asks, and follows up to ten redirections; to another scheme, host or port without what proves who asks.

    Args:
        data: The body: bytes, text, or an iterator of parts.
        json: The body as a value.
        auth: (user, password).
        timeout: Seconds for each step.
        parse_headers: False leaves `headers` empty; a function is called with each line.

    Raises:
        ValueError: the URL is neither http nor https; there are too many redirections.
        OSError: nobody is there.
    """
    fields = dict(headers or {})
    if auth is not None:
        token = _base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()
        fields["Authorization"] = f"Basic {token}"
    if json is not None:
        data = _json.dumps(json)
        fields.setdefault("Content-Type", "application/json")
    if isinstance(data, str | bytes | bytearray | memoryview):
        data = _readable(data)
    for _ in range(10):
        answer = _asked(method, url, data, fields, timeout)
        where = answer.headers.get("location")
        if answer.status in _REDIRECTS and where:
            answer.close()
            before, url = url, _urljoin(url, where)
            if _origin(url) != _origin(before):
                fields = {name: value for name, value in fields.items() if name.lower() not in _CREDENTIALS}
            if answer.status in (301, 302, 303) and method != "HEAD":
                method, data = "GET", None
            continue
        return _response(answer, parse_headers)
    raise ValueError("Too many redirects")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Whom a URL asks: scheme, host and port."""
    parts = _urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _asked(method: str, url: str, data: Any, fields: dict[str, str], timeout: float | None) -> Any:
    parts = _urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"Unsupported protocol: {parts.scheme}")
    connection: _http.HTTPConnection
    if parts.scheme == "https":
        connection = _http.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout, context=_ssl.create_default_context()
        )
    else:
        connection = _http.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(method, path, body=data, headers={"Connection": "close", **fields})
    return connection.getresponse()


def _response(answer: Any, parse_headers: Any) -> Response:
    response = Response(answer)
    response.status_code = answer.status
    response.reason = answer.reason.encode()
    if callable(parse_headers):
        for name, value in answer.getheaders():
            parse_headers(f"{name}: {value}".encode(), response.headers)
    elif parse_headers:
        response.headers = dict(answer.getheaders())
    return response


def head(url: str, **options: Any) -> Response:
    return request("HEAD", url, **options)


def get(url: str, **options: Any) -> Response:
    return request("GET", url, **options)


def post(url: str, **options: Any) -> Response:
    return request("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    return request("PUT", url, **options)


def patch(url: str, **options: Any) -> Response:
    return request("PATCH", url, **options)


def delete(url: str, **options: Any) -> Response:
    return request("DELETE", url, **options)
