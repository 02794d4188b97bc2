# SPDX-License-Identifier: GPL-3.0-or-later
"""The guardian of a device: who may set what, and when it is made safe."""

from typing import Any

import pytest

from ganglion_agent.guard import PARENT, Actuator, Guard
from ganglion_micro.limits import Limits

SECOND = 10**9


class Output:
    """Remembers what it was told; fails while `error` is set."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.error: Exception | None = None

    def write(self, value: Any) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(value)


class Bench:
    """A guard with one actuator, and its time."""

    def __init__(self, *, risk: str = "low", silence: int = 60, **limits: Any) -> None:
        self.now = 1000 * SECOND
        self.said: list[tuple[str, str]] = []
        self.output = Output()
        self.guard = Guard(lambda name, reason: self.said.append((name, reason)))
        self.actuator = Actuator(Limits(**limits), self.output, silence * SECOND, risk, 0)
        self.guard.actuators["pump"] = self.actuator

    def set(self, value: Any, owner: str = "script", *, day: int | None = 0, **more: Any) -> str:
        """The reason of a refusal; an empty text is consent."""
        accepted, _, reason = self.guard.set("pump", value, owner, self.now, day, **more)
        assert accepted == (not reason)
        return str(reason)

    def after(self, seconds: float, *, silent: float = 0, day: int | None = 0) -> Any:
        """Its value then."""
        self.now += int(seconds * SECOND)
        self.guard.advance(self.now, day, int(silent * SECOND))
        return self.actuator.state.value


def test_the_end_of_a_command_makes_it_safe_once_min_on_is_over() -> None:
    bench = Bench(min_on=10 * SECOND)
    assert bench.set(True, ns=4 * SECOND) == ""
    assert [bench.after(5), bench.after(4), bench.after(1)] == [True, True, False]
    assert bench.said == [("pump", "its owner's command has ended")]
    assert bench.output.told == [True, False]


def test_max_on_is_for_whatever_holds_it() -> None:
    bench = Bench(max_on=20 * SECOND)
    assert bench.set(True, priority=3) == ""
    assert [bench.after(19), bench.after(1)] == [True, False]
    assert bench.said == [("pump", "max_on is over")]


def test_what_the_parent_has_set_ends_with_its_silence_and_what_a_script_has_set_does_not() -> None:
    bench = Bench()
    assert bench.set(True, PARENT) == ""
    assert [bench.after(1, silent=59), bench.after(1, silent=60)] == [True, False]
    assert bench.set(True) == ""
    assert bench.after(1, silent=9999)


def test_quiet_hours_make_it_safe_when_they_begin_and_nobody_knows_the_time_is_quiet() -> None:
    bench = Bench(quiet=((22 * 3600 * SECOND, 7 * 3600 * SECOND),))
    assert bench.set(True, day=None) == "pump: nobody knows what time it is, and it has quiet_hours"
    assert bench.set(True, day=12 * 3600 * SECOND) == ""
    assert bench.after(1, day=12 * 3600 * SECOND)
    assert not bench.after(1, day=23 * 3600 * SECOND)


def test_the_higher_priority_holds_it_until_its_command_ends() -> None:
    bench = Bench(low=0, high=100)
    assert bench.set(50, "night", priority=2, ns=10 * SECOND) == ""
    assert bench.set(20) == "pump: night holds it with priority 2"
    bench.now += 10 * SECOND
    assert bench.set(20) == ""


def test_what_it_does_not_take_is_refused_with_the_reason() -> None:
    bench = Bench(low=0, high=100, max_step=40, risk="never")
    assert bench.set(101) == "pump: must be 0 to 100, not 101"
    assert bench.set(41) == "pump: a change of 41 at once is more than 40 (max_step)"
    assert bench.set(40, advised=True) == "pump: a language model's answer may not cause it (risk)"
    assert bench.guard.set("lamp", 1, "script", 0, 0)[2] == "there is no actuator lamp; known are pump"


def test_a_write_that_fails_is_told_and_made_safe_when_it_can_be() -> None:
    bench = Bench()
    bench.output.error = OSError(19, "no such device")
    assert "its output does not take the write" in bench.set(True)
    bench.after(2)
    assert bench.guard.status()["pump"][1]
    bench.output.error = None
    assert not bench.after(2)
    assert bench.said == [("pump", "it is safe again after a write failed")]
    assert bench.guard.status() == {"pump": False}


def test_what_a_script_holds_is_let_go_with_it() -> None:
    bench = Bench()
    bench.set(True, "shade")
    bench.guard.release("other")
    assert bench.after(1)
    bench.guard.release("shade")
    assert not bench.after(1)


@pytest.mark.parametrize("certain", [True, False])
def test_at_the_end_everything_is_safe_whatever_its_limits(certain: bool) -> None:
    bench = Bench(min_on=3600 * SECOND, off=False)
    bench.set(True)
    if not certain:
        bench.actuator.state.lose()
    bench.guard.safe(bench.now)
    assert bench.output.told[-1] is False


def test_an_output_that_fails_in_its_own_way_does_not_keep_the_others_from_being_safe() -> None:
    bench = Bench()
    other = Output()
    bench.guard.actuators["valve"] = Actuator(Limits(), other, 60 * SECOND, "low", 0)
    bench.output.error = RuntimeError("a driver's own error")
    bench.guard.safe(bench.now)
    assert other.told == [False]
