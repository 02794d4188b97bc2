# SPDX-License-Identifier: GPL-3.0-or-later
"""API tokens: shown once, kept as a hash, compared in constant time. And who somebody is, once that is known."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ganglion.units import SECOND
from ganglion_gateway.access.bearer import Bearer
from ganglion_gateway.access.permissions import ROLES, Role, held

__all__ = ["MAX_TOKEN", "Keyring", "Principal", "Role", "digest", "new_token"]

_PREFIX = "gt_"
#: Letters of what may be a token at all.
MAX_TOKEN = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks.

    Attributes:
        key: Id of the API key, or of the login of a user.
        name: What people call it; stands in the audit.
        role: What it is; None for an API key with scopes of its own.
        scopes: What it may do.
        user: Id of the user; "" for an API key.
        must_change: It may do nothing until it has changed its password.
    """

    key: str
    name: str
    role: Role | None
    scopes: frozenset[str]
    user: str = ""
    must_change: bool = False

    def may(self, scope: str) -> bool:
        """Whether it has a scope."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class _Key:
    digest: bytes
    principal: Principal
    expires: int | None


def new_token() -> str:
    """A token of 32 random bytes."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is kept of a token, 32 bytes."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Keyring:
    """The API keys and logins that hold now, in memory.

    Args:
        bearer: Reads access tokens; None where nobody logs in by password.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, bearer: Bearer | None = None, clock: Callable[[], int] = time.time_ns) -> None:
        self._bearer = bearer
        self._clock = clock
        self._keys: dict[str, _Key] = {}
        self._logins: dict[str, tuple[Principal, int]] = {}

    def load(self, rows: Iterable[dict[str, Any]]) -> None:
        """Takes the rows of `api_keys` that are not revoked in place of what was there."""
        self._keys = {row["id"]: _Key(row["digest"], _of_key(row), row.get("expires")) for row in rows}

    def load_logins(self, rows: Iterable[dict[str, Any]]) -> None:
        """Takes logins that hold, each with its user, in place of what was there: see `accounts.logins`."""
        self._logins = {row["id"]: (_of_login(row), row["expires"]) for row in rows}

    def who(self, token: str) -> Principal | None:
        """Whose token this is."""
        if not token.startswith(_PREFIX):
            login = None if self._bearer is None else self._bearer.read(token, self._clock() // SECOND)
            return None if login is None else self.holder(login)
        if len(token) > MAX_TOKEN:
            return None
        given = digest(token)
        found: Principal | None = None
        for known in self._keys.values():  # all of them, so that time tells nothing of which
            if hmac.compare_digest(known.digest, given):
                found = known.principal
        return None if found is None else self.holder(found.key)

    def holder(self, key: str) -> Principal | None:
        """The holder of an API key or a login by its id, as long as it holds."""
        now = self._clock()
        if (known := self._keys.get(key)) is not None:
            return known.principal if known.expires is None or known.expires > now else None
        principal, expires = self._logins.get(key, (None, 0))
        return principal if expires > now else None


def _of_key(row: dict[str, Any]) -> Principal:
    if row.get("scopes") is not None:
        return Principal(key=row["id"], name=row["name"], role=None, scopes=held(row["scopes"]))
    role = Role(row["role"])
    return Principal(key=row["id"], name=row["name"], role=role, scopes=ROLES[role])


def _of_login(row: dict[str, Any]) -> Principal:
    role, must_change = Role(row["role"]), row["must_change"]
    scopes = frozenset[str]() if must_change else ROLES[role]
    return Principal(
        key=row["id"], name=row["name"], role=role, scopes=scopes, user=row["user"], must_change=must_change
    )
