# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs scripts on a node: their triggers are subscriptions of the bus, their effects are carried out on the ports.

A run that waits for nothing is over when the bus's callback returns. One that waits goes on as a task or timer of the
event loop. Whatever fails, fails its step; the runner, and the other scripts, go on.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any

from ganglion.bus import Bus
from ganglion.errors import GanglionError
from ganglion.event import Event
from ganglion.mova.conversation import Conversations
from ganglion.mova.driver import Driver
from ganglion.mova.episode import bounded
from ganglion.mova.lane import Lane
from ganglion.mova.loaded import Script, Watch
from ganglion.mova.perform import Performer
from ganglion.mova.plan import Plan
from ganglion.mova.ports import Ports, SessionStore, Time, Tools
from ganglion.mova.session.memory import MemoryStore
from ganglion.mova.timetable import Timetable
from ganglion.mova.tools import HttpTools
from ganglion.mova.trigger import Trigger, context, session_key
from ganglion_micro import effects as e
from ganglion_micro import plan as p

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the runner has done.

    Attributes:
        scripts: Loaded now.
        running: Runs under way now.
        runs: Runs that ended, of which `failed` and `cancelled`.
        ignored: Triggers that came while their protocol was busy, or with a key that was there before.
        broken: Calls of a port, or of `episode`, that ended in an error which is none of Ganglion's.
    """

    scripts: int
    running: int
    runs: int
    failed: int
    cancelled: int
    ignored: int
    broken: int


class ScriptRunner:
    """All scripts of a node.

    Args:
        bus: Where triggers listen. Its `advance` is called by the node.
        ports: What scripts may do to the world.
        clock: What the time is.
        tools: Carries out `tool_api` steps; over HTTP where it is not given.
        sessions: Where sessions are kept between the runs of one; in memory where it is not given.
        timetable: Fires what is scheduled; where it is not given nothing is missed while the node is down.
        keep: Episodes that are kept for `episodes`; the oldest is dropped first.
    """

    def __init__(
        self,
        bus: Bus,
        ports: Ports,
        clock: Time,
        *,
        tools: Tools | None = None,
        sessions: SessionStore | None = None,
        timetable: Timetable | None = None,
        keep: int = 256,
    ) -> None:
        self._bus = bus
        self._ports = ports
        self._now = clock.now
        self._performer = Performer(ports, tools or HttpTools())
        self._steady, self._shift = clock.steady, clock.shift
        self._driver = Driver(bus, self._performer, now=clock.steady, event_id=self._event_id, finished=self._finish)
        self._conversations = Conversations(sessions or MemoryStore(clock))
        self._timetable = timetable or Timetable(clock.now)
        self._scripts: dict[str, Script] = {}
        self._episodes: deque[dict[str, Any]] = deque(maxlen=keep)
        self._prefix = f"{clock.now() // 1_000_000:x}-"
        self._count = 0
        self._begun: list[asyncio.Future[e.Done]] | None = None
        self._last = Event("", None, 0)
        self._together = 0
        self._runs = self._failed = self._cancelled = self._ignored = self._broken = 0

    @property
    def scripts(self) -> list[str]:
        """The names of the scripts that are loaded."""
        return list(self._scripts)

    @property
    def episodes(self) -> list[dict[str, Any]]:
        """The last episodes, oldest first."""
        return list(self._episodes)

    def statistics(self) -> Statistics:
        """What has been done so far."""
        return Statistics(
            scripts=len(self._scripts),
            running=sum(len(lane.running) for script in self._scripts.values() for lane in script.lanes),
            runs=self._runs,
            failed=self._failed,
            cancelled=self._cancelled,
            ignored=self._ignored,
            broken=self._broken + self._performer.broken + self._driver.broken,
        )

    def add(self, plan: Plan) -> None:
        """Loads a script, in place of the one of its name, whose runs end. Its `start` triggers fire in the next turn
        of the event loop, which must be running where the plan has triggers by time."""
        if plan.name in self._scripts:
            self._drop(plan.name, "the script was replaced")
        script = self._scripts[plan.name] = Script(plan)
        for each in plan.body[p.TRIGGERS]:
            trigger = Trigger(each, script.lanes[each[p.PROTOCOL]], partial(self._admit, script))
            if each[p.SCHEDULE] is not None:
                script.bound.append(self._timetable.bind(f"{plan.name}/{trigger.id}", each[p.SCHEDULE], trigger.fire))
            else:
                script.bound += trigger.bind(self._bus, self._now)

    def remove(self, name: str) -> None:
        """Unloads a script; its runs end, and their episodes say so. Nothing happens where there is none."""
        if name in self._scripts:
            self._drop(name, "the script was removed")

    async def aclose(self) -> None:
        """Unloads every script and waits for what they were waiting for to be cancelled."""
        tasks = [
            each
            for script in self._scripts.values()
            for each in script.pending.values()
            if isinstance(each, asyncio.Task)
        ]
        for name in list(self._scripts):
            self._drop(name, "the node stops")
        self._timetable.close()
        await asyncio.gather(*tasks, *self._conversations.under_way, return_exceptions=True)

    async def run(
        self,
        script: str,
        protocol: str,
        event: dict[str, Any],
        session: dict[str, Any] | None = None,
        *,
        watch: Watch | None = None,
    ) -> e.Done:
        """Runs one protocol of a script that is loaded, beside whatever else runs of it.

        Args:
            event: `id source topic value payload timestamp`.
            session: `session_id` and `data` to begin with; None for what the document says.
            watch: Is given the steps so far before an effect of the last one is carried out, and all at the end.

        Raises:
            KeyError: there is no such script or protocol.
        """
        loaded = self._scripts[script]
        lane = loaded.lanes[loaded.engine.index(protocol)]
        run_id = self._new_id()
        outcome: asyncio.Future[e.Done] = asyncio.get_running_loop().create_future()
        loaded.outcomes[run_id] = outcome
        if watch is not None:
            loaded.watches[run_id] = watch
        self._start(loaded, lane, run_id, "", event, session)
        return await outcome

    def announce(self, topic: str, value: Any, source: str) -> "list[asyncio.Future[e.Done]]":
        """Emits an event of the bus; the outcomes of the runs that it begins, in their order.

        A run that has to wait for another of its protocol is not among them.
        """
        self._begun = []
        try:
            self._bus.emit(topic, value, timestamp=self._now(), source=source)
            return self._begun
        finally:
            self._begun = None

    def _drop(self, name: str, reason: str) -> None:
        script = self._scripts.pop(name)
        for each in script.bound:
            each.close()
        for lane in script.lanes:
            lane.waiting.clear()
            for run_id in list(lane.running):
                self._stop(script, lane, run_id, reason)

    def _stop(self, script: Script, lane: Lane, run_id: str, reason: str) -> None:
        """Ends one run from outside."""
        lane.running.pop(run_id, None)
        has_begun = self._driver.cancel(script, lane, run_id, reason)
        if not has_begun and (outcome := script.outcomes.pop(run_id, None)) is not None:
            outcome.cancel()  # it waited for its session

    def _admit(self, script: Script, trigger: Trigger, event: Event, payload: Any) -> None:
        """Begins a run, or does what the protocol's policy says while one is under way."""
        lane = trigger.lane
        known = context(event, payload, self._event_id(event))
        key = script.engine.key(lane.index, known) if lane.keyed else ""
        if lane.keyed and lane.had(key):
            self._ignored += 1
            return
        if lane.running or lane.waiting:
            if lane.mode == p.RESTART:
                for run_id in list(lane.running):
                    self._stop(script, lane, run_id, "the protocol was triggered again")
            elif lane.mode == p.QUEUED and len(lane.waiting) < lane.most:
                lane.waiting.append((trigger, known))
                if lane.keyed:
                    lane.keep(key)
                return
            elif lane.mode != p.PARALLEL or len(lane.running) >= lane.most:
                self._ignored += 1
                return
        if lane.keyed:
            lane.keep(key)
        self._begin(script, trigger, known)

    def _next(self, script: Script, lane: Lane) -> None:
        """Begins what has waited longest; in a turn of its own, so that a long queue does not hold the loop."""
        if lane.waiting and not lane.running:
            self._begin(script, *lane.waiting.popleft())

    def _begin(self, script: Script, trigger: Trigger, known: dict[str, Any]) -> None:
        lane = trigger.lane
        payload = known["payload"]
        run_id = self._new_id()
        if self._begun is not None:
            outcome: asyncio.Future[e.Done] = asyncio.get_running_loop().create_future()
            script.outcomes[run_id] = outcome
            self._begun.append(outcome)
        if trigger.has_session and (session_id := trigger.session_id(payload)) is not None:
            lane.running[run_id] = None
            script.pending[run_id] = self._conversations.begin(
                session_key(script.name, session_id),
                script.ttl,
                partial(self._converse, script, lane, run_id, trigger, known, session_id),
            )
            return
        session = None
        if trigger.has_map:
            session = {"session_id": run_id, "data": trigger.mapped(payload, script.engine.body[p.DATA])}
        self._start(script, lane, run_id, trigger.id, known, session)

    def _converse(
        self,
        script: Script,
        lane: Lane,
        run_id: str,
        trigger: Trigger,
        event: dict[str, Any],
        session_id: str,
        kept: dict[str, Any] | GanglionError,
    ) -> "asyncio.Future[e.Done]":
        """Begins a run of a session whose turn it is, with what the runs before have left."""
        script.pending.pop(run_id)
        outcome = script.outcomes.setdefault(run_id, asyncio.get_running_loop().create_future())
        if isinstance(kept, GanglionError):
            why = f"the session {session_id} cannot be had: {kept}"
            self._driver.start(script, lane, run_id, trigger.id, event, None, why)
        else:
            data = trigger.mapped(event["payload"], {**script.engine.body[p.DATA], **kept})
            self._start(script, lane, run_id, trigger.id, event, {"session_id": session_id, "data": data})
        return outcome

    def _start(
        self,
        script: Script,
        lane: Lane,
        run_id: str,
        trigger: str,
        event: dict[str, Any],
        session: dict[str, Any] | None,
    ) -> None:
        lane.running[run_id] = None
        self._driver.start(script, lane, run_id, trigger, event, session)

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"

    def _event_id(self, event: Event) -> str:
        """Who said it and when; messages that were read together have one time, and are numbered."""
        last, self._last = self._last, event
        if event is not last:
            together = last.timestamp == event.timestamp and last.source == event.source
            self._together = self._together + 1 if together else 0
        return f"{event.source}@{event.timestamp}" + (f"#{self._together}" if self._together else "")

    def _finish(self, script: Script, lane: Lane, done: e.Done) -> None:
        lane.running.pop(done.run, None)
        if script.deadlines and (timer := script.deadlines.pop(done.run, None)) is not None:
            timer.cancel()
        self._runs += 1
        episode = done.episode
        status = episode["status"]
        if status == "failed":
            self._failed += 1
            _log.warning("%s: %s failed: %s", script.name, episode["protocol"], episode["error"])
        elif status == "cancelled":
            self._cancelled += 1
        try:
            if shift := self._shift():
                _set_forward(episode, shift)
            episode = bounded(episode)
            self._episodes.append(episode)
            self._ports.episode(episode)
        except Exception:
            self._broken += 1
            _log.exception("the episode of run %s was not taken", done.run)
        script.watches.pop(done.run, None)
        if script.outcomes and (outcome := script.outcomes.pop(done.run, None)) is not None and not outcome.done():
            outcome.set_result(done)
        if lane.waiting:
            asyncio.get_running_loop().call_soon(self._next, script, lane)


def _set_forward(episode: dict[str, Any], shift: int) -> None:
    """Tells an episode in the time of the wall clock, which has been set meanwhile."""
    for times in (episode, *episode["steps"]):
        times["started"] += shift
        times["ended"] += shift
