# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who logged in by password shows: a short access token (JWT), and a refresh token that is used once.

The access token says which login it is of and nothing of what it may do: that is looked up, so that an ended login, a
removed user and another role hold at once. The refresh token counts: one that counts lower than its login was used
before, and who shows it has it from somewhere else.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any, NamedTuple

import jwt

#: Seconds that an access token holds.
ACCESS = 600
_ALGORITHM = "HS256"
_ISSUER = "ganglion"
_PREFIX = "gr_"
#: Letters of what may be a token at all.
MAX_TOKEN = 1024
_ID, _COUNTER, _MAC = 8, 8, 32


class Refresh(NamedTuple):
    """What a refresh token says."""

    login: str
    counter: int


class Bearer:
    """Makes and reads both.

    Args:
        secret: At least 32 bytes, from the state folder.
        mesh: 13 letters; a token of another gateway is none here.
    """

    def __init__(self, secret: bytes, mesh: str) -> None:
        if len(secret) < 32:
            raise ValueError("a token secret has at least 32 bytes")
        self._key = hmac.digest(secret, b"ganglion access 1", hashlib.sha256)
        self._refresh_key = hmac.digest(secret, b"ganglion refresh 1", hashlib.sha256)
        self._mesh = mesh

    def access(self, user: str, login: str, now: int) -> str:
        """An access token of a login. `now` is in seconds since the Unix epoch."""
        claims = {"iss": _ISSUER, "aud": self._mesh, "sub": user, "sid": login, "iat": now, "exp": now + ACCESS}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str, now: int) -> str | None:
        """The login of an access token of ours that has not expired; no other algorithm is listened to."""
        if len(token) > MAX_TOKEN:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._mesh,
                issuer=_ISSUER,
                # Time is an argument here
                options={"require": ["exp", "iat", "sub", "aud", "iss"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            return None
        expires, login = claims["exp"], claims.get("sid")
        return login if type(expires) is int and expires > now and isinstance(login, str) else None

    def refresh(self, login: str, counter: int) -> str:
        """The refresh token of a login, as often as it was refreshed."""
        said = bytes.fromhex(login) + counter.to_bytes(_COUNTER, "big")
        mac = hmac.digest(self._refresh_key, said, hashlib.sha256)
        return _PREFIX + base64.urlsafe_b64encode(said + mac).rstrip(b"=").decode()

    def read_refresh(self, token: str) -> Refresh | None:
        """What a refresh token of ours says, whether it was used or not."""
        if not token.startswith(_PREFIX) or len(token) > MAX_TOKEN:
            return None
        text = token.removeprefix(_PREFIX)
        try:
            data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        said, mac = data[:-_MAC], data[-_MAC:]
        if len(said) != _ID + _COUNTER or not hmac.compare_digest(
            hmac.digest(self._refresh_key, said, hashlib.sha256), mac
        ):
            return None
        return Refresh(said[:_ID].hex(), int.from_bytes(said[_ID:], "big"))
