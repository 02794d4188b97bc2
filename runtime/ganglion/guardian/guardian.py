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
from copy import copy
from typing import Any

from ganglion.errors import NotFoundError
from ganglion.guardian import interlocks, sources
from ganglion.guardian.holders import Holder, Holders, held, unfit
from ganglion.guardian.situation import Situation
from ganglion.guardian.words import Command, Decision, Effect, Memory, Risk, Rule
from ganglion.settings import nearest
from ganglion_micro.limits import State, refusal, same

#: Waits after a failed write: doubled each time, in ns.
_FIRST_RETRY = 1_000_000_000
_LONGEST_RETRY = 60_000_000_000
_NEVER = "what a language model has said may never set it (risk)"
_UNASKED = "what a language model has said may set it with a person's consent alone (risk)"


class Guardian:
    """All actuators of a node.

    Args:
        rules: Name to rule.

    Raises:
        ValueError: a rule names an actuator that is not there or itself, requirements run in a circle, or a fail-safe
            value would break an interlock. The message begins with the actuator's name.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._situation = Situation(rules)
        self._states = self._situation.states
        self._order = interlocks.dependants_first(rules)
        self._holders = Holders()
        self._failures: dict[str, str] = {}  # actuator -> why the last write did not reach it
        self._retries: dict[str, tuple[int, int]] = {}  # actuator -> when, and the wait after that
        self._before: tuple[State, Holder | None] | None = None  # of the actuator of the last command, before it

    @property
    def _rules(self) -> Mapping[str, Rule]:
        return self._situation.rules

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
            effects.append(self._effect(name, reason))
        self._holders.clear()
        return effects

    def stop(self, now: int) -> list[Effect]:
        """Fail-safe values for all, whatever min_on says."""
        for name in self._order:
            self._states[name].change(self._rules[name].limits, self._rules[name].limits.safe, now)
        effects = [self._effect(name, "the node stops") for name in self._order]
        self._holders.clear()
        return effects

    def request(self, command: Command) -> Decision:
        """Decides, and takes an accepted command as carried out: report a write that failed with `failed`.

        Raises:
            NotFoundError: there is no such actuator.
        """
        name, now, day = command.actuator, command.now, command.day
        rule, state = self._rule(name), self._states[command.actuator]
        self._situation.at(now, day)
        holder = self._holders.live(name, now)
        reason = (
            sources.misfit(rule, command.value)
            or unfit(command)
            or (sources.said(rule, _NEVER) if command.advised and rule.risk is Risk.NEVER else "")
            or held(holder, command)
            or ("" if state.certain else self._unknown(name))
            or sources.said(rule, refusal(rule.limits, state, command.value, now, day))
            or self._situation.quiet_soon(name, command.value)
            or self._situation.interlock(name, command.value)
        )
        if reason:
            agreed = f"; {command.consent} had agreed to it" if command.consent else ""
            return self._decision(command, accepted=False, reason=f"{name}: {reason}{agreed}")
        if command.advised and rule.risk is Risk.CONFIRM and not command.consent:
            reason = f"{name}: {sources.said(rule, _UNASKED)}"
            return self._decision(command, accepted=False, reason=reason, unasked=True)
        changed = not same(command.value, state.value)
        self._before = (copy(state), self._holders.last(name))
        displaced = holder.owner if holder is not None and holder.owner != command.owner else ""
        state.change(rule.limits, command.value, now)
        heartbeat = self._holders.take(command, rule).heartbeat
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

    def revoke(self, actuator: str) -> None:
        """The command that was accepted last was for it, and is not carried out: it is as before. Nothing but
        `restrict` may have come since."""
        assert self._before is not None
        self._states[actuator], holder = self._before
        self._holders.give_back(actuator, holder)
        self._holders.limit(actuator, self._rules[actuator])

    def restrict(self, rules: Mapping[str, Rule]) -> None:
        """Other rules hold from now on; what each requires and excludes, and when it is off and safe, stays.

        What is outside of them `tick` makes safe, once its min_on is over.
        """
        self._situation.rules = dict(rules)
        for name, rule in rules.items():
            self._holders.limit(name, rule)

    def renew(self, owner: str, now: int) -> list[str]:
        """An owner lives: the actuators that it holds, whose heartbeats count anew."""
        return self._holders.renew(owner, now)

    def tick(self, now: int, day: int | None = None) -> list[Effect]:
        """What has become due: expiry, silence, max_on, quiet hours, lost requirements, retries. The state counts it as
        done. What others require comes with a later call, once they are off: look at `deadline` after each.
        """
        self._situation.at(now, day)
        effects: list[Effect] = []
        for name in self._order:
            if reason := self._due(name, now, day):
                self._force(name, now, reason, effects)
        return effects

    @property
    def deadline(self) -> int | None:
        """When `tick` must next be called; None when nothing will become due. Wall clocks that are set change it."""
        situation, times = self._situation, []
        for name, rule in self._rules.items():
            state = self._states[name]
            if situation.waits(name):
                continue  # for the retry of another, or until it is seen
            if not state.certain:
                times.append(self._retries[name][0])
                continue
            if (end := situation.worn(name)) is not None:
                times.append(end)
            if (lapse := situation.lapse(name)) is not None:
                holder = self._holders.get(name)
                if holder is None:
                    times.append(lapse)
                elif holder.end is not None:
                    times.append(max(lapse, holder.end))
                if sources.misfit(rule, state.value):
                    times.append(lapse)
                quiet = rule.limits.quiet_in(situation.day) if rule.limits.is_loud(state.value) else None
                if quiet is not None:
                    times.append(max(lapse, situation.now + quiet))
            if rule.limits.is_on(state.value) and situation.interlock(name, state.value, holding=True):
                times.append(state.moved)
        return min(times, default=None)

    def failed(self, actuator: str, now: int, why: str = "") -> None:
        """A write did not reach it: nobody knows its state until `confirmed`. `tick` tries to make it safe."""
        self._states[actuator].lose()
        self._situation.pending.discard(actuator)
        self._failures[actuator] = why
        self._holders.end(actuator, "a write to it has failed")
        if actuator not in self._retries:
            self._retries[actuator] = (now + _FIRST_RETRY, 2 * _FIRST_RETRY)

    def sent(self, actuator: str) -> None:
        """A write reached it, and reading back does not show it yet: until it does, nothing new may rely on it."""
        self._situation.pending.add(actuator)

    def pending(self, actuator: str) -> bool:
        """Whether it was `sent`, and is neither `confirmed` nor `failed`."""
        return actuator in self._situation.pending

    def confirmed(self, actuator: str, now: int) -> None:
        """A write reached the actuator."""
        self._states[actuator].settle(now)
        self._situation.pending.discard(actuator)
        self._failures.pop(actuator, None)
        self._retries.pop(actuator, None)

    def failure(self, actuator: str) -> str:
        """Why the last write did not reach it; "" where it has."""
        return self._failures.get(actuator, "")

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
        live = self._holders.live(actuator, now)
        return live.owner if live is not None else ""

    def memory(self, now: int) -> dict[str, Memory]:
        """What `start` needs after a restart, in ages at `now`; nothing of those whose state is not known."""
        return {
            name: Memory(value=state.value, switched=now - state.switched, moved=now - state.moved)
            for name, state in self._states.items()
            if self._situation.sure(name)
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

    def _unknown(self, name: str) -> str:
        failure = self._failures.get(name, "")
        why = f" ({failure})" if failure else ""
        return f"its state is unknown since a write failed{why}; it is being made safe"

    def _due(self, name: str, now: int, day: int | None) -> str:
        """Why it must have its fail-safe value now."""
        state, limits = self._states[name], self._rules[name].limits
        if not state.certain:
            return "a write to it has failed" if now >= self._retries[name][0] else ""
        if (end := self._situation.worn(name)) is not None and now >= end:
            return sources.said(self._rules[name], "it was on for its max_on")
        if (lapse := self._situation.lapse(name)) is not None and now >= lapse:
            if reason := sources.misfit(self._rules[name], state.value):
                return reason
            if self._holders.live(name, now) is None:
                last = self._holders.last(name)
                return "nobody holds it" if last is None else last.why
            if limits.is_loud(state.value) and limits.is_quiet(day):
                reason = "quiet_hours have begun" if day is not None else "nobody knows what time it is"
                return sources.said(self._rules[name], reason)
        return self._situation.interlock(name, state.value, holding=True) if limits.is_on(state.value) else ""

    def _force(self, name: str, now: int, reason: str, effects: list[Effect]) -> None:
        """Gives it its fail-safe value; or, where that is off, first to those that may not be on then."""
        limits, situation = self._rules[name].limits, self._situation
        if not limits.is_on(limits.safe):
            dependants = situation.dependants(name)
            on = [other for other in dependants if situation.is_on(other) and self._states[other].certain]
            for other in on:
                self._force(other, now, f"it may be on only while {name} is on", effects)
            # Only once the writes to them have succeeded: it comes with a later call
            if on or situation.waits(name) or any(effect.actuator in dependants for effect in effects):
                return
        if not self._states[name].certain:
            _, wait = self._retries[name]
            self._retries[name] = (now + wait, min(2 * wait, _LONGEST_RETRY))
        self._holders.end(name, reason)
        self._states[name].change(limits, limits.safe, now)
        effects.append(self._effect(name, f"{name}: {reason}"))

    def _effect(self, name: str, reason: str) -> Effect:
        value, last = self._rules[name].limits.safe, self._holders.last(name)
        if last is None:
            return Effect(actuator=name, value=value, reason=reason)
        return Effect(actuator=name, value=value, reason=reason, owner=last.owner, run=last.run)
