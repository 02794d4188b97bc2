# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Consents at the gateway."""

from typing import TYPE_CHECKING

from ganglion.client.call import Call

if TYPE_CHECKING:
    from ganglion.client import documents


def get_consents(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Consents]":
    """Commands that wait for a person's consent."""
    return Call("GET", "/api/v1/consents", {}, {"limit": limit, "cursor": cursor})


def post_consents_consent_grant(consent: str) -> "Call[documents.Decided]":
    """Let one command be carried out, if its guardian lets it."""
    return Call("POST", "/api/v1/consents/{consent}/grant", {"consent": consent}, {}, {})


def post_consents_consent_refuse(consent: str) -> "Call[documents.Decided]":
    """Do not let it be carried out."""
    return Call("POST", "/api/v1/consents/{consent}/refuse", {"consent": consent}, {}, {})
