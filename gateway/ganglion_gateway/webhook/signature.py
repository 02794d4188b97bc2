# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of webhooks: those of Standard Webhooks, version 1 (standardwebhooks.com), and those of MOVA. Pure.

Standard Webhooks signs id, time and body by HMAC-SHA-256 with the bytes in the secret; several signatures stand side by
side while a secret is replaced. MOVA signs the body alone, in hexadecimal, with the secret's letters as the key.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence

from ganglion.errors import InvalidError
from ganglion.sentences import say

PREFIX = "whsec_"
_VERSION = "v1,"


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
        raise InvalidError(say("a webhook secret is {prefix} and 24 to 64 bytes in base64", prefix=PREFIX))
    return key


def headers(keys: Iterable[bytes], message: str, body: bytes, *, seconds: int) -> dict[str, str]:
    """The three headers of one attempt.

    Args:
        keys: A signature is made with each.
        message: The `webhook-id`; the same in every attempt.
        seconds: When the attempt is made, since the Unix epoch.
    """
    signatures = " ".join(_VERSION + base64.b64encode(_sign(key, message, seconds, body)).decode() for key in keys)
    return {"webhook-id": message, "webhook-timestamp": str(seconds), "webhook-signature": signatures}


def mova_headers(secret: str, event: str, body: bytes, *, seconds: int) -> dict[str, str]:
    """The three headers that MOVA's receivers read; `event` is the type of the event."""
    return {
        "x-mova-event": event,
        "x-mova-timestamp": str(seconds),
        "x-mova-signature": hmac.digest(secret.encode(), body, hashlib.sha256).hex(),
    }


def is_signed(keys: Sequence[bytes], message: str, body: bytes, signatures: str, *, seconds: int) -> bool:
    """Whether one of the signatures in a `webhook-signature` is by one of the keys, compared in constant time."""
    wanted = [_VERSION.encode() + base64.b64encode(_sign(key, message, seconds, body)) for key in keys]
    given = signatures.encode("utf-8", "replace").split()
    return any(hmac.compare_digest(one, other) for one in wanted for other in given)


def is_hmac(secret: str, body: bytes, given: str) -> bool:
    """Whether a header is the HMAC-SHA-256 of the body in hexadecimal, as GitHub (`sha256=…`) and MOVA write it."""
    wanted = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    text = given.strip().removeprefix("sha256=").lower()
    return hmac.compare_digest(wanted.encode(), text.encode("utf-8", "replace"))


def _sign(key: bytes, message: str, seconds: int, body: bytes) -> bytes:
    return hmac.digest(key, f"{message}.{seconds}.".encode("utf-8", "replace") + body, hashlib.sha256)
