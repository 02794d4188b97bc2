# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Hooks at the gateway."""

from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_hooks(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Hooks]":
    """Who may tell the gateway of events."""
    return Call("GET", "/api/v1/hooks", {}, {"limit": limit, "cursor": cursor})


def post_hooks(
    *,
    name: str,
    class_: str | Unset = UNSET,
    header: str | Unset = UNSET,
    node: str | Unset = UNSET,
    rate: int | Unset = UNSET,
    scheme: str | Unset = UNSET,
    secret: str | Unset | None = UNSET,
    topic: str | Unset | None = UNSET,
) -> "Call[documents.NewHook]":
    """Take events of somebody who signs them."""
    return Call(
        "POST",
        "/api/v1/hooks",
        {},
        {},
        {
            "class": class_,
            "header": header,
            "name": name,
            "node": node,
            "rate": rate,
            "scheme": scheme,
            "secret": secret,
            "topic": topic,
        },
    )


def delete_hooks_hook(hook: str) -> "Call[None]":
    """Take nothing more of it."""
    return Call("DELETE", "/api/v1/hooks/{hook}", {"hook": hook}, {})


def post_hooks_hook_rotate(
    hook: str, *, keep: str | Unset = UNSET, secret: str | Unset | None = UNSET
) -> "Call[documents.NewHook]":
    """Replace its secret; both are believed for a while."""
    return Call("POST", "/api/v1/hooks/{hook}/rotate", {"hook": hook}, {}, {"keep": keep, "secret": secret})


def post_hooks_hook(hook: str, payload: Any) -> "Call[documents.Said]":
    """Tell of an event."""
    return Call("POST", "/hooks/{hook}", {"hook": hook}, {}, payload)
