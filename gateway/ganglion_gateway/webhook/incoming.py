# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a webhook that comes in is who it says it is, and which message it is. Pure: time is an argument.

Two schemes. `standard` is Standard Webhooks: the id and the time are signed with the body. `hmac` is that of GitHub,
MOVA and many others: the body alone is signed, so it alone can say whether a message was here before.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.webhook import signature

#: Seconds that the sender's clock may be off, as in the libraries of Standard Webhooks.
TOLERANCE = 300
#: Letters of a message's id.
_MAX_ID = 256
#: Letters of a secret of the scheme `hmac`.
_LEAST, _MOST = 16, 128


class Scheme(StrEnum):
    """How a sender signs."""

    STANDARD = "standard"
    HMAC = "hmac"


class UnverifiedError(Exception):
    """It is not believed. The message is for the sender, and says nothing of the secret."""


class Message(NamedTuple):
    """A message that is believed.

    Attributes:
        message: SHA-256 of what makes it the same, in hexadecimal: its id, or its body.
        body: SHA-256 of its body.
        stamp: The seconds since the Unix epoch that were signed with it; 0 where none were.
    """

    message: str
    body: str
    stamp: int


def check_secret(scheme: Scheme, secret: str) -> None:
    """Makes sure that a secret is one of its scheme.

    Raises:
        InvalidError: it is none; the message does not repeat it.
    """
    if scheme is Scheme.STANDARD:
        signature.key_of(secret)
    elif not _LEAST <= len(secret) <= _MOST or not secret.isprintable() or secret != secret.strip():
        raise InvalidError(
            say("has {least} to {most} letters, and no space around them", least=_LEAST, most=_MOST), where="secret"
        )


def verify(hook: Mapping[str, Any], headers: Mapping[str, str], body: bytes, *, now: int) -> Message:
    """The message in a request.

    Args:
        hook: A row of `hooks`.
        headers: Of the request, their names in any case.
        body: As it came.
        now: Seconds since the Unix epoch.

    Raises:
        UnverifiedError: it is not signed with the hook's secret, or too long ago.
    """
    content = hashlib.sha256(body).hexdigest()
    secrets = [hook["secret"]]
    if hook["former_secret"] is not None and now < hook["former_until"] // SECOND:
        secrets.append(hook["former_secret"])
    if hook["scheme"] == Scheme.HMAC:
        given = headers.get(hook["header"], "")
        if not given:
            raise UnverifiedError(say("the header {header} with the signature is missing", header=hook["header"]))
        if not any(signature.is_hmac(secret, body, given) for secret in secrets):
            raise UnverifiedError(
                say("the signature in {header} is not that of the body by this hook's secret", header=hook["header"])
            )
        stamp = headers.get("x-mova-timestamp")
        if stamp is not None:  # not signed: it only tells an honest sender that its clock is wrong
            _seconds(stamp, "x-mova-timestamp", now)
        return Message(content, content, 0)
    identity, given = headers.get("webhook-id", ""), headers.get("webhook-signature", "")
    if not identity or not given:
        raise UnverifiedError(say("the headers webhook-id, webhook-timestamp and webhook-signature are needed"))
    if len(identity) > _MAX_ID:
        raise UnverifiedError(
            say(
                "the header webhook-id has {count} letters, and at most {most} are taken",
                count=len(identity),
                most=_MAX_ID,
            )
        )
    seconds = _seconds(headers.get("webhook-timestamp", ""), "webhook-timestamp", now)
    keys = [signature.key_of(secret) for secret in secrets]
    if not signature.is_signed(keys, identity, body, given, seconds=seconds):
        raise UnverifiedError(say("the signature in webhook-signature is not by this hook's secret"))
    return Message(hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest(), content, seconds)


def _seconds(text: str, header: str, now: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise UnverifiedError(say("the header {header} must be seconds since 1970", header=header))
    seconds = int(text)
    if abs(now - seconds) > TOLERANCE:
        raise UnverifiedError(
            say(
                "{header} is {seconds} s from the gateway's clock, and {tolerance} s are the most",
                header=header,
                seconds=abs(now - seconds),
                tolerance=TOLERANCE,
            )
        )
    return seconds
