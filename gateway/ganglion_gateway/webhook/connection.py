# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to one endpoint over HTTP, kept open between messages, to addresses that are looked at when it is made.

It is libcurl's, as a post with it takes a third of the time and of the processor that one takes with an HTTP client in
Python, and that is what bounds webhooks a second. libcurl blocks, so a connection belongs to a thread (`channel.py`).
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import certifi
import pycurl

from ganglion.errors import RefusedError, UnreachableError
from ganglion.units import SECOND
from ganglion_gateway.webhook.address import check_address, parsed

#: Milliseconds for resolving a name and connecting, and for one post in all, its answer included.
_CONNECT = 5_000
_POST = 20_000
#: Bytes of an answer's body that are read to keep its connection.
_MAX_ANSWER = 65536
#: Seconds that an idle connection is kept.
_KEEP = 60
#: CURLOPT_QUICK_EXIT of curl/curl.h, since 7.87, which pycurl has no name for.
_QUICK_EXIT = 322
#: What libcurl says where the system has said why.
_BY_SYSTEM = (pycurl.E_COULDNT_CONNECT, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR)


class Answer(NamedTuple):
    """What an endpoint says to a message: the status, and after how many nanoseconds it wants the next attempt."""

    status: int
    retry_after: int | None


class Connection:
    """Posts to one URL. It follows no redirect, asks no proxy, keeps no cookie.

    Args:
        url: Of the endpoint, as `check_url` lets it through.
        allow_private: Whether it may lead to an address that is not of the Internet.

    Raises:
        InvalidError: the URL is none.
    """

    def __init__(self, url: str, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._host = str(parsed(url).host)
        self._fault: RefusedError | UnreachableError | None = None
        self._cut = False
        self._sockets: dict[int, socket.socket] = {}  # that are open, by inode
        self._read = 0
        self._curl = curl = pycurl.Curl()
        options: dict[int, object] = {
            pycurl.URL: url,
            pycurl.PATH_AS_IS: 1,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.POST: 1,
            pycurl.PROXY: "",  # not even the one that the environment names
            pycurl.NOSIGNAL: 1,  # signals are the main thread's
            pycurl.CONNECTTIMEOUT_MS: _CONNECT,
            pycurl.TIMEOUT_MS: _POST,
            pycurl.MAXAGE_CONN: _KEEP,
            _QUICK_EXIT: 1,  # who leaves does not wait for a name server
            pycurl.DNS_CACHE_TIMEOUT: 0,  # the next connection asks anew
            pycurl.OPENSOCKETFUNCTION: self._opened,
            pycurl.CLOSESOCKETFUNCTION: self._closed,
            pycurl.WRITEFUNCTION: self._skipped,
        }
        for option, value in (options | _trust()).items():
            curl.setopt(option, value)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends a message; a connection that the endpoint has closed meanwhile is made anew.

        Raises:
            RefusedError: the endpoint is at an address that is not public.
            UnreachableError: no answer came. The sentence says why.
            UnicodeEncodeError, ValueError: one of the headers cannot be sent.
        """
        curl, self._fault, self._read = self._curl, None, 0
        # libcurl asks first whether it may send a large body ("Expect") where it is not told otherwise
        curl.setopt(pycurl.HTTPHEADER, [_line(name, value) for name, value in headers.items()] + [b"Expect:"])
        curl.setopt(pycurl.POSTFIELDS, body)
        try:
            curl.perform()
        except pycurl.error as failure:
            # Where a status has come the endpoint has decided; how its answer ends does not matter
            if not curl.getinfo(pycurl.RESPONSE_CODE):
                raise self._why(*failure.args) from None
        return Answer(curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.RETRY_AFTER) * SECOND or None)

    def cut(self) -> None:
        """Ends the post under way and all that come, from any thread.

        A name that is being resolved is waited for until the time to connect is over.
        """
        self._cut = True
        for opened in list(self._sockets.values()):
            with suppress(OSError):  # the endpoint has gone before
                opened.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the connection, by the thread that posts."""
        self._curl.close()

    def _opened(self, purpose: int, target: pycurl.CurlSockAddr) -> socket.socket | int:
        """A socket to an address that may be connected to: libcurl connects to what is judged here, and to no other."""
        if isinstance(self._fault, RefusedError) or self._cut:
            return int(pycurl.SOCKET_BAD)
        try:
            if not self._allow_private:
                check_address(self._host, str(target.addr[0]))
            opened = socket.socket(target.family, target.socktype, target.protocol)
        except RefusedError as error:
            self._fault = error
            return int(pycurl.SOCKET_BAD)
        except OSError as error:  # no descriptor is left, or no IPv6 is there: pycurl would only print it
            self._fault = UnreachableError(os.strerror(error.errno or 0))
            return int(pycurl.SOCKET_BAD)
        inode = os.fstat(opened.fileno()).st_ino
        self._sockets[inode] = opened  # libcurl gets a descriptor of its own
        if self._cut:  # meanwhile: whoever did has not seen this one
            self._sockets.pop(inode).close()
            return int(pycurl.SOCKET_BAD)
        return opened

    def _closed(self, descriptor: int) -> int:
        """Closes what libcurl has of a socket, and what was kept of it; 0 says that it went well."""
        self._sockets.pop(os.fstat(descriptor).st_ino).close()
        os.close(descriptor)
        return 0

    def _skipped(self, part: bytes) -> int | None:
        """Reads past a piece of an answer's body; -1 ends a connection that is not worth to be kept."""
        self._read += len(part)
        return -1 if self._read > _MAX_ANSWER else None

    def _why(self, code: int, text: str) -> RefusedError | UnreachableError:
        """What an operator can act on."""
        if self._fault is not None:
            return self._fault
        if code == pycurl.E_COULDNT_RESOLVE_HOST:
            return UnreachableError(f"the name {self._host} cannot be resolved")
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return UnreachableError(f"no answer within {self._curl.getinfo(pycurl.TOTAL_TIME):.2g} s")
        if code in _BY_SYSTEM and (number := self._curl.getinfo(pycurl.OS_ERRNO)):
            return UnreachableError(os.strerror(number))
        return UnreachableError(text)


def _line(name: str, value: str) -> bytes:
    """A header as it is sent.

    Raises:
        ValueError: it would end before its end.
    """
    if not {"\r", "\n", "\0"}.isdisjoint(value):
        raise ValueError(f"the header {name} has a line break in it")
    return f"{name}: {value}".encode()


def _trust() -> dict[int, object]:
    """Whom TLS believes, as everywhere in the gateway: what the environment names, or the list that comes along."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return {pycurl.CAINFO: file}
    if folder := os.environ.get("SSL_CERT_DIR"):
        return {pycurl.CAPATH: folder}
    return {pycurl.CAINFO: certifi.where()}
