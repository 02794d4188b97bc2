# SPDX-License-Identifier: GPL-3.0-or-later
"""The route table by itself: feasibility, retraction, choice, and wishes for newer sequence numbers (RFC 8966)."""

import pytest

from ganglion.mesh.overlay.cost import INFINITY
from ganglion.mesh.overlay.reliable import GATHER, Reliable
from ganglion.mesh.overlay.requests import INTERVAL, Requests
from ganglion.mesh.overlay.routes import GATEWAY, OWN, Routes, Via
from ganglion.mesh.overlay.update import Entry, Request
from ganglion.units import SECOND

ME, A, B, C, X = (letter * 8 for letter in (b"m", b"a", b"b", b"c", b"x"))
VIA_A: Via = (A, "l")
VIA_B: Via = (B, "l")


class Table:
    """Routes of a node with the neighbours A and B at cost 256; each update comes in a frame of its own."""

    def __init__(self) -> None:
        self.routes = Routes(ME)
        self.requests = Requests(self.routes)
        self.frames = 0
        for via in (VIA_A, VIA_B):
            self.routes.recost(via, 256, 0)

    def hears(
        self, via: Via, metric: int, *, seqno: int = 1, router: bytes = X, to: bytes = X, now: int = 0, frame: int = 0
    ) -> None:
        self.frames += 1
        self.routes.update(via, Entry(to, router, seqno, metric), frame or self.frames, now)

    def tells(self, now: int = 0) -> Entry:
        return self.routes.tell(X, now)

    @property
    def way(self) -> Via | None:
        return self.routes.selected.get(X)


@pytest.fixture
def table() -> Table:
    return Table()


def test_the_nearest_neighbour_is_followed_and_neighbours_must_hear_of_it(table: Table) -> None:
    table.hears(VIA_A, 600)
    assert table.way == VIA_A
    assert table.routes.owed == {X: True}
    assert table.tells() == Entry(X, X, 1, 856)
    assert [(c.destination, c.next_hop, c.metric) for c in table.routes.changes] == [(X, A, 856)]


def test_a_route_that_is_not_better_than_what_was_told_is_not_followed(table: Table) -> None:
    table.hears(VIA_A, 0)
    table.tells()
    table.hears(VIA_B, 256)
    table.hears(VIA_A, INFINITY)
    assert table.way is None
    assert X in table.routes.lost
    table.hears(VIA_B, 255)
    assert table.way == VIA_B


def test_a_newer_sequence_number_makes_any_distance_feasible(table: Table) -> None:
    table.hears(VIA_A, 0)
    table.tells()
    table.hears(VIA_A, INFINITY)
    table.hears(VIA_B, 9000, seqno=2)
    assert table.way == VIA_B
    assert table.tells() == Entry(X, X, 2, 9256)


def test_the_epoch_counts_before_the_sequence_number(table: Table) -> None:
    table.hears(VIA_A, 100, seqno=1 << 32 | 7)
    table.tells()
    table.hears(VIA_A, INFINITY)
    table.hears(VIA_B, 400, seqno=1 << 32 | 7)
    assert table.way is None
    table.hears(VIA_B, 400, seqno=2 << 32)
    assert table.way == VIA_B


def test_an_unfeasible_update_of_the_neighbour_in_use_keeps_it_in_use_until_a_newer_number_comes(table: Table) -> None:
    table.hears(VIA_A, 0)
    table.tells()
    table.hears(VIA_A, 300)
    assert table.way == VIA_A
    assert table.routes.selected_route(X).stale  # type: ignore[union-attr]
    assert X in table.routes.lost
    table.hears(VIA_B, 100)
    table.routes.drop(VIA_B, 0)
    assert table.way == VIA_A
    table.hears(VIA_A, 300, seqno=2)
    assert not table.routes.selected_route(X).stale  # type: ignore[union-attr]


def test_a_neighbour_that_turns_to_another_origin_is_left_unless_that_is_feasible(table: Table) -> None:
    table.hears(VIA_A, 0, to=GATEWAY, router=X)
    table.hears(VIA_B, 0, to=GATEWAY, router=C)
    assert table.routes.selected[GATEWAY] == VIA_A
    table.routes.tell(GATEWAY, 0)
    table.hears(VIA_A, INFINITY, to=GATEWAY, router=X)
    assert table.routes.selected[GATEWAY] == VIA_B
    table.routes.tell(GATEWAY, 0)
    table.hears(VIA_B, 700, to=GATEWAY, router=X)
    assert GATEWAY not in table.routes.selected
    assert table.routes.changes[-1].next_hop is None


def test_an_update_that_was_overtaken_changes_nothing(table: Table) -> None:
    table.hears(VIA_A, 100, frame=5)
    table.hears(VIA_A, INFINITY, frame=7)
    table.hears(VIA_A, 100, frame=6)
    assert table.way is None


def test_our_own_word_come_back_is_no_route(table: Table) -> None:
    table.hears(VIA_A, 100, to=GATEWAY, router=ME)
    table.hears(VIA_A, 100, to=ME, router=X)
    assert not table.routes.selected


def test_a_route_must_be_a_tenth_better_for_two_seconds_or_half_as_far(table: Table) -> None:
    table.hears(VIA_A, 744)
    table.hears(VIA_B, 700)
    table.routes.expire(10 * SECOND)
    assert table.way == VIA_A
    table.hears(VIA_B, 600, now=10 * SECOND)
    table.routes.expire(11 * SECOND)
    assert table.way == VIA_A
    table.routes.expire(12 * SECOND)
    assert table.way == VIA_B
    table.hears(VIA_A, 100, now=12 * SECOND)
    assert table.way == VIA_A


def test_a_cost_that_wavers_does_not_move_the_route(table: Table) -> None:
    table.hears(VIA_A, 512)
    table.hears(VIA_B, 512)
    for second in range(60):
        table.routes.recost(VIA_A, 256 + 60 * (second % 2), second * SECOND)
        table.routes.expire(second * SECOND)
    assert len(table.routes.changes) == 1


def test_what_is_not_told_again_expires(table: Table) -> None:
    table.hears(VIA_A, 100)
    table.routes.expire(105 * SECOND)
    assert table.way == VIA_A
    table.routes.expire(106 * SECOND)
    assert table.way is None
    assert not len(table.routes)


def test_feasibility_distances_are_forgotten_three_minutes_after_they_were_told(table: Table) -> None:
    table.hears(VIA_A, 100)
    table.tells()
    assert len(table.routes.sources) == 1
    table.routes.sources.expire(180 * SECOND)
    assert len(table.routes.sources) == 1
    table.routes.sources.expire(181 * SECOND)
    assert not len(table.routes.sources)


def test_the_own_uplink_is_a_way_among_others(table: Table) -> None:
    table.routes.originate(GATEWAY, 1, 2000, 0)
    assert table.routes.selected[GATEWAY] == OWN
    table.hears(VIA_A, 100, to=GATEWAY, router=X)
    assert table.routes.selected[GATEWAY] == VIA_A
    table.routes.originate(GATEWAY, 2, None, 0)
    table.hears(VIA_A, INFINITY, to=GATEWAY, router=X)
    assert GATEWAY not in table.routes.selected


def test_destinations_are_bounded(table: Table) -> None:
    for i in range(3000):
        kid = i.to_bytes(8, "big")
        table.hears(VIA_A, 100, to=kid, router=kid)
        table.routes.tell(kid, 0)
    assert len(table.routes) == 1024
    assert len(table.routes.sources) <= 2048


def test_successors_are_the_way_and_every_feasible_other(table: Table) -> None:
    table.hears(VIA_A, 0)
    table.tells()
    table.hears(VIA_B, 200)
    assert table.routes.successors(X) == [VIA_A, VIA_B]
    table.hears(VIA_B, 300)
    assert table.routes.successors(X) == [VIA_A]


# Wishes


def lose(table: Table) -> None:
    """Only a neighbour that is farther than what was told is left."""
    table.hears(VIA_A, 0)
    table.tells()
    table.hears(VIA_B, 300)
    table.hears(VIA_A, INFINITY)
    for destination in table.routes.lost:
        table.requests.lost(destination, 0)


def test_a_lost_destination_is_asked_for_every_half_second_until_it_is_answered(table: Table) -> None:
    lose(table)
    for i in range(100):
        assert table.requests.tick(i * INTERVAL) == [(VIA_B, Request(X, X, 2, 32))]
        assert table.requests.tick(i * INTERVAL + 1) == []
    table.hears(VIA_B, 9000, seqno=2)
    assert table.requests.answered(X)
    assert not len(table.requests)
    assert not table.routes.wanted


def test_a_wish_ends_when_nobody_is_left_who_could_answer(table: Table) -> None:
    lose(table)
    table.hears(VIA_B, INFINITY)
    assert table.requests.tick(0) == []
    assert not len(table.requests)


def test_anothers_wish_goes_on_towards_the_origin_and_never_back(table: Table) -> None:
    table.hears(VIA_A, 100)
    table.requests.forward(B, Request(X, X, 2, 5), 0)
    assert table.requests.tick(0) == [(VIA_A, Request(X, X, 2, 4))]
    table.requests.forward(B, Request(X, X, 2, 5), 4 * SECOND)
    assert table.requests.tick(8 * SECOND) == [(VIA_A, Request(X, X, 2, 4))]
    assert table.requests.tick(9 * SECOND) == []
    table.requests.forward(A, Request(X, X, 2, 5), 20 * SECOND)
    assert table.requests.tick(20 * SECOND) == []
    table.requests.forward(B, Request(X, X, 2, 1), 30 * SECOND)
    assert not len(table.requests)


def test_the_route_that_was_wished_for_goes_before_a_nearer_one(table: Table) -> None:
    table.hears(VIA_A, 100)
    table.tells()
    table.requests.forward(B, Request(X, X, 2, 5), 0)
    table.hears(VIA_B, 9000, seqno=2)
    assert table.way == VIA_B
    assert table.requests.answered(X)


def test_wishes_are_bounded(table: Table) -> None:
    for i in range(3000):
        table.requests.forward(B, Request(i.to_bytes(8, "big"), X, 2, 5), 0)
    assert len(table.requests) == 1024


# Updates that arrive


def test_what_was_not_acknowledged_is_owed_again_to_those_who_did_not() -> None:
    updates = Reliable()
    for via in (VIA_A, VIA_B):
        updates.add(via)
        updates.owe(via, [X], 0)
    assert updates.deadline == GATHER
    assert not updates.tick(0)
    assert updates.tick(GATHER)
    for owed in updates.owed.values():
        owed.clear()
    updates.sent(1, {X: X}, {X: 7}, {VIA_A, VIA_B}, 0, SECOND)
    updates.acknowledged(VIA_A, 1)
    assert updates.heard == {VIA_A: {X: 7}, VIA_B: {}}
    assert updates.deadline == SECOND
    assert updates.tick(SECOND)
    assert updates.owed == {VIA_A: {}, VIA_B: {X: None}}
    updates.acknowledged(VIA_B, 1)
    assert updates.heard[VIA_B] == {}


def test_what_is_only_dearer_waits_for_company() -> None:
    updates = Reliable()
    updates.add(VIA_A)
    updates.owe(VIA_A, [X], 0, urgent=False)
    assert updates.deadline == 2 * SECOND
    updates.owe(VIA_A, [A], SECOND)
    assert updates.deadline == SECOND + GATHER
    updates.drop(VIA_A)
    updates.owe(VIA_A, [X], 0)
    assert not updates.owed


def test_a_neighbour_that_acknowledges_nothing_is_told_ever_more_rarely() -> None:
    updates = Reliable()
    updates.add(VIA_A)
    now, waits = 0, []
    for counter in range(12):
        updates.sent(counter, {X: X}, {}, {VIA_A}, now, SECOND)
        due = updates._flights["l", counter].due
        waits.append((due - now) // SECOND)
        now = due
        assert updates.tick(now)
    assert waits == [1, 1, 1, 1, 2, 4, 8, 16, 32, 32, 32, 32]
    updates.sent(99, {X: X}, {}, {VIA_A}, now, SECOND)
    updates.acknowledged(VIA_A, 99)
    updates.sent(100, {X: X}, {}, {VIA_A}, now, SECOND)
    assert updates.deadline == now + SECOND
