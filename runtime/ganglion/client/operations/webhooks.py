# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Webhooks at the gateway."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_dlq(
    *, limit: int | None = None, cursor: str | None = None, webhook: str | None = None
) -> "Call[documents.DeadLetters]":
    """Messages that no endpoint took, newest first."""
    return Call("GET", "/api/v1/dlq", {}, {"limit": limit, "cursor": cursor, "webhook": webhook})


def post_dlq_drop(*, webhook: str | None = None) -> "Call[documents.Dropped]":
    """Throw all of them away."""
    return Call("POST", "/api/v1/dlq/drop", {}, {"webhook": webhook}, {})


def post_dlq_replay(*, webhook: str | None = None) -> "Call[documents.Replayed]":
    """Try all of them again, in order."""
    return Call("POST", "/api/v1/dlq/replay", {}, {"webhook": webhook}, {})


def get_dlq_message(message: str) -> "Call[documents.WholeDeadLetter]":
    """One of them, with every attempt."""
    return Call("GET", "/api/v1/dlq/{message}", {"message": message}, {})


def post_dlq_message_drop(message: str) -> "Call[documents.Dropped]":
    """Throw one of them away."""
    return Call("POST", "/api/v1/dlq/{message}/drop", {"message": message}, {}, {})


def post_dlq_message_replay(message: str) -> "Call[documents.Replayed]":
    """Try one of them again."""
    return Call("POST", "/api/v1/dlq/{message}/replay", {"message": message}, {}, {})


def get_webhooks(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Webhooks]":
    """Where events are delivered to."""
    return Call("GET", "/api/v1/webhooks", {}, {"limit": limit, "cursor": cursor})


def post_webhooks(
    *,
    url: str,
    allow_http: bool | Unset = UNSET,
    allow_private: bool | Unset = UNSET,
    classes: Sequence[str] | Unset = UNSET,
    name: str | Unset = UNSET,
    secret: str | Unset | None = UNSET,
) -> "Call[documents.NewWebhook]":
    """Deliver events to a URL."""
    return Call(
        "POST",
        "/api/v1/webhooks",
        {},
        {},
        {
            "allow_http": allow_http,
            "allow_private": allow_private,
            "classes": classes,
            "name": name,
            "secret": secret,
            "url": url,
        },
    )


def delete_webhooks_webhook(webhook: str) -> "Call[None]":
    """Deliver nothing more to it."""
    return Call("DELETE", "/api/v1/webhooks/{webhook}", {"webhook": webhook}, {})


def get_webhooks_webhook(webhook: str) -> "Call[documents.Webhook]":
    """One of them."""
    return Call("GET", "/api/v1/webhooks/{webhook}", {"webhook": webhook}, {})


def patch_webhooks_webhook(
    webhook: str,
    *,
    allow_http: bool | Unset | None = UNSET,
    allow_private: bool | Unset | None = UNSET,
    classes: Sequence[str] | Unset | None = UNSET,
    enabled: bool | Unset | None = UNSET,
    name: str | Unset | None = UNSET,
    paused: bool | Unset | None = UNSET,
    url: str | Unset | None = UNSET,
) -> "Call[documents.Webhook]":
    """Have it be otherwise, pause it or go on."""
    return Call(
        "PATCH",
        "/api/v1/webhooks/{webhook}",
        {"webhook": webhook},
        {},
        {
            "allow_http": allow_http,
            "allow_private": allow_private,
            "classes": classes,
            "enabled": enabled,
            "name": name,
            "paused": paused,
            "url": url,
        },
    )


def get_webhooks_webhook_messages(
    webhook: str, *, limit: int | None = None, cursor: str | None = None, state: str | None = None
) -> "Call[documents.Messages]":
    """What was and is to be delivered."""
    return Call(
        "GET",
        "/api/v1/webhooks/{webhook}/messages",
        {"webhook": webhook},
        {"limit": limit, "cursor": cursor, "state": state},
    )


def get_webhooks_webhook_messages_message(webhook: str, message: str) -> "Call[documents.WholeMessage]":
    """One of them, with every attempt."""
    return Call("GET", "/api/v1/webhooks/{webhook}/messages/{message}", {"webhook": webhook, "message": message}, {})


def post_webhooks_webhook_rotate(
    webhook: str, *, keep: str | Unset = UNSET, secret: str | Unset | None = UNSET
) -> "Call[documents.NewWebhook]":
    """Replace its secret; both sign for a while."""
    return Call("POST", "/api/v1/webhooks/{webhook}/rotate", {"webhook": webhook}, {}, {"keep": keep, "secret": secret})


def post_webhooks_webhook_test(webhook: str) -> "Call[documents.Tested]":
    """Deliver one event of the class `test` now, once."""
    return Call("POST", "/api/v1/webhooks/{webhook}/test", {"webhook": webhook}, {}, {})
