# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what to which actuator, now. No I/O and no clock: commands and time in, decisions and effects out.

An actuator has at most one holder. A command of another owner takes over unless the holder's priority is higher; of
equal priorities the latest counts. When the holder's command expires, or max_on is reached, the actuator gets its
fail-safe value. Limits hold always but in three cases, where being safe is worth more than min_on, max_step and rate:
at the start, at the stop, and for what depends on an actuator whose state a failed write has made unknown.

All times are nanoseconds of one clock that nobody sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.errors import NotFoundError
from ganglion.guardian.words import Command, Decision, Effect, Memory, Rule
from ganglion.settings import nearest
from ganglion_micro.limits import State, on_until, refusal, same, seconds, settled

#: Waits after a failed write: doubled each time, in ns.
_FIRST_RETRY = 1_000_000_000
_LONGEST_RETRY = 60_000_000_000


@dataclass(slots=True)
class _Holder:
    owner: str
    priority: int
    expires: int | None


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
        self._excludes: dict[str, set[str]] = {name: set() for name in rules}
        for name, rule in rules.items():
            for other in rule.excludes:
                if other in self._excludes:
                    self._excludes[name].add(other)
                    self._excludes[other].add(name)
        self._check()
        self._order = self._dependants_first()
        self._states: dict[str, State] = {}
        self._holders: dict[str, _Holder] = {}
        self._retries: dict[str, tuple[int, int]] = {}  # actuator -> when, and the wait after that

    def start(self, now: int, memory: Mapping[str, Memory] | None = None) -> list[Effect]:
        """Fail-safe values for all: nobody knows what they did meanwhile. Call it once, before all else.

        Without memory an actuator counts as switched just now, since that is the worst its past can be.
        """
        effects = []
        for name in self._order:
            limits = self._rules[name].limits
            known = (memory or {}).get(name)
            state = State(limits.safe, now, now)
            if known is not None and not limits.misfit(known.value):
                state = State(known.value, now - max(known.switched, 0), now - max(known.moved, 0))
                state.change(limits, limits.safe, now)
            self._states[name] = state
            effects.append(Effect(actuator=name, value=limits.safe, reason="the node starts"))
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
        name, now = command.actuator, command.now
        rule, state = self._rule(name), self._states[command.actuator]
        holder = self._live(name, now)
        reason = (
            rule.limits.misfit(command.value)
            or self._too_late(command)
            or self._held(holder, command)
            or ("" if state.certain else "its state is unknown since a write failed; it is being made safe")
            or refusal(rule.limits, state, command.value, now)
            or self._interlock(name, command.value, now)
        )
        if reason:
            return self._decision(command, accepted=False, reason=f"{name}: {reason}")
        changed = not same(command.value, state.value)
        displaced = holder.owner if holder is not None and holder.owner != command.owner else ""
        state.change(rule.limits, command.value, now)
        self._holders[name] = _Holder(command.owner, command.priority, command.expires)
        reason = f"{name}: taken over from {displaced}" if displaced else ""
        return self._decision(
            command, accepted=True, reason=reason, changed=changed, displaced=displaced, expires=command.expires
        )

    def release(self, actuator: str, owner: str, now: int) -> None:
        """Ends an owner's command before it expires; nothing if another holds the actuator.

        Raises:
            NotFoundError: there is no such actuator.
        """
        self._rule(actuator)
        if (holder := self._holders.get(actuator)) is not None and holder.owner == owner:
            holder.expires = now

    def tick(self, now: int) -> list[Effect]:
        """What has become due: expiry, max_on, lost requirements, retries. The state counts it as done."""
        effects: list[Effect] = []
        certain = [name for name in self._order if self._states[name].certain]
        for name in certain:
            if (end := on_until(self._rules[name].limits, self._states[name])) is not None and now >= end:
                self._force(name, now, "it was on for its max_on", effects)
        for name in certain:
            holder = self._live(name, now)
            if holder is None and (lapse := self._lapse(name)) is not None and now >= lapse:
                self._force(name, now, "its owner's command has expired", effects)
        for name in certain:
            state, limits = self._states[name], self._rules[name].limits
            if limits.is_on(state.value) and (why := self._interlock(name, state.value, now, True)):
                self._force(name, now, why, effects)
        for name, (when, wait) in list(self._retries.items()):
            if now >= when:
                self._retries[name] = (now + wait, min(2 * wait, _LONGEST_RETRY))
                self._force(name, now, "a write to it has failed", effects)
        return effects

    @property
    def deadline(self) -> int | None:
        """When `tick` must next be called; None when nothing will become due."""
        times = [when for when, _ in self._retries.values()]
        for name, rule in self._rules.items():
            state = self._states[name]
            if not state.certain:
                continue
            if (end := on_until(rule.limits, state)) is not None:
                times.append(end)
            if (lapse := self._lapse(name)) is not None:
                holder = self._holders.get(name)
                if holder is None:
                    times.append(lapse)
                elif holder.expires is not None:
                    times.append(max(lapse, holder.expires))
            if rule.limits.is_on(state.value) and self._interlock(name, state.value, 0, True):
                times.append(state.moved)
        return min(times, default=None)

    def failed(self, actuator: str, now: int) -> None:
        """A write did not reach it: nobody knows its state until `confirmed`. `tick` tries to make it safe."""
        self._states[actuator].certain = False
        self._holders.pop(actuator, None)
        if actuator not in self._retries:
            self._retries[actuator] = (now + _FIRST_RETRY, 2 * _FIRST_RETRY)

    def confirmed(self, actuator: str) -> None:
        """A write reached the actuator."""
        self._states[actuator].certain = True
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
        """What `start` needs after a restart, in ages at `now`."""
        return {
            name: Memory(value=state.value, switched=now - state.switched, moved=now - state.moved)
            for name, state in self._states.items()
        }

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
            **more,
        )

    def _live(self, name: str, now: int) -> _Holder | None:
        holder = self._holders.get(name)
        if holder is not None and holder.expires is not None and holder.expires <= now:
            del self._holders[name]
            return None
        return holder

    @staticmethod
    def _too_late(command: Command) -> str:
        return "the command had expired" if command.expires is not None and command.expires <= command.now else ""

    @staticmethod
    def _held(holder: _Holder | None, command: Command) -> str:
        if holder is None or holder.owner == command.owner or holder.priority <= command.priority:
            return ""
        until = "" if holder.expires is None else f" for {seconds(holder.expires - command.now)} more"
        return f"{holder.owner} holds it with priority {holder.priority}{until}"

    def _is_on(self, name: str) -> bool:
        return self._rules[name].limits.is_on(self._states[name].value)

    def _interlock(self, name: str, value: Any, now: int, holding: bool = False) -> str:
        """Why it may not have the value beside the others; with `holding` only what speaks against keeping it."""
        rule = self._rules[name]
        if rule.limits.is_on(value):
            for other in rule.requires:
                if not (self._is_on(other) and self._states[other].certain):
                    return f"it may be on only while {other} is on"
                end = self._on_until(other)
                if not holding and end is not None and not self._is_on(name) and end < now + rule.limits.min_on:
                    return f"{other} goes off in {seconds(max(end - now, 0))}, before its own min_on is over"
            for other in sorted(self._excludes[name]):
                if self._is_on(other) or not self._states[other].certain:
                    return f"it may not be on while {other} is"
        elif not holding:
            for other in self._dependants(name):
                if self._is_on(other) or not self._states[other].certain:
                    return f"{other} is on and requires it"
        return ""

    def _on_until(self, name: str) -> int | None:
        """When it, or what it requires, reaches max_on."""
        ends = [self._on_until(other) for other in self._rules[name].requires]
        ends.append(on_until(self._rules[name].limits, self._states[name]))
        return min((end for end in ends if end is not None), default=None)

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

    def _force(self, name: str, now: int, reason: str, effects: list[Effect]) -> None:
        """Gives it its fail-safe value, after those have gone off that may not be on then."""
        limits = self._rules[name].limits
        if not limits.is_on(limits.safe):
            for other in self._dependants(name):
                if self._is_on(other):
                    self._force(other, now, f"it may be on only while {name} is on", effects)
        self._holders.pop(name, None)
        self._states[name].change(limits, limits.safe, now)
        effects.append(Effect(actuator=name, value=limits.safe, reason=f"{name}: {reason}"))

    def _dependants(self, name: str) -> list[str]:
        return [other for other, rule in self._rules.items() if name in rule.requires]

    def _check(self) -> None:
        for name, rule in self._rules.items():
            for key, others in (("requires", rule.requires), ("excludes", rule.excludes)):
                for other in others:
                    if other not in self._rules:
                        raise ValueError(f"{name}.{key}: there is no actuator {other!r}{nearest(other, self._rules)}")
                    if other == name:
                        raise ValueError(f"{name}.{key}: it names itself")
            if rule.limits.is_on(rule.limits.safe) and (rule.requires or self._excludes[name]):
                raise ValueError(f"{name}.fail_safe: must be off, since an interlock may forbid that it is on")
            for other in self._closure(name):
                if other in self._excludes[name]:
                    raise ValueError(f"{name}.requires: {other} excludes it, so it could never be on")

    def _closure(self, name: str) -> set[str]:
        found: set[str] = set()
        ahead = list(self._rules[name].requires)
        while ahead:
            other = ahead.pop()
            if other == name:
                raise ValueError(f"{name}.requires: it would require itself")
            if other in self._rules and other not in found:
                found.add(other)
                ahead.extend(self._rules[other].requires)
        return found

    def _dependants_first(self) -> tuple[str, ...]:
        return tuple(sorted(self._rules, key=lambda name: -len(self._closure(name))))
