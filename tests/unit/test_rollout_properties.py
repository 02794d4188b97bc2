# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every rollout: a bad release stays in its first cohort, and a gateway may end at any point."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion_gateway.rollout.cohort import cut, ranked
from ganglion_gateway.rollout.planning import Candidate, plan
from ganglion_gateway.rollout.target import BAD, At, State
from ganglion_gateway.rollout.terms import Share, Terms
from support.rollout_drive import MINUTE, Drive, terms
from support.rollouts import Field, Kind, Made

#: Those whose behaviour leaves nothing to chance, so that two runs can be compared.
CERTAIN = [Kind.GOOD, Kind.TWICE, Kind.BREAKS, Kind.CRASHES]
PATIENT = 30 * MINUTE


def hostile(count: int, seed: int, agreed: Terms) -> Field:
    """A fleet of every kind; in the first cohort fewer lie than would do as a quorum."""
    dice = random.Random(seed)
    weights = [dice.random() for _ in Kind]
    kinds = {f"n{i}": dice.choices(list(Kind), weights)[0] for i in range(count)}
    cohort = ranked("rollout", kinds)[: cut(count, [stage.percent for stage in agreed.stages])[0]]
    liars = [node for node in cohort if kinds[node] is Kind.LIES]
    for node in liars[agreed.needed(len(cohort)) - 1 :]:
        kinds[node] = Kind.GOOD
    return Field(kinds, bad={"r2"}, seed=seed)


def only_whom_the_disk_names(drive: Drive) -> None:
    """What a node was told is saved, and its stage was reached."""
    rollout = drive.rollout
    reached = {each.node for each in drive.targets if 0 <= each.stage <= rollout.stage and each.assigned}
    assert drive.field.ever.get("r2", set()) <= reached


def never_leaves(count: int, seed: int, agreed: Terms, hours: float) -> None:
    drive = Drive(hostile(count, seed, agreed), agreed, look=only_whom_the_disk_names)
    end = drive.now + round(hours * 60 * MINUTE)
    while drive.now < end and drive.rollout.state is not State.ABORTED:
        drive.run(1, step=MINUTE // 2)
    drive.run(60, step=MINUTE)
    assert drive.field.ever["r2"] <= set(drive.cohort(0))
    assert drive.rollout.state is not State.COMPLETED
    failed = sum(each.state in BAD for each in drive.targets)
    if failed > agreed.tolerate_stage.of(len(drive.cohort(0))):
        assert drive.rollout.state is State.ABORTED
        still = {node for node, sim in drive.field.nodes.items() if sim.release == "r2"}
        assert still <= {each.node for each in drive.targets if each.state is At.COMMITTED}


@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_a_bad_release_to_1000_hostile_nodes_never_leaves_its_first_cohort(seed: int) -> None:
    never_leaves(1000, seed, terms(1, 10, 100), 6)


@settings(max_examples=80)
@given(
    st.integers(0, 2**32),
    st.integers(5, 60),
    st.sampled_from([(1, 100), (10, 50, 100), (34, 100)]),
    st.integers(0, 30),
    st.integers(60, 100),
    st.sampled_from([1, 5, 500]),
    st.booleans(),
)
def test_whatever_the_terms_a_bad_release_stays_in_its_first_cohort(
    seed: int, count: int, stages: tuple[int, ...], percent: int, quorum: int, at_once: int, send_back: bool
) -> None:
    agreed = terms(
        *stages,
        quorum=quorum,
        tolerate_stage=Share(percent, percent=True),
        tolerate=Share(percent, percent=True),
        at_once=at_once,
        send_back=send_back,
        patience=PATIENT,
    )
    never_leaves(count, seed, agreed, 3)


def outcome(drive: Drive) -> dict[str, Any]:
    """What a rollout has come to, without times."""
    return {
        "state": drive.rollout.state,
        "stage": drive.rollout.stage,
        "given": drive.field.ever,
        "targets": drive.states(),
        "have": {node: (sim.release, sim.runs) for node, sim in drive.field.nodes.items()},
        "told": [each.node for each in drive.targets if not each.told],
    }


def through(kinds: dict[str, Kind], bad: bool, agreed: Terms, ends: set[int]) -> Drive:
    field = Field(kinds, bad={"r2"} if bad else set())
    for sim in field.nodes.values():
        sim.release = sim.runs = "r1"
    drive = Drive(field, agreed, kill=lambda point: point in ends, look=only_whom_the_disk_names)
    drive.run(50, step=MINUTE)
    return drive


@pytest.mark.parametrize("bad", [False, True])
def test_a_gateway_may_be_killed_at_any_single_point(bad: bool) -> None:
    kinds = {f"n{i}": CERTAIN[i % 2] for i in range(8)}
    agreed = terms(25, 100, soak=3 * MINUTE, send_back=True)
    calm = through(kinds, bad, agreed, set())
    assert calm.rollout.state is (State.ABORTED if bad else State.COMPLETED)
    for point in range(1, calm.points + 1):
        drive = through(kinds, bad, agreed, {point})
        assert drive.deaths == 1
        assert outcome(drive) == outcome(calm), f"killed at {point} of {calm.points}"


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(CERTAIN), min_size=3, max_size=12),
    st.booleans(),
    st.booleans(),
    st.sets(st.integers(1, 150), max_size=25),
)
def test_a_gateway_may_be_killed_again_and_again(kinds: list[Kind], bad: bool, send_back: bool, ends: set[int]) -> None:
    nodes = {f"n{i}": kind for i, kind in enumerate(kinds)}
    agreed = terms(34, 100, soak=3 * MINUTE, send_back=send_back, tolerate_stage=Share(1), quorum=50)
    calm, drive = through(nodes, bad, agreed, set()), through(nodes, bad, agreed, ends)
    drive.run(30, step=MINUTE)
    assert drive.rollout.state is calm.rollout.state
    if bad:
        assert drive.field.ever["r2"] <= set(drive.cohort(0))
    else:
        assert outcome(drive)["have"] == outcome(calm)["have"]
    assert not outcome(drive)["told"]


@given(
    st.sets(st.text(max_size=5), max_size=60),
    st.lists(st.floats(0.1, 100), min_size=1, max_size=5, unique=True).map(sorted),
    st.text(max_size=5),
)
def test_ten_percent_lie_inside_a_hundred(nodes: set[str], percents: list[float], rollout: str) -> None:
    order = ranked(rollout, nodes)
    ends = cut(len(order), percents)
    assert set(order) == nodes
    assert order == ranked(rollout, sorted(nodes, reverse=True))
    assert ends == sorted(ends)
    assert not nodes or ends[0] >= 1
    assert all(end - 1 < len(nodes) * percent / 100 + 1e-6 for end, percent in zip(ends, percents, strict=True))
    assert cut(len(order), [100]) == [len(nodes)]


def test_another_rollout_comes_to_others_first() -> None:
    nodes = [f"n{i}" for i in range(1000)]
    first = {rollout: set(ranked(rollout, nodes)[:100]) for rollout in ("a", "b")}
    assert 0 < len(first["a"] & first["b"]) < 30


def test_a_plan_says_who_cannot_take_it_and_why() -> None:
    nodes = [
        Candidate(node="a", name="a", free=1000),
        Candidate(node="b", name="b", lacks=("it has no camera", "it is too old")),
        Candidate(node="c", name="c", free=999),
        Candidate(node="d", name="d"),
    ]
    made = plan("x", Made(id="r2", size=1000), terms(50, 100), nodes)
    assert {each.node for each in made.chosen} == {"a", "d"}
    assert [len(cohort) for cohort in made.cohorts] == [1, 1]
    assert {each.node: why for each, why in made.skipped} == {
        "b": "it has no camera; it is too old",
        "c": "it has 999 bytes free, and the release takes 1000",
    }
