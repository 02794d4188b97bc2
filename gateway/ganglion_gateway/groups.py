# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of confidential topics: who is in each, and a new key whenever that has changed, or a week has passed."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.aead import SealError
from ganglion.mesh.group import REMEMBERED, Handover, renew
from ganglion.mesh.groups import LIMIT, Groups
from ganglion.sentences import say
from ganglion.settings import instead
from ganglion.units import SECOND
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.group import Group, Office
from ganglion_gateway.keys_at_rest import KeysAtRest
from ganglion_gateway.leases import Lease
from ganglion_gateway.store import groups as store
from ganglion_gateway.store.database import Database, why
from ganglion_micro import gl1

_log = structlog.get_logger(__name__)

_DAY = 86400 * SECOND
#: The longest that a key is the newest.
WEEK = 7 * _DAY
#: How long an old key is kept: a spool gives an event up long before.
KEEP = 60 * _DAY
#: Seconds between looks at who is in the groups.
_LOOK = 1.0


class GroupRegister:
    """All groups.

    Args:
        database: Holds them.
        fleet: Knows the nodes, their tags, and who was revoked.
        office: Hands keys out.
        readable: Gets every key that there is, to read by.
        secret: Under which keys are in the database.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        office: Office,
        readable: Groups,
        *,
        secret: bytes,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._office = office
        self._readable = readable
        self._at_rest = KeysAtRest(secret)
        self._clock = clock
        self._groups: dict[str, Group] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """What was there before a restart, or what another gateway has written since. The fleet must be loaded."""
        async with self._changing:
            await self._load()

    async def _refresh(self) -> None:
        if self._database.shared:
            await self.load()

    async def _load(self) -> None:
        for row in await store.all_groups(self._database):
            group = self._groups.setdefault(row["name"], Group(name=row["name"], nodes=[], tags=[], members=[]))
            group.nodes, group.tags = row["nodes"], row["tags"]
        newest: dict[str, Handover] = {}
        for row in await store.all_keys(self._database):
            name, number = row["name"], row["number"]
            if name not in self._groups:  # another gateway has made it between the two looks: it is there at the next
                continue
            group = self._groups[name]
            if number <= group.number:
                continue
            group.members, group.made, group.number = row["members"], row["made"], number
            try:
                key = self._at_rest.unseal(row["sealed"], name, number)
            except SealError:
                _log.error("the key of a group is not readable: restore group-secret", group=name, number=number)
                continue
            self._readable.remember(name, number, key)
            members = tuple(gl1.from_base32(node) for node in row["members"])
            newest[name] = Handover(group=name, number=number, key=key, members=members)
        for handover in newest.values():
            self._office.issue(handover)

    async def run(self, lease: Lease) -> None:
        """Makes new keys as they are due, until cancelled.

        Args:
            lease: Others make keys only when an operator asks them to.
        """
        while lease.held:
            try:
                await self.look()
            except SQLAlchemyError as error:
                _log.error("no new key of a group: the database is away", reason=why(error))
            await asyncio.sleep(_LOOK)

    async def look(self) -> None:
        """Makes a new key for each group whose members have changed, or whose key is old."""
        await self._refresh()
        async with self._changing:
            for group in self._groups.values():
                members, now = self._wanted(group), self._clock()
                if members != group.members or (members and now - group.made > WEEK):
                    await self._renew(group, members, now)

    def _wanted(self, group: Group) -> list[str]:
        named = {self._fleet.now(node) for node in group.nodes}
        tags = set(group.tags)
        return sorted(
            node.id
            for node in self._fleet.nodes.values()
            if node.revoked is None and (node.id in named or not tags.isdisjoint(node.tags))
        )

    async def _renew(self, group: Group, members: list[str], now: int) -> None:
        handover = renew(group.name, members, last=group.number, now=now)
        row = {
            "name": group.name,
            "number": handover.number,
            "sealed": self._at_rest.seal(handover.key, group.name, handover.number),
            "members": members,
            "made": now,
        }
        last = group.number
        saved = await self._database.write(
            lambda connection: store.save_key(connection, row, last=last, keep=REMEMBERED, before=now - KEEP),
            patient=True,
        )
        if not saved:  # another gateway was faster
            await self._load()
            return
        group.members, group.made, group.number = members, now, handover.number
        self._office.issue(handover)
        _log.info("a group has a new key", group=group.name, number=handover.number, members=len(members))

    # What operators do

    def find(self, name: str) -> Group:
        """A group by its name.

        Raises:
            NotFoundError: there is none.
        """
        if (group := self._groups.get(name)) is None:
            raise NotFoundError(
                say(
                    "no group is called {name!r}{instead}",
                    name=name,
                    instead=instead(name, self._groups, "ganglion group list"),
                )
            )
        return group

    async def create(self, name: str, *, nodes: Sequence[str], tags: Sequence[str]) -> Group:
        """A new group, and its first key.

        Raises:
            InvalidError: the name cannot be one.
            RefusedError: there is one of this name, or there are too many.
            NotFoundError: a node is not known.
        """
        if not gl1.level(name):
            raise InvalidError(say("a group's name is 1 to 32 of a-z A-Z 0-9 _ -"), where="name")
        await self._refresh()
        async with self._changing:
            if name in self._groups:
                raise RefusedError(
                    say("there is a group {name!r} already: `ganglion group add {name} NODE` adds to it", name=name)
                )
            if len(self._groups) >= LIMIT:
                raise RefusedError(say("there are {most} groups, and no more can be", most=LIMIT))
            group = Group(name=name, nodes=self._ids(nodes), tags=_distinct(tags), members=[])
            row = {"name": name, "nodes": group.nodes, "tags": group.tags, "created": self._clock()}
            if not await self._database.write(lambda connection: store.create(connection, row)):
                raise RefusedError(say("another gateway has made a group {name!r} at this moment", name=name))
            self._groups[name] = group
        await self.look()
        return group

    async def add(self, name: str, *, nodes: Sequence[str], tags: Sequence[str]) -> Group:
        """More members; they read what is sealed from now on.

        Raises:
            NotFoundError: the group or a node is not known.
        """
        await self._refresh()
        more = self._ids(nodes)
        return await self._change(
            self.find(name), lambda named, by: (_distinct([*named, *more]), _distinct([*by, *tags]))
        )

    async def remove(self, name: str, *, nodes: Sequence[str], tags: Sequence[str]) -> Group:
        """Fewer members; they read nothing that is sealed from now on.

        Raises:
            NotFoundError: the group or a node is not known, or not in the group by its name; or the tag is not there.
        """
        await self._refresh()
        group = self.find(name)
        gone = [self._fleet.now(node) for node in self._ids(nodes)]

        def alter(nodes: list[str], by: list[str]) -> store.Named:
            named = {self._fleet.now(node): node for node in nodes}
            for node in gone:
                if node not in named:
                    raise NotFoundError(self._why_not(name, node, by))
            if missing := [tag for tag in tags if tag not in by]:
                raise NotFoundError(
                    say("the group {name} has no members by the tag {tag!r}", name=name, tag=missing[0])
                )
            return [node for now, node in named.items() if now not in gone], [tag for tag in by if tag not in tags]

        return await self._change(group, alter)

    def _why_not(self, name: str, node: str, tags: list[str]) -> str:
        known = self._fleet.nodes.get(node)
        by = sorted(set(known.tags) & set(tags)) if known is not None else []
        why = say("it is in it by its tag {tag!r}: remove that", tag=by[0]) if by else say("it is not in it")
        return say(
            "{node} cannot be removed from the group {name}: {why}", node=self._fleet.name(node), name=name, why=why
        )

    async def _change(self, group: Group, alter: Callable[[list[str], list[str]], store.Named]) -> Group:
        async with self._changing:
            group.nodes, group.tags = await self._database.write(
                lambda connection: store.change(connection, group.name, alter)
            )
        await self.look()
        return group

    async def rotate(self, name: str) -> Group:
        """A new key for the same members.

        Raises:
            NotFoundError: there is no such group.
        """
        await self._refresh()
        group = self.find(name)
        async with self._changing:
            await self._renew(group, self._wanted(group), self._clock())
        return group

    def _ids(self, nodes: Sequence[str]) -> list[str]:
        """Ids of nodes by name or id; an id that nobody has yet is one too.

        Raises:
            NotFoundError: no node has this name.
            RefusedError: several have it.
        """
        return _distinct([who if gl1.is_node_id(who) else self._named(who).id for who in nodes])

    def _named(self, who: str) -> Node:
        node = self._fleet.find(who)
        if node.revoked is not None:
            raise RefusedError(say("{who} was revoked: nobody believes it, and it is given no keys", who=who))
        return node

    def document(self, group: Group) -> dict[str, Any]:
        """A group as JSON; of each member whether it has the newest key, and whether it can be given any."""
        return {
            "name": group.name,
            "nodes": [{"id": node, "name": self._fleet.name(node)} for node in map(self._fleet.now, group.nodes)],
            "tags": group.tags,
            "number": group.number,
            "made": group.made,
            "members": [
                {
                    "id": node,
                    "name": self._fleet.name(node),
                    "has_key": not self._office.waits(group.name, node),
                    "can_have": self._office.able(node),
                }
                for node in sorted(group.members, key=lambda node: (self._fleet.name(node), node))
            ],
        }

    @property
    def all(self) -> list[Group]:
        """Every group, by name."""
        return [self._groups[name] for name in sorted(self._groups)]


def _distinct(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(words))
