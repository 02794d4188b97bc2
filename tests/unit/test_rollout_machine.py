# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout step by step: stages and soak, who counts and who does not, what stops it, and what stopping does."""

import gettext

import pytest

from ganglion_gateway.dashboard.rollouts.story import translated
from ganglion_gateway.dashboard.words import Say
from ganglion_gateway.rollout.contract import Report, Reported
from ganglion_gateway.rollout.happening import Abort, Alerted, Crashed, Gone, Pause, Presence, Read, Resume, refusal
from ganglion_gateway.rollout.target import BAD, At, State, Stood, Want
from ganglion_gateway.rollout.terms import Bound, Share
from support.rollout_drive import MINUTE, START, Drive, sent_back, terms
from support.rollouts import Field, Kind


def field(count: int = 20, **kinds: Kind) -> Field:
    return Field({f"n{i}": kinds.get(f"n{i}", Kind.GOOD) for i in range(count)})


def of(drive: Drive, state: At) -> set[str]:
    return {node for node, its in drive.states().items() if its is state}


def test_a_good_release_comes_to_everybody_stage_by_stage() -> None:
    drive = Drive(field(20), terms(10, 50, 100, soak=10 * MINUTE))
    drive.run(1)
    assert [len(cohort) for cohort in drive.plan.cohorts] == [2, 8, 10]
    assert drive.field.ever["r2"] == set(drive.cohort(0))
    drive.run(8)
    assert drive.stages[0].state is Stood.SOAKING
    assert len(drive.field.ever["r2"]) == 2
    drive.run(4)
    assert drive.stages[0].state is Stood.PASSED
    assert len(drive.field.ever["r2"]) == 10
    drive.run(30)
    assert drive.rollout.state is State.COMPLETED
    assert of(drive, At.COMMITTED) == set(drive.field.nodes)
    assert drive.machine.is_over(drive.now)
    assert drive.notes == [
        "stage 1 of 3 begins with 2 nodes",
        "soaking stage 1: 2 of 2 nodes have committed",
        "stage 2 of 3 begins with 8 nodes",
        "soaking stage 2: 8 of 8 nodes have committed",
        "stage 3 of 3 begins with 10 nodes",
        "soaking stage 3: 10 of 10 nodes have committed",
        "completed",
    ]


class _Said(Say):
    """Marks what went through the catalogue."""

    def __call__(self, sentence: str) -> str:
        return f"say {sentence}"

    def many(self, one: str, more: str, count: int) -> str:
        return f"say {one if count == 1 else more}"


def test_what_a_rollout_says_of_itself_is_translated_for_people() -> None:
    drive = Drive(field(20), terms(10, 100))
    drive.run(40)
    said = [note.partition(" ")[::2] for note in drive.notes]
    for what, detail in said:
        if what == "soaking":
            assert translated(detail, _Said(gettext.NullTranslations())).startswith("say stage "), detail
        elif what == "stage":
            assert translated(detail, _Said(gettext.NullTranslations())).startswith("say "), detail
    assert {what for what, _ in said} == {"stage", "soaking", "completed"}
    assert translated("smells by admin", _Said(gettext.NullTranslations())) == "smells by admin"


def test_the_soak_begins_when_the_quorum_has_committed_and_again_where_it_is_lost() -> None:
    drive = Drive(field(10), terms(100, soak=10 * MINUTE, tolerate_stage=Share(2), tolerate=Share(2)))
    drive.run(5)
    held = drive.stages[0].held
    assert held > START
    for node in drive.cohort(0)[:2]:
        drive.happen(Report(node, "r2", Reported.TRIAL, "", drive.now))  # as it was flashed again
    assert drive.stages[0].held == held  # 8 of 10 are the quorum
    drive.happen(Report(drive.cohort(0)[2], "r2", Reported.TRIAL, "", drive.now))
    assert drive.stages[0].state is Stood.RUNNING
    drive.run(8)
    drive.happen(*(Report(node, "r2", Reported.COMMITTED, "", drive.now) for node in drive.cohort(0)[:3]))
    drive.run(8)
    assert drive.rollout.state is State.RUNNING
    drive.run(4)
    assert drive.rollout.state is State.COMPLETED


def test_one_failure_too_many_aborts_and_everybody_on_the_way_is_sent_back() -> None:
    drive = Drive(field(20), terms(50, 100, tolerate_stage=Share(1)))
    first = drive.cohort(0)
    drive.run(0.5)
    drive.happen(Report(first[0], "r2", Reported.REVERTED, "no sensors", drive.now))
    assert drive.rollout.state is State.RUNNING
    assert sent_back(drive) == [first[0]]
    drive.happen(Report(first[1], "r2", Reported.FAILED, "no sensors", drive.now))
    assert drive.rollout.state is State.ABORTED
    assert drive.rollout.why == "stage 1: 2 nodes of 10 failed, and at most 1 may; most often: no sensors"
    assert set(sent_back(drive)) == set(first)
    assert all(sim.release is None for sim in drive.field.nodes.values())
    drive.run(60)
    assert drive.field.ever["r2"] == set(first)


def test_failures_of_all_stages_count_together() -> None:
    drive = Drive(field(40), terms(50, 100, soak=0, quorum=50, tolerate_stage=Share(3), tolerate=Share(3)))
    drive.run(10)
    assert drive.rollout.state is State.COMPLETED
    drive = Drive(field(40), terms(50, 100, soak=30 * MINUTE, quorum=50, tolerate_stage=Share(3), tolerate=Share(3)))
    drive.run(35)
    early, late = drive.cohort(0)[:2], drive.cohort(1)[:2]
    drive.happen(*(Report(node, "r2", Reported.REVERTED, "", drive.now) for node in [*early, late[0]]))
    assert drive.rollout.state is State.RUNNING
    drive.happen(Report(late[1], "r2", Reported.REVERTED, "", drive.now))
    assert drive.rollout.why.startswith("4 of all 40 nodes failed, and at most 3 may")


def test_a_stage_that_cannot_reach_its_quorum_any_more_is_aborted() -> None:
    drive = Drive(field(10), terms(100, quorum=90, tolerate_stage=Share(50, percent=True), tolerate=Share(50)))
    drive.happen(*(Report(f"n{i}", "r2", Reported.FAILED, "full", drive.now) for i in range(2)))
    assert drive.rollout.why == "stage 1: 2 nodes of 10 failed, and 9 have to commit; most often: full"


def test_who_sleeps_is_waited_for_and_has_not_failed() -> None:
    nodes = field(10, **{f"n{i}": Kind.ASLEEP for i in range(6)})
    for sim in nodes.nodes.values():
        sim.kind = Kind.GOOD  # they stay as they are, there or not
    drive = Drive(nodes, terms(100, patience=10 * MINUTE))
    drive.run(24 * 60, step=MINUTE)
    assert drive.rollout.state is State.RUNNING
    assert (len(of(drive, At.COMMITTED)), len(of(drive, At.WAITING))) == (4, 6)
    for i in range(4):
        nodes.nodes[f"n{i}"].online = True
        drive.happen(Presence(f"n{i}", online=True))
    drive.run(20)
    assert drive.rollout.state is State.COMPLETED  # 8 of 10 are the quorum
    nodes.nodes["n4"].online = True
    drive.run(5)
    assert drive.node("n4").state is At.COMMITTED  # and who wakes later gets it all the same
    assert not drive.machine.is_over(drive.now)


@pytest.mark.parametrize(
    ("last", "there", "why"),
    [
        (None, True, "is there, and has not begun: does its software know releases?"),
        (Reported.DOWNLOADING, True, "stays at downloading and says no more"),
        (Reported.TRIAL, False, "was not heard any more after trial"),
        (Reported.COMMITTED, False, "was not heard any more after it had committed"),
    ],
)
def test_who_is_late_has_failed(last: Reported | None, there: bool, why: str) -> None:
    nodes = field(4)
    drive = Drive(nodes, terms(100, soak=120 * MINUTE, patience=30 * MINUTE, tolerate_stage=Share(1), quorum=50))
    nodes.nodes["n0"].todo = []
    if last is not None:
        drive.happen(Report("n0", "r2", last, "", drive.now))
    if not there:
        drive.happen(Presence("n0", online=False))
    drive.run(29)
    assert drive.node("n0").state not in BAD
    drive.run(2)
    assert (drive.node("n0").state, drive.node("n0").why) == (At.FAILED, why)
    assert sent_back(drive) == ["n0"]


def test_a_slow_node_that_says_how_it_goes_is_not_late() -> None:
    nodes = field(4)
    drive = Drive(nodes, terms(100, patience=30 * MINUTE))
    nodes.nodes["n0"].todo = []
    for _ in range(10):
        drive.happen(Report("n0", "r2", Reported.DOWNLOADING, "", drive.now))
        drive.run(20)
    assert drive.node("n0").state is At.DOWNLOADING


def test_what_crashes_or_alerts_after_its_trial_has_failed_and_before_it_has_not() -> None:
    drive = Drive(field(10), terms(100, soak=60 * MINUTE, alerts=1, tolerate_stage=Share(5), quorum=10))
    drive.happen(Crashed("n0", "old software"), Alerted("n1"), Alerted("n1"))
    drive.run(5)
    assert of(drive, At.COMMITTED) == set(drive.field.nodes)
    drive.happen(Crashed("n0", "ValueError"), Alerted("n1"))
    assert drive.node("n0").why == "crashed: ValueError"
    assert drive.node("n1").state is At.COMMITTED
    drive.happen(Alerted("n1"))
    assert drive.node("n1").why == "has raised alerts"


def test_a_sensor_may_read_what_it_must_not_for_a_while() -> None:
    bound = Bound.read("system.temperature < 80 for 5m")
    drive = Drive(field(10), terms(100, soak=60 * MINUTE, bounds=(bound,), tolerate_stage=Share(5), quorum=10))
    drive.happen(Read("n0", "system.temperature", 90.0))
    drive.run(5)
    assert drive.node("n0").state is At.COMMITTED  # it was so before the release ran, and counts from then on
    drive.happen(Read("n0", "system.temperature", 70.0), Read("n1", "system.temperature", 90.0))
    drive.run(4)
    assert drive.node("n1").state is At.COMMITTED
    drive.run(2)
    assert drive.node("n1").why == "system.temperature does not stay < 80"
    assert drive.node("n0").state is At.COMMITTED


def test_a_pause_holds_what_is_to_come_and_not_what_is_under_way() -> None:
    drive = Drive(field(20), terms(10, 100, soak=5 * MINUTE))
    drive.happen(Pause("ada"))
    drive.run(60)
    assert (drive.rollout.state, drive.rollout.why) == (State.PAUSED, "by ada")
    assert of(drive, At.COMMITTED) == set(drive.cohort(0)) == drive.field.ever["r2"]
    assert refusal(drive.rollout, Pause("ada")) == "rollout rollout is paused already, by ada"
    drive.happen(Resume("ada"))
    assert drive.rollout.stage == 1  # it has soaked meanwhile
    assert refusal(drive.rollout, Resume("ada")) == "rollout rollout is running: only one that is paused can go on"
    drive.run(10)
    assert drive.rollout.state is State.COMPLETED
    assert refusal(drive.rollout, Pause("ada")) == "rollout rollout is completed: there is nothing to pause"


def test_a_paused_rollout_is_aborted_by_failures_too() -> None:
    drive = Drive(field(10), terms(100))
    drive.happen(Pause("ada"), Report("n0", "r2", Reported.FAILED, "x", drive.now))
    assert drive.rollout.state is State.ABORTED


@pytest.mark.parametrize("send_back", [False, True])
def test_an_abort_leaves_or_sends_back_those_that_have_it(send_back: bool) -> None:
    nodes = field(20)
    for sim in nodes.nodes.values():
        sim.release = sim.runs = "r1"
    drive = Drive(nodes, terms(10, 100, soak=5 * MINUTE))
    drive.run(7.5)
    committed, rest = set(drive.cohort(0)), set(drive.cohort(1))
    assert drive.field.ever["r2"] == committed | rest
    drive.happen(Abort("ada", "smells", send_back=send_back))
    assert drive.rollout.why == "by ada: smells"
    drive.run(5)
    has = {node for node, sim in nodes.nodes.items() if sim.release == "r2"}
    assert has == (set() if send_back else committed)
    assert of(drive, At.BACK) == (committed | rest if send_back else rest)
    assert all(sim.runs == sim.release for sim in nodes.nodes.values())
    assert drive.machine.is_over(drive.now)


def test_no_more_than_so_many_are_on_the_way_at_a_time() -> None:
    drive = Drive(field(50), terms(100, at_once=5))
    most = 0
    for _ in range(200):
        drive.run(1 / 3)
        most = max(most, sum(each.state is not At.COMMITTED and each.assigned > 0 for each in drive.targets))
    assert most == 5
    assert drive.rollout.state is State.COMPLETED


def test_who_has_it_already_counts_when_its_turn_comes() -> None:
    nodes = field(10)
    drive = Drive(nodes, terms(50, 100, soak=5 * MINUTE))
    second = drive.cohort(1)[0]
    drive.happen(Report(second, "r2", Reported.COMMITTED, "", drive.now))
    assert drive.node(second).state is At.PENDING
    nodes.nodes[second].runs = "r2"
    drive.run(6.5)
    assert drive.rollout.stage == 1
    assert (drive.node(second).state, nodes.nodes[second].release) == (At.COMMITTED, "r2")


def test_what_was_said_of_an_earlier_try_is_none_of_this_one() -> None:
    drive = Drive(field(10), terms(100))
    drive.happen(Report("n0", "r2", Reported.REVERTED, "last week", START - MINUTE))
    assert drive.node("n0").state is At.WAITING


def test_what_once_failed_has_failed() -> None:
    drive = Drive(field(10), terms(100, tolerate_stage=Share(3)))
    for state in (Reported.COMMITTED, Reported.REVERTED, Reported.COMMITTED):
        drive.now += MINUTE
        drive.happen(Report("n0", "r2", state, "flaps", drive.now))
    assert drive.node("n0").state is At.REVERTED


def test_who_is_revoked_counts_no_more_and_a_stage_that_lost_everybody_does_not_pass() -> None:
    drive = Drive(field(20), terms(10, 100))
    one, other = drive.cohort(0)
    drive.happen(Gone(one, "was revoked"))
    assert (drive.node(one).state, drive.rollout.state) == (At.GONE, State.RUNNING)
    drive.happen(Gone(other, "was revoked"))
    assert drive.rollout.why == "stage 1: none of its nodes is left"


def test_who_is_given_something_else_by_hand_is_left_alone() -> None:
    drive = Drive(field(20), terms(50, 100, soak=5 * MINUTE))
    drive.run(3)
    drive.happen(Report("n0", "r1", Reported.COMMITTED, "", START - MINUTE))  # of before
    one = drive.cohort(0)[0]
    assert drive.node(one).state is At.COMMITTED
    drive.happen(Report(one, "r3", Reported.WAITING, "", drive.now))
    assert (drive.node(one).state, drive.node(one).want) == (At.GONE, Want.NOTHING)
    drive.run(30)
    assert drive.rollout.state is State.COMPLETED


def test_who_is_not_there_when_the_soak_ends_is_no_evidence() -> None:
    drive = Drive(field(20), terms(10, 100, soak=5 * MINUTE, patience=60 * MINUTE))
    drive.run(3)
    drive.happen(*(Presence(node, online=False) for node in drive.cohort(0)))
    drive.run(30)
    assert drive.rollout.stage == 0
    drive.happen(*(Presence(node, online=True) for node in drive.cohort(0)))
    assert drive.rollout.stage == 1


def test_a_delivery_that_fails_is_tried_again() -> None:
    nodes = field(4)
    nodes.fails = 3
    drive = Drive(nodes, terms(100))
    assert sum(not each.told for each in drive.targets) == 3
    drive.run(20)
    assert drive.rollout.state is State.COMPLETED


def test_a_node_that_the_delivery_does_not_know_is_gone() -> None:
    nodes = field(4)
    nodes.gone = {"n0"}
    drive = Drive(nodes, terms(100, quorum=50))
    assert (drive.node("n0").state, drive.node("n0").want) == (At.GONE, Want.NOTHING)
    drive.run(20)
    assert drive.rollout.state is State.COMPLETED


def test_a_gateway_that_was_away_listens_before_it_goes_on() -> None:
    ends: set[int] = set()
    drive = Drive(field(20), terms(10, 100, soak=3 * MINUTE), kill=lambda point: point in ends)
    drive.run(4)
    ends.add(drive.points + 1)
    drive.now += MINUTE  # the soak is over by now, and what has crashed meanwhile was not heard yet
    drive.happen(Crashed(drive.cohort(0)[0], "OSError"))
    assert drive.deaths == 1
    assert drive.rollout.state is State.ABORTED
    assert drive.field.ever["r2"] == set(drive.cohort(0))


def test_a_stage_that_has_soaked_while_the_gateway_was_away_waits_for_what_comes_late() -> None:
    ends: set[int] = set()
    drive = Drive(field(20), terms(10, 100, soak=3 * MINUTE), kill=lambda point: point in ends)
    drive.run(4)
    ends.add(drive.points + 1)
    drive.run(1)
    assert (drive.deaths, drive.rollout.stage) == (1, 0)
    drive.run(1)
    assert drive.rollout.stage == 1


def test_a_gateway_that_was_away_gives_no_release_to_who_may_be_there() -> None:
    ends: set[int] = set()
    drive = Drive(field(20), terms(100, at_once=2), kill=lambda point: point in ends)
    for sim in drive.field.nodes.values():
        sim.online = False  # nobody is heard in the first seconds after a start
    ends.add(drive.points + 1)
    drive.happen()
    assert drive.deaths == 1
    assert len(drive.field.ever["r2"]) == 2
    drive.run(2)
    assert len(drive.field.ever["r2"]) == 20  # all of them sleep, as is known by now


def test_who_says_that_it_sleeps_may_do_so_after_it_has_committed() -> None:
    nodes = field(4)
    drive = Drive(nodes, terms(100, soak=90 * MINUTE, patience=10 * MINUTE))
    for target in drive.machine.targets.values():
        target.sleeps = True
    drive.run(5)
    drive.happen(*(Presence(node, online=False) for node in nodes.nodes))
    drive.run(90)
    assert drive.rollout.state is State.COMPLETED
