# SPDX-License-Identifier: GPL-3.0-or-later
"""The guardian of a device: what may be on beside what, and what has to be seen to obey."""

from typing import Any

import pytest

from ganglion.guardian.guardian import Guardian
from ganglion.guardian.words import Command, Risk, Rule
from ganglion_agent.guard import Actuator, Guard
from ganglion_agent.interlock import Interlocks
from ganglion_agent.readback import Confirmations, Readback
from ganglion_agent.section import ConfigError
from ganglion_micro.limits import Limits

SECOND = 10**9


class Output:
    def __init__(self) -> None:
        self.value: Any = False
        self.writes = 0
        self.error: OSError | None = None

    def write(self, value: Any) -> None:
        if self.error is not None:
            raise self.error
        self.value = value
        self.writes += 1


class Relay(Readback):
    """Shows what its output was told, unless it sticks."""

    def __init__(self, output: Output) -> None:
        self.within, self.until = SECOND, 0
        self.output = output
        self.sticks: bool | None = None

    def is_on(self) -> bool:
        return bool(self.output.value) if self.sticks is None else self.sticks


class Bench:
    """A pump, a heater that requires it, and a drain that excludes the pump."""

    def __init__(self, said: dict[str, tuple[Any, Any]] | None = None, **limits: dict[str, Any]) -> None:
        self.now = 1000 * SECOND
        self.made: list[tuple[str, str]] = []
        self.guard = Guard(lambda name, reason: self.made.append((name, reason)))
        self.outputs = {name: Output() for name in ("pump", "heater", "drain")}
        for name, output in self.outputs.items():
            self.guard.actuators[name] = Actuator(Limits(**limits.get(name, {})), output, 60 * SECOND, "low", 0)
        said = {"heater": (["pump"], None), "drain": (None, ["pump"])} if said is None else said
        self.guard.interlocks = Interlocks(self.guard.actuators, said)
        self.waiting = Confirmations()

    def relay(self, name: str) -> Relay:
        self.guard.actuators[name].readback = relay = Relay(self.outputs[name])
        return relay

    def set(self, name: str, value: Any, **more: Any) -> str:
        return str(self.guard.set(name, value, "script", self.now, 0, **more)[2])

    def after(self, seconds: float) -> list[str]:
        """Who is on then."""
        for now in (self.now + int(seconds * SECOND), self.now + int(seconds * SECOND) + 1):
            self.guard.advance(now, 0, 0)
            self.waiting.advance(now)
        self.now = now
        return sorted(name for name, output in self.outputs.items() if output.value)


def test_commands_that_would_break_an_interlock_are_refused_as_a_node_refuses_them() -> None:
    bench = Bench()
    rules = {
        "pump": Rule(limits=Limits(), risk=Risk.LOW),
        "heater": Rule(limits=Limits(), risk=Risk.LOW, requires=("pump",)),
        "drain": Rule(limits=Limits(), risk=Risk.LOW, excludes=("pump",)),
    }
    node = Guardian(rules)
    node.start(bench.now)
    for name in rules:
        node.confirmed(name, bench.now)
    orders = [("heater", True), ("drain", True), ("pump", True), ("drain", False), ("pump", True), ("drain", True)]
    for name, value in [*orders, ("heater", True), ("pump", False), ("heater", False), ("pump", False)]:
        command = Command(actuator=name, value=value, owner="script", now=bench.now, day=0)
        assert bench.set(name, value) == node.request(command).reason, (name, value)
    assert bench.after(1) == []


def test_what_is_required_goes_off_after_what_requires_it() -> None:
    bench = Bench(pump={"max_on": 10 * SECOND}, heater={"min_on": 20 * SECOND})
    assert bench.set("pump", True) == bench.set("heater", True) == ""
    assert bench.after(11) == ["heater", "pump"], "the heater's min_on is not over"
    assert bench.after(10) == []
    assert [name for name, _ in bench.made] == ["heater", "pump"]
    assert bench.made[1] == ("pump", "max_on is over")


def test_what_requires_one_that_is_lost_goes_off_at_once_and_it_follows() -> None:
    bench = Bench({"heater": (["pump"], None), "drain": (["heater"], None)}, drain={"min_on": 3600 * SECOND})
    assert bench.set("pump", True) == bench.set("heater", True) == bench.set("drain", True) == ""
    bench.guard.actuators["pump"].lose("its output does not take the write", bench.now)
    bench.outputs["pump"].error = OSError(5, "it is gone")
    bench.after(0.5)
    assert bench.after(0.1) == ["pump"]
    assert bench.made[:2] == [
        ("drain", "it may be on only while heater is on"),
        ("heater", "it may be on only while pump is on"),
    ]
    bench.outputs["pump"].error = None
    assert bench.after(2) == []
    assert bench.set("heater", True) == "heater: it may be on only while pump is on"


def test_at_the_end_what_requires_others_is_safe_first() -> None:
    bench = Bench()
    assert bench.guard.interlocks.order.index("heater") < bench.guard.interlocks.order.index("pump")
    bench.set("pump", True)
    bench.set("heater", True)
    bench.guard.safe(bench.now)
    assert not any(output.value for output in bench.outputs.values())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"pump": (["pomp"], None)}, "agent.json.actuators.pump.requires: 'pomp' is no other actuator"),
        ({"pump": (None, ["pump"])}, "agent.json.actuators.pump.excludes: 'pump' is no other actuator"),
        ({"pump": ("drain", None)}, "agent.json.actuators.pump.requires: must be a list of names"),
        ({"pump": (["drain"], None), "drain": (["pump"], None)}, "requires: it would require itself"),
        ({"pump": (["drain"], ["drain"])}, "agent.json.actuators.pump.requires: drain excludes it"),
    ],
)
def test_interlocks_that_make_no_sense_are_named(said: dict[str, tuple[Any, Any]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Bench(said)
    with pytest.raises(ConfigError, match=r"heater\.fail_safe: must be off"):
        Bench(heater={"safe": True})


def test_what_is_not_seen_to_obey_is_lost_and_made_safe_again_and_again() -> None:
    bench = Bench()
    relay = bench.relay("pump")
    relay.sticks = False
    assert bench.set("pump", True) == ""
    assert bench.set("heater", True) == "heater: it may be on only while pump is on", "nobody has seen it yet"
    assert bench.after(0.5) == ["pump"]
    assert bench.guard.status()["pump"] is True
    bench.after(0.6)
    assert bench.guard.status()["pump"] == [True, "its readback does not show what it was told"]
    assert "its readback does not show" in bench.set("pump", True)
    relay.sticks = True
    assert bench.after(1.1) == [], "it is told to go off"
    writes = bench.outputs["pump"].writes
    for _ in range(30):
        bench.after(0.02)
    assert bench.outputs["pump"].writes == writes, "once a second"
    bench.after(1.1)
    assert bench.guard.status()["pump"] == [False, "its readback does not show what it was told"]
    relay.sticks = None
    bench.after(1.1)
    bench.after(0.1)
    assert bench.guard.status()["pump"] is False
    assert bench.made == [("pump", "it is safe again after a write failed")]
    assert bench.set("pump", True) == ""


def test_a_step_waits_until_it_is_seen_to_obey() -> None:
    bench = Bench()
    relay, pump = bench.relay("pump"), bench.guard.actuators["pump"]
    told: list[list[Any]] = []

    def ask(value: bool, within: float) -> None:
        assert bench.set("pump", value) == ""
        bench.waiting.add(pump, value, bench.now + int(within * SECOND), told.append)

    ask(True, 0.5)
    bench.after(0.1)
    assert told.pop() == [True, True, ""]
    relay.sticks = True
    ask(False, 0.5)
    bench.after(0.4)
    assert not told
    bench.after(0.2)
    assert told.pop() == [False, False, "it was not seen to obey in time"]
    ask(False, 5)
    bench.after(1.1)
    assert told.pop() == [False, False, "its readback does not show what it was told"]
    relay.sticks = None
    bench.after(2)
    relay.sticks = False
    ask(True, 5)
    bench.set("pump", False)
    bench.after(0.1)
    assert told.pop() == [False, False, "it was told something else before it was seen to obey"]
