# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what to which actuator, now. No I/O and no clock: commands and time in, decisions and effects out.

An actuator has at most one holder. A command of another owner takes over unless the holder's priority is higher; of
equal priorities the latest counts. When the holder's command expires, when the holder is silent, at max_on and in quiet
hours the actuator gets its fail-safe value. Being safe is worth more than max_step and rate: they bound commands alone.
It is worth more than min_on in three cases: at the start, at the stop, and for what depends on an actuator whose state
a failed write has made unknown. What others require stays on until they are known to be off, even beyond its max_on.

All times are nanoseconds of one clock that nobody sets. The time of day comes in beside it, as `limits` takes it; who
sets that clock moves the quiet hours and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.errors import NotFoundError
from ganglion.guardian import interlocks, sources
from ganglion.guardian.words import Command, Decision, Effect, Memory, Risk, Rule
from ganglion.settings import nearest
from ganglion_micro.limits import State, on_until, refusal, same, seconds, settled

#: Waits after a failed write: doubled each time, in ns.
_FIRST_RETRY = 1_000_000_000
_LONGEST_RETRY = 60_000_000_000
_NEVER = "what a language model has said may never set it (risk)"
_UNASKED = "what a language model has said may set it with a person's consent alone (risk)"


@dataclass(slots=True)
class _Holder:
    owner: str
    priority: int
    expires: int | None
    heartbeat: int | None
    heard: int

    @property
    def end(self) -> int | None:
        """When its command ends, if it is not heard of before."""
        silent = None if self.heartbeat is None else self.heard + self.heartbeat
        return min((end for end in (self.expires, silent) if end is not None), default=None)

    def ended(self, now: int) -> str:
        """Why its command has ended."""
        if self.expires is not None and self.expires <= now:
            return "its owner's command has expired"
        return f"its owner {self.owner} has been silent for {seconds(self.heartbeat or 0)}"


class Guardian:
    """All actuators of a node.

    Args:
        rules: Name to rule.

    Raises:
        ValueError: a rule names an actuator that is not there or itself, requirements run in a circle, or a fail-safe
            value would break an interlock. The message begins with the actuator's name.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = dict(rules)
        self._excludes = interlocks.excludes(rules)
        self._order = interlocks.dependants_first(rules)
        self._states: dict[str, State] = {}
        self._holders: dict[str, _Holder] = {}
        self._ended: dict[str, str] = {}  # actuator -> why nobody holds it any more
        self._retries: dict[str, tuple[int, int]] = {}  # actuator -> when, and the wait after that
        self._pending: set[str] = set()  # written, and not seen yet
        self._clocks: tuple[int, int | None] = (0, None)  # the time, and the time of day then

    @property
    def order(self) -> tuple[str, ...]:
        """All names, each before those that it requires: in this order they may be made safe."""
        return self._order

    def start(
        self, now: int, memory: Mapping[str, Memory] | None = None, reason: str = "the node starts"
    ) -> list[Effect]:
        """Fail-safe values for all: nobody knows what they did meanwhile. Call it before all else, and again when they
        were moved behind the guardian's back.

        Without memory an actuator counts as switched when it has obeyed, since that is the worst its past can be.
        """
        effects = []
        self._holders.clear()
        for name in self._order:
            limits = self._rules[name].limits
            known = (memory or {}).get(name)
            state = State(limits.safe, now, now)
            if known is not None and not limits.misfit(known.value):
                state = State(known.value, now - max(known.switched, 0), now - max(known.moved, 0))
                state.change(limits, limits.safe, now)
            else:
                state.lose()
                state.certain = True  # until the write that follows has failed
            self._states[name] = state
            effects.append(Effect(actuator=name, value=limits.safe, reason=reason))
        return effects

    def stop(self, now: int) -> list[Effect]:
        """Fail-safe values for all, whatever min_on says."""
        self._holders.clear()
        effects = []
        for name in self._order:
            self._states[name].change(self._rules[name].limits, self._rules[name].limits.safe, now)
            effects.append(Effect(actuator=name, value=self._rules[name].limits.safe, reason="the node stops"))
        return effects

    def request(self, command: Command) -> Decision:
        """Decides, and takes an accepted command as carried out: report a write that failed with `failed`.

        Raises:
            NotFoundError: there is no such actuator.
        """
        name, now, day = command.actuator, command.now, command.day
        rule, state = self._rule(name), self._states[command.actuator]
        self._clocks = now, day
        holder = self._live(name, now)
        reason = (
            sources.misfit(rule, command.value)
            or self._unfit(command)
            or (sources.said(rule, _NEVER) if command.advised and rule.risk is Risk.NEVER else "")
            or self._held(holder, command)
            or ("" if state.certain else "its state is unknown since a write failed; it is being made safe")
            or sources.said(rule, refusal(rule.limits, state, command.value, now, day))
            or self._quiet_soon(name, command.value, now)
            or self._interlock(name, command.value, now)
        )
        if reason:
            agreed = f"; {command.consent} had agreed to it" if command.consent else ""
            return self._decision(command, accepted=False, reason=f"{name}: {reason}{agreed}")
        if command.advised and rule.risk is Risk.CONFIRM and not command.consent:
            reason = f"{name}: {sources.said(rule, _UNASKED)}"
            return self._decision(command, accepted=False, reason=reason, unasked=True)
        changed = not same(command.value, state.value)
        displaced = holder.owner if holder is not None and holder.owner != command.owner else ""
        state.change(rule.limits, command.value, now)
        heartbeat = min((each for each in (command.heartbeat, rule.max_silence) if each is not None), default=None)
        self._holders[name] = _Holder(command.owner, command.priority, command.expires, heartbeat, now)
        self._ended.pop(name, None)
        said = [f"taken over from {displaced}"] if displaced else []
        said += [f"with the consent of {command.consent}"] if command.consent else []
        reason = f"{name}: {', '.join(said)}" if said else ""
        return self._decision(
            command,
            accepted=True,
            reason=reason,
            changed=changed,
            displaced=displaced,
            expires=command.expires,
            heartbeat=heartbeat,
        )

    def restrict(self, rules: Mapping[str, Rule]) -> None:
        """Other rules hold from now on; what each requires and excludes, and when it is off and safe, stays.

        What is outside of them `tick` makes safe, once its min_on is over.
        """
        self._rules = dict(rules)
        for name, holder in self._holders.items():
            known = (holder.heartbeat, self._rules[name].max_silence)
            holder.heartbeat = min((each for each in known if each is not None), default=None)

    def renew(self, owner: str, now: int) -> list[str]:
        """An owner lives: the actuators that it holds, whose heartbeats count anew."""
        renewed = []
        for name in self._rules:
            if (holder := self._live(name, now)) is not None and holder.owner == owner:
                holder.heard = now
                renewed.append(name)
        return renewed

    def release(self, actuator: str, owner: str, now: int) -> None:
        """Ends an owner's command before it expires; nothing if another holds the actuator.

        Raises:
            NotFoundError: there is no such actuator.
        """
        self._rule(actuator)
        if (holder := self._holders.get(actuator)) is not None and holder.owner == owner:
            holder.expires = now

    def tick(self, now: int, day: int | None = None) -> list[Effect]:
        """What has become due: expiry, silence, max_on, quiet hours, lost requirements, retries. The state counts it as
        done. What others require comes with a later call, once they are off: look at `deadline` after each.
        """
        self._clocks = now, day
        effects: list[Effect] = []
        for name in self._order:
            if reason := self._due(name, now, day):
                self._force(name, now, reason, effects)
        return effects

    @property
    def deadline(self) -> int | None:
        """When `tick` must next be called; None when nothing will become due. Wall clocks that are set change it."""
        now, day = self._clocks
        times = []
        for name, rule in self._rules.items():
            state = self._states[name]
            if self._waits(name):
                continue  # for the retry of another, or until it is seen
            if not state.certain:
                times.append(self._retries[name][0])
                continue
            if (end := self._worn(name)) is not None:
                times.append(end)
            if (lapse := self._lapse(name)) is not None:
                holder = self._holders.get(name)
                if holder is None:
                    times.append(lapse)
                elif holder.end is not None:
                    times.append(max(lapse, holder.end))
                if sources.misfit(rule, state.value):
                    times.append(lapse)
                quiet = rule.limits.quiet_in(day) if rule.limits.is_loud(state.value) else None
                if quiet is not None:
                    times.append(max(lapse, now + quiet))
            if rule.limits.is_on(state.value) and self._interlock(name, state.value, now, True):
                times.append(state.moved)
        return min(times, default=None)

    def failed(self, actuator: str, now: int) -> None:
        """A write did not reach it: nobody knows its state until `confirmed`. `tick` tries to make it safe."""
        self._states[actuator].lose()
        self._pending.discard(actuator)
        self._holders.pop(actuator, None)
        if actuator not in self._retries:
            self._retries[actuator] = (now + _FIRST_RETRY, 2 * _FIRST_RETRY)

    def sent(self, actuator: str) -> None:
        """A write reached it, and reading back does not show it yet: until it does, nothing new may rely on it."""
        self._pending.add(actuator)

    def pending(self, actuator: str) -> bool:
        """Whether it was `sent`, and is neither `confirmed` nor `failed`."""
        return actuator in self._pending

    def confirmed(self, actuator: str, now: int) -> None:
        """A write reached the actuator."""
        self._states[actuator].settle(now)
        self._pending.discard(actuator)
        self._retries.pop(actuator, None)

    def value(self, actuator: str) -> Any:
        """What the actuator was told last.

        Raises:
            NotFoundError: there is no such actuator.
        """
        self._rule(actuator)
        return self._states[actuator].value

    def certain(self, actuator: str) -> bool:
        """Whether the last write reached it."""
        return self._states[actuator].certain

    def holder(self, actuator: str, now: int) -> str:
        """Who holds it, "" for nobody."""
        live = self._live(actuator, now)
        return live.owner if live is not None else ""

    def memory(self, now: int) -> dict[str, Memory]:
        """What `start` needs after a restart, in ages at `now`; nothing of those whose state is not known."""
        return {
            name: Memory(value=state.value, switched=now - state.switched, moved=now - state.moved)
            for name, state in self._states.items()
            if state.certain and name not in self._pending
        }

    def safe(self, actuator: str) -> bool:
        """Whether it was told its fail-safe value."""
        return same(self._states[actuator].value, self._rules[actuator].limits.safe)

    def _rule(self, name: str) -> Rule:
        try:
            return self._rules[name]
        except KeyError:
            raise NotFoundError(f"there is no actuator {name!r}{nearest(name, self._rules)}") from None

    def _decision(self, command: Command, *, accepted: bool, reason: str, **more: Any) -> Decision:
        return Decision(
            accepted=accepted,
            actuator=command.actuator,
            value=self._states[command.actuator].value,
            owner=command.owner,
            priority=command.priority,
            risk=self._rules[command.actuator].risk,
            reason=reason,
            consent=command.consent,
            **more,
        )

    def _live(self, name: str, now: int) -> _Holder | None:
        holder = self._holders.get(name)
        if holder is not None and holder.end is not None and holder.end <= now:
            del self._holders[name]
            self._ended[name] = holder.ended(now)
            return None
        return holder

    @staticmethod
    def _unfit(command: Command) -> str:
        if not 0 <= command.priority <= 3:
            return f"priority must be 0 to 3, not {command.priority}"
        if command.heartbeat is not None and command.heartbeat <= 0:
            return "heartbeat must be above 0"
        return "the command had expired" if command.expires is not None and command.expires <= command.now else ""

    @staticmethod
    def _held(holder: _Holder | None, command: Command) -> str:
        if holder is None or holder.owner == command.owner or holder.priority <= command.priority:
            return ""
        until = "" if holder.end is None else f" for {seconds(holder.end - command.now)} more"
        return f"{holder.owner} holds it with priority {holder.priority}{until}"

    def _due(self, name: str, now: int, day: int | None) -> str:
        """Why it must have its fail-safe value now."""
        state, limits = self._states[name], self._rules[name].limits
        if not state.certain:
            return "a write to it has failed" if now >= self._retries[name][0] else ""
        if (end := self._worn(name)) is not None and now >= end:
            return sources.said(self._rules[name], "it was on for its max_on")
        if (lapse := self._lapse(name)) is not None and now >= lapse:
            if reason := sources.misfit(self._rules[name], state.value):
                return reason
            if self._live(name, now) is None:
                return self._ended.get(name, "nobody holds it")
            if limits.is_loud(state.value) and limits.is_quiet(day):
                reason = "quiet_hours have begun" if day is not None else "nobody knows what time it is"
                return sources.said(self._rules[name], reason)
        return self._interlock(name, state.value, now, True) if limits.is_on(state.value) else ""

    def _is_on(self, name: str) -> bool:
        return self._rules[name].limits.is_on(self._states[name].value)

    def _interlock(self, name: str, value: Any, now: int, holding: bool = False) -> str:
        """Why it may not have the value beside the others; with `holding` only what speaks against keeping it."""
        rule = self._rules[name]
        if rule.limits.is_on(value):
            for other in rule.requires:
                if not (self._is_on(other) and self._sure(other, holding)):
                    return f"it may be on only while {other} is on"
                end = self._on_until(other)
                if not holding and end is not None and not self._is_on(name) and end < now + rule.limits.min_on:
                    return f"{other} goes off in {seconds(max(end - now, 0))}, before its own min_on is over"
            for other in sorted(self._excludes[name]):
                if self._is_on(other) or not self._sure(other, holding):
                    return f"it may not be on while {other} is"
        elif not holding:
            for other in self._dependants(name):
                if self._is_on(other) or not self._sure(other, holding):
                    return f"{other} is on and requires it"
        return ""

    def _sure(self, name: str, holding: bool) -> bool:
        """Whether it is known to have its value; what is on already is let be until one that is pending has failed."""
        return self._states[name].certain and (holding or name not in self._pending)

    def _quiet_soon(self, name: str, value: Any, now: int) -> str:
        """Why it may not be so loud now: when quiet hours begin, something that requires it must still be on."""
        limits = self._rules[name].limits
        quiet = limits.quiet_in(self._clocks[1]) if limits.is_loud(value) else None
        if quiet is not None and not limits.is_on(limits.safe):
            for other in self._dependants(name):
                lapse = self._lapse(other)
                if lapse is not None and lapse > now + quiet:
                    return f"quiet_hours begin in {seconds(quiet)}, before the min_on of {other} is over"
        return ""

    def _on_until(self, name: str) -> int | None:
        """When it, or what it requires, reaches max_on or quiet hours."""
        (now, day), state, limits = self._clocks, self._states[name], self._rules[name].limits
        ends = [self._on_until(other) for other in self._rules[name].requires]
        ends.append(on_until(limits, state))
        quiet = limits.quiet_in(day) if limits.is_loud(state.value) else None
        ends.append(None if quiet is None else now + quiet)
        return min((end for end in ends if end is not None), default=None)

    def _worn(self, name: str) -> int | None:
        """When max_on ends it; not before what requires it may go off, for limits may have come while both were on."""
        end = on_until(self._rules[name].limits, self._states[name])
        if end is None or self._rules[name].limits.is_on(self._rules[name].limits.safe):
            return end
        return max([end, *(lapse for other in self._dependants(name) if (lapse := self._lapse(other)) is not None)])

    def _lapse(self, name: str) -> int | None:
        """From when it may get its fail-safe value once nobody holds it; None when it has it."""
        state, limits = self._states[name], self._rules[name].limits
        if same(state.value, limits.safe):
            return None
        when = settled(limits, state, limits.safe)
        if not limits.is_on(limits.safe):
            # What requires it has a fail-safe value that is off, so while it is on it lapses some time too
            when = max(
                [when, *(lapse for other in self._dependants(name) if (lapse := self._lapse(other)) is not None)]
            )
        return when

    def _waits(self, name: str) -> bool:
        """Whether nothing can be done for it yet: it is not known that all are off that must go off before it."""
        return not self._rules[name].limits.is_on(self._rules[name].limits.safe) and any(
            not self._sure(other, False) or (self._is_on(other) and self._waits(other))
            for other in self._dependants(name)
        )

    def _force(self, name: str, now: int, reason: str, effects: list[Effect]) -> None:
        """Gives it its fail-safe value; or, where that is off, first to those that may not be on then."""
        limits = self._rules[name].limits
        if not limits.is_on(limits.safe):
            on = [other for other in self._dependants(name) if self._is_on(other) and self._states[other].certain]
            for other in on:
                self._force(other, now, f"it may be on only while {name} is on", effects)
            # Only once the writes to them have succeeded: it comes with a later call
            if on or self._waits(name) or any(effect.actuator in self._dependants(name) for effect in effects):
                return
        if not self._states[name].certain:
            _, wait = self._retries[name]
            self._retries[name] = (now + wait, min(2 * wait, _LONGEST_RETRY))
        self._holders.pop(name, None)
        self._states[name].change(limits, limits.safe, now)
        effects.append(Effect(actuator=name, value=limits.safe, reason=f"{name}: {reason}"))

    def _dependants(self, name: str) -> list[str]:
        return [other for other, rule in self._rules.items() if name in rule.requires]
