# SPDX-License-Identifier: GPL-3.0-or-later
"""ssd1306: what is drawn is what one sees on a model of the display, and only what changed is sent."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from ganglion.sim.ssd1306 import ChipModel
from ganglion_micro.drivers.ssd1306 import SSD1306

GLYPH = ["..##..", ".#..#.", "#....#", "######", "#....#", "#....#"]


class Bench:
    """A display on a bus."""

    def __init__(self, height=64, mounted=None):
        self.chip = ChipModel(now=lambda: 0, height=mounted or height)
        self.i2c = SimulatedI2C({0x3C: self.chip})
        self.height = height

    def display(self):
        return SSD1306(self.i2c, height=self.height)


@pytest.fixture(params=[64, 32])
def bench(request):
    return Bench(request.param)


def draw(display, points, lit=True):
    for x, y in points:
        place, bit = x + display.width * (y // 8), 1 << y % 8
        display.buffer[place] = display.buffer[place] | bit if lit else display.buffer[place] & ~bit


def seen(chip):
    return {(x, y) for y, row in enumerate(chip.picture()) for x, point in enumerate(row) if point == "#"}


def test_a_new_display_is_empty_and_on(bench):
    bench.display()
    assert bench.chip.lit
    assert bench.chip.picture() == ["." * 128] * bench.height


def test_what_was_in_its_memory_is_never_seen(bench):
    """The memory of a display that got its power is anything: it is written before the display is turned on."""

    class Watched(SimulatedI2C):
        def writeto(self, addr, buf, stop=True):
            count = super().writeto(addr, buf, stop)
            assert seen(bench.chip) == set()
            return count

    SSD1306(Watched({0x3C: bench.chip}), height=bench.height)


def test_a_glyph_is_upright_and_where_it_was_drawn(bench):
    display = bench.display()
    draw(display, [(3 + x, 11 + y) for y, row in enumerate(GLYPH) for x, point in enumerate(row) if point == "#"])
    display.show()
    rows = bench.chip.picture()
    assert [row[3:9] for row in rows[11:17]] == GLYPH
    assert len(seen(bench.chip)) == "".join(GLYPH).count("#")


points = st.sets(st.tuples(st.integers(0, 127), st.integers(0, 63)), max_size=12)


@pytest.mark.untraced
@given(height=st.sampled_from([64, 32]), pictures=st.lists(points, min_size=1, max_size=5))
def test_any_pictures_one_after_the_other_are_seen_as_they_were_drawn(height, pictures):
    bench = Bench(height)
    display = bench.display()
    before = set()
    for picture in pictures:
        picture = {(x, y % height) for x, y in picture}
        draw(display, before - picture, False)
        draw(display, picture)
        display.show()
        assert seen(bench.chip) == picture
        before = picture


def test_only_what_changed_is_sent(bench):
    display = bench.display()
    sent = bench.chip.written
    assert sent == 128 * bench.height // 8
    display.show()
    assert bench.chip.written == sent
    draw(display, [(10, 9), (14, 9)])
    display.show()
    assert bench.chip.written == sent + 5  # from the first change of a row of eight lines to its last
    draw(display, [(0, 0), (127, 31)])
    display.show()
    assert bench.chip.written == sent + 7
    assert seen(bench.chip) == {(10, 9), (14, 9), (0, 0), (127, 31)}


def test_a_buffer_that_framebuf_draws_to_is_shown(bench):
    """MONO_VLSB: byte x + 128 * (y // 8), the lowest bit above."""
    display = bench.display()
    assert len(display.buffer) == display.width * display.height // 8
    display.buffer[5] = 0b0000_0101
    display.buffer[128 + 6] = 0b1000_0000
    display.show()
    assert seen(bench.chip) == {(5, 0), (5, 2), (6, 15)}


def test_a_display_is_inverted_without_drawing(bench):
    display = bench.display()
    draw(display, [(1, 1)])
    display.show()
    sent = bench.chip.written
    display.invert(True)
    assert len(seen(bench.chip)) == 128 * bench.height - 1
    assert (1, 1) not in seen(bench.chip)
    display.invert(False)
    assert seen(bench.chip) == {(1, 1)}
    assert bench.chip.written == sent


def test_a_display_that_is_off_keeps_its_picture_and_can_be_drawn_to(bench):
    display = bench.display()
    draw(display, [(1, 1)])
    display.show()
    display.power(False)
    assert not bench.chip.lit
    assert seen(bench.chip) == set()
    draw(display, [(2, 2)])
    display.show()
    display.power(True)
    assert seen(bench.chip) == {(1, 1), (2, 2)}


@pytest.mark.parametrize("level", [0, 1, 255])
def test_contrast_is_what_it_is_set_to(bench, level):
    bench.display().contrast(level)
    assert bench.chip.contrast == level


@pytest.mark.parametrize("level", [-1, 256])
def test_a_contrast_that_it_has_not_is_refused(bench, level):
    with pytest.raises(ValueError, match=f"must be 0 to 255, not {level}"):
        bench.display().contrast(level)


def test_a_picture_that_did_not_arrive_is_sent_the_next_time(bench):
    display = bench.display()
    picture = {(5, 3), (60, 12), (100, 20)}
    draw(display, picture)

    class Broken(SimulatedI2C):
        left = 3

        def writeto(self, addr, buf, stop=True):
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.EIO, "the bus broke")
            return super().writeto(addr, buf, stop)

    display._i2c = Broken({0x3C: bench.chip})
    with pytest.raises(OSError, match="the bus broke"):
        display.show()
    display._i2c = bench.i2c
    display.show()
    assert seen(bench.chip) == picture


def test_a_silent_address_is_an_error_of_the_bus(bench):
    with pytest.raises(OSError, match="nothing acknowledges address 0x3d") as caught:
        SSD1306(bench.i2c, 0x3D)
    assert caught.value.errno == errno.ENODEV


def test_a_display_that_vanishes_is_an_error_and_shows_all_when_it_is_back(bench):
    display = bench.display()
    draw(display, [(1, 1)])
    bench.chip.fault = Fault.NACK
    for use in (display.show, lambda: display.power(True), lambda: display.invert(True), lambda: display.contrast(9)):
        with pytest.raises(OSError, match="does not acknowledge"):
            use()
    bench.chip.fault = None
    bench.chip.power_cycle()
    again = bench.display()
    again.buffer[:] = display.buffer
    again.show()
    assert seen(bench.chip) == {(1, 1)}


@pytest.mark.parametrize("height", [0, 48, 128])
def test_a_height_that_it_has_not_is_refused(height):
    with pytest.raises(ValueError, match=f"must be 32 or 64, not {height}"):
        SSD1306(SimulatedI2C({}), height=height)


def test_a_glass_that_is_wired_otherwise_shows_something_else():
    """So that the tests above can fail: 128 x 32 is not the upper half of 128 x 64."""
    bench = Bench(32, mounted=64)
    display = bench.display()
    draw(display, [(x, y) for x in range(128) for y in range(0, 32, 2)])
    display.show()
    assert [row[0] for row in bench.chip.picture()[:32]] != ["#", "."] * 16


@pytest.mark.parametrize(
    ("commands", "places"),
    [
        ("20 00 21 02 03 22 01 02", [(1, 2), (1, 3), (2, 2), (2, 3), (1, 2)]),
        ("20 01 21 02 03 22 01 02", [(1, 2), (2, 2), (1, 3), (2, 3), (1, 2)]),
        ("20 02 b5 0e 17", [(5, 126), (5, 127), (5, 0)]),
    ],
)
def test_the_models_memory_is_addressed_in_each_mode_of_the_data_sheet(commands, places):
    chip = ChipModel(now=lambda: 0)
    chip.write(b"\x00" + bytes.fromhex(commands))
    for byte, (page, column) in enumerate(places, 1):
        chip.write(b"\x40" + bytes([byte]))
        assert chip._memory[page * 128 + column] == byte


def test_the_model_takes_single_bytes_between_control_bytes():
    """Co is 1: each byte has a control byte of its own."""
    chip = ChipModel(now=lambda: 0)
    chip.write(b"\x80\x8d\x80\x14\x80\xaf\xc0\x55\x00\xa5")
    assert chip.lit
    assert chip.written == 1
    assert len(seen(chip)) == 128 * 64
    assert chip.read(1) == b"\x03"


def test_the_model_refuses_what_is_no_command():
    with pytest.raises(AssertionError, match="0xff is no command"):
        ChipModel(now=lambda: 0).write(b"\x00\xff")
