# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Access at the gateway."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_api_keys(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.ApiKeys]":
    """API keys, without their tokens."""
    return Call("GET", "/api/v1/api-keys", {}, {"limit": limit, "cursor": cursor})


def post_api_keys(
    *,
    name: str,
    role: str | Unset | None = UNSET,
    scopes: Sequence[str] | Unset | None = UNSET,
    ttl: str | Unset | None = UNSET,
) -> "Call[documents.NewApiKey]":
    """Make an API key, whose token is shown once."""
    return Call("POST", "/api/v1/api-keys", {}, {}, {"name": name, "role": role, "scopes": scopes, "ttl": ttl})


def post_api_keys_key_revoke(key: str) -> "Call[documents.ApiKey]":
    """Let nobody in by it any more."""
    return Call("POST", "/api/v1/api-keys/{key}/revoke", {"key": key}, {}, {})


def get_users(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Users]":
    """Users."""
    return Call("GET", "/api/v1/users", {}, {"limit": limit, "cursor": cursor})


def post_users(*, name: str, role: str | Unset = UNSET) -> "Call[documents.NewUser]":
    """Add a user, with a password that is shown once."""
    return Call("POST", "/api/v1/users", {}, {}, {"name": name, "role": role})


def delete_users_user(user: str) -> "Call[None]":
    """Remove a user; all sessions end."""
    return Call("DELETE", "/api/v1/users/{user}", {"user": user}, {})


def get_users_user(user: str) -> "Call[documents.User]":
    """A user."""
    return Call("GET", "/api/v1/users/{user}", {"user": user}, {})


def patch_users_user(user: str, *, role: str) -> "Call[documents.User]":
    """Give a user another role, at once."""
    return Call("PATCH", "/api/v1/users/{user}", {"user": user}, {}, {"role": role})


def post_users_user_password(user: str) -> "Call[documents.NewUser]":
    """A new one-time password, shown once; all sessions end."""
    return Call("POST", "/api/v1/users/{user}/password", {"user": user}, {}, {})
