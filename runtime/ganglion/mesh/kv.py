# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods `kv.*`: what all members share, read and written by whoever may ask this member."""

from typing import Any

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.parameters import takes
from ganglion.mesh.replication import Replication
from ganglion.mesh.rights import Rights
from ganglion.mesh.state import clock
from ganglion.mesh.state.effects import Change
from ganglion.mesh.state.entry import COUNTER, SET
from ganglion.mesh.state.reading import Reading
from ganglion.sentences import say
from ganglion_micro import cbor

#: Bytes of a list in one answer.
_BYTES = 48 * 1024


class Kv:
    """Those of one member.

    Args:
        state: What it shares.
        rights: By which policy: who writes judges itself, for a copy that others have is not to be taken back.
    """

    def __init__(self, state: Replication, rights: Rights) -> None:
        self._state = state
        self._rights = rights

    @takes("key")
    async def get(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """What is at a key.

        Args:
            params: `key`.

        Returns:
            `{"key", "value", "by", "name", "at"}`: who wrote it last, by id and name, and when, in nanoseconds since
            the Unix epoch; or `{"key", "members"}` of a set; all of these where it is both.

        Raises:
            NotFoundError: nothing.
        """
        key = _key(params)
        replica = self._state.replica
        reading, members = replica.get(key), replica.elements(key)
        if reading is None and not members:
            raise NotFoundError(say("there is nothing at {key!r}", key=key))
        return (self._document(key, reading) if reading else {"key": key}) | ({"members": members} if members else {})

    @takes("prefix", "after")
    async def list(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """What is at the keys that begin alike, by key.

        Args:
            params: `prefix`, "" where it is missing; `after`, a key to go on behind.

        Returns:
            `{"items": [...], "next": key}`, each item as of `get`; `next` is None where that is all.
        """
        prefix, after = _text(params, "prefix"), _text(params, "after")
        replica = self._state.replica
        items = {key: self._document(key, reading) for key, reading in replica.items(prefix) if key > after}
        for key, members in replica.sets(prefix).items():
            if key > after:
                items.setdefault(key, {"key": key})["members"] = members
        found: list[dict[str, Any]] = []
        room = _BYTES
        for _, item in sorted(items.items()):
            room -= len(cbor.encode(item))
            if room < 0 and found:
                return {"items": found, "next": found[-1]["key"]}
            found.append(item)
        return {"items": found, "next": None}

    @takes("key", "value")
    async def set(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """Gives a key a value; on the disk when it returns.

        Args:
            params: `key`, `value`.

        Raises:
            InvalidError: either is missing, or too large.
            RefusedError: this member may not write the key.
        """
        key = _key(params)
        if "value" not in params:
            raise InvalidError(say("is missing"), where="value")
        value = params["value"]
        self._judge(key)
        await self._state.write(lambda replica, now: replica.set(key, value, now=now))
        return await self.get(params)

    @takes("key")
    async def delete(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """Removes what is at a key, a value or a set; one that has nothing stays so. Raises: as `set`."""
        key = _key(params)
        self._judge(key)
        await self._state.write(lambda replica, now: replica.delete(key, now=now))
        for member in self._state.replica.elements(key):
            await self._change_set(key, member, add=False)
        return {"key": key}

    @takes("key", "member")
    async def add(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """Puts a member into the set at a key: `key`, `member`. Raises: as `set`."""
        return await self._member(params, add=True)

    @takes("key", "member")
    async def remove(self, params: dict[str, Any], peer: object = None) -> dict[str, Any]:
        """Takes a member out of the set at a key: `key`, `member`. Raises: as `set`."""
        return await self._member(params, add=False)

    async def _member(self, params: dict[str, Any], *, add: bool) -> dict[str, Any]:
        key = _key(params)
        if "member" not in params:
            raise InvalidError(say("is missing"), where="member")
        self._judge(key)
        await self._change_set(key, params["member"], add=add)
        return {"key": key, "members": self._state.replica.elements(key)}

    async def _change_set(self, key: str, member: Any, *, add: bool) -> None:
        await self._state.write(
            lambda replica, now: replica.add(key, member, now=now) if add else replica.discard(key, member, now=now)
        )

    def _judge(self, key: str) -> None:
        decision = self._rights.own("write", key)
        if decision is not None and not decision.allowed:
            version = self._rights.policy.version
            raise RefusedError(
                say(
                    "{key!r} may not be written here: {reason} (policy {version})",
                    key=key,
                    reason=decision.reason,
                    version=version,
                )
            )

    def _document(self, key: str, reading: Reading) -> dict[str, Any]:
        node, name = self._state.author(reading.kid)
        return {"key": key, "value": reading.value, "by": node, "name": name, "at": clock.time_of(reading.stamp)}


def now_at(state: Replication, change: Change) -> Any:
    """What a watcher is told is at a key: the value, all members of a set, None where there is nothing."""
    if change.kind == SET:
        return state.replica.elements(change.key) or None
    return (state.replica.total(change.key) if change.kind == COUNTER else change.value) if change.present else None


def _key(params: dict[str, Any]) -> str:
    key = params.get("key")
    if not isinstance(key, str) or not key:
        raise InvalidError(say("must be a text"), where="key")
    return key


def _text(params: dict[str, Any], name: str) -> str:
    text = params.get(name, "")
    if not isinstance(text, str):
        raise InvalidError(say("must be a text, not {text!r}", text=text), where=name)
    return text
