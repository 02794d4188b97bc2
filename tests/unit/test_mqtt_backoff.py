# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.backoff: delays that grow, spread and start again."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.backoff import Backoff


class Highest(Random):
    """Chance at its worst: always the bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_bound_doubles_up_to_the_cap_and_falls_back_on_reset():
    backoff = Backoff(rng=Highest())
    assert [backoff.delay() for _ in range(10)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0])
    backoff.reset()
    assert backoff.delay() == 0.2


@given(st.integers(), st.integers(0, 50))
def test_a_delay_is_never_negative_nor_above_the_cap(seed, attempts):
    backoff = Backoff(cap=7.0, rng=Random(seed))
    assert all(0.0 <= backoff.delay() <= 7.0 for _ in range(attempts))


def test_a_thousand_nodes_do_not_come_back_at_once():
    delays = sorted(Backoff(base=1.0, rng=Random(node)).delay() for node in range(1000))
    tenths = [sum(i / 10 <= delay < (i + 1) / 10 for delay in delays) for i in range(10)]
    assert all(60 <= count <= 140 for count in tenths)


@pytest.mark.parametrize(("base", "cap"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0)])
def test_bounds_that_make_no_sense_are_refused(base, cap):
    with pytest.raises(ValueError, match="0 < base <= cap"):
        Backoff(base=base, cap=cap)


def test_a_refusal_makes_it_patient_at_once_and_success_impatient_again():
    backoff = Backoff(rng=Random(1))
    assert all(15.0 <= backoff.refused() <= 30.0 for _ in range(100))
    backoff.reset()
    assert backoff.delay() <= 0.2


def test_attempts_of_one_round_share_a_bound():
    backoff = Backoff(rng=Highest())
    assert [backoff.delay(grow=grow) for grow in (False, False, True, False)] == [0.2, 0.2, 0.2, 0.4]
