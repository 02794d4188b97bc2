# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard Webhooks signatures, version 1 (standardwebhooks.com): HMAC-SHA256 over id, time and body."""

import base64
import binascii
import hashlib
import hmac
import secrets

from ganglion.errors import InvalidError

PREFIX = "whsec_"


def new_secret() -> str:
    """A new secret, 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The bytes in a secret.

    Raises:
        InvalidError: it is none; the message does not repeat it.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.strip().startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise InvalidError(f"a webhook secret is {PREFIX} and 24 to 64 bytes in base64")
    return key


def headers(key: bytes, message: str, body: bytes, *, seconds: int) -> dict[str, str]:
    """The three headers of one attempt.

    Args:
        message: The `webhook-id`; the same in every attempt.
        seconds: When the attempt is made, since the Unix epoch.
    """
    signed = f"{message}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {"webhook-id": message, "webhook-timestamp": str(seconds), "webhook-signature": f"v1,{signature}"}
