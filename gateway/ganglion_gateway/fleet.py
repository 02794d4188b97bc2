# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as it is now, in memory: who is there, the latest value of each sensor, the last alerts. No I/O.

The database holds the same, and is where it begins after a restart; pages and presence are answered from here.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ganglion.errors import NotFoundError, UnfitError
from ganglion.sentences import either, say
from ganglion.settings import instead
from ganglion.units import SECOND
from ganglion_gateway.facts import Facts
from ganglion_gateway.roster import Roster

#: Nodes say something every 10 s; one that has missed two of these and a half is not there.
SILENCE = 25 * SECOND
#: Sensors of one node, with those of third parties that it reads. More are a mistake in its names, and are not taken.
MAX_SENSORS = 1024
#: Seconds of the longest sleep that is believed, and nanoseconds that a node may take to wake and be heard.
_LONGEST = 90 * 86400
_WAKING = 60 * SECOND
#: Alerts at hand.
ALERTS = 50


@dataclass(slots=True)
class Latest:
    """The newest reading of a sensor.

    Attributes:
        value: A number (bools are 0 and 1) or any JSON value.
        timestamp: When it was taken.
        unit: As the node's birth says; "" where it does not.
        confidential: The group that it was sealed for; "" for everyone, None where nobody knows any more.
    """

    value: Any
    timestamp: int
    unit: str = ""
    confidential: str | None = ""


@dataclass(slots=True, kw_only=True)
class Node:
    """One node. The fields are the columns of `nodes`.

    Attributes:
        tags: Those that count; which its credential has is in `facts`.
        sensors: Latest readings by sensor.
        revoked: When the mesh was told to believe it no more.
        former: The ids that it had before its key was rotated.
        clock: "bad" where its clock is known to be wrong, by its last birth.
        facts: What is known beside its birth.
        changed: Count of changes, for whoever shows it.
    """

    id: str
    name: str
    board: str = ""
    sw: str = ""
    epoch: int = 0
    caps: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    credential_expires: int = 0
    online: bool = False
    first_seen: int = 0
    last_seen: int = 0
    died: int | None = None
    revoked: int | None = None
    former: list[str] = field(default_factory=list)
    sensors: dict[str, Latest] = field(default_factory=dict)
    clock: str = ""
    facts: Facts = field(default_factory=Facts)
    changed: int = 0

    def retag(self, credential: list[str] | None = None) -> None:
        """Its credential has these tags now, or operators have set others."""
        if credential is not None:
            self.facts.credential = credential
        self.tags = self.facts.tags
        self.changed += 1

    @property
    def ids(self) -> list[str]:
        """Every id that it had; what it said under one is kept under that one."""
        return [self.id, *self.former]

    @property
    def sleeps(self) -> int:
        """Nanoseconds that it is away by its nature, as its birth says; 0 for one that is always there."""
        said = self.caps.get("sleeps")
        return min(said, _LONGEST) * SECOND if type(said) is int and said > 0 else 0

    def asleep(self, now: int) -> bool:
        """Whether it is away, and was said to be: it has not slept longer than it does."""
        away = not self.online and self.revoked is None
        return away and self.sleeps > 0 and now - self.last_seen <= self.sleeps + _WAKING

    def unit(self, sensor: str) -> str:
        """The unit of a sensor, from the birth."""
        known = self.caps.get("sensors")
        about = known.get(sensor) if isinstance(known, dict) else None
        unit = about.get("unit") if isinstance(about, dict) else None
        return unit if isinstance(unit, str) else ""


class Fleet:
    """Every node that is known.

    Attributes:
        nodes: By id.
        alerts: The newest last, each a row of `events` with `node_name`.
        own: Id and name of the gateway itself, which is no node and has events of its own.
    """

    def __init__(self, on_presence: Callable[[Node], None] = lambda _: None) -> None:
        self._on_presence = on_presence
        self.nodes: Roster[Node] = Roster()
        self.alerts: deque[dict[str, Any]] = deque(maxlen=ALERTS)
        self.own = ("", "")
        self._successors: dict[str, str] = {}
        self._dirty: set[str] = set()

    def load(self, rows: Iterable[dict[str, Any]], readings: Iterable[dict[str, Any]]) -> None:
        """What the database knew. Nobody is there until it is heard."""
        for row in rows:
            node = Node(**row)
            if node.online:
                self._dirty.add(node.id)
            node.online = False
            node.retag(node.tags)
            self.nodes[node.id] = node
            self._successors |= dict.fromkeys(node.former, node.id)
        for row in readings:
            self._take(row)

    def born(self, row: dict[str, Any], *, present: bool, now: int, former: str = "") -> dict[str, Any]:
        """A birth; returns the row as it is to be stored.

        Args:
            present: It shows that the node is there now.
            former: The id before its key was rotated: under it there is nobody any more.
        """
        if (before := self.nodes.take(former)) is not None and row["id"] not in self.nodes:
            before.id = row["id"]
            self.nodes[before.id] = before
            self._dirty.discard(former)
        known = self.nodes.get(row["id"])
        if known is None:
            known = self.nodes[row["id"]] = Node(**row)
        else:
            self.nodes.rename(known, row["name"])
            for name in ("board", "sw", "epoch", "caps", "credential_expires"):
                setattr(known, name, row[name])
            known.last_seen = max(known.last_seen, row["last_seen"])
        known.retag(row["tags"])
        if former and former not in known.former:
            known.former = [*known.former, former]
        self._successors |= dict.fromkeys(known.former, known.id)
        for sensor, latest in known.sensors.items():
            latest.unit = known.unit(sensor)
        if present:
            self._hear(known, now)
        known.changed += 1
        kept = {name: getattr(known, name) for name in ("online", "first_seen", "last_seen", "revoked", "former")}
        return {**row, **kept}

    def doubt(self, node: str, wrong: bool) -> None:
        """What is known of a node's clock now."""
        self.nodes[node].clock = "bad" if wrong else ""

    def doubts(self, node: str) -> bool:
        """Whether a node's clock is known to be wrong."""
        known = self.nodes.get(self.now(node))
        return known is not None and known.clock == "bad"

    def now(self, node: str) -> str:
        """The id that a node has now."""
        return self._successors.get(node, node)

    def revoke(self, node: str, now: int) -> None:
        """A node that is believed no more."""
        if (known := self.nodes.get(node)) is not None:
            known.revoked = now
            self._lose(known, now)

    def heard(self, node: str, now: int) -> None:
        """A node said something that nobody else can have said."""
        if (known := self.nodes.get(self.now(node))) is not None:
            self._hear(known, now)

    def _hear(self, node: Node, now: int) -> None:
        node.last_seen = max(node.last_seen, now)
        if not node.online:
            node.online, node.died = True, None
            node.changed += 1
            self._dirty.add(node.id)
            self._on_presence(node)

    def died(self, node: str, now: int) -> None:
        """A node's will."""
        if (known := self.nodes.get(node)) is not None:
            self._lose(known, now)

    def _lose(self, node: Node, now: int) -> None:
        if node.online or node.died is None:
            node.online, node.died = False, now
            node.changed += 1
            self._dirty.add(node.id)
            self._on_presence(node)

    def silence(self, now: int) -> None:
        """Time has passed: who has not been heard for long is not there."""
        for node in self.nodes.values():
            if node.online and now - node.last_seen > SILENCE:
                self._lose(node, now)

    def read(self, rows: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
        """Readings; returns those to be stored, and how many belong to no node or are of one sensor too many."""
        taken = []
        dropped = 0
        for row in rows:
            if self._take(row):
                taken.append(row)
            else:
                dropped += 1
        return taken, dropped

    def _take(self, row: dict[str, Any]) -> bool:
        node = self.nodes.get(self.now(row["node"]))
        if node is None:
            return False
        sensor, timestamp = row["sensor"], row["timestamp"]
        value = row["value"] if row["number"] is None else row["number"]
        confidential = row["confidential"]
        latest = node.sensors.get(sensor)
        if latest is None:
            if len(node.sensors) >= MAX_SENSORS:
                return False
            node.sensors[sensor] = Latest(value, timestamp, node.unit(sensor), confidential)
        elif timestamp >= latest.timestamp:
            latest.value, latest.timestamp, latest.confidential = value, timestamp, confidential
        node.changed += 1
        return True

    def alert(self, row: dict[str, Any]) -> None:
        """An event of class `alert`."""
        self.alerts.append({**row, "node_name": self.name(row["node"])})

    def name(self, node: str) -> str:
        """What a node is called; its id where it is not known."""
        if node == self.own[0]:
            return self.own[1]
        known = self.nodes.get(self.now(node))
        return known.name if known else node

    def changes(self) -> list[dict[str, Any]]:
        """Presence that the database does not know yet."""
        dirty, self._dirty = self._dirty, set()
        return [
            {"id": node.id, "online": node.online, "last_seen": node.last_seen, "died": node.died}
            for node in (self.nodes[id] for id in dirty)
        ]

    def unsaved(self, nodes: Iterable[str]) -> None:
        """The database is to be told of these (again)."""
        self._dirty.update(nodes)

    def find(self, who: str) -> Node:
        """A node by its id, or by its name: of several that share it the one that is there, else the one heard last.

        Raises:
            NotFoundError: there is none; the message names some that there are.
            UnfitError: several that share the name are there, so a command could reach one that is not meant.
        """
        if (node := self.nodes.get(self.now(who))) is not None:
            return node
        named = [node for node in self.nodes.values() if node.name == who]
        there = sorted(node.id for node in named if node.online)
        if len(there) > 1:
            raise UnfitError(
                say(
                    "{count} nodes that are online are called {who!r}: say which, {names}",
                    count=len(there),
                    who=who,
                    names=either(there),
                )
            )
        if named:
            return max(named, key=lambda node: (node.online, node.revoked is None, node.last_seen))
        raise NotFoundError(say("no node is called {who!r}{instead}", who=who, instead=self.instead(who)))

    def instead(self, who: str) -> str:
        """Which node may have been meant by a name that none has, as the end of a sentence."""
        names = (node.name for node in self.nodes.values() if node.revoked is None)
        return instead(who, names, "ganglion fleet list")

    @property
    def streams(self) -> list[tuple[str, str]]:
        """Every (node, sensor)."""
        return [(id, sensor) for node in self.nodes.values() for id in node.ids for sensor in node.sensors]

    @property
    def online(self) -> int:
        """How many are there."""
        return sum(node.online for node in self.nodes.values())
