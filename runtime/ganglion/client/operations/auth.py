# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Auth at the gateway."""

from typing import TYPE_CHECKING

from ganglion.client.call import Call

if TYPE_CHECKING:
    from ganglion.client import documents


def post_auth_login(*, name: str, password: str) -> "Call[documents.Granted]":
    """Log in by name and password."""
    return Call("POST", "/api/v1/auth/login", {}, {}, {"name": name, "password": password})


def post_auth_logout() -> "Call[None]":
    """End this session."""
    return Call("POST", "/api/v1/auth/logout", {}, {})


def get_auth_me() -> "Call[documents.Me]":
    """Who asks, and what it may do."""
    return Call("GET", "/api/v1/auth/me", {}, {})


def post_auth_password(*, new: str, old: str) -> "Call[None]":
    """Change one's password; all other sessions end."""
    return Call("POST", "/api/v1/auth/password", {}, {}, {"new": new, "old": old})


def post_auth_refresh(*, refresh_token: str) -> "Call[documents.Granted]":
    """The next tokens, by the refresh token, which is good once."""
    return Call("POST", "/api/v1/auth/refresh", {}, {}, {"refresh_token": refresh_token})


def get_auth_sessions(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Logins]":
    """Where one is logged in."""
    return Call("GET", "/api/v1/auth/sessions", {}, {"limit": limit, "cursor": cursor})


def delete_auth_sessions_session(session: str) -> "Call[None]":
    """End a session."""
    return Call("DELETE", "/api/v1/auth/sessions/{session}", {"session": session}, {})
