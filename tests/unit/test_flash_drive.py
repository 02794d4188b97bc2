# SPDX-License-Identifier: GPL-3.0-or-later
"""flash: the drives of boards are found, looked at, written, and asked what came of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ganglion.board import board
from ganglion.errors import GanglionError, NotFoundError, RefusedError, UnreachableError
from ganglion.flash import drive
from support import images
from support.fake_drive import BOOTSEL, FakeDrive, watched

PICO, MICROBIT = board("pico-w"), board("microbit")
UF2 = images.uf2_file(0xE48BFF56, 300)
HEX = images.universal_hex(0x9900, 0x9903)


def quiet(_: Mapping[str, Any]) -> None:
    pass


def mounts(folder: Path, *places: Path) -> Path:
    lines = ["proc /proc proc rw 0 0", f"/dev/sda1 {folder} ext4 rw 0 0"]
    lines += [f"/dev/sdb1 {str(place).replace(' ', chr(92) + '040')} vfat rw 0 0" for place in places]
    file = folder / "mounts"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_drive_is_found_among_what_is_mounted(tmp_path: Path) -> None:
    found = FakeDrive(tmp_path / "Büro with a space").bootsel()
    (tmp_path / "camera").mkdir()
    listed = mounts(tmp_path, tmp_path / "camera", found.folder)
    there = drive.find(PICO, mounts=listed)
    assert there is not None
    assert there.folder == found.folder
    assert there.facts["board-id"] == "RPI-RP2"
    assert drive.find(MICROBIT, mounts=listed) is None
    second = FakeDrive(tmp_path / "second").bootsel()
    with pytest.raises(GanglionError, match="both wait for an image: name one with --drive"):
        drive.find(PICO, mounts=mounts(tmp_path, found.folder, second.folder))


def test_the_drive_of_another_board_is_refused(tmp_path: Path) -> None:
    other = FakeDrive(tmp_path / "a").bootsel(BOOTSEL.replace("RPI-RP2", "RP2350"))
    with pytest.raises(RefusedError, match="this board calls itself RP2350, and pico-w is an RPI-RP2"):
        drive.find(PICO, folder=other.folder)
    second = FakeDrive(tmp_path / "b").microbit("9904")
    with pytest.raises(RefusedError, match="begins with 9904, and microbit's with 9900 or 9901"):
        drive.find(MICROBIT, folder=second.folder)
    maintenance = FakeDrive(tmp_path / "c").microbit(mode="Bootloader")
    with pytest.raises(RefusedError, match="it waits for firmware of its interface: plug it in again without"):
        drive.find(MICROBIT, folder=maintenance.folder)


def test_that_there_is_none_has_a_remedy(tmp_path: Path) -> None:
    assert isinstance(drive.missing(PICO), NotFoundError)
    assert "there is no drive RPI-RP2: hold BOOTSEL while you plug it in" in str(drive.missing(PICO))
    assert "there is no INFO_UF2.TXT in it" in str(drive.missing(PICO, tmp_path))


def test_a_uf2_is_copied_and_the_board_goes(tmp_path: Path) -> None:
    fake = FakeDrive(tmp_path / "drive").bootsel()
    there = drive.find(PICO, folder=fake.folder)
    assert there is not None
    told: list[Mapping[str, Any]] = []
    with watched(fake.takes_uf2):
        drive.copy(there, "it.uf2", UF2, told.append)
        drive.taken(PICO, there)
    assert fake.taken == {"it.uf2": UF2}
    assert told[-1] == {"event": "progress", "what": "written", "done": len(UF2), "total": len(UF2)}


def test_a_board_that_does_not_go_has_not_taken_it(tmp_path: Path) -> None:
    fake = FakeDrive(tmp_path / "drive").bootsel()
    there = drive.find(PICO, folder=fake.folder)
    assert there is not None
    with pytest.raises(UnreachableError, match="is still there, so the board has not taken the image: hold BOOTSEL"):
        drive.taken(PICO, there, within=0)


def test_a_drive_that_is_pulled_out_is_told(tmp_path: Path) -> None:
    there = drive.Drive(folder=tmp_path / "gone")
    with pytest.raises(GanglionError, match=r"after 0 of 153600 bytes: .*; plug the board in again"):
        drive.copy(there, "it.uf2", UF2, quiet)


def test_a_hex_is_taken_when_the_drive_has_come_back(tmp_path: Path) -> None:
    fake = FakeDrive(tmp_path / "drive").microbit()
    (fake.folder / "ASSERT.TXT").write_text("Assert\r\nFile: of long ago\r\n")
    there = drive.find(MICROBIT, folder=fake.folder)
    assert there is not None
    with watched(fake.takes_hex):
        drive.copy(there, "it.hex", HEX, quiet)
        drive.taken(MICROBIT, there, folder=fake.folder)
    assert fake.taken == {"it.hex": HEX}


def test_what_the_error_file_says_is_shown(tmp_path: Path) -> None:
    fake = FakeDrive(tmp_path / "drive").microbit()
    fake.fails = "The application file format is unknown and cannot be parsed and/or processed."
    there = drive.find(MICROBIT, folder=fake.folder)
    assert there is not None
    with watched(fake.takes_hex):
        drive.copy(there, "it.hex", HEX, quiet)
        with pytest.raises(GanglionError, match=r"its FAIL\.TXT says: error: The application file format is unknown"):
            drive.taken(MICROBIT, there, folder=fake.folder)
