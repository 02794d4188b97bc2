# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's part in confidential topics: the keys that its gateway gives it, what it says under them, what it hears.

In the state folder: `groups` (a file a group, 0600), from which a restart goes on without the gateway, and `held`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh import files
from ganglion.mesh.aead import SealError
from ganglion.mesh.group import Handover
from ganglion.mesh.held import Held, Waiting
from ganglion.mesh.member import Cause, Member, Received, Sealed
from ganglion_micro import cbor, gl1
from ganglion_micro.topic import is_filter, matches

_log = logging.getLogger(__name__)

#: The class of what a node tells of the runs of its scripts.
EPISODE = "episode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidential:
    """What a node says to a group alone.

    Attributes:
        group: Its name; "" for none.
        topics: MQTT filters of the topics of readings and events.
    """

    group: str = ""
    topics: tuple[str, ...] = ("#",)

    def __post_init__(self) -> None:
        if self.group and not gl1.level(self.group):
            raise InvalidError(f"{self.group!r} is no name of a group: 1 to 32 of a-z A-Z 0-9 _ -")
        if wrong := [topic for topic in self.topics if not is_filter(topic)]:
            raise InvalidError(f"{wrong[0]!r} is no filter of topics")

    def covers(self, topic: str) -> bool:
        """Whether what is said on a topic is for the group alone."""
        return bool(self.group) and any(matches(filter, topic) for filter in self.topics)


class KeyHolder:
    """Keeps the keys of one node.

    Args:
        member: Gets the keys.
        state: The node's state folder.
        confidential: What it says to a group alone.
        clock: Nanoseconds since the Unix epoch.
        publish: Sends a sealed message at QoS 1, where there is a connection.
        subscribe: Asks the broker for a filter.
        post: Takes a sealed event that must arrive.
        saved: Returns when what was posted is on the disk.
    """

    def __init__(
        self,
        member: Member,
        state: Path,
        *,
        confidential: Confidential,
        clock: Callable[[], int],
        publish: Callable[[Sealed], None],
        subscribe: Callable[[str, int], None],
        post: Callable[[Sealed], None],
        saved: Callable[[], Awaitable[None]],
    ) -> None:
        self._member = member
        self._folder = state / "groups"
        self.confidential = confidential
        self._clock = clock
        self._publish = publish
        self._subscribe = subscribe
        self._post = post
        self._saved = saved
        self._held = Held(state / "held")
        self._task: asyncio.Task[None] | None = None
        self._load()

    def _load(self) -> None:
        for path in sorted(self._folder.glob("*-*")) if self._folder.exists() else ():
            try:
                handover = Handover.unpack(files.read(path) or b"")
            except SealError as error:
                _log.error("%s is not believed (%s); the gateway gives a new key.", path, error)
                files.remove(path)
            else:
                self._member.groups.take(handover)

    def subscribe(self) -> None:
        """Hears the groups, and the births of their members, without which nothing of them is believed."""
        for handover in self._member.groups.newest.values():
            self._follow(handover)

    def _follow(self, handover: Handover) -> None:
        base = f"gl1/{self._member.mesh}"
        for node in handover.members:
            if node[:8] != self._member.identity.kid:
                self._subscribe(f"{base}/n/{gl1.base32(node)}/birth", 1)
        self._subscribe(f"{base}/g/{handover.group}/#", 1)

    def take(self, received: Received) -> None:
        """A KEY: kept, used from now on, and acknowledged."""
        member, peer = self._member, received.peer
        if peer is None or not peer.is_gateway:
            member.reject(Cause.UNAUTHORISED, f"{received.node_id} gives out keys, and is no gateway")
            return
        try:
            data = received.body if type(received.body) is bytes else b""
            handover = Handover.read(data, member.identity, mesh=gl1.from_base32(member.mesh))
        except SealError as error:
            member.reject(Cause.UNREADABLE, f"a key that is not for this member: {error}")
            return
        if member.groups.take(handover):
            _log.info("The key %d of the group %s is here.", handover.number, handover.group)
            self._follow(handover)
        elif handover.group not in member.groups.newest:
            member.reject(Cause.LIMITED, f"a key of the group {handover.group}: this member is in as many as it can")
            return
        if self._keep(handover):
            says = {"key": [handover.group, handover.number]}
            self._publish(member.seal(gl1.REPLY, says, now=self._clock(), to=received.node_id))
        self.release()

    def _keep(self, handover: Handover) -> bool:
        """Whether it is on the disk; else it is not acknowledged, and comes again."""
        group, path = handover.group, self._folder / f"{handover.group}-{handover.number:010}"
        known = dict(self._member.groups.keys(group))
        try:
            if handover.number in known and not path.exists():
                files.write(path, handover.packed())
            for old in self._folder.glob(f"{group}-*"):
                name, _, number = old.name.rpartition("-")
                if name == group and number.isdecimal() and int(number) not in known:
                    files.remove(old)
        except OSError as error:
            _log.error("The key of the group %s cannot be kept in %s: %s.", group, self._folder, error.strerror)
            return False
        return True

    # Saying

    def group_of(self, topic: str) -> str:
        """The group that alone is to read what is said on a topic; "" for everyone."""
        return self.confidential.group if self.confidential.covers(topic) else ""

    def group_of_event(self, cls: str, body: Mapping[str, Any]) -> str:
        """The same for an event. What a run did says what it has read: episodes are confidential where anything is."""
        if cls == EPISODE:
            return self.confidential.group
        topic = body.get("topic")
        return self.group_of(topic if type(topic) is str else cls)

    @property
    def has_key(self) -> bool:
        """Whether what is confidential can be said now."""
        return self.confidential.group in self._member.groups.newest

    def hold(self, cls: str, body: dict[str, Any]) -> None:
        """Keeps an event until there is a key. It gets its number then, so that the spool has all in order.

        Raises:
            InvalidError: it is no CBOR, or too large; or the disk does not take it.
        """
        try:
            self._held.add(Waiting(cls, body))
        except cbor.CBORError as error:
            raise InvalidError(f"the event cannot be sent: {error}", where=cls) from error
        except OSError as error:
            raise InvalidError(f"the event cannot be kept: {error.strerror}", where=cls) from error

    def release(self) -> None:
        """Sends what has waited for a key, where there is one now."""
        if self.has_key and len(self._held) and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._release(self._held.all()))

    async def _release(self, waiting: Sequence[tuple[int, Waiting]]) -> None:
        member, group = self._member, self.confidential.group
        for _, event in waiting:
            try:
                sealed = member.seal(gl1.EVENT, event.body, now=self._clock(), name=event.cls, group=group)
            except ValueError as error:
                self._held.lost += 1
                _log.error("A confidential event is lost: %s.", error)
            else:
                self._post(sealed)
        await self._saved()
        for number, _ in waiting:
            self._held.remove(number)  # and no more has come: with a key, nothing is held

    def document(self) -> dict[str, Any]:
        """What statistics say of it."""
        keys = {group: handover.number for group, handover in self._member.groups.newest.items()}
        return {"group": self.confidential.group, "keys": keys, "held": len(self._held), "lost": self._held.lost}
