# SPDX-License-Identifier: GPL-3.0-or-later
"""What all actuators of a node have now, and what that means for each other. It looks and decides nothing; no I/O.

Times are nanoseconds of the guardian's clock, `day` the time of the local day, None where nobody knows it.
"""

from collections.abc import Mapping
from typing import Any

from ganglion.guardian import interlocks
from ganglion.guardian.words import Rule
from ganglion_micro.limits import State, on_until, same, seconds, settled


class Situation:
    """The actuators of one node.

    Args:
        rules: Name to rule.

    Attributes:
        rules: They; others come with other limits.
        states: What each has, once the guardian has begun.
        pending: Those that were written, and not seen yet.
        now, day: When it is.

    Raises:
        ValueError: as `interlocks.excludes`.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = dict(rules)
        self.states: dict[str, State] = {}
        self.pending: set[str] = set()
        self.now = 0
        self.day: int | None = None
        self._excludes = interlocks.excludes(rules)

    def at(self, now: int, day: int | None) -> None:
        """It is another time."""
        self.now, self.day = now, day

    def is_on(self, name: str) -> bool:
        """Whether it was told what counts as on."""
        return self.rules[name].limits.is_on(self.states[name].value)

    def sure(self, name: str, holding: bool = False) -> bool:
        """Whether it is known to have its value; what is on already is let be until one that is pending has failed."""
        return self.states[name].certain and (holding or name not in self.pending)

    def dependants(self, name: str) -> list[str]:
        """Those that require it."""
        return [other for other, rule in self.rules.items() if name in rule.requires]

    def interlock(self, name: str, value: Any, *, holding: bool = False) -> str:
        """Why it may not have the value beside the others; with `holding` only what speaks against keeping it."""
        rule = self.rules[name]
        if rule.limits.is_on(value):
            for other in rule.requires:
                if not (self.is_on(other) and self.sure(other, holding)):
                    return f"it may be on only while {other} is on"
                end = self._on_until(other)
                if not holding and end is not None and not self.is_on(name) and end < self.now + rule.limits.min_on:
                    return f"{other} goes off in {seconds(max(end - self.now, 0))}, before its own min_on is over"
            for other in sorted(self._excludes[name]):
                if self.is_on(other) or not self.sure(other, holding):
                    return f"it may not be on while {other} is"
        elif not holding:
            for other in self.dependants(name):
                if self.is_on(other) or not self.sure(other, holding):
                    return f"{other} is on and requires it"
        return ""

    def quiet_soon(self, name: str, value: Any) -> str:
        """Why it may not be so loud now: when quiet hours begin, something that requires it must still be on."""
        limits = self.rules[name].limits
        quiet = limits.quiet_in(self.day) if limits.is_loud(value) else None
        if quiet is not None and not limits.is_on(limits.safe):
            for other in self.dependants(name):
                lapse = self.lapse(other)
                if lapse is not None and lapse > self.now + quiet:
                    return f"quiet_hours begin in {seconds(quiet)}, before the min_on of {other} is over"
        return ""

    def worn(self, name: str) -> int | None:
        """When max_on ends it; not before what requires it may go off, for limits may have come while both were on."""
        limits = self.rules[name].limits
        end = on_until(limits, self.states[name])
        return end if end is None or limits.is_on(limits.safe) else max([end, *self._lapses(name)])

    def lapse(self, name: str) -> int | None:
        """From when it may get its fail-safe value once nobody holds it; None when it has it."""
        state, limits = self.states[name], self.rules[name].limits
        if same(state.value, limits.safe):
            return None
        when = settled(limits, state, limits.safe)
        # What requires it has a fail-safe value that is off, so while it is on it lapses some time too
        return when if limits.is_on(limits.safe) else max([when, *self._lapses(name)])

    def waits(self, name: str) -> bool:
        """Whether nothing can be done for it yet: it is not known that all are off that must go off before it."""
        limits = self.rules[name].limits
        return not limits.is_on(limits.safe) and any(
            not self.sure(other) or (self.is_on(other) and self.waits(other)) for other in self.dependants(name)
        )

    def _lapses(self, name: str) -> list[int]:
        """When those may lapse that require it."""
        return [lapse for other in self.dependants(name) if (lapse := self.lapse(other)) is not None]

    def _on_until(self, name: str) -> int | None:
        """When it, or what it requires, reaches max_on or quiet hours."""
        state, limits = self.states[name], self.rules[name].limits
        ends = [self._on_until(other) for other in self.rules[name].requires]
        ends.append(on_until(limits, state))
        quiet = limits.quiet_in(self.day) if limits.is_loud(state.value) else None
        ends.append(None if quiet is None else self.now + quiet)
        return min((end for end in ends if end is not None), default=None)
