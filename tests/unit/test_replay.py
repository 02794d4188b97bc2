# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.replay: held against sets that remember everything."""

from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro.replay import EPOCHS, FRESH, LATE, SEEN, SIZE, Idempotent, Strict, Window

near = st.integers(1, 3 * SIZE)


@given(st.lists(near | st.integers(1, 50), max_size=200))
def test_a_window_says_what_a_set_would_within_its_reach(sequence: list[int]) -> None:
    window = Window()
    seen: set[int] = set()
    for seq in sequence:
        if seq <= max(seen, default=0) - SIZE:
            assert window.add(seq) == LATE
            continue
        assert window.add(seq) == (SEEN if seq in seen else FRESH)
        seen.add(seq)


def test_the_reach_of_a_window_is_exact() -> None:
    window = Window()
    assert window.add(SIZE + 1) == FRESH
    assert window.add(2) == FRESH
    assert window.add(1) == LATE
    assert window.add(2) == SEEN


def test_a_leap_forgets_what_is_out_of_reach() -> None:
    window = Window()
    window.add(5)
    assert window.add(2**63) == FRESH
    assert window.add(5) == LATE
    assert window.bits == 1


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 100)), max_size=100))
def test_the_strict_class_never_takes_a_message_twice_nor_an_epoch_back(sent: list[tuple[int, int]]) -> None:
    strict = Strict()
    taken: list[tuple[int, int]] = []
    for epoch, seq in sent:
        if strict.add(epoch, seq):
            assert (epoch, seq) not in taken
            assert all(epoch >= earlier for earlier, _ in taken)
            taken.append((epoch, seq))
        else:
            assert (epoch, seq) in taken or any(epoch < earlier for earlier, _ in taken)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 100)), max_size=200))
def test_the_idempotent_class_calls_nothing_fresh_twice(sent: list[tuple[int, int]]) -> None:
    idempotent = Idempotent()
    fresh: list[tuple[int, int]] = []
    for epoch, seq in sent:
        told = idempotent.add(epoch, seq)
        if told == FRESH:
            assert (epoch, seq) not in fresh
            fresh.append((epoch, seq))
        elif told == SEEN:
            assert (epoch, seq) in fresh
        assert len(idempotent._windows) <= EPOCHS


def test_an_older_epoch_is_told_apart_while_it_is_remembered_and_late_after() -> None:
    idempotent = Idempotent()
    assert [idempotent.add(9, 5), idempotent.add(8, 5), idempotent.add(8, 5)] == [FRESH, FRESH, SEEN]
    for epoch in range(10, 10 + EPOCHS):
        assert idempotent.add(epoch, 1) == FRESH
    assert idempotent.add(8, 5) == LATE
    assert idempotent.epoch == 9 + EPOCHS


def test_window_and_strict_have_a_bounded_size() -> None:
    window = Window()
    for seq in range(1, 10 * SIZE, 3):
        window.add(seq)
    assert window.bits.bit_length() <= SIZE
