# SPDX-License-Identifier: GPL-3.0-or-later
"""A world of actuators, and somebody who only looks at it and knows the rules: what was broken is an AssertionError.

Nothing here asks the guardian anything.
"""

from collections.abc import Mapping
from typing import Any

from ganglion.guardian import Rule
from ganglion_micro.limits import DAY, same

S = 1_000_000_000


class World:
    """What the actuators really do.

    Args:
        rules: What they are held to.

    Attributes:
        true: The time, in nanoseconds, which nobody in the world can see.
        wall: How far the wall clock is ahead of it; None for one that was never set.
        faults: Actuator to what becomes of its next write: `lost`, or `done` and still an error.
        dies: Writes after which the process is dead; None for none. Negative: before the effect of the last.
        shaken, orphans: To which a write has failed, and to which it has at the start, when all was written at once.
        phase: `start`, `run`, `stop` or `dead`.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = rules
        self.true = 1_000_000 * S
        self.booted = self.true
        self.wall: int | None = 12 * 3600 * S - self.true % DAY
        self.stepped = -1
        self.faults: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.switched = dict.fromkeys(rules, 0)
        self.moved = dict.fromkeys(rules, 0)
        self.louder = dict.fromkeys(rules, 0)
        self.shaken: set[str] = set()
        self.orphans: set[str] = set()
        self.phase = "start"
        self.claims: dict[str, list[Any]] = {}

    def day(self) -> int | None:
        return None if self.wall is None else (self.true + self.wall) % DAY

    def monotonic(self) -> int:
        return self.true - self.booted

    def is_on(self, name: str) -> bool:
        return name in self.values and self.rules[name].limits.is_on(self.values[name])

    def below(self, name: str) -> set[str]:
        """What it requires, directly or not."""
        found: set[str] = set()
        for other in self.rules[name].requires:
            found |= {other} | self.below(other)
        return found

    def above(self, name: str) -> set[str]:
        """What requires it, directly or not."""
        return {other for other in self.rules if name in self.below(other)}

    def is_shaken(self, name: str) -> bool:
        """Whether a write has failed to it, or to what it depends on."""
        return bool(self.shaken & ({name} | self.below(name)))

    def write(self, name: str, value: Any) -> None:
        """What the node's driver does; OSError where it fails."""
        fault = self.faults.pop(name, "")
        if fault != "lost":
            self.effect(name, value)
        if fault:
            self.shaken.add(name)
            if self.phase == "start":
                self.orphans.add(name)
            raise OSError(f"the wire of {name} is {fault}")
        self.shaken.discard(name)
        self.orphans.discard(name)

    def effect(self, name: str, value: Any) -> None:
        """The actuator has the value from now on."""
        limits, before = self.rules[name].limits, self.values.get(name)
        was_on, on = self.is_on(name), limits.is_on(value)
        assert not self._misfit(name, value), (name, value)
        if self.phase == "run":
            self._check_change(name, before, value)
            stayed = self.true - self.switched[name]
            if on and not was_on and not (self.is_shaken(name) and same(value, limits.safe)):
                assert stayed >= limits.min_off, f"{name} was off for {stayed / S} s"
            if was_on and not on and not self.is_shaken(name):
                assert stayed >= limits.min_on, f"{name} was on for {stayed / S} s"
            if limits.is_loud(value) and not same(before, value):
                assert not self.is_quiet(name), f"{name} became {value} in quiet hours"
        if on != was_on:
            self.switched[name] = self.true
        if not same(before, value):
            self.moved[name] = self.true
        if limits.is_loud(value) and not (before is not None and limits.is_loud(before)):
            self.louder[name] = self.true
        self.values[name] = value
        if self.phase == "run":
            self.check_locks()

    def is_quiet(self, name: str) -> bool:
        """Whether it is now a time of its quiet hours, by the wall clock."""
        day = self.day()
        windows = self.rules[name].limits.quiet
        if day is None:
            return bool(windows)
        return any(a <= day < b or (b < a and not b <= day < a) for a, b in windows)

    def check_locks(self) -> None:
        """Requirements and exclusions, as they are at any moment."""
        for name, rule in self.rules.items():
            if self.is_on(name) and name not in self.orphans:
                for other in rule.requires:
                    assert self.is_on(other) or self.is_shaken(other), f"{name} is on without {other}"
                for other in rule.excludes:
                    assert not self.is_on(other) or other in self.orphans, f"{name} is on beside {other}"

    def check_settled(self) -> None:
        """What holds once the node has done all that was due."""
        self.check_locks()
        for name, rule in self.rules.items():
            tied = {name} | self.above(name)
            if any(self.is_shaken(other) for other in tied):
                continue
            limits, value = rule.limits, self.values[name]
            if limits.max_on is not None and self.is_on(name):
                on = self.true - self.switched[name]
                assert on < limits.max_on, f"{name} is on for {on / S} s"
            held = any(
                self.is_on(other) and self.true < self.switched[other] + self.rules[other].limits.min_on
                for other in tied
            )
            off = not limits.is_on(limits.safe) and self.true < self.switched[name] + limits.min_off
            if limits.is_loud(value) and self.is_quiet(name):
                assert held, f"{name} is {value} in quiet hours"
                assert self.stepped >= self.louder[name], f"{name} was let go on too late before quiet hours"
            if not same(value, limits.safe) and not self.claim(name):
                waits = held or off or (not self.is_on(name) and self.true < self.switched[name] + limits.min_off)
                assert waits, f"{name} is {value}, and nobody wants it"

    def claim(self, name: str) -> "list[Any] | None":
        """Whose command lives: owner, priority, value, expires, heartbeat, heard."""
        found = self.claims.get(name)
        if found is None or self.true >= found[3]:
            return None
        return None if found[4] is not None and self.true >= found[5] + found[4] else found

    def _check_change(self, name: str, before: Any, value: Any) -> None:
        limits = self.rules[name].limits
        if limits.low is None or same(value, limits.safe) or before is None:
            return
        change = abs(value - before)
        if limits.max_step is not None:
            assert change <= limits.max_step, f"{name} went from {before} to {value}"
        if limits.rate is not None:
            passed = self.true - self.moved[name]
            assert change * S <= limits.rate * passed * (1 + 1e-9), f"{name} moved {change} in {passed / S} s"

    def _misfit(self, name: str, value: Any) -> bool:
        limits = self.rules[name].limits
        if limits.values:
            return value not in limits.values
        if limits.low is None or limits.high is None:
            return not isinstance(value, bool)
        return isinstance(value, bool) or not limits.low <= value <= limits.high
