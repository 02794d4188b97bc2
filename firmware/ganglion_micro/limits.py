# SPDX-License-Identifier: GPL-3.0-or-later
"""What one actuator may be told, and when. Pure: time is an argument, in nanoseconds of a clock that nobody sets.

"On" is every value but the one that the limits call off. A refusal is a sentence; an empty one is consent.
"""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any


class Limits:
    """The limits of one actuator.

    Args:
        low, high: The range of a number; without them and without `values` it is switched with true and false.
        values: What it may be told and nothing else: a selector's positions.
        max_step: The largest change of a number by one command.
        rate: The largest change of a number in a second, on average since its last change.
        min_on, min_off: Nanoseconds that it stays on, and off, at least.
        max_on: Nanoseconds after which it is switched off.
        off: The value that counts as off; false, or 0, or what of `low` and `values` comes first.
        safe: The value it has without a command; `off` unless given.

    Raises:
        ValueError: they contradict each other; the sentence begins with the name of one.
    """

    def __init__(
        self,
        low: "float | None" = None,
        high: "float | None" = None,
        values: "tuple[Any, ...]" = (),
        max_step: "float | None" = None,
        rate: "float | None" = None,
        min_on: int = 0,
        min_off: int = 0,
        max_on: "int | None" = None,
        off: "Any" = None,
        safe: "Any" = None,
    ) -> None:
        if (low is None) != (high is None):
            raise ValueError("low and high belong together")
        if low is not None and high is not None and not low < high:
            raise ValueError("low must be below high")
        if values and low is not None:
            raise ValueError("values and a range exclude each other")
        self.low = low
        self.high = high
        self.values = values
        self.max_step = max_step
        self.rate = rate
        self.min_on = min_on
        self.min_off = min_off
        self.max_on = max_on
        if off is None:
            if values:
                off = values[0]
            elif low is not None and high is not None:
                off = 0 if low <= 0 <= high else low
            else:
                off = False
        self.off = off
        self.safe = off if safe is None else safe
        self._check()

    def _check(self) -> None:
        for name, limit in (("max_step", self.max_step), ("rate", self.rate)):
            if limit is not None and self.low is None:
                raise ValueError("{} needs low and high: only numbers have it".format(name))
            if limit is not None and not limit > 0:
                raise ValueError("{} must be above 0".format(name))
        for name, value in (("off", self.off), ("fail_safe", self.safe)):
            reason = self.misfit(value)
            if reason:
                raise ValueError("{} {}".format(name, reason))
        if self.max_on is not None:
            if self.max_on < self.min_on or not self.max_on:
                raise ValueError("max_on must be above 0 and not below min_on")
            if self.is_on(self.safe):
                raise ValueError("max_on needs a fail_safe that is off")

    def is_on(self, value: "Any") -> bool:
        return not same(value, self.off)

    def misfit(self, value: "Any") -> str:
        """Why it is no value of this actuator at any time."""
        if self.values:
            for allowed in self.values:
                if same(value, allowed):
                    return ""
            return "must be one of {}, not {!r}".format(", ".join([repr(v) for v in self.values]), value)
        if self.low is not None and self.high is not None:
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
                return "must be a number, not {!r}".format(value)
            if not self.low <= value <= self.high:
                return "must be {:g} to {:g}, not {:g}".format(self.low, self.high, value)
            return ""
        return "" if isinstance(value, bool) else "must be true or false, not {!r}".format(value)


class State:
    """What one actuator was told last.

    Attributes:
        value: That.
        switched: When it went on or off.
        moved: When its value changed.
        certain: Whether it is known to have obeyed.
    """

    def __init__(self, value: "Any", switched: int, moved: int) -> None:
        self.value = value
        self.switched = switched
        self.moved = moved
        self.certain = True

    def change(self, limits: Limits, value: "Any", now: int) -> None:
        if limits.is_on(value) != limits.is_on(self.value):
            self.switched = now
        if not same(value, self.value):
            self.moved = now
        self.value = value


def same(a: "Any", b: "Any") -> bool:
    """Equality in which true is not 1."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def refusal(limits: Limits, state: State, value: "Any", now: int) -> str:
    """Why a change to a value that fits is refused now."""
    if same(value, state.value):
        return ""
    wait = settled(limits, state, value) - now
    if wait > 0:
        if limits.is_on(state.value):
            return "it must stay on for {} more (min_on)".format(seconds(wait))
        return "it must stay off for {} more (min_off)".format(seconds(wait))
    change = abs(value - state.value) if limits.low is not None else 0
    if limits.max_step is not None and change > limits.max_step:
        return "a change of {:g} at once is more than {:g} (max_step)".format(change, limits.max_step)
    if limits.rate is not None and change * 1000000000 > limits.rate * (now - state.moved):
        return "a change of {:g} within {} is faster than {:g} a second (rate)".format(
            change, seconds(now - state.moved), limits.rate
        )
    return ""


def settled(limits: Limits, state: State, value: "Any") -> int:
    """The time from which it may be switched to the value as far as min_on and min_off go."""
    if limits.is_on(value) == limits.is_on(state.value):
        return state.switched
    return state.switched + (limits.min_on if limits.is_on(state.value) else limits.min_off)


def on_until(limits: Limits, state: State) -> "int | None":
    """When max_on switches it off; None when it is off or may stay on."""
    if limits.max_on is None or not limits.is_on(state.value):
        return None
    return state.switched + limits.max_on


def seconds(nanoseconds: int) -> str:
    return "{:.3g} s".format(nanoseconds / 1000000000)
