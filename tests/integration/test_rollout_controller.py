# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts on a real database, with simulated nodes: saved before they act, and gone on with by whoever comes next."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import insert, select

from ganglion.errors import NotFoundError, RefusedError
from ganglion.units import SECOND
from ganglion_gateway.fleet import SILENCE, Fleet
from ganglion_gateway.leases import Leases
from ganglion_gateway.rollout.controller import Controller
from ganglion_gateway.rollout.happening import Abort, Pause, Presence, Resume
from ganglion_gateway.rollout.planning import Candidate, plan
from ganglion_gateway.rollout.target import At, State
from ganglion_gateway.rollout.terms import Bound, Terms
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import rollouts as store
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.tables import audit, events
from ganglion_gateway.store.url import DatabaseUrl
from support.postgres import PostgresServer
from support.rollout_drive import MINUTE, START, terms
from support.rollouts import Field, Kind
from support.waiting import until_answered

IDS = {f"n{i}": f"n{i}".ljust(26, "a") for i in range(40)}


@pytest.fixture
async def database(store_url: DatabaseUrl) -> AsyncIterator[Database]:
    async with Database.open_(store_url) as opened:
        yield opened


class Site:
    """Gateways over one database and one field of nodes, in virtual time."""

    def __init__(self, database: Database, field: Field) -> None:
        self.database, self.field, self.now = database, field, START
        self.fleet, field.database = Fleet(), database
        for node, sim in field.nodes.items():
            row: dict[str, Any] = {"id": node, "name": node[:3], "board": "sim", "sw": "1", "epoch": 1, "caps": {}}
            row |= {"tags": [], "credential_expires": 0, "online": False, "first_seen": 0, "last_seen": 0, "died": None}
            self.fleet.born(row, present=sim.online, now=self.now)
        self.now += SILENCE
        self.gateway = self.new()
        self.now += 2 * SILENCE

    def new(self) -> Controller:
        """A gateway that begins now."""
        return Controller(self.database, self.fleet, self.field, clock=lambda: self.now)

    async def start(self, agreed: Terms, *, id: str = "rollout", release: str = "r2") -> None:
        """Begins a rollout to everybody."""
        busy = await store.busy(self.database, list(self.field.nodes))
        nodes = [
            Candidate(node=node, name=node, before=sim.release, busy=busy.get(node, ""))
            for node, sim in self.field.nodes.items()
        ]
        made = plan(id, self.field.releases[release], agreed, nodes)
        await self.gateway.start(made, selector="all", by="ada")

    async def run(self, minutes: float, *, step: int = MINUTE // 2, gateway: Controller | None = None) -> None:
        """Lets time pass."""
        end = self.now + round(minutes * MINUTE)
        while self.now < end:
            self.now += step
            for each in self.field.step(self.now):
                if isinstance(each, Presence):
                    (self.fleet.heard if each.online else self.fleet.died)(each.node, self.now)
            await (gateway or self.gateway).look()

    async def state(self, id: str = "rollout") -> str:
        row = await store.find(self.database, id)
        assert row is not None
        return str(row["state"])

    async def states(self, id: str = "rollout") -> dict[str, str]:
        rows = await store.nodes(self.database, id, states=(), after=None, limit=1000)
        return {row["node"]: row["state"] for row in rows}

    async def happened(self, id: str = "rollout") -> list[str]:
        rows = await store.notes(self.database, id, after=None, limit=1000)
        return [row["what"] for row in rows]

    async def event(self, node: str, cls: str, value: Any, *, source: str = "") -> None:
        """An event of the fleet, stored."""
        row = {
            "id": f"{node}-1-{self.now}",
            "node": node,
            "cls": cls,
            "epoch": 1,
            "seq": 1,
            "topic": cls,
            "value": value,
        }
        row |= {"source": source, "run": "", "timestamp": self.now, "sealed": self.now, "received": self.now}
        await self.database.write(lambda connection: connection.execute(insert(events), [{**row, "stored": self.now}]))


def field(count: int = 20, *, bad: bool = False, kind: Kind = Kind.GOOD) -> Field:
    made = Field(dict.fromkeys(list(IDS.values())[:count], kind), bad={"r2"} if bad else set())
    for sim in made.nodes.values():
        sim.release = sim.runs = "r1"
    return made


async def test_a_good_release_reaches_everybody(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(10, 100, soak=5 * MINUTE))
    await site.run(25)
    assert await site.state() == "completed"
    assert set((await site.states()).values()) == {"committed"}
    assert await site.happened() == ["stage", "soaking", "stage", "soaking", "completed"]
    assert await store.versions(database) == {}
    rows = await database.all(select(audit.c.actor, audit.c.action).order_by(audit.c.number))
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("ada", "rollout.start"),
        ("gateway", "rollout.stage"),
        ("gateway", "rollout.stage"),
        ("gateway", "rollout.completed"),
    ]


async def test_a_bad_release_is_taken_back(database: Database) -> None:
    site = Site(database, field(bad=True))
    await site.start(terms(10, 100))
    await site.run(25)
    assert await site.state() == "aborted"
    assert len(site.field.ever["r2"]) == 2
    assert {sim.release for sim in site.field.nodes.values()} == {"r1"}


@pytest.mark.parametrize(("every", "turns", "given"), [(1, 40, 2), (3, 100, 20)])
async def test_another_gateway_goes_on_at_any_time(database: Database, every: int, turns: int, given: int) -> None:
    site = Site(database, field())
    await site.start(terms(10, 50, 100, soak=3 * MINUTE))
    for turn in range(turns):
        if turn % every == 0:
            site.gateway = site.new()
        await site.run(0.5)
    # Each listens for a minute before a stage passes, and with one gateway every 30 s none is given that long
    assert len(site.field.ever["r2"]) == given
    await site.run(30)
    assert await site.state() == "completed"
    assert set((await site.states()).values()) == {"committed"}


async def test_a_gateway_that_does_not_run_them_takes_commands(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(10, 100, soak=3 * MINUTE))
    other = site.new()
    await other.command("rollout", Pause("bob"))
    await site.run(20)
    assert await site.state() == "paused"
    assert len(site.field.ever.get("r2", set())) == 0
    await other.command("rollout", Resume("bob"))
    await site.run(20)
    assert await site.state() == "completed"


async def test_what_another_gateway_has_aborted_meanwhile_is_not_carried_out(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(100))
    other, assign = site.new(), site.field.assign
    waits: list[str] = []

    async def late(node: str, release: str | None, **more: Any) -> None:
        site.field.assign = assign  # type: ignore[method-assign]
        waits.append(node)
        await other.command("rollout", Abort("bob", "smells"))
        await assign(node, release, **more)

    site.field.assign = late  # type: ignore[method-assign]
    await site.run(0.5)
    assert await site.state() == "aborted"
    await site.run(5)
    assert not site.field.ever["r2"] & set(waits)
    assert {sim.release for sim in site.field.nodes.values()} == {"r1"}


async def test_of_two_gateways_one_runs_them_and_the_other_goes_on(postgres: PostgresServer) -> None:
    url = postgres.database(migrated=True)
    async with (
        Database.open_(url) as database,
        Database.open_(url) as another,
        Leases.open_(database) as first,
        Leases.open_(another) as second,
    ):
        site = Site(database, field(4))
        await site.start(terms(50, 100, soak=30 * SECOND))
        one = asyncio.create_task(first.lead("rollouts", site.gateway.run))
        await until_answered(lambda: _has(site, "committed"), what="the first cohort has it")
        site.gateway = Controller(another, site.fleet, site.field, clock=lambda: site.now)
        two = asyncio.create_task(second.lead("rollouts", site.gateway.run))
        await site.gateway.command("rollout", Pause("bob"))
        await site.gateway.command("rollout", Resume("bob"))
        assert first.holds("rollouts")
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        await until_answered(lambda: _is_over(site), what="the rollout is completed")
        assert second.holds("rollouts")
        two.cancel()
        await asyncio.gather(two, return_exceptions=True)
        assert set((await site.states()).values()) == {"committed"}
    postgres.drop(url)


async def _has(site: Site, state: str) -> bool:
    site.field.step(site.now)
    return state in (await site.states()).values()


async def _is_over(site: Site) -> bool:
    site.now += 5 * SECOND
    site.field.step(site.now)
    return await site.state() == State.COMPLETED


async def test_one_that_was_overtaken_reads_again_and_undoes_nothing(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(10, 100, soak=3 * MINUTE))
    other = site.new()
    await site.run(1)
    await site.run(1, gateway=other)
    await other.command("rollout", Abort("bob", "smells", send_back=True))
    await site.run(10)
    assert await site.state() == "aborted"
    row = await store.find(database, "rollout")
    assert row is not None
    assert row["why"] == "by bob: smells"
    assert {sim.release for sim in site.field.nodes.values()} == {"r1"}


async def test_commands_that_make_no_sense_are_refused(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(10, 100))
    with pytest.raises(NotFoundError, match="no rollout nowhere"):
        await site.gateway.command("nowhere", Pause("ada"))
    with pytest.raises(RefusedError, match="only one that is paused can go on"):
        await site.gateway.command("rollout", Resume("ada"))
    await site.gateway.command("rollout", Abort("ada"))
    with pytest.raises(RefusedError, match="rollout rollout is aborted: there is nothing to pause"):
        await site.gateway.command("rollout", Pause("ada"))


async def test_a_node_is_in_one_rollout_at_a_time(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(10, 100))
    with pytest.raises(RefusedError, match="20 of these nodes are in rollout rollout, which has not ended"):
        await site.start(terms(10, 100), id="second", release="r3")
    made = plan("third", site.field.releases["r3"], terms(100), [Candidate(node=IDS["n3"], name="n3")])
    with pytest.raises(RefusedError, match="1 of these nodes is in rollout rollout"):
        await site.gateway.start(made, selector="n3", by="ada")  # as where another was quicker than the plan
    await site.gateway.command("rollout", Abort("ada"))
    await site.run(1)
    await site.start(terms(10, 100), id="second", release="r3")
    await site.run(40)
    assert await site.state("second") == "completed"


async def test_a_rollout_to_nobody_is_refused(database: Database) -> None:
    site = Site(database, field())
    nodes = [Candidate(node=IDS["n0"], name="n0", lacks=("it is too old",))]
    with pytest.raises(RefusedError, match="no node that is meant can take release r2: n0: it is too old"):
        await site.gateway.start(plan("x", site.field.releases["r2"], terms(), nodes), selector="all", by="ada")


async def test_crashes_and_alerts_that_were_stored_count_also_after_a_restart(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(100, soak=30 * MINUTE, alerts=0, quorum=50, tolerate_stage=terms().tolerate_stage))
    await site.event(IDS["n0"], "crash", {"error": "Traceback\nValueError: old"})
    await site.run(5)
    await site.event(IDS["n2"], "crash", {"kind": "reset", "text": "the machine stopped while the node ran"})
    site.now += 1
    await site.event(IDS["n2"], "crash", {"at": START, "text": "of the software before"})
    site.now += 1
    await site.event(IDS["n2"], "crash", {"text": "of its leaf"}, source="leaf/door")
    await site.event(IDS["n0"], "crash", {"error": "Traceback\nValueError: new"})
    site.gateway = site.new()
    await site.run(0.5)
    assert (await site.states())[IDS["n0"]] == "failed"
    rows = await store.nodes(database, "rollout", states=["failed"], after=None, limit=10)
    assert [row["why"] for row in rows] == ["crashed: ValueError: new"]
    await site.event(IDS["n1"], "alert", {"cause": "hot"})
    await site.run(0.5)
    assert await site.state() == "aborted"
    assert await site.happened() == ["stage", "soaking", "failed", "failed", "aborted"]


async def test_what_is_over_for_long_is_deleted(database: Database) -> None:
    site, keep = Site(database, field(2)), Retention()
    await site.start(terms(100, soak=0))
    for later, left in ((0, True), (keep.audit_age + SECOND, True)):
        await database.write(lambda connection, later=later: store.prune(connection, keep, site.now + later))
        assert (await store.find(database, "rollout") is not None) is left  # it is not over
    await site.run(5)
    assert await site.state() == "completed"
    await database.write(lambda connection: store.prune(connection, keep, site.now))
    assert await site.states()
    await database.write(lambda connection: store.prune(connection, keep, site.now + keep.audit_age + SECOND))
    assert await store.find(database, "rollout") is None
    assert not await site.states()
    assert not await site.happened()


async def test_sensors_are_looked_at(database: Database) -> None:
    site = Site(database, field())
    await site.start(terms(100, soak=30 * MINUTE, bounds=(Bound.read("system.temperature<80 for 2m"),)))
    await site.run(5)
    for i in range(2):
        reading = {"sensor": "system.temperature", "timestamp": site.now, "value": None, "confidential": ""}
        site.fleet.read([{**reading, "node": IDS[f"n{i}"], "number": 90.0}])
    await site.run(4)
    assert await site.state() == "aborted"


async def test_a_node_whose_key_was_rotated_is_the_same_and_one_that_was_revoked_is_gone(database: Database) -> None:
    site = Site(database, field(10))
    await site.start(terms(100, soak=30 * MINUTE))
    old, new = IDS["n0"], "z" * 26
    sim = site.field.nodes.pop(old)
    site.field.nodes[new] = sim
    row = {name: getattr(site.fleet.nodes[old], name) for name in ("name", "board", "sw", "epoch", "caps", "tags")}
    row |= {"credential_expires": 0, "first_seen": 0, "last_seen": site.now, "died": None, "online": False}
    site.fleet.born({**row, "id": new}, present=True, now=site.now, former=old)
    site.fleet.revoke(IDS["n1"], site.now)
    await site.run(5)
    states = await site.states()
    assert (states[old], states[IDS["n1"]]) == (At.COMMITTED, At.GONE)


async def test_it_runs_by_itself_and_is_woken_by_reports(database: Database) -> None:
    site = Site(database, field(4))
    await site.start(terms(100, soak=0))
    async with Leases.open_(database) as leases:
        running = asyncio.create_task(leases.lead("rollouts", site.gateway.run))
        try:
            await until_answered(lambda: _is_over(site), what="the rollout is completed")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert not site.field.hear


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_thousand_nodes_cost_few_writes(database: Database) -> None:
    nodes = Field({f"n{i}".ljust(26, "a"): Kind.GOOD for i in range(1000)})
    site = Site(database, nodes)
    await site.start(terms(1, 100, soak=2 * MINUTE, at_once=1000))
    before = database.writer.commits
    await site.run(12)
    assert await site.state() == "completed"
    assert database.writer.commits - before < 60
