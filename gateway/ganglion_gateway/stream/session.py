# SPDX-License-Identifier: GPL-3.0-or-later
"""One client of `/ws`, without its socket: what it asks, what it is answered, and what it is told. Pure."""

from collections.abc import Callable
from typing import Any

from ganglion.errors import InvalidError
from ganglion_gateway.stream.channels import CHANNELS, MAX_FILTERS, check, follows
from ganglion_gateway.stream.ring import Message, Ring

Document = dict[str, Any]
#: Messages that are looked at in one go.
_LOOK = 2000


class Session:
    """One client.

    Args:
        ring: What is said.
        may: Whether the client has a scope now.
    """

    def __init__(self, ring: Ring, may: Callable[[str], bool]) -> None:
        self._ring = ring
        self._may = may
        self._filters: frozenset[str] = frozenset()
        self._place = ring.last

    @property
    def token(self) -> str:
        """With this the client goes on where it is now."""
        return self._ring.token(self._place)

    @property
    def is_lost(self) -> bool:
        """Whether the client was too slow: what it had to be told next is there no more."""
        return bool(self._filters) and not self._ring.holds(self._place)

    def welcome(self) -> Document:
        """The first that a client is told."""
        known = {name: {"levels": kind.shape, "may": self._may(kind.scope)} for name, kind in CHANNELS.items()}
        return {"type": "welcome", "token": self.token, "channels": known}

    def take(self, said: Any) -> Document:
        """The answer to what a client says; the same `id` comes back that it gave.

        Raises:
            InvalidError: it is nothing that a client can say; the message says what is.
        """
        if not isinstance(said, dict):
            raise InvalidError('a message is a map, as in {"type": "subscribe", "channels": ["presence/+"]}')
        kind = said.get("type")
        if kind == "ping":
            answer: Document = {"type": "pong", "token": self.token}
        elif kind == "subscribe":
            answer = self._subscribe(_filters(said), said.get("after"))
        elif kind == "unsubscribe":
            self._filters -= _filters(said)
            answer = {"type": "subscribed", "channels": sorted(self._filters), "token": self.token}
        else:
            raise InvalidError("`type` is subscribe, unsubscribe or ping")
        if isinstance(said.get("id"), int | str):
            answer["id"] = said["id"]
        return answer

    def next(self) -> list[Message]:
        """What the client is to be told now; its place moves behind it."""
        seen = self._ring.after(self._place, _LOOK)
        if seen:
            self._place = seen[-1].number
        if not self._filters:
            self._place = self._ring.last
            return []
        followed = [message for message in seen if follows(self._filters, message.channel)]
        kinds = {message.channel.partition("/")[0] for message in followed}  # most often one: others are not asked for
        allowed = {name for name in kinds if self._may(CHANNELS[name].scope)}
        return [message for message in followed if message.channel.partition("/")[0] in allowed]

    @property
    def is_behind(self) -> bool:
        """Whether there is more to look at."""
        return self._place < self._ring.last

    def _subscribe(self, filters: frozenset[str], after: Any) -> Document:
        for each in filters:
            kind = CHANNELS.get(each.partition("/")[0])
            if kind is not None and not self._may(kind.scope):
                raise InvalidError(f"you may not follow {each}: that asks for the scope {kind.scope!r}")
        if len(self._filters | filters) > MAX_FILTERS:
            raise InvalidError(f"one connection follows at most {MAX_FILTERS} filters")
        missed = None
        if after is not None:
            if self._filters:
                raise InvalidError("`after` belongs to the first `subscribe` of a connection, which goes on from there")
            place = self._ring.place(after) if isinstance(after, str) else None
            missed = place is None or not self._ring.holds(place)
            # Where something is missed, what is left is told
            self._place = self._ring.oldest if place is None or missed else place
        elif not self._filters:
            self._place = self._ring.last
        self._filters |= filters
        answer: Document = {"type": "subscribed", "channels": sorted(self._filters), "token": self.token}
        return answer if missed is None else {**answer, "missed": missed}


def _filters(said: dict[str, Any]) -> frozenset[str]:
    filters = said.get("channels")
    if not isinstance(filters, list) or not filters or not all(isinstance(each, str) for each in filters):
        raise InvalidError('`channels` is a list of filters, as in ["events/#"]')
    for each in filters:
        check(each)
    return frozenset(filters)
