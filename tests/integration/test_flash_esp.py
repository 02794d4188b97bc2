# SPDX-License-Identifier: GPL-3.0-or-later
"""flash: images into Espressif's chips, by the real esptool, against a model of the loader in their ROM."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ganglion.board import board
from ganglion.errors import GanglionError, InvalidError, UnreachableError
from ganglion.flash import esp
from ganglion.flash.plan import pieces
from ganglion_tools.rom_board import LoaderBoard
from ganglion_tools.rom_loader import RomLoader
from support import images
from support.control_lines import Bridged, served

BOARDS = ["esp32-devkit", "esp32-c3-devkit", "esp32-s3-devkit", "esp8266"]


def quiet(_: Mapping[str, Any]) -> None:
    pass


@pytest.fixture
def esp32() -> Iterator[LoaderBoard]:
    with LoaderBoard("esp32") as found:
        yield found


@pytest.mark.parametrize("name", BOARDS)
def test_an_image_is_written_read_back_and_not_written_again(name: str) -> None:
    known = board(name)
    offset = known.flashing.offset or 0
    image = images.esp(known.flashing.chip, offset)
    told: list[Mapping[str, Any]] = []
    with LoaderBoard(known.flashing.chip) as there:
        wanted = pieces(offset, image)
        with esp.connected(there.port, known) as chip:
            missing = chip.missing(wanted, quiet)
            chip.write(missing, told.append)
            chip.leave(told.append)
        assert missing == wanted
        assert there.chip.is_stub
        assert there.chip.flash[offset : offset + len(image)] == image
        assert told[-2] == {"event": "progress", "what": "written", "done": len(image), "total": len(image)}
        assert told[-1] == {"event": "ask", "text": "press the board's reset button"}
        there.press()
        with esp.connected(there.port, known) as chip:
            assert chip.missing(wanted, quiet) == []
        there.chip.flash[offset + 70_000] ^= 1
        there.press()
        with esp.connected(there.port, known) as chip:
            assert [each.address for each in chip.missing(wanted, quiet)] == [0x10000]
        assert there.chip.violations == []


def test_what_a_break_left_is_gone_on_with(esp32: LoaderBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(esp, "BLOCK", 1.0)
    known = board("esp32-devkit")
    wanted = pieces(0x1000, images.esp("esp32", 0x1000))
    esp32.chip.faults.silent = 6
    with pytest.raises(UnreachableError, match="the same command goes on where this ended"):  # noqa: SIM117
        with esp.connected(esp32.port, known) as chip:
            chip.write(chip.missing(wanted, quiet), quiet)
    esp32.chip.faults.silent = None
    esp32.press()
    with esp.connected(esp32.port, known) as chip:
        missing = chip.missing(wanted, quiet)
        assert 0 < len(missing) < len(wanted)
        chip.write(missing, quiet)
        assert chip.missing(wanted, quiet) == []


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # of pyserial
def test_a_board_with_control_lines_is_reset_into_its_loader_and_out_of_it() -> None:
    known = board("esp8266")
    told: list[Mapping[str, Any]] = []
    bridge = Bridged(RomLoader(known.flashing.chip, 1 << 20))
    wanted = pieces(known.flashing.offset or 0, images.esp(known.flashing.chip, known.flashing.offset or 0, 20_000))
    with served(bridge) as url, esp.connected(url, known) as chip:
        chip.write(chip.missing(wanted, quiet), quiet)
        assert chip.missing(wanted, quiet) == []
        chip.leave(told.append)
    assert (told, bridge.chip.has_left) == ([], True)
    assert bridge.runs >= 1


def test_noise_and_a_damaged_block_do_no_harm(esp32: LoaderBoard) -> None:
    esp32.chip.faults.noise = b"ets Jun  8 2016 00:22:57\r\n"
    esp32.chip.faults.damaged = 2
    wanted = pieces(0x1000, images.esp("esp32", 0x1000, 40_000))
    with esp.connected(esp32.port, board("esp32-devkit"), baud=230_400) as chip:
        chip.write(chip.missing(wanted, quiet), quiet)
        assert chip.missing(wanted, quiet) == []


def test_a_flash_that_is_worn_out_is_found_out(esp32: LoaderBoard) -> None:
    esp32.chip.faults.stuck = {0x1010}
    wanted = pieces(0x1000, b"\0" * 20_000)
    with (
        esp.connected(esp32.port, board("esp32-devkit")) as chip,
        pytest.raises(GanglionError, match="0x1000 does not read back as it was written"),
    ):
        chip.write(wanted, quiet)


def test_another_chip_is_refused_before_anything_is_written() -> None:
    with LoaderBoard("esp32s3") as there:
        with pytest.raises(InvalidError, match="the chip is an ESP32-S3, and esp32-devkit has an ESP32"):  # noqa: SIM117
            with esp.connected(there.port, board("esp32-devkit")):
                pass
        assert there.chip.written == 0


def test_a_flash_that_is_too_small_is_refused() -> None:
    with (
        LoaderBoard("esp32", 1 << 20) as there,
        esp.connected(there.port, board("esp32-devkit")) as chip,
        pytest.raises(InvalidError, match="this flash has 0x100000 bytes: take a smaller image"),
    ):
        chip.missing(pieces(0x1000, b"x" * (1 << 20)), quiet)


def test_who_is_no_loader_is_told_which_button_to_press() -> None:
    far, near = os.openpty()
    try:
        with pytest.raises(UnreachableError, match="hold Boot, press EN, let go of Boot, and try once more"):  # noqa: SIM117
            with esp.connected(os.ttyname(near), board("esp32-devkit")):
                pass
    finally:
        os.close(far)
        os.close(near)
