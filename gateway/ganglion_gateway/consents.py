# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of nodes that wait for a person: asked for over the mesh, decided by an operator, each for itself alone.

What was decided is in the database before anybody hears of it: a node that asks again after a restart of the gateway is
told the same. What a node has stopped asking for is not shown, and cannot be decided any more.
"""

import asyncio
import math
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, NotFoundError, OverError, RefusedError
from ganglion.mesh.member import Peer
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.store import audit, consents
from ganglion_gateway.store.consents import GRANTED, REFUSED, WAITING
from ganglion_gateway.store.database import Database, Row

#: Questions of one node that wait, and of all: each may hold a request open.
_OF_ONE = 8
_OF_ALL = 100
#: Nanoseconds of silence after which a node does not wait any more. It asks again at once, a lost request after 5 s.
_AWAY = 20 * SECOND
#: The longest that a command may wait, and that one request is held open, in nanoseconds.
_LONGEST = 3600 * SECOND
_HOLD = 60 * SECOND
#: Letters of a text that a node sends.
_LETTERS = {"nonce": 32, "actuator": 128, "owner": 128, "run": 128, "why": 400}
#: What a question is known by: another command under the same nonce is none of its.
_COMMAND = ("nonce", "actuator", "value", "owner", "run")
_SAID = {GRANTED: say("granted"), REFUSED: say("refused")}


@dataclass(slots=True)
class _Asked:
    row: Row
    heard: int
    listeners: int = 0
    elsewhere: bool = False  # its node has asked another gateway, which alone knows whether it is there still
    decided: asyncio.Event = field(default_factory=asyncio.Event)

    def is_there(self, now: int) -> bool:
        """Whether its node still waits."""
        return self.elsewhere or self.listeners > 0 or now - self.heard < _AWAY


class Consents:
    """All that is asked for.

    Args:
        database: Holds what was asked and decided.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        on_change: Told of each that is asked for, and of each that is decided, wherever.
    """

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._asked: dict[str, _Asked] = {}
        self.on_change: Callable[[dict[str, Any]], None] = lambda document: None
        self._lock = asyncio.Lock()  # a decision is on the disk before a node is answered by it

    async def load(self) -> None:
        """What was there before a restart."""
        now = self._clock()
        for row in await consents.all_of(self._database, now):
            self._asked[row["id"]] = asked = _Asked(row, heard=now)
            if row["state"] != WAITING:
                asked.decided.set()

    async def refresh(self) -> None:
        """What was asked of another gateway since, and decided there."""
        async with self._lock:
            for row in await consents.all_of(self._database, self._clock()):
                asked = self._asked.get(row["id"])
                if asked is None:
                    self._asked[row["id"]] = asked = _Asked(row, heard=self._clock(), elsewhere=True)
                    self.on_change(_document(row))
                elif row["state"] != asked.row["state"]:
                    self.on_change(_document(row))
                asked.row = row
                if row["state"] != WAITING:
                    asked.decided.set()

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """What a person may decide now, as JSON, the first first."""
        now = self._clock()
        return [
            _document(asked.row)
            for asked in self._asked.values()
            if asked.row["state"] == WAITING and now < asked.row["expires"] and asked.is_there(now)
        ]

    async def answer(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The method `consent` of the mesh.

        Args:
            params: `nonce actuator value owner run why`; `wait`, the nanoseconds that the command waits, and `hold`,
                those that this request may be held open.

        Returns:
            `{id, state, by}` and what makes out the command; the state is waiting, granted, refused or expired.

        Raises:
            InvalidError: a parameter is of another shape, or the nonce was another command's.
            RefusedError: too much waits already.
        """
        _check(params)
        async with self._lock:
            asked = self._find(peer.node_id, params["nonce"]) or await self._take(params, peer)
        if any(not _same(asked.row[key], params[key]) for key in _COMMAND):
            raise InvalidError(say("was another command's: make one for each"), where="nonce")
        left = asked.row["expires"] - self._clock()
        asked.listeners += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(min(left, params["hold"]), 0) / SECOND):
                    await asked.decided.wait()
        finally:
            asked.listeners -= 1
            asked.heard = self._clock()
        async with self._lock:
            row = asked.row
            state = "expired" if row["state"] == WAITING and row["expires"] <= self._clock() else row["state"]
            return {key: row[key] for key in ("id", "by", *_COMMAND)} | {"state": state}

    async def decide(self, identity: str, *, granted: bool, by: str) -> dict[str, Any]:
        """What an operator says; in the audit when it returns.

        Returns:
            The document, with `told`: whether the node was there to hear it; else it hears it when it asks again.

        Raises:
            NotFoundError: nothing of that number waits.
            OverError: somebody has decided already, or its node waits no more.
        """
        state = GRANTED if granted else REFUSED
        async with self._lock:
            now = self._clock()
            asked = self._asked.get(identity)
            if asked is None:
                raise NotFoundError(
                    say("nothing waits under {identity}: `ganglion consents list` shows what does", identity=identity)
                )
            row = asked.row
            if row["state"] != WAITING:
                raise OverError(
                    say(
                        "{by} has decided already: {command} is {state}",
                        by=row["by"],
                        command=identity,
                        state=_SAID.get(row["state"], row["state"]),
                    )
                )
            if row["expires"] <= now or not asked.is_there(now):
                raise OverError(say("{name} waits for {identity} no more", name=row["name"], identity=identity))

            async def work(connection: AsyncConnection) -> None:
                if not await consents.decide(connection, identity, state=state, by=by):
                    raise OverError(say("somebody has decided already on {identity}", identity=identity))
                detail = {key: row[key] for key in ("name", "actuator", "value", "owner", "run")}
                action = "consent.grant" if granted else "consent.refuse"
                await audit.record(
                    connection, at=now, actor=by, action=action, target=row["node"], detail={"id": identity, **detail}
                )

            await self._database.write(work)
            asked.row = {**row, "state": state, "by": by}
            self.on_change(_document(asked.row))
            told = asked.listeners > 0
            asked.decided.set()
        return {**_document(asked.row), "state": state, "by": by, "told": told}

    def _find(self, node: str, nonce: str) -> _Asked | None:
        found = (each for each in self._asked.values() if (each.row["node"], each.row["nonce"]) == (node, nonce))
        return next(found, None)

    async def _take(self, params: dict[str, Any], peer: Peer) -> _Asked:
        now = self._clock()
        self._asked = {each: asked for each, asked in self._asked.items() if asked.row["expires"] > now}
        waiting = [each for each in self._asked.values() if each.row["state"] == WAITING and each.is_there(now)]
        of_one = sum(1 for each in waiting if each.row["node"] == peer.node_id)
        if of_one >= _OF_ONE:
            raise RefusedError(
                say("{count} commands of {name} wait for a person already", count=of_one, name=peer.name)
            )
        if len(waiting) >= _OF_ALL:
            raise RefusedError(say("{count} commands wait for a person already", count=len(waiting)))
        row = {
            **{key: params[key] for key in (*_COMMAND, "why")},
            "id": secrets.token_hex(4),
            "node": peer.node_id,
            "name": peer.name,
            "asked": now,
            "expires": now + params["wait"],
            "state": WAITING,
            "by": "",
        }
        await self._database.write(lambda connection: consents.add(connection, row, now))
        self._asked[row["id"]] = asked = _Asked(row, heard=now)
        self.on_change(_document(row))
        return asked


def _document(row: Row) -> dict[str, Any]:
    return {
        key: row[key]
        for key in ("id", "node", "name", "actuator", "value", "owner", "run", "why", "asked", "expires", "state", "by")
    }


def _check(params: dict[str, Any]) -> None:
    for key, most in _LETTERS.items():
        text = params.get(key)
        if not isinstance(text, str) or len(text) > most or (not text and key in ("nonce", "actuator")):
            raise InvalidError(say("must be text of at most {most} letters", most=most), where=key)
    value = params.get("value")
    if type(value) not in (bool, int, float, str) or (type(value) is str and len(value) > _LETTERS["actuator"]):
        raise InvalidError(say("must be true, false, a number or a short text"), where="value")
    if (type(value) is float and not math.isfinite(value)) or (type(value) is int and abs(value) >= 1 << 63):
        raise InvalidError(say("must be a finite number of 64 bits"), where="value")
    for key, longest in (("wait", _LONGEST), ("hold", _HOLD)):
        if type(params.get(key)) is not int or not 0 <= params[key] <= longest:
            raise InvalidError(say("must be nanoseconds, {most} at most", most=longest), where=key)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other
