# SPDX-License-Identifier: GPL-3.0-or-later
"""What one actuator may be told, and when. Pure: time is an argument, in nanoseconds of a clock that nobody sets.

"On" is every value but the one that the limits call off. A refusal is a sentence; an empty one is consent. The time of
day comes in as nanoseconds since local midnight; where nobody knows it, it counts as quiet.
"""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any


#: Nanoseconds of a day.
DAY = 86400000000000


class Limits:
    """The limits of one actuator.

    Args:
        low, high: The range of a number; without them and without `values` it is switched with true and false.
        values: What it may be told and nothing else: a selector's positions.
        max_step: The largest change of a number by one command.
        rate: The largest change of a number in a second, on average since its last change.
        min_on, min_off: Nanoseconds that it stays on, and off, at least.
        max_on: Nanoseconds after which it is switched off.
        quiet: Times of day, (begin, end), in which it may not be on; an end before its begin is on the next day.
        quiet_max: In those it may be on, up to this number.
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
        quiet: "tuple[tuple[int, int], ...]" = (),
        quiet_max: "float | None" = None,
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
        self.quiet = quiet
        self.quiet_max = quiet_max
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
        self._check_quiet()

    def _check_quiet(self) -> None:
        for first, end in self.quiet:
            if not (0 <= first < DAY and 0 < end <= DAY and first != end):
                raise ValueError("quiet_hours has times from 00:00 to 24:00 that differ")
        if self.quiet_max is not None and (self.low is None or not self.quiet):
            raise ValueError("quiet_max needs quiet_hours, and low and high: only numbers have it")
        if self.quiet and self.is_loud(self.safe):
            raise ValueError("quiet_hours need a fail_safe that they allow")

    def is_on(self, value: "Any") -> bool:
        return not same(value, self.off)

    def is_loud(self, value: "Any") -> bool:
        """Whether quiet hours forbid it."""
        return value > self.quiet_max if self.quiet_max is not None else self.is_on(value)

    def is_quiet(self, day: "int | None") -> bool:
        """Whether quiet hours are at a time of the local day; None where nobody knows it."""
        for first, end in self.quiet:
            if day is None or (first <= day < end if first < end else not end <= day < first):
                return True
        return False

    def quiet_in(self, day: "int | None") -> "int | None":
        """Nanoseconds until quiet hours begin, 0 within them; None where there are none."""
        if self.is_quiet(day):
            return 0
        waits = [(first - day) % DAY for first, _ in self.quiet] if day is not None else []
        return min(waits) if waits else None

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
                return "must be {:g} to {:g}, not {!r}".format(self.low, self.high, value)
            return ""
        return "" if isinstance(value, bool) else "must be true or false, not {!r}".format(value)


class State:
    """What one actuator was told last.

    Attributes:
        value: That.
        switched: From when `min_on` and `min_off` count: when it was known to have gone on or off.
        moved: From when `rate` counts: when its value was known to have changed.
        since: From when `max_on` counts: when it was told to go on or off.
        certain: Whether it is known to have obeyed.
    """

    def __init__(self, value: "Any", switched: int, moved: int) -> None:
        self.value = value
        self.switched = switched
        self.moved = moved
        self.since = switched
        self.certain = True
        self._switching = False
        self._moving = False

    def change(self, limits: Limits, value: "Any", now: int) -> None:
        """It is told a value."""
        if limits.is_on(value) != limits.is_on(self.value):
            self.switched = self.since = now
            self._switching = True
        if not same(value, self.value):
            self.moved = now
            self._moving = True
        self.value = value

    def settle(self, now: int) -> None:
        """It is known to have obeyed: a write takes time, and what failed before may have moved it only now."""
        if self._switching:
            self.switched = now
        if self._moving:
            self.moved = now
        self.certain = True
        self._switching = self._moving = False

    def lose(self) -> None:
        """Nobody knows what it does: when it has obeyed again, it counts as switched then."""
        self.certain = False
        self._switching = self._moving = True


def same(a: "Any", b: "Any") -> bool:
    """Equality in which true is not 1."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def refusal(limits: Limits, state: State, value: "Any", now: int, day: "int | None" = None) -> str:
    """Why a change to a value that fits is refused now; `day` as in `Limits.is_quiet`."""
    if limits.is_loud(value) and limits.is_quiet(day):
        if day is None:
            return "nobody knows what time it is, and it has quiet_hours"
        if limits.quiet_max is None:
            return "it may not be on in quiet_hours"
        return "it may not be above {:g} in quiet_hours (quiet_max)".format(limits.quiet_max)
    quiet = limits.quiet_in(day)
    if quiet is not None and limits.is_loud(value) and now + quiet < quieted(limits, state, value, now):
        return "quiet_hours begin in {}, before its min_on is over".format(seconds(quiet))
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


def quieted(limits: Limits, state: State, value: "Any", now: int) -> int:
    """The time from which it may have its fail-safe value as far as min_on goes, if it gets `value` now."""
    if limits.is_on(limits.safe) or not limits.is_on(value):
        return now
    return (state.switched if limits.is_on(state.value) else now) + limits.min_on


def on_until(limits: Limits, state: State) -> "int | None":
    """When max_on switches it off; None when it is off or may stay on."""
    if limits.max_on is None or not limits.is_on(state.value):
        return None
    return state.since + limits.max_on


def seconds(nanoseconds: int) -> str:
    """A duration as people write it, `0.25 s` or `58m40s`; from a minute on in whole seconds, rounded up."""
    if nanoseconds < 60000000000:
        return "{:.3g} s".format(max(nanoseconds, 1000000) / 1000000000)
    whole = -(-nanoseconds // 1000000000)
    parts = (whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")
    return "".join(["{}{}".format(count, unit) for count, unit in parts if count])
