# SPDX-License-Identifier: GPL-3.0-or-later
"""guardian: arbitration, expiry, interlocks, restarts, silence, quiet hours; by example."""

import os
import stat

import pytest

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
    ask(buzzer, "buzzer", True, now=0, expires=5 * S, run="r-1")
    assert buzzer.deadline == 5 * S
    assert buzzer.tick(5 * S - 1) == []
    assert buzzer.tick(5 * S) == [
        Effect(
            actuator="buzzer",
            value=False,
            reason="buzzer: its owner's command has expired",
            owner="anna",
            run="r-1",
        )
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
    assert [(effect.actuator, effect.value) for effect in both.tick(6 * S)] == [("heater", False)]
    assert both.deadline <= 6 * S
    assert [(effect.actuator, effect.value) for effect in both.tick(6 * S)] == [("fan", False)]


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


def test_nothing_new_relies_on_what_is_not_seen_yet_and_what_is_on_is_let_be():
    both = guardian(fan=Rule(limits=Limits(low=0, high=100)), heater=Rule(limits=Limits(), requires=("fan",)))
    ask(both, "fan", 50, now=0)
    both.sent("fan")
    assert ask(both, "heater", True, now=S).reason == "heater: it may be on only while fan is on"
    both.confirmed("fan", S)
    assert ask(both, "heater", True, now=S).accepted
    ask(both, "fan", 70, now=S)
    both.sent("fan")
    assert both.tick(2 * S) == []
    both.failed("fan", 2 * S)
    assert not both.pending("fan")
    assert [effect.actuator for effect in both.tick(2 * S)] == ["heater"]


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
    both.confirmed("fan", 4 * S)
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
    memory.save(path, before.memory(115 * S), now=115 * S, boot="monday")

    after = Guardian(rules)
    after.start(135 * S, memory.load(path, now=135 * S, boot="monday"))
    assert ask(after, "pump", True, now=135 * S).reason == "pump: it must stay off for 35 s more (min_off)"
    assert ask(after, "pump", True, now=170 * S).accepted


@pytest.mark.parametrize(("boot", "now"), [("tuesday", 900 * S), ("", 900 * S), ("monday", 0)])
def test_what_passed_while_nobody_counted_makes_the_wait_longer_and_not_shorter(tmp_path, boot, now):
    path = tmp_path / "actuators.json"
    rules = {"pump": Rule(limits=Limits(min_off=60 * S))}
    before = Guardian(rules)
    before.start(0)
    memory.save(path, before.memory(10 * S), now=10 * S, boot="monday" if boot else "")
    after = Guardian(rules)
    after.start(0, memory.load(path, now=now, boot=boot))
    assert ask(after, "pump", True, now=0).reason == "pump: it must stay off for 50 s more (min_off)"


def test_what_was_saved_is_there_after_a_power_cut_and_is_nobody_elses_to_read(tmp_path, monkeypatch):
    """A file has its new name after a power cut only once its folder is on the disk."""
    path, done = tmp_path / "actuators.json", []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(os.readlink(f"/proc/self/fd/{file}")), sync(file)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append("named"), replace(old, new)))
    memory.save(path, {}, now=0, boot="monday")
    assert done[-2:] == ["named", str(tmp_path)]
    assert len(done) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_command_that_is_revoked_leaves_no_trace():
    rules = {"pump": Rule(limits=Limits(low=0, high=100, min_on=9 * S, rate=20.0), max_silence=50 * S)}
    pump = Guardian(rules)
    pump.start(0)
    assert ask(pump, "pump", 50, owner="anna", expires=60 * S, now=10 * S).accepted
    before = pump.memory(12 * S), pump.deadline
    assert ask(pump, "pump", 70, owner="ben", now=12 * S).displaced == "anna"
    pump.revoke("pump")
    assert (pump.memory(12 * S), pump.deadline, pump.value("pump")) == (*before, 50)
    assert pump.holder("pump", 12 * S) == "anna"
    (effect,) = pump.tick(60 * S)
    assert (effect.owner, effect.reason) == ("anna", "pump: its owner's command has expired")
    assert ask(pump, "pump", 50, owner="ben", now=70 * S).accepted
    pump.revoke("pump")
    assert (pump.holder("pump", 70 * S), pump.deadline) == ("", None)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"at": 1}', '{"boot": "b", "at": 1, "actuators": {"pump": 3}}', "\x00"]
)
def test_a_damaged_memory_counts_as_the_worst_past(tmp_path, damage):
    path = tmp_path / "actuators.json"
    path.write_text(damage)
    assert memory.load(path, now=0, boot="b") == {}
    pump = Guardian({"pump": Rule(limits=Limits(min_off=60 * S))})
    pump.start(0, {})
    assert not ask(pump, "pump", True, now=59 * S).accepted


def test_a_remembered_value_that_no_longer_fits_is_not_believed():
    lamp = Guardian({"lamp": Rule(limits=Limits(low=0, high=10))})
    lamp.start(0, {"lamp": memory.Memory(value=50, switched=9 * S, moved=9 * S)})
    assert lamp.value("lamp") == 0


def test_times_count_from_when_it_is_known_to_have_obeyed():
    pump = guardian(pump=Rule(limits=Limits(min_on=5 * S, min_off=10 * S)))
    ask(pump, "pump", True, now=0)
    pump.confirmed("pump", 2 * S)
    assert "3 s more (min_on)" in ask(pump, "pump", False, now=4 * S).reason
    ask(pump, "pump", False, now=7 * S)
    pump.failed("pump", 8 * S)
    pump.tick(9 * S)
    pump.confirmed("pump", 9 * S)
    assert "it must stay off for 1 s more" in ask(pump, "pump", True, now=18 * S).reason


def test_an_owner_that_is_silent_holds_it_no_more():
    buzzer = guardian(buzzer=Rule(limits=Limits()))
    assert ask(buzzer, "buzzer", True, now=0, heartbeat=5 * S).heartbeat == 5 * S
    assert buzzer.renew("anna", 4 * S) == ["buzzer"]
    assert buzzer.renew("boris", 4 * S) == []
    assert buzzer.deadline == 9 * S
    assert buzzer.tick(9 * S - 1) == []
    assert [effect.reason for effect in buzzer.tick(9 * S)] == ["buzzer: its owner anna has been silent for 5 s"]
    assert buzzer.renew("anna", 9 * S) == []


def test_an_actuator_demands_that_its_owner_is_heard_of():
    pump = guardian(pump=Rule(limits=Limits(), max_silence=10 * S))
    assert ask(pump, "pump", True, now=0, expires=60 * S).heartbeat == 10 * S
    assert ask(pump, "pump", True, now=S, heartbeat=30 * S).heartbeat == 10 * S
    assert ask(pump, "pump", True, now=2 * S, heartbeat=3 * S).heartbeat == 3 * S
    assert pump.deadline == 5 * S


@pytest.mark.parametrize("wrong", [{"priority": 4}, {"priority": -1}, {"heartbeat": 0}])
def test_a_command_that_makes_no_sense_is_refused(wrong):
    assert not ask(guardian(buzzer=BUZZER), "buzzer", True, now=0, **wrong).accepted


H = 3600 * S
NIGHT = ((22 * H, 7 * H),)


def test_in_quiet_hours_it_does_not_go_on_and_what_is_on_goes_off():
    drill = guardian(drill=Rule(limits=Limits(quiet=NIGHT)))
    assert ask(drill, "drill", True, now=0, day=21 * H).accepted
    assert drill.deadline == H
    assert [effect.reason for effect in drill.tick(H, 22 * H)] == ["drill: quiet_hours have begun"]
    assert ask(drill, "drill", True, now=2 * H, day=23 * H).reason == "drill: it may not be on in quiet_hours"
    assert ask(drill, "drill", False, now=2 * H, day=23 * H).accepted
    assert ask(drill, "drill", True, now=3 * H, day=7 * H).accepted


def test_where_nobody_knows_the_time_it_is_quiet():
    drill = guardian(drill=Rule(limits=Limits(quiet=NIGHT)))
    assert "nobody knows what time it is" in ask(drill, "drill", True, now=0).reason
    assert ask(drill, "drill", True, now=0, day=12 * H).accepted
    assert [effect.value for effect in drill.tick(S, None)] == [False]


def test_up_to_quiet_max_it_may_be_on_at_night():
    fan = guardian(fan=Rule(limits=Limits(low=0, high=100, quiet=NIGHT, quiet_max=20)))
    assert ask(fan, "fan", 80, now=0, day=21 * H).accepted
    assert [effect.value for effect in fan.tick(H, 22 * H)] == [0]
    assert ask(fan, "fan", 21, now=H, day=22 * H).reason == "fan: it may not be above 20 in quiet_hours (quiet_max)"
    assert ask(fan, "fan", 20, now=H, day=22 * H).accepted
    assert fan.tick(2 * H, 23 * H) == []


def test_what_would_still_have_to_be_on_when_quiet_hours_begin_does_not_go_on():
    drill = guardian(drill=Rule(limits=Limits(quiet=NIGHT, min_on=600 * S)))
    assert "quiet_hours begin in 5m, before its min_on" in ask(drill, "drill", True, now=0, day=22 * H - 300 * S).reason
    both = guardian(fan=Rule(limits=Limits(quiet=NIGHT)), heater=Rule(limits=Limits(min_on=600 * S), requires=("fan",)))
    assert ask(both, "fan", True, now=0, day=22 * H - 300 * S).accepted
    refused = ask(both, "heater", True, now=0, day=22 * H - 300 * S).reason
    assert refused == "heater: fan goes off in 5m, before its own min_on is over"


def test_a_fan_stays_on_past_its_max_on_until_its_heater_is_known_to_be_off():
    both = guardian(fan=Rule(limits=Limits(max_on=10 * S)), heater=Rule(limits=Limits(), requires=("fan",)))
    ask(both, "fan", True, now=0)
    ask(both, "heater", True, now=S)
    assert [effect.actuator for effect in both.tick(10 * S)] == ["heater"]
    both.failed("heater", 10 * S)
    assert both.tick(10 * S) == []
    assert both.deadline == 11 * S
    assert [effect.actuator for effect in both.tick(11 * S)] == ["heater"]
    both.confirmed("heater", 11 * S)
    assert [effect.actuator for effect in both.tick(11 * S)] == ["fan"]


@pytest.mark.parametrize(
    ("risk", "alone", "asked"),
    [(Risk.READ, True, True), (Risk.LOW, True, True), (Risk.CONFIRM, False, True), (Risk.NEVER, False, False)],
)
def test_the_risk_bounds_what_a_model_has_caused(risk, alone, asked):
    lock = guardian(lock=Rule(limits=Limits(), risk=risk))
    assert ask(lock, "lock", True, now=0, advised=True).accepted is alone
    assert ask(lock, "lock", True, now=0, advised=True, consent="anna").accepted is asked
    assert ask(lock, "lock", False, now=0).accepted


def test_nobody_is_asked_for_consent_to_what_is_refused_anyhow():
    lock = guardian(lock=Rule(limits=Limits(min_on=5 * S), risk=Risk.CONFIRM))
    assert ask(lock, "lock", True, now=0, advised=True).unasked
    ask(lock, "lock", True, now=0)
    refused = ask(lock, "lock", False, now=S, advised=True)
    assert (refused.unasked, "min_on" in refused.reason) == (False, True)


def test_a_chain_goes_off_one_after_the_other_and_each_waits_for_the_write_before():
    chain = guardian(
        fan=Rule(limits=Limits(max_on=10 * S)),
        heater=Rule(limits=Limits(), requires=("fan",)),
        boost=Rule(limits=Limits(), requires=("heater",)),
    )
    for name in ("fan", "heater", "boost"):
        ask(chain, name, True, now=0, expires=60 * S)
    assert [effect.actuator for effect in chain.tick(10 * S)] == ["boost"]
    chain.failed("boost", 10 * S)
    assert chain.tick(10 * S) == []
    assert chain.deadline == 11 * S, "nothing is due before the retry"
    assert [effect.actuator for effect in chain.tick(11 * S)] == ["boost"]
    chain.confirmed("boost", 11 * S)
    assert [effect.actuator for effect in chain.tick(11 * S)] == ["heater"]
    assert [effect.actuator for effect in chain.tick(11 * S)] == ["fan"]
