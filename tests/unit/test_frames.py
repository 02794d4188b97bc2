# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.frames: many readings, one body."""

import pytest

from ganglion.mesh.frames import FRAME_BYTES, Gatherer
from ganglion_micro import cbor, gl1


def test_readings_come_out_in_order_and_the_next_frame_is_empty() -> None:
    gatherer = Gatherer()
    for i in range(3):
        assert not gatherer.add("s", i, i / 2)
    assert len(gatherer) == 3
    assert cbor.decode(cbor.encode(gatherer.take())) == [["s", i, i / 2] for i in range(3)]
    assert (gatherer.take(), len(gatherer)) == ([], 0)


def test_a_frame_is_full_at_a_kibibyte() -> None:
    gatherer = Gatherer()
    count = 1
    while not gatherer.add("fridge/temperature", 1_767_225_600_000_000_000 + count, 20.1):
        count += 1
    size = len(cbor.encode(gatherer.take()))
    assert FRAME_BYTES <= size < FRAME_BYTES + 60
    assert count == 27


def test_a_value_without_a_place_in_cbor_is_refused_where_it_enters() -> None:
    gatherer = Gatherer()
    with pytest.raises(cbor.CBORError, match="object"):
        gatherer.add("s", 1, object())
    assert len(gatherer) == 0


def test_a_value_that_would_be_too_deep_in_its_message_is_refused() -> None:
    gatherer = Gatherer()
    value: list[object] = []
    for _ in range(12):
        value = [value]
    gatherer.add("s", 1, value)
    assert gl1.unpack(gl1.MSG(gl1.BATCH, None, 1, 1, 1, gatherer.take()).pack()).body == [["s", 1, value]]
    with pytest.raises(cbor.CBORError, match="deeper"):
        gatherer.add("s", 1, [value])
