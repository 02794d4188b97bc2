# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP exchange on the standard library, in a thread: what tools and language models are reached by."""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit

from ganglion import __version__
from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError

if TYPE_CHECKING:
    import http.client

#: Bytes of an answer that are read; a tool that says more is not one for a script.
MAX_ANSWER = 1_000_000
#: Bytes of one part of a stream.
_PART = 65_536
#: What may stand in the path and query of a URL as it is (RFC 3986, 2.2 and 2.3), and what is encoded already.
_PLAIN = "/?:@!$&'()*+,;=-._~%[]"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")  # RFC 3986, 3.1


class LostError(UnreachableError):
    """The request was sent and no whole answer came: what it asks for may have been done."""


class BusyError(UnreachableError):
    """The server asks to come again, `after` seconds from now."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with names in small letters, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; bytes that are none are replaced."""
        return self.body.decode("utf-8", "replace")

    def retry_after(self, now: float) -> float:
        """Seconds that the server asks to be left alone, as a number or a date (RFC 9110, 10.2.3); 0 where it does not.

        Args:
            now: Seconds since the Unix epoch, for an answer that does not say what its own time is.
        """
        given = self.headers.get("retry-after", "").strip()
        if given.isascii() and given.isdecimal():
            return float(given[:12])
        until = _seconds(given)
        if until is None:
            return 0.0
        sent = _seconds(self.headers.get("date", ""))
        return max(0.0, until - (now if sent is None else sent))


def _seconds(date: str) -> float | None:
    """The Unix time of a date in a header."""
    from email.utils import mktime_tz, parsedate_tz

    try:
        parts = parsedate_tz(date)
        return None if parts is None else float(mktime_tz(parts))
    except (ValueError, OverflowError):
        return None


def server(url: str) -> str:
    """What messages call the server of a URL: no path, which may have a key in it, and no password."""
    scheme, sign, rest = url.partition("://")
    if not sign or not _SCHEME.fullmatch(scheme):
        scheme, sign, rest = "", "", url
    netloc = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    return f"{scheme}{sign}{netloc.rpartition('@')[2]}"


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """A URL with more in its query."""
    parts = urlsplit(url)
    more = urlencode(list(pairs))
    return urlunsplit(parts._replace(query=f"{parts.query}&{more}" if parts.query else more))


async def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout: float,
    *,
    take: Callable[[bytes], bool] | None = None,
) -> Answer:
    """Sends one request and returns the answer, whatever its status. Redirects are not followed.

    The `User-Agent` is this version of Ganglion, unless the headers have another.

    Args:
        take: Given the parts of a `text/event-stream` as they come, in another thread, until it returns True; the
            answer then has no body.

    Raises:
        InvalidError: the URL is not one of http or https, something cannot be sent, or the answer is too long.
        RefusedError: the server has no certificate that this machine trusts.
        LostError: the request went out, and no whole answer came within `timeout` seconds.
        UnreachableError: nothing went out, for want of a connection.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidError(f"{server(url)} is not an http or https server")
        call = _Call(parts, parts.port, timeout)
        headers = dict(headers)
        if not any(name.lower() == "user-agent" for name in headers):
            headers["User-Agent"] = f"ganglion/{__version__}"
    except InvalidError:
        raise
    except ValueError:
        raise InvalidError(f"{server(url)} is not an http or https server") from None
    from http.client import HTTPException

    try:
        async with asyncio.timeout(timeout):
            try:
                return await asyncio.to_thread(call.run, method, body, headers, take)
            except asyncio.CancelledError:
                # A thread cannot be cancelled; without its socket it comes to its end.
                call.cut()
                raise
    except GanglionError:
        raise
    except TimeoutError:
        raise call.failed(f"gave no answer within {round(timeout, 3):g} s") from None
    except (OSError, HTTPException) as error:
        if call.untrusted(error):
            raise RefusedError(f"{server(url)} has no certificate that is trusted here: {error}") from None
        raise call.failed(f"gave no answer: {str(error) or type(error).__name__}") from None
    except ValueError:  # which shows what it is about, and that may be a key
        raise InvalidError(f"{server(url)} cannot be asked: a header, or the host, has a wrong character") from None


class _Call:
    """One exchange; `run` is called in a thread, `cut` in that of the event loop."""

    def __init__(self, parts: SplitResult, port: int | None, timeout: float) -> None:
        self._parts = parts
        self._port = port
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self._sent = False
        self._is_cut = False

    def run(
        self, method: str, body: bytes | None, headers: dict[str, str], take: Callable[[bytes], bool] | None
    ) -> Answer:
        import http.client  # 3 MB with what it imports; a node whose scripts call no tool does without

        parts = self._parts
        assert parts.hostname is not None  # `exchange` has looked
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = self._connection = kind(parts.hostname, self._port, timeout=self._timeout)
        target = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=_PLAIN)
        try:
            connection.connect()
            if self._is_cut:
                raise TimeoutError
            self._sent = True
            connection.request(method, target, body, headers)
            with connection.getresponse() as response:
                return self._read(response, take)
        finally:
            connection.close()

    def _read(self, response: "http.client.HTTPResponse", take: Callable[[bytes], bool] | None) -> Answer:
        from http.client import IncompleteRead

        found = {name.lower(): value for name, value in response.getheaders()}
        if take is not None and response.status == 200 and "event-stream" in found.get("content-type", ""):
            while data := response.read1(_PART):
                if take(data):
                    return Answer(response.status, found, b"")
        else:
            data = response.read(MAX_ANSWER + 1)
            if len(data) > MAX_ANSWER:
                raise InvalidError(f"{server(self._parts.geturl())} says more than {MAX_ANSWER} bytes")
        if response.length:
            raise IncompleteRead(data, response.length)
        return Answer(response.status, found, data)

    def cut(self) -> None:
        """Takes the socket away from the thread."""
        self._is_cut = True
        if self._connection is not None and self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)

    def failed(self, what: str) -> UnreachableError:
        """The error of an exchange that came to no end."""
        return (LostError if self._sent else UnreachableError)(f"{server(self._parts.geturl())} {what}")

    def untrusted(self, error: Exception) -> bool:
        """Whether it is for want of a certificate."""
        if self._parts.scheme != "https":
            return False
        import ssl

        return isinstance(error, ssl.SSLCertVerificationError)


def busy(answer: Answer, message: str) -> UnreachableError | None:
    """The error of a status that says to come again; None for another."""
    if answer.status not in (408, 425, 429, 500, 502, 503, 504):
        return None
    return BusyError(message, answer.retry_after(time.time()))
