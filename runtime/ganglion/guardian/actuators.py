# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's actuators at work: asks the guardian, writes, reads back, and tells the watchdog that somebody is there."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ganglion.errors import NotFoundError, RefusedError
from ganglion.guardian import memory, sources
from ganglion.guardian.actuator import Actuator, build, guard, no_adapters
from ganglion.guardian.day import time_of_day
from ganglion.guardian.restriction import Side
from ganglion.guardian.times import Times
from ganglion.guardian.watchdog import Watchdog
from ganglion.guardian.watched import Watched
from ganglion.guardian.words import ActuatorStatus, Command, Decision, Effect, Rule
from ganglion.guardian.writer import Writer
from ganglion.units import SECOND

if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: Nanoseconds after which it looks again, though nothing is due: wall clocks are set, and a watchdog waits for a beat.
_LOOK = SECOND


async def _nobody(command: Command, within_ns: int) -> str:
    raise RefusedError("nobody can be asked for consent: this node is in no mesh")


class Actuators:
    """All actuators of a node. Nothing else writes to them.

    Args:
        actuators: Name to actuator.
        path: Where the switching times are kept; None for nowhere.
        consent: Asks a person whether a command that a language model has caused may be carried out, waits so many
            nanoseconds, and returns who has agreed; RefusedError where nobody did.
        monotonic: The clock that nobody sets, in nanoseconds.
        day: The time of the local day, in nanoseconds; None where nobody knows it.
        boot: As `memory.boot` says.
        watchdog: Writes the fail-safe values when this process cannot; None for nobody.
        where: What stands before a complaint.

    Attributes:
        on_effect: Told of what the guardian has done by itself while the node runs, and of why that failed, "" where it
            has not; once, and not each time that it is tried again.

    Raises:
        InvalidError: the actuators name each other wrongly.
    """

    def __init__(
        self,
        actuators: Mapping[str, Actuator],
        *,
        path: Path | None = None,
        consent: Callable[[Command, int], Awaitable[str]] = _nobody,
        monotonic: Callable[[], int] = time.monotonic_ns,
        day: Callable[[], int | None] = time_of_day,
        boot: Callable[[], str] = memory.boot,
        watchdog: Watchdog | None = None,
        where: str = "",
    ) -> None:
        self._actuators = dict(actuators)
        self._guardian = guard(actuators, where=where)
        self.on_effect: Callable[[Effect, str], None] = lambda effect, failure: None
        self.consent = consent
        self._monotonic = monotonic
        self._day = day
        self._watched = Watched(watchdog, self._actuators, self._guardian.order)
        drivers = {name: actuator.driver for name, actuator in actuators.items()}
        self._writer = Writer(self._guardian, drivers, monotonic=monotonic)
        self._times = Times(path, monotonic, boot)
        self._hold({name: each.rule for name, each in actuators.items()})
        self._lock = asyncio.Lock()  # one decision with its write at a time: an interlock's order is its meaning
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()
        self._started = False
        self._stopped = False

    @classmethod
    def from_tables(
        cls,
        tables: Mapping[str, Mapping[str, Any]],
        *,
        path: Path | None = None,
        where: str = "",
        resolve: Callable[[str], Path] = Path,
        watchdog: Watchdog | None = None,
        i2c: "Callable[[str], I2C]" = no_adapters,
        sides: Sequence[Side] = (),
    ) -> "Actuators":
        """From `[actuator.<name>]` tables; see `actuator.build` for the arguments and what is raised."""
        shared: dict[tuple[Any, ...], Any] = {}
        actuators = {
            name: build(name, table, where=where, resolve=resolve, i2c=i2c, shared=shared, sides=sides)
            for name, table in tables.items()
        }
        return cls(actuators, path=path, watchdog=watchdog if tables else None, where=where)

    def _hold(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._times.limit(rules)
        self._looks = self._watched.needed or any(rule.limits.quiet for rule in rules.values())

    def restrict(self, fleet: Side) -> None:
        """Holds them from now on to limits of the fleet too, and no more to those that it had before.

        What is outside of them is made safe by `run`, once its min_on is over. Where they contradict what a table or
        the board says, the actuator gets its fail-safe value and no other.
        """
        rules = {name: actuator.under(fleet) for name, actuator in self._actuators.items()}
        for name, rule in rules.items():
            if rule.barred and rule.barred != self._rules[name].barred:
                _log.warning("actuator %s: %s", name, rule.barred)
        self._hold(rules)
        self._guardian.restrict(rules)
        self._changed.set()

    async def start(self) -> None:
        """Writes all fail-safe values. Nothing if it was done; `run` and `actuate` do it by themselves."""
        await self._whole(self._start)

    async def actuate(
        self,
        actuator: str,
        value: Any,
        *,
        owner: str,
        for_ns: int | None = None,
        priority: int = 1,
        within_ns: int | None = None,
        heartbeat_ns: int | None = None,
        advised: bool = False,
        run: str = "",
        why: str = "",
    ) -> Decision:
        """Asks for a value. Cancelled before the decision it does nothing; after it all is done to its end.

        Args:
            actuator: Its name.
            value: What it shall have.
            owner: Who asks; a later command of the same owner replaces the earlier one.
            for_ns: Nanoseconds after which it gets its fail-safe value, None for until somebody asks again.
            priority: 0 to 3.
            within_ns: Nanoseconds in which reading back must show the value; None for at once, if it can be read.
            heartbeat_ns: Nanoseconds in which the owner renews it, or else is silent; None for one that need not.
            advised: Whether a language model's answer has caused it. It waits for a person where the risk is `confirm`,
                and is judged again when that person has agreed.
            run: Of the script that asks.
            why: What the language model has answered, for that person.

        Returns:
            The decision. A write that fails is a refusal too, and the guardian then makes the actuator safe; so is,
            with `within_ns`, a value that is not seen. It is a refusal alone where the actuator was told something
            else before it was seen.

        Raises:
            NotFoundError: there is no such actuator.
        """

        def command(consent: str) -> Command:
            now = self._monotonic()
            return Command(
                actuator=actuator,
                value=value,
                owner=owner,
                priority=priority,
                expires=None if for_ns is None else now + for_ns,
                heartbeat=heartbeat_ns,
                advised=advised,
                consent=consent,
                run=run,
                why=why,
                now=now,
                day=self._day(),
            )

        async def obey(consent: str = "") -> Decision | asyncio.Task[Decision]:
            await self._start()
            return await self._obey(command(consent), within_ns)

        decision = await self._whole(obey)
        if isinstance(decision, Decision) and decision.unasked:
            try:
                person = await self.consent(command(""), self._actuators[actuator].rule.consent_within)
            except RefusedError as error:
                return replace(decision, reason=f"{actuator}: {error}")
            decision = await self._whole(lambda: obey(person))
        return decision if isinstance(decision, Decision) else await asyncio.shield(decision)

    async def renew(self, owner: str) -> list[str]:
        """An owner lives: the names of the actuators that it holds."""

        async def renew() -> list[str]:
            await self._start()
            return self._guardian.renew(owner, self._monotonic())

        self._changed.set()
        return await self._whole(renew)

    async def run(self) -> None:
        """Does what becomes due, until it is cancelled. Call `stop` then."""
        await self.start()
        while True:
            self._changed.clear()
            deadline = await self.tick()
            wait = None if deadline is None else max(deadline - self._monotonic(), 0)
            if self._looks:
                wait = _LOOK if wait is None else min(wait, _LOOK)
            try:
                await asyncio.wait_for(self._changed.wait(), None if wait is None else wait / SECOND)
            except TimeoutError:
                continue

    async def tick(self) -> int | None:
        """Does what is due; when it must be called again, None for when something has changed."""
        return await self._whole(self._tick)

    async def stop(self) -> None:
        """Writes all fail-safe values; the threads end."""
        await self._whole(self._stop)

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
                risk=self._rules[name].risk,
                errors=self._writer.errors[name],
                failure=self._guardian.failure(name),
            )
            for name in sorted(self._actuators)
        ]

    def capabilities(self) -> dict[str, dict[str, Any]]:
        """Name to `{risk}` with the range or the values: what a node says of itself at birth."""
        said: dict[str, dict[str, Any]] = {}
        for name, rule in sorted(self._rules.items()):
            limits = rule.limits
            said[name] = {"risk": str(rule.risk)}
            if limits.low is not None:
                said[name] |= {"low": limits.low, "high": limits.high}
            else:
                said[name]["values"] = list(limits.values) or [False, True]
        return said

    def limits(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Name to each limit that holds: its `value`, times in seconds, and who it is `from`."""
        return {name: sources.limits(rule) for name, rule in sorted(self._rules.items())}

    def barred(self) -> dict[str, str]:
        """Those that may have nothing but their fail-safe value, and why."""
        return {name: rule.barred for name, rule in self._rules.items() if rule.barred}

    async def _whole(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work returns, alone with the guardian. Once begun it ends, whoever is cancelled meanwhile.

        What the guardian has decided and nobody has written would be a lie that no later command puts right.
        """
        await self._lock.acquire()
        task = self._task(work())
        task.add_done_callback(lambda _: self._lock.release())
        return await asyncio.shield(task)

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop alone would not keep it
        task.add_done_callback(self._tasks.discard)
        return task

    async def _start(self) -> None:
        if self._started:
            await self._look()
            return
        if self._stopped:
            raise RefusedError("the actuators are safe, and stay so: the node stops")
        known = await self._times.load(self._watched.take_over)
        effects = self._guardian.start(self._monotonic(), known)
        self._started = True
        await self._carry_out(effects, lambda effect, failure: self.on_effect(effect, failure) if failure else None)
        self._watched.begin()

    async def _look(self) -> None:
        """Tells the watchdog that somebody is there. Where it thought otherwise, all begins anew."""
        if self._watched.beat():
            reason = "the watchdog has made all safe, since the node hung"
            _log.error("the node hung, and the watchdog has made all actuators safe")
            for actuator in self._actuators.values():
                actuator.driver.forget()
            await self._carry_out(self._guardian.start(self._monotonic(), reason=reason), self.on_effect)

    async def _tick(self) -> int | None:
        await self._start()
        await self._carry_out(self._guardian.tick(self._monotonic(), self._day()), self.on_effect)
        return self._guardian.deadline

    async def _stop(self) -> None:
        self._stopped = True
        done = True
        try:
            if self._started:
                self._started, done = False, False
                await self._carry_out(self._guardian.stop(self._monotonic()), lambda effect, failure: None)
                done = all(self._guardian.certain(name) for name in self._actuators)
        finally:
            self._watched.leave(done=done)
            self._writer.stop()
            self._times.stop()

    async def _carry_out(self, effects: list[Effect], tell: Callable[[Effect, str], None]) -> None:
        for effect in effects:
            was_certain = self._guardian.certain(effect.actuator)
            _, error = await self._writer.write(effect.actuator, effect.value)
            self._watched.wrote(effect.actuator)
            if not error:
                _log.info("actuator %s is %s: %s", effect.actuator, effect.value, effect.reason)
            if was_certain or not error:
                try:
                    tell(effect, error)
                except Exception:  # of who listens: all others are made safe nonetheless
                    _log.exception("nobody was told that %s", effect.reason)
        await self._times.save(self._guardian, *(effect.actuator for effect in effects))

    async def _obey(self, command: Command, within_ns: int | None) -> Decision | asyncio.Task[Decision]:
        """The decision; or, where reading back does not show the value yet, what waits for that to decide."""
        decision = self._guardian.request(command)
        self._changed.set()
        if not decision.accepted or not (decision.changed or within_ns is not None):
            return decision
        becomes_safe = self._guardian.safe(command.actuator)
        if (
            decision.changed
            and not becomes_safe
            and (error := await self._times.save(self._guardian, command.actuator))
        ):
            self._guardian.revoke(command.actuator)
            value = self._guardian.value(command.actuator)
            return _concluded(replace(decision, value=value, changed=False, displaced=""), None, error)
        write = self._writer.write if decision.changed else self._writer.assure
        shown, error = await write(command.actuator, command.value, may_wait=within_ns is not None)
        if decision.changed and becomes_safe:
            await self._times.save(self._guardian, command.actuator)
        self._watched.wrote(command.actuator)
        if within_ns is not None and not error:
            if shown is None:
                error = "it cannot be read back, so nothing confirms that it happened"
            elif not shown:
                return self._task(self._confirm(decision, within_ns, self._writer.replaced(command.actuator)))
        return _concluded(decision, shown, error)

    async def _confirm(self, decision: Decision, within_ns: int, replaced: asyncio.Event) -> Decision:
        """Waits without the lock until the value is seen: expiry, max_on, interlocks and the stop go on meanwhile."""
        name, value = decision.actuator, decision.value
        seen, error = await self._writer.wait(name, value, within_ns, replaced)
        async with self._lock:
            if replaced.is_set():
                return _concluded(decision, False, f"it was told something else before it showed {value!r}")
            self._changed.set()
            concluded = _concluded(decision, *self._writer.judge(name, value, seen, error))
            await self._times.save(self._guardian, name)
            return concluded


def _concluded(decision: Decision, shown: bool | None, error: str) -> Decision:
    if not error:
        return replace(decision, confirmed=shown)
    agreed = f"; {decision.consent} had agreed to it" if decision.consent else ""
    reason = f"{decision.actuator}: {error}{agreed}"
    return replace(decision, confirmed=shown, accepted=False, expires=None, reason=reason)
