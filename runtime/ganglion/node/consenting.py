# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the gateway for a person's consent to one command, waits for it, and takes no other's answer for it."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ganglion.errors import GanglionError, RefusedError, UnreachableError
from ganglion.guardian import Command
from ganglion.units import SECOND

#: Seconds in which the gateway must have taken the question.
_REACH = 10.0
#: Seconds that one request is held open for the answer; then it is asked again.
_HOLD = 60.0
#: Seconds that an answer may be under way.
_ON_TOP = 2.0
#: Seconds until it is asked again where the gateway is away.
_PAUSE = 1.0


class Request(Protocol):
    """`MeshClient.request`."""

    async def __call__(self, method: str, params: dict[str, Any], *, timeout: float) -> Any: ...


class Consenting:
    """A node's questions to people.

    Args:
        request: Asks the gateway.
        monotonic: Seconds of a clock that nobody sets.
        sleep: Returns after so many of them.
        nonce: Makes what no two questions have in common.
    """

    def __init__(
        self,
        request: Request,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._request = request
        self._monotonic = monotonic
        self._sleep = sleep
        self._nonce = nonce

    async def ask(self, command: Command, within_ns: int) -> str:
        """Who has agreed to a command, with the number of the consent.

        The gateway may restart meanwhile: it is asked again, with the same nonce, for the same thing.

        Args:
            within_ns: Nanoseconds that a person has.

        Raises:
            RefusedError: someone is against it, nobody has decided in time, or nobody can be asked.
        """
        asked = {
            "nonce": self._nonce(),
            "actuator": command.actuator,
            "value": command.value,
            "owner": command.owner,
            "run": command.run,
        }
        end = self._monotonic() + within_ns / SECOND
        taken, why_not = False, "the gateway does not answer"
        until = min(end, self._monotonic() + _REACH)
        while (now := self._monotonic()) < until:
            hold = min(end - now, _HOLD) if taken else 0.0
            params = {**asked, "why": command.why, "wait": _ns(end - now), "hold": _ns(hold)}
            try:
                answer = await self._request("consent", params, timeout=hold + _ON_TOP if taken else until - now)
            except UnreachableError as error:
                why_not = str(error)
                await self._sleep(_PAUSE)
                continue
            except GanglionError as error:
                raise RefusedError(f"nobody can be asked for consent: {error}") from error
            taken, until = True, end
            if (person := _decided(answer, asked)) is not None:
                return person
            if answer["state"] == "expired":  # by the gateway's clock
                break
        if not taken:
            raise RefusedError(f"nobody can be asked for consent: {why_not}")
        raise RefusedError(f"nobody has consented within {within_ns / SECOND:g} s")


def _ns(seconds: float) -> int:
    return round(seconds * SECOND)


def _decided(answer: Any, asked: dict[str, Any]) -> str | None:
    """Who has agreed; None while nobody has decided.

    Raises:
        RefusedError: somebody is against it, or the answer is to another question.
    """
    said = answer if isinstance(answer, dict) else {}
    if any(type(said.get(key)) is not type(value) or said[key] != value for key, value in asked.items()):
        raise RefusedError("the gateway has answered another question than that for consent")
    by, number = said.get("by"), said.get("id")
    match said.get("state"):
        case "granted" if isinstance(by, str) and by:
            return f"{by} (consent {number})"
        case "refused":
            raise RefusedError(f"{by} has refused consent (consent {number})")
        case "waiting" | "expired":
            return None
    raise RefusedError(f"the gateway says {said.get('state')!r}, which is no consent")
