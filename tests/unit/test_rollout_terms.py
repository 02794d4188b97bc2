# SPDX-License-Identifier: GPL-3.0-or-later
"""The terms of a rollout: read as people write them, kept as JSON, refused where they say nothing."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.units import SECOND
from ganglion_gateway.rollout.terms import LONGEST, Bound, Share, Stage, Terms, stages

TERMS = Terms(stages=stages(["1%", "10%:1h", "100"], soak=600 * SECOND))


def test_stages_are_written_in_percent_with_or_without_a_soak_time() -> None:
    assert [(stage.percent, stage.soak // SECOND) for stage in TERMS.stages] == [(1, 600), (10, 3600), (100, 600)]
    assert Stage.read("0.5%:90s", soak=0) == Stage(percent=0.5, soak=90 * SECOND)


def test_a_share_is_a_count_or_a_percentage_of_which_parts_of_a_node_are_none() -> None:
    assert [Share.read("3").of(10), Share.read("5%").of(10), Share.read("5%").of(59), Share.read("100%").of(7)] == [
        3,
        0,
        2,
        7,
    ]


def test_a_bound_says_what_a_sensor_must_read_and_for_how_long_it_may_not() -> None:
    bound = Bound.read("system.temperature<80")
    assert (bound.sensor, bound.order, bound.value, bound.lasting) == ("system.temperature", "<", 80.0, 60 * SECOND)
    assert Bound.read("a >= -1.5 for 5m").lasting == 300 * SECOND
    assert [Bound.read(f"a {order} 2").holds(2.0) for order in ("<", "<=", ">", ">=")] == [False, True, False, True]


def test_a_quorum_is_rounded_up() -> None:
    assert [TERMS.needed(size) for size in (0, 1, 4, 5, 10)] == [0, 1, 4, 4, 8]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"stages": ()}, "stages: has 0 stages"),
        ({"stages": stages(["50", "50"], soak=0)}, "stages: stage 2 is of 50 %"),
        ({"stages": stages(["0"], soak=0)}, "stages: stage 1 is of 0 %"),
        ({"stages": stages(["101"], soak=0)}, "stages: stage 1 is of 101 %"),
        ({"stages": (Stage(percent=float("nan"), soak=0),)}, "stages: stage 1 is of nan %"),
        ({"stages": (Stage(percent=1, soak=LONGEST + 1),)}, "stages: the soak of stage 1"),
        ({"quorum": 0}, "quorum: 0 % is no quorum"),
        ({"patience": 0}, "patience: the patience is 0 s"),
        ({"at_once": 0}, "at_once: at least one"),
        ({"crashes": -1}, "fewer than 0 times"),
        ({"bounds": (Bound.read("a<1"),) * 17}, "bounds: has 17 bounds"),
        ({"bounds": (replace(Bound.read("a<1"), lasting=LONGEST + 1),)}, "bounds: what a is given"),
    ],
)
def test_terms_that_make_no_rollout_are_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidError) as raised:
        replace(TERMS, **fields)
    assert says in str(raised.value)


@pytest.mark.parametrize("text", ["", "ten", "10%:", "10%:1x", "-1%", "1e3"])
def test_what_is_no_stage_is_said(text: str) -> None:
    with pytest.raises(InvalidError, match="stages: "):
        Stage.read(text, soak=0, where="stages")


@pytest.mark.parametrize("text", ["", "5 %", "-1", "101%", "many"])
def test_what_is_no_share_is_said(text: str) -> None:
    with pytest.raises(InvalidError, match="write a number of nodes as 3, or of a hundred as 5%"):
        Share.read(text)


@pytest.mark.parametrize("text", ["", "a", "a = 5", "a < b", "a<1 for ever", "a<1 for"])
def test_what_is_no_bound_is_said(text: str) -> None:
    with pytest.raises(InvalidError):
        Bound.read(text)


_numbers = st.floats(allow_nan=False, allow_infinity=False)
_bounds = st.builds(
    Bound,
    sensor=st.sampled_from(["system.temperature", "a"]),
    order=st.sampled_from(["<", "<=", ">", ">="]),
    value=_numbers,
    lasting=st.integers(0, 10**6).map(lambda ms: ms * 1_000_000),
)


@given(
    st.lists(st.floats(0.001, 100), min_size=1, max_size=5, unique=True).map(sorted),
    st.integers(0, LONGEST),
    st.booleans(),
    st.integers(0, 100),
    st.one_of(st.none(), st.integers(0, 9)),
    st.lists(_bounds, max_size=3),
)
def test_terms_are_kept_as_json(
    percents: list[float], soak: int, percent: bool, amount: int, alerts: int | None, bounds: list[Bound]
) -> None:
    terms = Terms(
        stages=tuple(Stage(percent=each, soak=soak) for each in percents),
        tolerate=Share(amount, percent),
        alerts=alerts,
        bounds=tuple(bounds),
    )
    assert Terms.of(json.loads(json.dumps(terms.document()))) == terms
