# SPDX-License-Identifier: GPL-3.0-or-later
"""API tokens: shown once, kept as a hash, compared in constant time. And who somebody is, once that is known."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

_PREFIX = "gt_"
#: Letters of what may be a token at all.
MAX_TOKEN = 128


class Role(Enum):
    """What a token may do."""

    ADMIN = "admin"
    VIEWER = "viewer"  # reads, changes nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks.

    Attributes:
        key: Id of the API key.
        name: What people call it; stands in the audit.
        role: What it may do.
    """

    key: str
    name: str
    role: Role


def new_token() -> str:
    """A token of 32 random bytes."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is kept of a token, 32 bytes."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Keyring:
    """The API keys that hold now, in memory."""

    def __init__(self) -> None:
        self._digests: dict[bytes, Principal] = {}

    def load(self, rows: Iterable[dict[str, Any]]) -> None:
        """Takes the rows of `api_keys` in place of what was there."""
        self._digests = {
            row["digest"]: Principal(key=row["id"], name=row["name"], role=Role(row["role"])) for row in rows
        }

    def who(self, token: str) -> Principal | None:
        """Whose token this is."""
        if not 0 < len(token) <= MAX_TOKEN:
            return None
        given = digest(token)
        found: Principal | None = None
        for known, principal in self._digests.items():  # all of them, so that time tells nothing of which
            if hmac.compare_digest(known, given):
                found = principal
        return found

    def holder(self, key: str) -> Principal | None:
        """The holder of an API key by its id, as long as it holds."""
        return next((principal for principal in self._digests.values() if principal.key == key), None)
