# SPDX-License-Identifier: GPL-3.0-or-later
"""What hellos make of a link: the history, ETX, two out of three, delay, and when a neighbour is gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.mesh.overlay.cost import INFINITY, Average, History, link_cost, reception
from ganglion.mesh.overlay.link import Link
from ganglion.units import MILLISECOND

RADIO = Link(name="radio")
CABLE = Link(name="cable", wired=True, cost_floor=96)


def history(pattern: str) -> History:
    """Hellos that came (1) and did not (0), oldest first."""
    made = History()
    for seq, came in enumerate(pattern):
        if came == "1":
            made.hello(seq)
    for _ in range(len(pattern) - 1 - pattern.rfind("1")):
        made.miss()
    return made


@pytest.mark.parametrize(
    ("pattern", "received", "missed"),
    [("1", 1, 0), ("11", 1, 0), ("101", 2 / 3, 0), ("1100", 1 / 2, 2), ("1" * 40, 1, 0), ("10" * 20 + "1", 8 / 16, 0)],
)
def test_the_history_counts_what_came_of_the_last_sixteen(pattern: str, received: float, missed: int) -> None:
    made = history(pattern)
    assert made.received == received
    assert made.missed == missed


@given(st.integers(0, 0xFFFF), st.permutations(range(8)))
def test_the_history_is_the_same_in_whatever_order_hellos_come(start: int, order: list[int]) -> None:
    made = History()
    made.hello(start - 1 & 0xFFFF)
    for i in order:
        made.hello(start + i & 0xFFFF)
    assert (made.bits, made.missed) == (0b111111111, 0)


def test_a_hello_that_was_only_late_is_not_held_against_its_sender() -> None:
    made = history("111")
    made.miss()
    assert made.missed == 1
    made.hello(3)
    assert (made.missed, made.received) == (0, 1)


def test_a_sequence_that_jumps_begins_anew() -> None:
    made = history("1010101")
    made.hello(1000)
    assert (made.bits, made.count) == (1, 1)


@pytest.mark.parametrize(
    ("share", "txcost", "cost"),
    [
        ("1" * 16, 256, 256),
        ("10" * 8, 256, 512),
        ("10" * 8, 512, 1024),
        ("1" * 16, 512, 512),
        ("1", INFINITY, INFINITY),
    ],
)
def test_the_cost_is_the_expected_number_of_transmissions(share: str, txcost: int, cost: int) -> None:
    assert link_cost(RADIO, reception(RADIO, history(share)), txcost, None) == cost


@pytest.mark.parametrize(
    ("pattern", "heard"), [("1", True), ("111", True), ("1101", True), ("1100", False), ("11100", False)]
)
def test_a_cable_is_judged_by_two_of_three(pattern: str, heard: bool) -> None:
    rxcost = reception(CABLE, history(pattern))
    assert link_cost(CABLE, rxcost, 256, None) == (96 if heard else INFINITY)


def test_delay_costs_on_a_wan_link_alone_and_within_bounds() -> None:
    wan = Link(name="broker", wan=True, cost_floor=384, penalty=100)
    costs = [link_cost(wan, 256, 256, rtt * MILLISECOND) for rtt in (1, 10, 105, 200, 5000)]
    assert costs == [484, 484, 612, 740, 740]
    assert link_cost(wan, 256, 256, None) == 484
    assert link_cost(RADIO, 256, 256, 5000 * MILLISECOND) == 256


def test_what_somebody_else_has_measured_replaces_all_but_the_penalty_and_whether_there_is_a_way() -> None:
    metered = Link(name="metered", wan=True, cost_floor=384, penalty=100)
    assert link_cost(metered, 512, 512, 5000 * MILLISECOND, 300) == 400
    assert link_cost(CABLE, 256, 256, None, 700) == 700
    assert link_cost(RADIO, 256, 256, None, INFINITY) == INFINITY - 1
    assert link_cost(RADIO, INFINITY, 256, None, 300) == INFINITY


def test_a_cost_follows_slowly_and_infinity_at_once() -> None:
    average = Average()
    assert average.value == INFINITY
    average.add(300)
    assert average.value == 300
    average.add(400)
    assert average.value == 350
    for _ in range(100):
        average.add(350)
    average.add(414)
    assert average.value == pytest.approx(351, abs=0.2)
    average.add(INFINITY)
    assert average.value == INFINITY
    average.add(256)
    assert average.value == 256


def test_what_is_twice_as_dear_is_believed_sooner() -> None:
    average = Average()
    for _ in range(100):
        average.add(256)
    for _ in range(6):
        average.add(1024)
    assert average.value > 512


@pytest.mark.parametrize("wrong", [{"mtu": 500}, {"cost_floor": 0}, {"penalty": -1}, {"interval": 1}], ids=str)
def test_a_link_that_cannot_work_is_refused_where_it_enters(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidError, match=r"^x: "):
        Link(name="x", **wrong)  # type: ignore[arg-type]
