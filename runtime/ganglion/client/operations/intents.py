# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Intents at the gateway."""

from typing import TYPE_CHECKING

from ganglion.client.call import Call

if TYPE_CHECKING:
    from ganglion.client import documents


def post_intents_feedback(*, intent: str, text: str) -> "Call[documents.Taught]":
    """Teach which intent a text has."""
    return Call("POST", "/api/v1/intents/feedback", {}, {}, {"intent": intent, "text": text})
