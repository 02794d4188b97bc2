# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs rollouts: hears, has their machines decide, saves what they decided, and only then does it.

The database is the truth. Who holds the lease reads what is open there, so another gateway goes on where one has ended.
A command of an operator is saved by the gateway that was asked; who runs the rollout notices by its version, which also
stands before each assignment: what somebody has aborted meanwhile is not carried out.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import GanglionError, NotFoundError, OverError, RefusedError
from ganglion.sentences import joined, say
from ganglion.units import SECOND
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.leases import Lease
from ganglion_gateway.rollout.contract import Releases, Report
from ganglion_gateway.rollout.happening import Abort, Assign, Gone, Happening, Pause, Resume, Told, refusal
from ganglion_gateway.rollout.machine import Machine
from ganglion_gateway.rollout.planning import Plan, begun
from ganglion_gateway.rollout.senses import Senses
from ganglion_gateway.rollout.target import Changes, Rollout
from ganglion_gateway.store import audit
from ganglion_gateway.store import rollouts as store
from ganglion_gateway.store.database import Database, Row, why

_log = structlog.get_logger(__name__)

#: Seconds between looks at what time brings, and at least between looks at what nodes bring.
_TICK = 1.0
_PAUSE = 0.2
#: Nanoseconds by which the clocks of gateways may differ, and a report be older than when it is seen.
_LATE = 60 * SECOND
#: Events of the fleet that one look takes.
_EVENTS = 1000
#: Assignments at the same time.
_TOGETHER = 64
#: How often a command is tried that somebody else was quicker than.
_TRIES = 5
#: Who does what no operator has asked for.
_SELF = "gateway"


class Controller:
    """Rollouts: every gateway takes commands, and one of them runs them.

    Args:
        database: Holds them.
        fleet: Knows who is there.
        releases: Has nodes run them.
        clock: Nanoseconds since the Unix epoch.
        on_note: Called when steps are saved.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        releases: Releases,
        *,
        clock: Callable[[], int],
        on_note: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._releases = releases
        self._clock = clock
        self._on_note = on_note
        self._machines: dict[str, Machine] = {}
        self._heard: dict[str, int] = {}  # until when a machine knows what nodes have said
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()  # one thing at a time is done to a machine: fed, saved, carried out

    async def run(self, lease: Lease) -> None:
        """Runs them until cancelled, or another gateway does."""
        self._machines.clear()
        stop = self._releases.listen(lambda report: self._wake.set())
        try:
            while lease.held:
                try:
                    await self.look()
                except (SQLAlchemyError, GanglionError) as error:
                    _log.error("rollouts wait", reason=why(error))
                    self._machines.clear()
                await asyncio.sleep(_PAUSE)  # a thousand nodes that report at once are one look
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TICK):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            stop()

    async def look(self) -> None:
        """One look at everything, and what follows from it."""
        async with self._lock:
            await self._read()
            if not self._machines:
                return
            now = self._clock()
            reports = await self._releases.said(min(self._heard.get(id, 0) for id in self._machines) - _LATE)
            oldest = min(machine.rollout.seen for machine in self._machines.values())
            events = await store.judging_events(self._database, oldest, limit=_EVENTS)
            if len(events) == _EVENTS:
                self._wake.set()  # there are more
            for id, machine in list(self._machines.items()):
                try:
                    await self._go_on(machine, reports, events)
                    self._heard[id] = now
                except store.OvertakenError:
                    self._machines.pop(id, None)
                    self._wake.set()

    async def start(self, made: Plan, *, selector: str, by: str) -> None:
        """Begins what was planned; on the disk when it returns.

        Raises:
            RefusedError: nobody can take it, or another rollout has some of the nodes.
        """
        if not made.chosen:
            why = joined(": ", ["", made.skipped[0][0].name, made.skipped[0][1]]) if made.skipped else ""
            raise RefusedError(say("no node that is meant can take {name}{why}", name=made.name, why=why))
        if made.busy:
            raise store.conflict({each.node: each.busy for each in made.busy})
        now = self._clock()
        rollout, stages, targets = begun(made, selector=selector, by=by, now=now)
        rollout.seen = await store.newest_event(self._database)
        detail = {"release": made.release, "selector": selector, "nodes": len(made.chosen)}

        async def work(connection: AsyncConnection) -> None:
            await store.create(connection, rollout, stages, targets)
            await audit.record(connection, at=now, actor=by, action="rollout.start", target=rollout.id, detail=detail)

        try:
            await self._database.write(work)
        except IntegrityError:
            others = await store.busy(self._database, [each.node for each in made.chosen])
            if others:
                raise store.conflict(others) from None
            raise RefusedError(say("there is a rollout {id} already: leave the id out", id=rollout.id)) from None
        self._wake.set()

    async def command(self, rollout: str, command: Pause | Resume | Abort) -> None:
        """What an operator wants of a rollout; on the disk when it returns, and carried out soon after.

        Raises:
            NotFoundError: there is no such rollout.
            OverError: it makes no sense now.
        """
        async with self._lock:
            for _ in range(_TRIES):
                machine = self._machines.get(rollout) or await self._load(rollout)
                if machine is None:
                    raise NotFoundError(
                        say(
                            "there is no rollout {rollout}: `ganglion rollout list` shows those there are",
                            rollout=rollout,
                        )
                    )
                if why := refusal(machine.rollout, command):
                    raise OverError(why)
                try:
                    machine.feed(self._clock(), [command])
                    await self._save(machine, actor=command.by)
                    break
                except store.OvertakenError:
                    continue
            else:
                raise OverError(say("rollout {rollout} is changed by others all the time: try again", rollout=rollout))
        self._wake.set()

    async def _read(self) -> None:
        """Has a machine for all that is open, as it was saved last."""
        versions = await store.versions(self._database)
        for id, machine in list(self._machines.items()):
            if versions.get(id) != machine.rollout.version:
                del self._machines[id]
        for id in versions.keys() - self._machines.keys():
            if (loaded := await self._load(id)) is not None:
                self._machines[id] = loaded
                self._heard[id] = 0

    async def _load(self, rollout: str) -> Machine | None:
        """A machine that knows who is there."""
        saved = await store.load(self._database, rollout)
        if saved is None:
            return None
        now = self._clock()
        is_new = saved[0].version == 0  # nothing was done yet that could have been missed
        machine = Machine(*saved, now=now, settled=is_new)
        machine.meet(Senses(self._fleet, machine).present())
        return machine

    async def _go_on(self, machine: Machine, reports: Sequence[Report], events: Sequence[Row]) -> None:
        senses, now = Senses(self._fleet, machine), self._clock()
        heard = [*senses.now(), *senses.stored(events), *senses.said(reports)]
        if events:
            machine.look(events[-1]["number"])
        machine.feed(now, heard)
        await self._save(machine)
        if actions := machine.actions:
            machine.feed(self._clock(), await self._carry_out(machine.rollout, senses, actions))
            await self._save(machine)

    async def _carry_out(self, rollout: Rollout, senses: Senses, actions: Sequence[Assign]) -> list[Happening]:
        """What was done of it; the rest is done another time.

        Raises:
            OvertakenError: somebody has changed the rollout since.
        """
        limit, version = asyncio.Semaphore(_TOGETHER), rollout.version

        async def fence(connection: AsyncConnection) -> None:
            await store.check(connection, rollout.id, version)

        async def one(action: Assign) -> Happening:
            async with limit:
                node, by = senses.current(action.node), f"rollout {rollout.id}"
                await self._releases.assign(node, action.release, by=by, fence=fence, since=action.since)
            return Told(action.node, action.want)

        done: list[Happening] = []
        outcomes = await asyncio.gather(*(one(action) for action in actions), return_exceptions=True)
        for action, outcome in zip(actions, outcomes, strict=True):
            match outcome:
                case NotFoundError() | RefusedError():
                    done.append(Gone(action.node, str(outcome)))
                case store.OvertakenError():
                    raise outcome
                case GanglionError() | SQLAlchemyError():
                    _log.warning("not assigned yet", rollout=rollout.id, node=action.node, reason=str(outcome))
                case BaseException():
                    raise outcome
                case _:
                    done.append(outcome)
        return done

    async def _save(self, machine: Machine, *, actor: str = _SELF) -> None:
        is_over = machine.is_over(self._clock())
        changes = machine.changes() or (Changes(machine.rollout) if is_over else None)
        if changes is None:
            return
        what = store.Save.of(changes, is_over=is_over)
        try:
            await self._database.write(lambda connection: store.save(connection, what, actor=actor))
        except BaseException:
            self._machines.pop(machine.rollout.id, None)  # it knows what nobody else does: it is read again
            raise
        machine.rollout.version += 1
        for note in changes.notes:
            _log.info("rollout", id=machine.rollout.id, what=note.what, detail=note.detail)
        if changes.notes:
            self._on_note()
