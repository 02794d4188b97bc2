# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions in the memory of one process."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ganglion.mova.ports import Time
from ganglion.mova.session.fields import MAX_TTL, Fields, data, merged, named
from ganglion.units import SECOND

#: Sessions; the one that was used least recently goes first.
MAX_SESSIONS = 1000


class _Session(NamedTuple):
    fields: Fields
    expires: int


class MemoryStore:
    """`ganglion.mova.ports.SessionStore` that ends with the process.

    Args:
        clock: What the time is.
        most: Sessions that are kept.
    """

    def __init__(self, clock: Time, *, most: int = MAX_SESSIONS) -> None:
        self._now = clock.now
        self._most = most
        self._sessions: dict[str, _Session] = {}  # the one used last is the last

    async def load(self, session_id: str) -> dict[str, Any] | None:
        session = self._used(named(session_id))
        return None if session is None else data(session.fields)

    async def save(self, session_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], ttl: int) -> None:
        session = self._used(named(session_id))
        fields = merged(None if session is None else session.fields, before, after)
        self._sessions.pop(session_id, None)
        self._sessions[session_id] = _Session(fields, self._now() + min(ttl, MAX_TTL) * SECOND)
        if len(self._sessions) > self._most:
            self._forget()

    async def delete(self, session_id: str) -> bool:
        there = self._used(named(session_id)) is not None
        self._sessions.pop(session_id, None)
        return there

    async def ids(self) -> list[str]:
        now = self._now()
        return sorted(each for each, session in self._sessions.items() if now < session.expires)

    async def aclose(self) -> None:
        self._sessions.clear()

    def _used(self, session_id: str) -> _Session | None:
        session = self._sessions.pop(session_id, None)
        if session is None or self._now() >= session.expires:
            return None
        self._sessions[session_id] = session
        return session

    def _forget(self) -> None:
        now = self._now()
        for each in [each for each, session in self._sessions.items() if now >= session.expires]:
            del self._sessions[each]
        if len(self._sessions) > self._most:
            del self._sessions[next(iter(self._sessions))]
