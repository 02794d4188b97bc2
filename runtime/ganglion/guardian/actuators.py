# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's actuators at work: asks the guardian, writes on a thread, reads back, keeps the times on disk."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ganglion.errors import NotFoundError
from ganglion.guardian import memory
from ganglion.guardian.actuator import Actuator, build, guard
from ganglion.guardian.words import Command, Decision, Effect
from ganglion.worker import Worker
from ganglion_micro.limits import same

_log = logging.getLogger(__name__)

#: Seconds that a write with its reading back may take before it counts as failed.
_PATIENCE = 2.0


class Clock(Protocol):
    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuatorStatus:
    """One actuator.

    Attributes:
        id: Its name.
        value: What it was told last.
        certain: Whether it is known to have obeyed.
        holder: The owner of the command that holds, "" for none.
        risk: Its class.
        errors: Writes that failed since the start.
    """

    id: str
    value: Any
    certain: bool
    holder: str
    risk: str
    errors: int


class Actuators:
    """All actuators of a node. Nothing else writes to them.

    Args:
        actuators: Name to actuator.
        clock: Unix time, for the file alone; the limits count in `monotonic`, which nobody sets.
        path: Where the switching times are kept; None for nowhere.
        on_effect: Told of what the guardian did by itself.
        where: What stands before a complaint.

    Raises:
        InvalidError: the actuators name each other wrongly.
    """

    def __init__(
        self,
        actuators: Mapping[str, Actuator],
        *,
        clock: Clock,
        path: Path | None = None,
        on_effect: Callable[[Effect], None] = lambda effect: None,
        monotonic: Callable[[], int] = time.monotonic_ns,
        where: str = "",
    ) -> None:
        self._actuators = dict(actuators)
        self._guardian = guard(actuators, where=where)
        self._clock = clock
        self._path = path
        self._on_effect = on_effect
        self._monotonic = monotonic
        self._workers = {name: Worker(f"actuator {name}") for name in actuators}
        self._disk = Worker("actuators' memory")
        self._errors = dict.fromkeys(actuators, 0)
        self._lock = asyncio.Lock()  # one decision with its write at a time: an interlock's order is its meaning
        self._changed = asyncio.Event()
        self._started = False

    @classmethod
    def from_tables(
        cls,
        tables: Mapping[str, Mapping[str, Any]],
        *,
        clock: Clock,
        path: Path | None = None,
        where: str = "",
        resolve: Callable[[str], Path] = Path,
        on_effect: Callable[[Effect], None] = lambda effect: None,
    ) -> "Actuators":
        """From `[actuator.<name>]` tables; see `actuator.build` for the arguments and what is raised."""
        actuators = {name: build(name, table, where=where, resolve=resolve) for name, table in tables.items()}
        return cls(actuators, clock=clock, path=path, on_effect=on_effect, where=where)

    async def start(self) -> None:
        """Writes all fail-safe values. Nothing if it was done; `run` and `actuate` do it by themselves."""
        async with self._lock:
            await self._start()

    async def actuate(
        self, actuator: str, value: Any, *, owner: str, for_ns: int | None = None, priority: int = 1
    ) -> Decision:
        """Asks for a value.

        Args:
            actuator: Its name.
            value: What it shall have.
            owner: Who asks; a later command of the same owner replaces the earlier one.
            for_ns: Nanoseconds after which it gets its fail-safe value, None for until somebody asks again.
            priority: 0 to 3.

        Returns:
            The decision. A write that fails is a refusal too, and the guardian then makes the actuator safe.

        Raises:
            NotFoundError: there is no such actuator.
        """
        async with self._lock:
            await self._start()
            now = self._monotonic()
            expires = None if for_ns is None else now + for_ns
            command = Command(actuator=actuator, value=value, owner=owner, priority=priority, expires=expires, now=now)
            decision = self._guardian.request(command)
            if decision.changed:
                await self._save()
                confirmed, error = await self._write(actuator, value)
                decision = replace(decision, confirmed=confirmed)
                if error:
                    decision = replace(decision, accepted=False, expires=None, reason=f"{actuator}: {error}")
            self._changed.set()
            return decision

    async def release(self, actuator: str, *, owner: str) -> None:
        """Ends an owner's command before its time.

        Raises:
            NotFoundError: there is no such actuator.
        """
        async with self._lock:
            await self._start()
            self._guardian.release(actuator, owner, self._monotonic())
            self._changed.set()

    async def run(self) -> None:
        """Does what becomes due, until it is cancelled. Call `stop` then."""
        await self.start()
        while True:
            async with self._lock:
                self._changed.clear()
                await self._carry_out(self._guardian.tick(self._monotonic()))
                deadline = self._guardian.deadline
            wait = None if deadline is None else max(deadline - self._monotonic(), 0) / 1e9
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """Writes all fail-safe values; the threads end."""
        async with self._lock:
            if self._started:
                self._started = False
                await self._carry_out(self._guardian.stop(self._monotonic()))
            for worker in (*self._workers.values(), self._disk):
                worker.stop()

    def value(self, actuator: str) -> Any:
        """What the actuator was told last.

        Raises:
            NotFoundError: there is no such actuator, or nothing was started yet.
        """
        if not self._started:
            raise NotFoundError(f"actuator {actuator!r} has no value before the start")
        return self._guardian.value(actuator)

    def status(self) -> list[ActuatorStatus]:
        """Every actuator; none before the start."""
        if not self._started:
            return []
        now = self._monotonic()
        return [
            ActuatorStatus(
                id=name,
                value=self._guardian.value(name),
                certain=self._guardian.certain(name),
                holder=self._guardian.holder(name, now),
                risk=actuator.rule.risk,
                errors=self._errors[name],
            )
            for name, actuator in sorted(self._actuators.items())
        ]

    def capabilities(self) -> dict[str, dict[str, Any]]:
        """Name to `{risk}` with the range or the values: what a node says of itself at birth."""
        said: dict[str, dict[str, Any]] = {}
        for name, actuator in sorted(self._actuators.items()):
            limits = actuator.rule.limits
            said[name] = {"risk": str(actuator.rule.risk)}
            if limits.low is not None:
                said[name] |= {"low": limits.low, "high": limits.high}
            else:
                said[name]["values"] = list(limits.values) or [False, True]
        return said

    async def _start(self) -> None:
        if self._started:
            return
        known = memory.load(self._path, wall=self._clock.now()) if self._path else {}
        effects = self._guardian.start(self._monotonic(), known)
        self._started = True
        await self._carry_out(effects)

    async def _carry_out(self, effects: list[Effect]) -> None:
        if effects:
            await self._save()
        for effect in effects:
            _, error = await self._write(effect.actuator, effect.value)
            if not error:
                _log.info("actuator %s is %s: %s", effect.actuator, effect.value, effect.reason)
            self._on_effect(effect)

    async def _write(self, name: str, value: Any) -> tuple[bool | None, str]:
        """Whether reading back confirmed it (None: cannot), and what went wrong."""
        driver = self._actuators[name].driver

        def write() -> Any | None:
            driver.write(value)
            return driver.read()

        future = self._workers[name].call(write)
        if not (await asyncio.wait({future}, timeout=_PATIENCE))[0]:
            future.cancel()  # the thread goes on; what it will answer comes too late
            return self._lost(name, f"it took longer than {_PATIENCE:g} s")
        try:
            seen = future.result()
        except OSError as error:
            return self._lost(name, str(error))
        if seen is None:
            self._guardian.confirmed(name)
            return None, ""
        if not _alike(seen, value):
            return self._lost(name, f"it reads back {seen!r} after {value!r} was written")
        self._guardian.confirmed(name)
        return True, ""

    def _lost(self, name: str, error: str) -> tuple[bool | None, str]:
        if self._guardian.certain(name):
            _log.warning("actuator %s: %s; it will be made safe", name, error)
        self._errors[name] += 1
        self._guardian.failed(name, self._monotonic())
        self._changed.set()
        return False, error

    async def _save(self) -> None:
        if self._path is None:
            return
        limited = {
            name: each
            for name, each in self._guardian.memory(self._monotonic()).items()
            if (limits := self._actuators[name].rule.limits).min_on or limits.min_off or limits.rate
        }
        if not limited:
            return
        try:
            await self._disk.call(partial(memory.save, self._path, limited, wall=self._clock.now()))
        except OSError as error:
            _log.warning("%s: %s; minimum times will not hold across a restart", self._path, error)


def _alike(seen: Any, value: Any) -> bool:
    if isinstance(seen, float) and isinstance(value, float):
        return math.isclose(seen, value, rel_tol=1e-6)
    return same(seen, value)
