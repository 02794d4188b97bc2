# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the credentials of a tool into its request; a token of OAuth 2.0 is fetched first, and kept while it is good."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

from ganglion.errors import InvalidError, RefusedError
from ganglion.mova.http import Answer, busy, exchange, server, with_query
from ganglion.mova.secrets import Filling
from ganglion.mova.values import from_json

#: Where an API key goes that names no place.
API_KEY_HEADER = "X-API-Key"
#: Clients whose tokens are kept; the one that was used first is forgotten first.
_MAX_CLIENTS = 64
#: Seconds, and part of its life, before its end at which a token is not used any more.
_EARLY = 30.0
_EARLY_PART = 0.1
#: What a token service may say is wrong (RFC 6749, 5.2). Other words may repeat what it was sent.
_REASONS = frozenset(
    (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    )
)

#: token_url, client_id, client_secret, scope
Client = tuple[str, str, str, str]


def client_of(auth: dict[str, str]) -> Client:
    """Whose token a request with these credentials needs."""
    return auth["token_url"], auth["client_id"], auth["client_secret"], auth.get("scope", "")


def apply(auth: dict[str, str], url: str, headers: dict[str, str], filling: Filling, token: str) -> str:
    """Adds the credentials to the headers, and returns the URL, where they go into its query with them.

    Args:
        token: The access token where the type is `oauth2`.

    Raises:
        InvalidError: a user's name has a colon, which Basic cannot say (RFC 7617, 2).
    """
    match auth["type"]:
        case "api_key":
            key = filling.keep(auth["key"])
            if "query" in auth:
                return with_query(url, [(auth["query"], key)])
            put(headers, auth.get("header", API_KEY_HEADER), key)
        case "bearer":
            put(headers, "Authorization", f"Bearer {filling.keep(auth['token'])}")
        case "basic":
            if ":" in auth["username"]:
                raise InvalidError("a username may have no colon in Basic authentication")
            put(headers, "Authorization", _basic(auth["username"], filling.keep(auth["password"]), filling))
        case "oauth2":
            put(headers, "Authorization", f"Bearer {token}")
    return url


def put(headers: dict[str, str], name: str, value: str) -> None:
    """Sets a header in place of one of that name, however it is written."""
    for other in [each for each in headers if each.lower() == name.lower()]:
        del headers[other]
    headers[name] = value


def _basic(user: str, password: str, filling: Filling) -> str:
    return "Basic " + filling.keep(base64.b64encode(f"{user}:{password}".encode()).decode())


@dataclass(slots=True)
class _Held:
    token: str = ""
    until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Tokens:
    """Access tokens by the client-credentials grant (RFC 6749, 4.4): one fetch at a time for each client."""

    def __init__(self) -> None:
        self._held: dict[Client, _Held] = {}

    async def get(self, client: Client, filling: Filling, timeout: float) -> str:
        """A token that is good.

        Raises:
            RefusedError: the service does not want this client.
            InvalidError: it answers with something that is no token.
            UnreachableError: it is busy or away.
        """
        filling.keep(client[2])
        held = self._held.get(client)
        if held is None:
            held = self._held[client] = _Held()
            while len(self._held) > _MAX_CLIENTS:
                del self._held[next(iter(self._held))]
        async with held.lock:
            if held.until <= time.monotonic():
                held.token, held.until = await _fetch(client, filling, timeout)
        return filling.keep(held.token)

    def forget(self, client: Client, token: str) -> None:
        """Drops a token that a server did not take, unless there is another by now."""
        held = self._held.get(client)
        if held is not None and held.token == token:
            held.until = 0.0


async def _fetch(client: Client, filling: Filling, timeout: float) -> tuple[str, float]:
    """A token, and the monotonic time in seconds until which it is used."""
    url, user, secret, scope = client
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        # Both are form-encoded before they become a name and a password (RFC 6749, 2.3.1).
        "Authorization": _basic(quote_plus(user), quote_plus(secret), filling),
    }
    asked = time.monotonic()
    answer = await exchange("POST", url, headers, urlencode(form).encode(), timeout)
    if answer.status != 200:
        message = f"the token service {server(url)} gave no token: {_reason(answer)}"
        raise busy(answer, message) or RefusedError(message)
    try:
        document = from_json(answer.body.decode())
    except ValueError:
        document = None
    token = document.get("access_token") if isinstance(document, dict) else None
    if not isinstance(token, str) or not token or str(document.get("token_type", "bearer")).lower() != "bearer":
        raise InvalidError(f"the token service {server(url)} answers with no bearer token")
    life = document.get("expires_in")
    if isinstance(life, bool) or not isinstance(life, int | float):
        return token, float("inf")  # until it is refused
    return token, asked + life - min(_EARLY, _EARLY_PART * life)


def _reason(answer: Answer) -> str:
    try:
        reason = json.loads(answer.text).get("error")
    except (ValueError, RecursionError, AttributeError):
        reason = None
    return reason if isinstance(reason, str) and reason in _REASONS else f"HTTP status {answer.status}"
