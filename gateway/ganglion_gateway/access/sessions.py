# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser's session: a cookie that says which API key logged in and until when, signed so that nobody else says so.

Nothing is kept on the server: a session ends with its time, with its API key, or with the secret that signed it.
"""

import base64
import binascii
import hashlib
import hmac
import json
from typing import NamedTuple

#: Seconds that a login holds.
LIFETIME = 12 * 3600
COOKIE = "ganglion_session"
#: Why one holds no more, as the address of the login says it: its time is over; who logged in is let in no more.
ENDED, CLOSED = "ended", "closed"
_MAX_COOKIE = 512


class Session(NamedTuple):
    """What a cookie says.

    Attributes:
        key: Id of the API key that logged in.
        expires: Seconds since the Unix epoch.
    """

    key: str
    expires: int


class Sessions:
    """Makes and reads cookies.

    Args:
        secret: At least 32 bytes, from the state folder.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("a session secret has at least 32 bytes")
        self._secret = secret

    def issue(self, key: str, *, now: int) -> str:
        """The value of a cookie for the holder of an API key. `now` is in seconds since the Unix epoch."""
        claims = json.dumps({"key": key, "exp": now + LIFETIME}, separators=(",", ":")).encode()
        return f"{_encode(claims)}.{_encode(self._sign(claims))}"

    def read(self, cookie: str, *, now: int) -> Session | None:
        """What a cookie of ours says that has not expired."""
        if len(cookie) > _MAX_COOKIE:
            return None
        first, _, second = cookie.partition(".")
        try:
            claims, signature = _decode(first), _decode(second)
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(self._sign(claims), signature):
            return None
        known = json.loads(claims)
        return Session(known["key"], known["exp"]) if known["exp"] > now else None

    def _sign(self, claims: bytes) -> bytes:
        return hmac.digest(self._secret, b"ganglion session 1\0" + claims, hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
