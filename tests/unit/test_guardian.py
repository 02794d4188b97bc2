# SPDX-License-Identifier: GPL-3.0-or-later
"""guardian: arbitration, expiry, interlocks, restarts; by example, then by a machine that tries to break it."""

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ganglion.errors import NotFoundError
from ganglion.guardian import Command, Effect, Guardian, Risk, Rule, memory
from ganglion_micro.limits import Limits

S = 1_000_000_000


def guardian(**rules):
    """Rules by keyword, started long ago."""
    made = Guardian(rules)
    made.start(-3600 * S)
    return made


def ask(guardian, actuator, value, *, now, owner="anna", **more):
    return guardian.request(Command(actuator=actuator, value=value, owner=owner, now=now, **more))


BUZZER = Rule(limits=Limits(max_on=10 * S))


def test_a_command_is_answered_with_the_value_and_the_risk():
    buzzer = guardian(buzzer=Rule(limits=Limits(), risk=Risk.CONFIRM))
    decision = ask(buzzer, "buzzer", True, now=0, expires=5 * S)
    assert (decision.accepted, decision.value, decision.changed, decision.risk, decision.expires, decision.reason) == (
        True,
        True,
        True,
        Risk.CONFIRM,
        5 * S,
        "",
    )


def test_a_refusal_names_the_actuator_and_leaves_the_value():
    lamp = guardian(lamp=Rule(limits=Limits(low=0, high=100)))
    decision = ask(lamp, "lamp", 130, now=0)
    assert not decision.accepted
    assert decision.value == 0
    assert decision.reason == "lamp: must be 0 to 100, not 130"


def test_an_unknown_actuator_is_not_found_and_the_nearest_is_named():
    with pytest.raises(NotFoundError, match='did you mean "buzzer"'):
        ask(guardian(buzzer=BUZZER), "buzer", True, now=0)


def test_an_expired_command_gives_the_actuator_its_fail_safe_value():
    buzzer = guardian(buzzer=BUZZER)
    ask(buzzer, "buzzer", True, now=0, expires=5 * S)
    assert buzzer.deadline == 5 * S
    assert buzzer.tick(5 * S - 1) == []
    assert buzzer.tick(5 * S) == [
        Effect(actuator="buzzer", value=False, reason="buzzer: its owner's command has expired")
    ]
    assert buzzer.deadline is None


def test_the_same_owner_renews_its_command():
    buzzer = guardian(buzzer=BUZZER)
    ask(buzzer, "buzzer", True, now=0, expires=5 * S)
    assert not ask(buzzer, "buzzer", True, now=4 * S, expires=9 * S).changed
    assert buzzer.tick(5 * S) == []
    assert buzzer.deadline == 9 * S


def test_renewing_does_not_stretch_the_maximum_on_time():
    buzzer = guardian(buzzer=BUZZER)
    ask(buzzer, "buzzer", True, now=0)
    ask(buzzer, "buzzer", True, now=9 * S)
    assert [effect.reason for effect in buzzer.tick(10 * S)] == ["buzzer: it was on for its max_on"]


def test_a_higher_priority_holds_and_an_equal_one_is_taken_over_by_the_latest():
    buzzer = guardian(buzzer=BUZZER)
    ask(buzzer, "buzzer", True, now=0, owner="fire", priority=3, expires=5 * S)
    refused = ask(buzzer, "buzzer", False, now=S, owner="anna", priority=2)
    assert refused.reason == "buzzer: fire holds it with priority 3 for 4 s more"
    taken = ask(buzzer, "buzzer", False, now=2 * S, owner="boris", priority=3)
    assert taken.accepted
    assert taken.displaced == "fire"
    assert taken.reason == "buzzer: taken over from fire"


def test_once_expired_the_highest_priority_holds_nothing():
    buzzer = guardian(buzzer=BUZZER)
    ask(buzzer, "buzzer", True, now=0, owner="fire", priority=3, expires=S)
    assert ask(buzzer, "buzzer", True, now=S, owner="anna", priority=0).accepted


def test_only_the_owner_releases():
    buzzer = guardian(buzzer=BUZZER)
    ask(buzzer, "buzzer", True, now=0)
    buzzer.release("buzzer", "boris", S)
    assert buzzer.tick(S) == []
    buzzer.release("buzzer", "anna", S)
    assert [effect.value for effect in buzzer.tick(S)] == [False]


def test_a_command_that_comes_after_its_time_is_refused():
    assert ask(guardian(buzzer=BUZZER), "buzzer", True, now=S, expires=S).reason == "buzzer: the command had expired"


def test_expiry_waits_for_the_minimum_on_time():
    pump = guardian(pump=Rule(limits=Limits(min_on=10 * S)))
    ask(pump, "pump", True, now=0, expires=3 * S)
    assert pump.tick(3 * S) == []
    assert pump.deadline == 10 * S
    assert [effect.value for effect in pump.tick(10 * S)] == [False]


HEATING = {"fan": Rule(limits=Limits()), "heater": Rule(limits=Limits(min_on=5 * S), requires=("fan",))}


def test_a_heater_is_on_only_while_its_fan_is():
    both = guardian(**HEATING)
    assert ask(both, "heater", True, now=0).reason == "heater: it may be on only while fan is on"
    assert ask(both, "fan", True, now=0).accepted
    assert ask(both, "heater", True, now=0).accepted
    assert ask(both, "fan", False, now=6 * S).reason == "fan: heater is on and requires it"


def test_the_heater_goes_off_first_when_the_fan_must():
    both = guardian(**HEATING)
    ask(both, "fan", True, now=0, expires=2 * S)
    ask(both, "heater", True, now=S)
    assert both.tick(2 * S) == []
    assert both.deadline == 6 * S
    assert [(effect.actuator, effect.value) for effect in both.tick(6 * S)] == [("heater", False), ("fan", False)]


def test_a_heater_is_refused_whose_fan_goes_off_before_its_minimum_time():
    both = guardian(fan=Rule(limits=Limits(max_on=10 * S)), heater=HEATING["heater"])
    ask(both, "fan", True, now=0)
    assert ask(both, "heater", True, now=6 * S).reason == "heater: fan goes off in 4 s, before its own min_on is over"


def test_exclusion_holds_both_ways():
    both = guardian(open=Rule(limits=Limits(), excludes=("close",)), close=Rule(limits=Limits()))
    assert ask(both, "open", True, now=0).accepted
    assert ask(both, "close", True, now=0).reason == "close: it may not be on while open is"
    assert ask(both, "open", False, now=0).accepted
    assert ask(both, "close", True, now=0).accepted
    assert not ask(both, "open", True, now=0).accepted


def test_a_failed_write_makes_the_state_unknown_until_it_is_safe():
    both = guardian(**HEATING)
    ask(both, "fan", True, now=0)
    ask(both, "heater", True, now=0)
    both.failed("fan", S)
    assert [(effect.actuator, effect.value) for effect in both.tick(S)] == [("heater", False)]
    assert "its state is unknown" in ask(both, "fan", True, now=S).reason
    assert both.deadline == 2 * S
    assert [(effect.actuator, effect.value) for effect in both.tick(2 * S)] == [("fan", False)]
    both.failed("fan", 2 * S)
    assert both.deadline == 4 * S
    both.tick(4 * S)
    both.confirmed("fan")
    assert both.deadline is None
    assert ask(both, "fan", True, now=4 * S).accepted


def test_the_stop_makes_all_safe_dependants_first_whatever_the_minimum_times():
    both = guardian(**HEATING)
    ask(both, "fan", True, now=0)
    ask(both, "heater", True, now=0)
    assert [(effect.actuator, effect.value) for effect in both.stop(S)] == [("heater", False), ("fan", False)]


def test_a_fail_safe_value_may_be_on():
    vent = guardian(vent=Rule(limits=Limits(safe=True)))
    assert vent.value("vent") is True
    ask(vent, "vent", False, now=0, expires=S)
    assert [effect.value for effect in vent.tick(S)] == [True]


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"a": Rule(limits=Limits(), requires=("b",))}, "a.requires: there is no actuator 'b'"),
        ({"a": Rule(limits=Limits(), excludes=("a",))}, "a.excludes: it names itself"),
        (
            {"a": Rule(limits=Limits(), requires=("b",)), "b": Rule(limits=Limits(), requires=("a",))},
            "a.requires: it would require itself",
        ),
        (
            {"a": Rule(limits=Limits(), requires=("b",)), "b": Rule(limits=Limits(), excludes=("a",))},
            "a.requires: b excludes it",
        ),
        (
            {"a": Rule(limits=Limits(safe=True), requires=("b",)), "b": Rule(limits=Limits())},
            "a.fail_safe: must be off",
        ),
    ],
)
def test_rules_that_cannot_hold_are_refused(rules, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        Guardian(rules)


def test_minimum_times_hold_across_a_restart(tmp_path):
    path = tmp_path / "actuators.json"
    rules = {"pump": Rule(limits=Limits(min_off=60 * S))}
    before = Guardian(rules)
    before.start(0)
    before.request(Command(actuator="pump", value=True, owner="anna", now=100 * S))
    before.stop(110 * S)
    memory.save(path, before.memory(115 * S), wall=1_000 * S)

    after = Guardian(rules)
    after.start(7 * S, memory.load(path, wall=1_020 * S))
    assert ask(after, "pump", True, now=7 * S).reason == "pump: it must stay off for 35 s more (min_off)"
    assert ask(after, "pump", True, now=42 * S).accepted


def test_a_wall_clock_that_went_back_makes_the_wait_longer_and_not_shorter(tmp_path):
    path = tmp_path / "actuators.json"
    rules = {"pump": Rule(limits=Limits(min_off=60 * S))}
    before = Guardian(rules)
    before.start(0)
    memory.save(path, before.memory(10 * S), wall=1_000 * S)
    after = Guardian(rules)
    after.start(0, memory.load(path, wall=0))
    assert ask(after, "pump", True, now=0).reason == "pump: it must stay off for 50 s more (min_off)"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"at": 1}', '{"at": 1, "actuators": {"pump": 3}}', "\x00"])
def test_a_damaged_memory_counts_as_the_worst_past(tmp_path, damage):
    path = tmp_path / "actuators.json"
    path.write_text(damage)
    assert memory.load(path, wall=0) == {}
    pump = Guardian({"pump": Rule(limits=Limits(min_off=60 * S))})
    pump.start(0, {})
    assert not ask(pump, "pump", True, now=59 * S).accepted


def test_a_remembered_value_that_no_longer_fits_is_not_believed():
    lamp = Guardian({"lamp": Rule(limits=Limits(low=0, high=10))})
    lamp.start(0, {"lamp": memory.Memory(value=50, switched=9 * S, moved=9 * S)})
    assert lamp.value("lamp") == 0


# A small house in which every limit and every lock is there at least once
HOUSE = {
    "fan": Rule(limits=Limits(min_on=2 * S, min_off=3 * S, max_on=15 * S)),
    "heater": Rule(limits=Limits(min_on=9 * S, min_off=4 * S, max_on=12 * S), requires=("fan",)),
    "cooler": Rule(limits=Limits(min_on=6 * S, min_off=8 * S), requires=("fan",), excludes=("heater",)),
    "boost": Rule(limits=Limits(min_on=1 * S), requires=("heater",)),
    "valve": Rule(limits=Limits(safe=True, min_off=2 * S)),
    "lamp": Rule(limits=Limits(low=0, high=100, max_step=40, rate=20, max_on=30 * S)),
    "mode": Rule(limits=Limits(values=("off", "eco", "max"), min_on=3 * S)),
}
VALUES = {
    "lamp": st.integers(-10, 110) | st.floats(0, 100, allow_nan=False),
    "mode": st.sampled_from(["off", "eco", "max", "turbo"]),
}
# Mostly on, mostly what others depend on: else the machine is seldom where an interlock matters
COMMANDS = st.sampled_from(["fan", "fan", "heater", "heater", *sorted(HOUSE)]).flatmap(
    lambda name: st.tuples(st.just(name), VALUES.get(name, st.sampled_from([True, True, False])))
)


class House(RuleBasedStateMachine):
    """Random owners send random commands over time; what the actuators do is recorded and held to the rules."""

    @initialize()
    def begin(self):
        self.now = 1_000 * S
        self.wall = 50_000 * S
        self.saved = "{}"
        self.values = {}
        self.switched = {}
        self.moved = {}
        self.asked = {}
        self.restart()

    @rule(
        commands=st.lists(COMMANDS, min_size=1, max_size=6),
        owner=st.sampled_from("abc"),
        priority=st.sampled_from([1, 1, 1, 0, 2, 3]),
        lasting=st.sampled_from([60, 20, 5, 1, 0]),
    )
    def ask(self, commands, owner, priority, lasting):
        for name, value in commands:
            self.ask_one(name, value, owner, priority, lasting)

    def ask_one(self, name, value, owner, priority, lasting):
        before = self.values[name]
        decision = ask(
            self.guardian, name, value, now=self.now, owner=owner, priority=priority, expires=self.now + lasting * S
        )
        assert bool(decision.accepted) or decision.reason.startswith(f"{name}: ")
        if decision.accepted:
            limits = HOUSE[name].limits
            if limits.low is not None and value != before:
                assert abs(value - before) <= limits.max_step
                assert abs(value - before) * S <= limits.rate * (self.now - self.moved[name])
            self.obey(name, value)
            self.asked[name] = (owner, priority, self.now + lasting * S)
        else:
            assert decision.value == before

    @rule(seconds=st.integers(1, 9) | st.floats(0, 60))
    def wait(self, seconds):
        end = self.now + int(seconds * S)
        while (deadline := self.guardian.deadline) is not None and deadline <= end:
            self.pass_to(max(deadline, self.now))
            due = self.guardian.deadline
            assert due is None or due > self.now, "what is due stays undone"
        self.pass_to(end)

    @rule(stopped_for=st.integers(0, 8), killed=st.booleans(), chance=st.integers(0, 5))
    def start_again(self, stopped_for, killed, chance):
        if chance:
            return
        if not killed:
            for effect in self.guardian.stop(self.now):
                self.obey(effect.actuator, effect.value, at_restart=True)
            self.save()
        self.now += stopped_for * S
        self.wall += stopped_for * S
        self.restart()

    @precondition(lambda self: hasattr(self, "asked") and self.asked)
    @rule(data=st.data())
    def try_to_take(self, data):
        name = data.draw(st.sampled_from(sorted(self.asked)))
        owner, priority, until = self.asked[name]
        if priority == 0 or until <= self.now or self.guardian.holder(name, self.now) != owner:
            return
        decision = ask(self.guardian, name, HOUSE[name].limits.off, now=self.now, owner="thief", priority=priority - 1)
        assert not decision.accepted

    @invariant()
    def requirements_hold(self):
        for name, rule_ in HOUSE.items():
            if self.is_on(name):
                assert all(self.is_on(other) for other in rule_.requires), name

    @invariant()
    def exclusion_holds(self):
        assert not (self.is_on("heater") and self.is_on("cooler"))

    @invariant()
    def nothing_is_on_longer_than_it_may(self):
        for name, rule_ in HOUSE.items():
            if rule_.limits.max_on is not None and self.is_on(name):
                assert self.now - self.switched[name] < rule_.limits.max_on or rule_.limits.max_on == 0

    @invariant()
    def what_nobody_holds_becomes_safe(self):
        """At once, or when its minimum time or that of what depends on it is over."""
        if not hasattr(self, "guardian"):
            return
        for name, rule_ in HOUSE.items():
            if self.values[name] != rule_.limits.safe and not self.guardian.holder(name, self.now):
                assert self.guardian.deadline is not None

    def is_on(self, name):
        return name in self.values and HOUSE[name].limits.is_on(self.values[name])

    def pass_to(self, now):
        self.wall += now - self.now
        self.now = now
        for effect in self.guardian.tick(now):
            self.obey(effect.actuator, effect.value)

    def obey(self, name, value, *, at_restart=False):
        """The world: what really happens to the actuator, checked against its limits and the others, then saved."""
        limits = HOUSE[name].limits
        was_on, on = self.is_on(name), limits.is_on(value)
        assert not limits.misfit(value)
        if name in self.values and on != was_on:
            stayed = self.now - self.switched[name]
            if not at_restart:
                assert stayed >= (limits.min_on if was_on else limits.min_off), (name, stayed / S)
            self.switched[name] = self.now
        if self.values.get(name) != value:
            self.moved[name] = self.now
        self.values[name] = value
        if not at_restart:
            self.requirements_hold()
            self.exclusion_holds()
        self.save()

    def save(self):
        remembered = self.guardian.memory(self.now)
        self.saved = json.dumps([self.wall, {n: [m.value, m.switched, m.moved] for n, m in remembered.items()}])

    def restart(self):
        """As after a power cut: only what was saved is known, by the wall clock."""
        known = {}
        if self.saved != "{}":
            at, actuators = json.loads(self.saved)
            age = self.wall - at
            known = {
                name: memory.Memory(value=value, switched=switched + age, moved=moved + age)
                for name, (value, switched, moved) in actuators.items()
            }
        self.guardian = Guardian(HOUSE)
        self.asked = {}
        for effect in self.guardian.start(self.now, known):
            if effect.actuator not in self.values:
                self.switched[effect.actuator] = self.now
            self.obey(effect.actuator, effect.value, at_restart=True)


TestHouse = House.TestCase
TestHouse.settings = settings(max_examples=150, stateful_step_count=50)
