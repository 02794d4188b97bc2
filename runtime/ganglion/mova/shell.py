# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs scripts on a node: their triggers are subscriptions of the bus, their effects are carried out on the ports.

A run that waits for nothing is over when the bus's callback returns. One that waits goes on as a task or timer of the
event loop. Whatever fails, fails its step; the runner, and the other scripts, go on.
"""

import asyncio
import logging
import random
from collections import deque
from dataclasses import dataclass
from typing import Any

from ganglion.bus import Bus, Op, Subscription, Where
from ganglion.event import Event
from ganglion.mova.episode import bounded
from ganglion.mova.http import HttpTools
from ganglion.mova.perform import Performer
from ganglion.mova.plan import Plan
from ganglion.mova.ports import Ports, Time, Tools
from ganglion.units import SECOND
from ganglion_micro import effects as e
from ganglion_micro import plan as p
from ganglion_micro.engine import Engine

_log = logging.getLogger(__name__)

#: Runs that start inside one another, by scripts that answer events with events, before the loop gets its turn.
MAX_NESTED = 8
#: Idempotency keys that a protocol remembers; the oldest is forgotten first.
MAX_KEYS = 256


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


class _Lane:
    """One protocol of a script: what runs, what waits, by its concurrency policy."""

    __slots__ = ("index", "keyed", "keys", "mode", "most", "running", "waiting")

    def __init__(self, index: int, protocol: list[Any]) -> None:
        self.index = index
        self.mode: int = protocol[p.CONCURRENCY]
        self.most: int = protocol[p.MAX_RUNS]
        self.keyed = protocol[p.KEY] is not None
        self.keys: dict[str, None] = {}
        self.running: dict[str, None] = {}
        self.waiting: deque[tuple[str, Event]] = deque()


class _Script:
    """One script that is loaded."""

    __slots__ = ("deadlines", "engine", "lanes", "name", "pending", "subscriptions", "timers")

    def __init__(self, plan: Plan) -> None:
        self.name = plan.name
        self.engine = Engine(plan.body, random.random)
        self.lanes = [_Lane(i, protocol) for i, protocol in enumerate(plan.body[p.PROTOCOLS])]
        self.subscriptions: list[Subscription] = []
        self.timers: dict[int, asyncio.Handle] = {}
        self.pending: dict[str, asyncio.Handle | asyncio.Task[None]] = {}
        self.deadlines: dict[str, asyncio.TimerHandle] = {}


class _Trigger:
    """One trigger of a loaded script; the bus calls `fire`."""

    __slots__ = ("_cooldown", "_id", "_lane", "_runner", "_script", "_since")

    def __init__(self, runner: "ScriptRunner", script: _Script, trigger: list[Any]) -> None:
        self._runner = runner
        self._script = script
        self._lane = script.lanes[trigger[p.PROTOCOL]]
        self._id: str = trigger[p.TRIGGER_ID]
        self._cooldown: int = trigger[p.COOLDOWN]
        self._since: int | None = None

    def fire(self, event: Event) -> None:
        if self._cooldown:
            if self._since is not None and event.timestamp - self._since < self._cooldown:
                return
            self._since = event.timestamp
        self._runner.admit(self._script, self._lane, self._id, event)


class ScriptRunner:
    """All scripts of a node.

    Args:
        bus: Where triggers listen. Its `advance` is called by the node.
        ports: What scripts may do to the world.
        clock: What the time is.
        tools: Carries out `tool_api` steps; over HTTP where it is not given.
        keep: Episodes that are kept for `episodes`; the oldest is dropped first.
    """

    def __init__(self, bus: Bus, ports: Ports, clock: Time, *, tools: Tools | None = None, keep: int = 256) -> None:
        self._bus = bus
        self._ports = ports
        self._now = clock.now
        self._performer = Performer(ports, tools or HttpTools())
        self._scripts: dict[str, _Script] = {}
        self._episodes: deque[dict[str, Any]] = deque(maxlen=keep)
        self._prefix = f"{clock.now() // 1_000_000:x}-"
        self._count = 0
        self._nested = 0
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
            running=sum(len(script.engine.runs) for script in self._scripts.values()),
            runs=self._runs,
            failed=self._failed,
            cancelled=self._cancelled,
            ignored=self._ignored,
            broken=self._broken + self._performer.broken,
        )

    def add(self, plan: Plan) -> None:
        """Loads a script, in place of the one of its name, whose runs end. Its `start` triggers fire in the next turn
        of the event loop, which must be running where the plan has `start` or `every`."""
        if plan.name in self._scripts:
            self._drop(plan.name, "the script was replaced")
        script = self._scripts[plan.name] = _Script(plan)
        for i, trigger in enumerate(plan.body[p.TRIGGERS]):
            fire = _Trigger(self, script, trigger).fire
            source = trigger[p.SOURCE]
            if source == p.STARTED:
                loop = asyncio.get_running_loop()
                script.timers[i] = loop.call_soon(self._start, script, i, fire)
            elif source == p.EVERY:
                loop = asyncio.get_running_loop()
                period = trigger[p.PERIOD] / SECOND
                script.timers[i] = loop.call_later(period, self._tick, script, i, fire, loop.time() + period, period)
            else:
                where = _where(trigger[p.WHERE])
                script.subscriptions.append(self._bus.subscribe(trigger[p.TOPIC], fire, where=where))

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
        await asyncio.gather(*tasks, return_exceptions=True)

    def _drop(self, name: str, reason: str) -> None:
        script = self._scripts.pop(name)
        for subscription in script.subscriptions:
            subscription.close()
        for timer in script.timers.values():
            timer.cancel()
        for lane in script.lanes:
            lane.waiting.clear()
            for run_id in list(lane.running):
                self._stop(script, lane, run_id, reason)

    def _stop(self, script: _Script, lane: _Lane, run_id: str, reason: str) -> None:
        """Ends one run from outside."""
        if (waiting := script.pending.pop(run_id, None)) is not None:
            waiting.cancel()
        now = self._now()
        self._drive(script, lane, script.engine.cancel(run_id, reason, now), now)

    def _start(self, script: _Script, i: int, fire: Any) -> None:
        del script.timers[i]
        fire(Event("start", None, self._now(), "start"))

    def _tick(self, script: _Script, i: int, fire: Any, due: float, period: float) -> None:
        loop = asyncio.get_running_loop()
        # The next is counted from when this was due, so that lateness does not add up; ticks missed are not made up.
        due = max(due + period, loop.time())
        script.timers[i] = loop.call_at(due, self._tick, script, i, fire, due, period)
        fire(Event("every", None, self._now(), "every"))

    def admit(self, script: _Script, lane: _Lane, trigger: str, event: Event) -> None:
        """Begins a run, or does what the protocol's policy says while one is under way."""
        if self._nested >= MAX_NESTED:
            asyncio.get_running_loop().call_soon(self._later, script, lane, trigger, event)
            return
        if lane.running or lane.waiting:
            if lane.mode == p.RESTART:
                for run_id in list(lane.running):
                    self._stop(script, lane, run_id, "the protocol was triggered again")
            elif lane.mode == p.QUEUED and len(lane.waiting) < lane.most:
                lane.waiting.append((trigger, event))
                return
            elif lane.mode != p.PARALLEL or len(lane.running) >= lane.most:
                self._ignored += 1
                return
        self._begin(script, lane, trigger, event)

    def _later(self, script: _Script, lane: _Lane, trigger: str, event: Event) -> None:
        if self._scripts.get(script.name) is script:
            self.admit(script, lane, trigger, event)

    def _next(self, script: _Script, lane: _Lane) -> None:
        """Begins what has waited longest; in a turn of its own, so that a long queue does not hold the loop."""
        if lane.waiting and not lane.running:
            self._begin(script, lane, *lane.waiting.popleft())

    def _begin(self, script: _Script, lane: _Lane, trigger: str, event: Event) -> None:
        topic, value, timestamp, source, _ = event
        known = {
            "id": self._event_id(event),
            "source": source,
            "topic": topic,
            "value": value,
            "payload": value,
            "timestamp": timestamp,
        }
        if lane.keyed and not self._first(script, lane, known):
            self._ignored += 1
            return
        self._count += 1
        run_id = f"{self._prefix}{self._count}"
        lane.running[run_id] = None
        now = self._now()
        self._drive(script, lane, script.engine.start(lane.index, known, None, now, run_id, trigger), now)

    def _event_id(self, event: Event) -> str:
        """Who said it and when; messages that were read together have one time, and are numbered."""
        last, self._last = self._last, event
        if event is not last:
            together = last.timestamp == event.timestamp and last.source == event.source
            self._together = self._together + 1 if together else 0
        return f"{event.source}@{event.timestamp}" + (f"#{self._together}" if self._together else "")

    def _first(self, script: _Script, lane: _Lane, event: dict[str, Any]) -> bool:
        key = script.engine.key(lane.index, event)
        if key in lane.keys:
            return False
        if len(lane.keys) >= MAX_KEYS:
            del lane.keys[next(iter(lane.keys))]
        lane.keys[key] = None
        return True

    def _drive(self, script: _Script, lane: _Lane, effects: list[Any], now: int) -> None:
        """Carries effects out until the run ends or waits. `now` is when the first of them came to be."""
        resume = script.engine.resume
        while effects:
            effect = effects[0]
            kind = effect.kind
            if kind == e.DONE:
                self._finish(script, lane, effect)
                return
            if kind > e.LOG:
                self._wait(script, lane, effect)
                return
            self._nested += 1
            result = self._performer.at_once(effect, script.name)
            self._nested -= 1
            if kind == e.EMIT:  # other scripts have run meanwhile; to publish and to log is to queue
                now = self._now()
            effects = resume(effect.run, result, now)

    def _wait(self, script: _Script, lane: _Lane, effect: Any) -> None:
        loop = asyncio.get_running_loop()
        run = script.engine.runs[effect.run]
        if run.deadline and run.id not in script.deadlines:
            left = (run.deadline - self._now()) / SECOND
            script.deadlines[run.id] = loop.call_later(left, self._expire, script, lane, run.id)
        if effect.kind == e.WAIT:
            script.pending[run.id] = loop.call_later(effect.ns / SECOND, self._resume, script, lane, run.id, None)
        else:
            script.pending[run.id] = loop.create_task(
                self._perform(script, lane, effect), name=f"{script.name} {run.id}"
            )

    async def _perform(self, script: _Script, lane: _Lane, effect: Any) -> None:
        self._resume(script, lane, effect.run, await self._performer.awaited(effect, script.name))

    def _resume(self, script: _Script, lane: _Lane, run_id: str, result: Any) -> None:
        script.pending.pop(run_id, None)
        now = self._now()
        self._drive(script, lane, script.engine.resume(run_id, result, now), now)

    def _expire(self, script: _Script, lane: _Lane, run_id: str) -> None:
        if (waiting := script.pending.pop(run_id, None)) is not None:
            waiting.cancel()
        now = self._now()
        self._drive(script, lane, script.engine.expire(run_id, now), now)

    def _finish(self, script: _Script, lane: _Lane, done: e.Done) -> None:
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
        bounded(episode)
        self._episodes.append(episode)
        try:
            self._ports.episode(episode)
        except Exception:
            self._broken += 1
            _log.exception("the episode of run %s was not taken", done.run)
        if lane.waiting:
            asyncio.get_running_loop().call_soon(self._next, script, lane)


_OPERATORS = {"above": Op.ABOVE, "below": Op.BELOW, "between": Op.BETWEEN, "equals": Op.EQUALS, "changes": Op.CHANGES}


def _where(where: list[Any] | None) -> Where | None:
    if where is None:
        return None
    operator, low, high, value, edge, hysteresis, lasting, cooldown = where
    return Where(
        op=_OPERATORS[p.COMPARISONS[operator]],
        low=low,
        high=high,
        value=value,
        edge=edge,
        hysteresis=hysteresis,
        lasting=lasting,
        cooldown=cooldown,
    )
