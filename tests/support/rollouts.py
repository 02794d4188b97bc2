# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated nodes and their releases for tests of rollouts, in virtual time: good ones, and every bad kind.

field = Field({"a": Kind.GOOD, "b": Kind.LIES}, bad={"r2"})
await field.assign("a", "r2", by="me")       # it is the `Releases` of the contract
field.step(now)                     # everybody goes on, and reports
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ganglion.errors import NotFoundError
from ganglion.units import SECOND
from ganglion_gateway.rollout.contract import Fence, Report, Reported
from ganglion_gateway.rollout.happening import Crashed, Happening, Presence
from ganglion_gateway.store.database import Database

#: How a release goes at a node whose parts are in order, and at one whose trial shows that it is bad.
GOOD = [Reported.DOWNLOADING, Reported.STAGED, Reported.TRIAL, Reported.HEALTHY, Reported.COMMITTED]
REVERTS = [Reported.DOWNLOADING, Reported.STAGED, Reported.TRIAL, Reported.REVERTED]


class Kind(Enum):
    """How a simulated node behaves with a bad release; a good one does all but LIES and BREAKS no harm."""

    GOOD = "good"  # tries it, and goes back
    LIES = "lies"  # says that it has committed, whatever is true
    DIES = "dies"  # is never heard again after it has begun
    FLAPS = "flaps"  # comes, goes and says now this, now that, but that it has committed
    CRASHES = "crashes"  # commits, and crashes soon after
    LATE = "late"  # reports long after
    TWICE = "twice"  # reports everything again and again
    ASLEEP = "asleep"  # is not there, and wakes now and then
    DARK = "dark"  # commits, and is never heard again
    BREAKS = "breaks"  # fails with any release


@dataclass(slots=True, kw_only=True)
class Made:
    """A release; it lacks nothing but on these boards."""

    id: str
    name: str = ""
    size: int = 0
    not_on: Sequence[str] = ()

    def weight(self, caps: Mapping[str, Any]) -> int:
        return 0

    def brings(self, sw: str, caps: Mapping[str, Any]) -> str:
        return ""

    def lacking(self, *, board: str, sw: str, caps: Mapping[str, Any]) -> Sequence[str]:
        return [f"it does not run on {board}"] if board in self.not_on else []


@dataclass(slots=True)
class Sim:
    """A node."""

    kind: Kind
    online: bool = True
    dead: bool = False
    release: str | None = None
    by: str = ""
    todo: list[Reported] = field(default_factory=list)
    runs: str | None = None  # what it has committed
    said: Report | None = None


class Field:
    """All of them.

    Args:
        nodes: How each behaves.
        bad: Releases that no node can run.
        seed: Of what is left to chance.

    Attributes:
        ever: Every node that was given a release, by release.
        calls: How often `assign` was called.
        fails: How often it fails from now on.
        gone: Nodes that it does not know any more.
        hear: Told every report.
        database: Where fences are asked.
    """

    def __init__(self, nodes: Mapping[str, Kind], *, bad: Collection[str] = (), seed: int = 0) -> None:
        self.nodes = {node: Sim(kind, online=kind is not Kind.ASLEEP) for node, kind in nodes.items()}
        self.bad = set(bad)
        self.ever: dict[str, set[str]] = {}
        self.calls = 0
        self.fails = 0
        self.gone: set[str] = set()
        self.releases = {each: Made(id=each, name=f"release {each}") for each in ("r1", "r2", "r3")}
        self._dice = random.Random(seed)
        self.database: Database | None = None
        self.hear: list[Callable[[Report], None]] = []
        self._late: list[tuple[int, Report]] = []
        self._now = 0

    async def find(self, release: str) -> Made:
        if release not in self.releases:
            raise NotFoundError(f"there is no release {release!r}")
        return self.releases[release]

    async def assign(
        self, node: str, release: str | None, *, by: str, fence: Fence | None = None, since: int = 0
    ) -> None:
        self.calls += 1
        if self.database is not None and fence is not None:
            await self.database.write(fence)
        if self.fails > 0:
            self.fails -= 1
            raise OSError("the disk is full")
        if node not in self.nodes or node in self.gone:
            raise NotFoundError(f"there is no node {node}")
        sim = self.nodes[node]
        if (sim.release, sim.by) == (release, by):
            return
        sim.release, sim.by = release, by
        if release is not None:
            self.ever.setdefault(release, set()).add(node)
        sim.todo = self._way(sim, release)

    def _way(self, sim: Sim, release: str | None) -> list[Reported]:
        if sim.runs == release:
            return [Reported.COMMITTED]
        if release not in self.bad and sim.kind is not Kind.BREAKS:
            return list(GOOD)
        match sim.kind:
            case Kind.LIES:
                return [Reported.COMMITTED]
            case Kind.DIES:
                return GOOD[: self._dice.randrange(5)]
            case Kind.FLAPS:
                return [self._dice.choice(GOOD[:4]) for _ in range(12)]
            case Kind.CRASHES | Kind.DARK:
                return list(GOOD)
        return list(REVERTS)

    async def assigned(self, nodes: Sequence[str]) -> dict[str, str]:
        return {node: release for node in nodes if (release := self.nodes[node].release) is not None}

    async def standing(self, nodes: Sequence[str]) -> list[Report]:
        return [said for node in nodes if (said := self.nodes[node].said) is not None]

    async def said(self, since: int) -> list[Report]:
        return [said for sim in self.nodes.values() if (said := sim.said) is not None and said.at >= since]

    def listen(self, hear: Callable[[Report], None]) -> Callable[[], None]:
        self.hear.append(hear)
        return lambda: self.hear.remove(hear)

    def step(self, now: int) -> list[Happening]:
        """Everybody goes on by one thing; what is heard of it besides the reports."""
        self._now = now
        heard: list[Happening] = []
        for node, sim in self.nodes.items():
            if not sim.dead:
                heard += self._go_on(node, sim)
        due = [report for at, report in self._late if at <= now]
        self._late = [each for each in self._late if each[0] > now]
        for report in due:
            self._tell(report)
        return heard

    def _go_on(self, node: str, sim: Sim) -> list[Happening]:
        heard: list[Happening] = []
        if sim.kind is Kind.ASLEEP or (sim.kind is Kind.FLAPS and self._dice.random() < 0.5):
            wakes = self._dice.random() < (0.05 if sim.kind is Kind.ASLEEP else 0.5)
            if wakes is not sim.online:
                sim.online = wakes
                heard.append(Presence(node, wakes))
        if sim.online and sim.todo:
            state = sim.todo.pop(0)
            why = "its trial failed" if state is Reported.REVERTED else ""
            report = Report(node, sim.release, state, why, self._now)
            if state is Reported.COMMITTED:
                sim.runs = sim.release
            if sim.kind is Kind.LATE:
                self._late.append((self._now + self._dice.randrange(600) * SECOND, report))
            else:
                self._tell(report)
            if sim.kind is Kind.TWICE:
                self._late += [(self._now + late * SECOND, report) for late in (30, 700)]
        bad = sim.release in self.bad
        if bad and not sim.todo and sim.kind in (Kind.DIES, Kind.DARK):
            sim.dead, sim.online = True, False
            heard.append(Presence(node, online=False))
        if bad and not sim.todo and sim.kind is Kind.CRASHES:
            heard.append(Crashed(node, "OSError"))
        return heard

    def _tell(self, report: Report) -> None:
        report = report._replace(at=self._now)
        self.nodes[report.node].said = report
        for hear in list(self.hear):
            hear(report)
