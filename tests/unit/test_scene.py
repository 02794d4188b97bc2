# SPDX-License-Identifier: GPL-3.0-or-later
"""scene: what planes after each other say."""

import pytest

from ganglion.sensors.frames.frame import HEIGHT, WIDTH, Frame
from ganglion.sensors.scene import Scene

#: Something to see: a plane of small squares.
ROOM = bytes(60 + 80 * ((x // 8 + y // 8) % 2) for y in range(HEIGHT) for x in range(WIDTH))


def with_box(plane: bytes, left: int, *, side: int = 20, grey: int = 250) -> bytes:
    """A plane with a square in its middle."""
    made = bytearray(plane)
    for y in range(50, 50 + side):
        made[y * WIDTH + left : y * WIDTH + left + side] = bytes([grey]) * side
    return bytes(made)


def scene(hold: int = 0) -> Scene:
    return Scene(threshold=25, moving=0.5, hold=hold)


def test_the_first_plane_has_no_motion() -> None:
    assert scene().add(ROOM) == {"brightness": pytest.approx(100 * 100 / 255), "covered": False}


def test_what_walks_by_moves_and_what_stands_does_not() -> None:
    room = scene()
    room.add(ROOM)
    walking = [room.add(with_box(ROOM, left)) for left in (10, 20, 30)]
    assert [each["moving"] for each in walking] == [True] * 3
    assert room.add(with_box(ROOM, 30))["moving"] is False


def test_a_lamp_that_is_switched_on_is_no_motion() -> None:
    room = scene()
    room.add(ROOM)
    lighter = room.add(bytes(each + 60 for each in ROOM))
    assert (lighter["motion"], lighter["moving"]) == (0.0, False)
    assert lighter["brightness"] == pytest.approx(100 * 160 / 255)


def test_motion_holds_over_a_pause_and_no_longer() -> None:
    room = scene(hold=2)
    room.add(ROOM)
    room.add(with_box(ROOM, 10))
    assert [room.add(with_box(ROOM, 10))["moving"] for _ in range(4)] == [True, True, False, False]


def test_a_hand_before_the_lens_covers_it_after_three_planes_whatever_its_colour() -> None:
    room = scene()
    for grey in (0, 90, 255):
        assert [room.add(bytes([grey]) * len(ROOM))["covered"] for _ in range(4)] == [False, False, True, True]
        assert room.add(ROOM)["covered"] is False


@pytest.mark.parametrize(("first", "pixel"), [(0, 1), (0, 2), (1, 2), (2, 3)])
def test_a_plane_is_made_of_any_layout_of_a_buffer(first: int, pixel: int) -> None:
    buffer = bytearray(640 * 480 * pixel)
    luma = bytes((x // 4 + y // 4) % 251 for y in range(480) for x in range(640))
    buffer[first::pixel] = luma
    frame = Frame(buffer=bytes(buffer), width=640, height=480, first=first, pixel=pixel, row=640 * pixel)
    assert frame.plane() == bytes((x + y) % 251 for y in range(HEIGHT) for x in range(WIDTH))
    assert frame.luma() == luma


def test_a_picture_of_which_a_part_is_missing_is_an_error() -> None:
    with pytest.raises(OSError, match="100 bytes are no picture of 640 by 480"):
        Frame(buffer=bytes(100), width=640, height=480, row=640).plane()
