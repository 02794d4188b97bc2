# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the effects of runs: at once what waits for nothing, the rest by tasks and timers of the event loop.

All effects stand in one queue, so that what comes of an effect (another run, an answer to it) never overtakes what was
asked for before. What a run asked for that has ended meanwhile is dropped. Whatever goes wrong ends one run.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ganglion.bus import Bus
from ganglion.event import Event
from ganglion.mova.lane import Lane
from ganglion.mova.loaded import Cancellable, Script
from ganglion.mova.perform import Performer
from ganglion.mova.trigger import context
from ganglion.mova.waiting import Listening
from ganglion.units import SECOND
from ganglion_micro import effects as e

_log = logging.getLogger(__name__)

#: Effects that are carried out before the event loop gets its turn: scripts may answer each other for ever.
MAX_AT_ONCE = 256


class Driver:
    """Drives every run of a node.

    Args:
        bus: Where steps wait for events.
        performer: Carries out what the world has to do.
        now: Nanoseconds of a clock that is never set.
        event_id: Gives an event the id that scripts see.
        finished: Told of each run that is over.

    Attributes:
        broken: Runs that ended by a mistake in the engine or in here.
    """

    def __init__(
        self,
        bus: Bus,
        performer: Performer,
        *,
        now: Callable[[], int],
        event_id: Callable[[Event], str],
        finished: Callable[[Script, Lane, e.Done], None],
    ) -> None:
        self._bus = bus
        self._performer = performer
        self._now = now
        self._event_id = event_id
        self._finished = finished
        self._queue: deque[tuple[Script, Lane, Any]] = deque()
        self._is_busy = False
        self.broken = 0

    def start(
        self,
        script: Script,
        lane: Lane,
        run_id: str,
        trigger: str,
        event: dict[str, Any],
        session: dict[str, Any] | None,
        refused: str = "",
    ) -> None:
        """Begins a run; where it is `refused`, for this reason, nothing of it is carried out."""
        now = self._now()
        try:
            effects = script.engine.start(lane.index, event, session, now, run_id, trigger, refused)
        except Exception as error:
            effects = self._broke(script, run_id, error)
        self._put(script, lane, effects)

    def cancel(self, script: Script, lane: Lane, run_id: str, reason: str) -> bool:
        """Ends a run from outside; says whether it had begun."""
        self._quiet(script, run_id)
        effects = script.engine.cancel(run_id, reason, self._now())
        self._put(script, lane, effects)
        return bool(effects)

    def _quiet(self, script: Script, run_id: str) -> None:
        """Calls off whatever a run and its branches wait for."""
        branches = run_id + "/"
        for each in [each for each in script.pending if each == run_id or each.startswith(branches)]:
            script.pending.pop(each).cancel()

    def _resume(self, script: Script, lane: Lane, run_id: str, result: Any) -> None:
        script.pending.pop(run_id, None)
        self._put(script, lane, self._answered(script, run_id, result))

    def _answered(self, script: Script, run_id: str, result: Any) -> list[Any]:
        """What a run asks for next."""
        try:
            return script.engine.resume(run_id, result, self._now())
        except Exception as error:
            return self._broke(script, run_id, error)

    def _expire(self, script: Script, lane: Lane, run_id: str) -> None:
        self._put(script, lane, script.engine.expire(run_id, self._now()))

    def _broke(self, script: Script, run_id: str, error: Exception) -> list[Any]:
        """Ends a run that cannot go on."""
        self.broken += 1
        _log.error("run %s of %s cannot go on", run_id, script.name, exc_info=error)
        return script.engine.fail(run_id.partition("/")[0], f"{type(error).__name__}: {error}", self._now())

    def _put(self, script: Script, lane: Lane, effects: list[Any]) -> None:
        for effect in effects:
            self._queue.append((script, lane, effect))
        if not self._is_busy:
            self._drain()

    def _drain(self) -> None:
        queue = self._queue
        self._is_busy = True
        try:
            for _turn in range(MAX_AT_ONCE):
                if not queue:
                    return
                script, lane, effect = queue.popleft()
                try:
                    following = self._carry_out(script, lane, effect)
                except Exception as error:
                    following = self._broke(script, effect.run, error)
                for each in following:
                    queue.append((script, lane, each))
        finally:
            self._is_busy = False
        asyncio.get_running_loop().call_soon(self._drain)

    def _carry_out(self, script: Script, lane: Lane, effect: Any) -> Sequence[Any]:
        """What comes of an effect at once: the effects that follow it."""
        kind = effect.kind
        if script.watches:
            self._show(script, effect)
        if kind == e.DONE:
            if script.pending:
                self._quiet(script, effect.run)
            self._finished(script, lane, effect)
        elif effect.run not in script.engine.runs:
            pass  # it was ended meanwhile
        elif kind > e.LOG:
            self._wait(script, lane, effect)
        elif kind == e.FORGET:
            self._forget(script, effect.run)
        else:
            return self._answered(script, effect.run, self._performer.at_once(effect, script.name))
        return ()

    def _forget(self, script: Script, run_id: str) -> None:
        """Calls off what a branch waits for, or what in the queue it is about to wait for: the first of the two."""
        if (waiting := script.pending.pop(run_id, None)) is not None:
            waiting.cancel()
            return
        for i, (owner, _lane, effect) in enumerate(self._queue):
            if owner is script and effect.run == run_id and effect.kind == e.LISTEN:
                del self._queue[i]
                return

    def _show(self, script: Script, effect: Any) -> None:
        watch = script.watches.get(effect.run.partition("/")[0])
        if watch is None or effect.kind == e.FORGET:
            return
        if effect.kind == e.DONE:
            watch(effect.episode["steps"])
        elif (run := script.engine.runs.get(effect.run)) is not None:
            watch(run.records)

    def _wait(self, script: Script, lane: Lane, effect: Any) -> None:
        loop = asyncio.get_running_loop()
        run = script.engine.runs[effect.run]
        root = run.root
        if root.deadline and root.id not in script.deadlines:
            left = (root.deadline - self._now()) / SECOND
            script.deadlines[root.id] = loop.call_later(left, self._expire, script, lane, root.id)
        waiting: Cancellable
        if effect.kind == e.WAIT:
            waiting = loop.call_later(effect.ns / SECOND, self._resume, script, lane, run.id, None)
        elif effect.kind == e.LISTEN:
            waiting = Listening(self._bus, effect, partial(self._heard, script, lane, run.id))
        else:
            waiting = loop.create_task(self._perform(script, lane, effect), name=f"{script.name} {run.id}")
        script.pending[run.id] = waiting

    async def _perform(self, script: Script, lane: Lane, effect: Any) -> None:
        self._resume(script, lane, effect.run, await self._performer.awaited(effect, script.name))

    def _heard(self, script: Script, lane: Lane, run_id: str, event: Event | None) -> None:
        script.pending[run_id].cancel()
        known = None if event is None else context(event, event.value, self._event_id(event))
        self._resume(script, lane, run_id, known)
