# SPDX-License-Identifier: GPL-3.0-or-later
"""flash: an image that is for another chip, of another kind, damaged or cut short is refused, with the reason."""

import struct
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ganglion.board import board, boards
from ganglion.errors import GanglionError, InvalidError, NotFoundError, UsageError
from ganglion.flash import esp_image, image, intel_hex, uf2
from ganglion_tools.emulated_board import MICROBIT
from support import images

ESP32 = images.esp("esp32", 0x1000, 60_000)
ESP8266 = images.esp("esp8266", 0, 60_000)
PICO, PICO_2 = 0xE48BFF56, 0xE48BFF59


def turned(data: bytes, at: int) -> bytes:
    """With a bit of a byte turned over."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("name", [each.name for each in boards() if each.flashing.method == "esptool"])
def test_the_image_of_each_espressif_board_is_taken(name: str) -> None:
    flashing = board(name).flashing
    data = images.esp(flashing.chip, flashing.offset or 0, 60_000)
    esp_image.check(data, flashing.chip, flashing.offset or 0, "it.bin")
    for cut in (0, 1, 20, 5000, len(data) // 2, len(data) - 1):
        with pytest.raises(InvalidError, match=r"cut short|is no image|another chip"):
            esp_image.check(data[:cut], flashing.chip, flashing.offset or 0, "it.bin")


@pytest.mark.parametrize(
    ("data", "chip", "says"),
    [
        (images.esp("esp32s3", 0, 60_000), "esp32", "is an image for the esp32s3, and this board has an esp32"),
        (ESP32, "esp8266", "is an image for another chip than the esp8266"),
        (ESP32[:12] + b"\x63\x00" + ESP32[14:], "esp32", "is an image for a chip of number 99"),
        (b"UF2\n" + ESP32[4:], "esp32", "is no image for Espressif's chips: it begins with 0x55"),
        (turned(ESP32, 5000), "esp32", "is damaged: the checksum of the bootloader"),
        (turned(ESP32, 0x10000 - 0x1000 + 500), "esp32", "is damaged: the checksum of the application"),
        (turned(ESP32, len(ESP32) - 1), "esp32", "is damaged: the SHA-256 of the application"),
        (
            images.esp_part("esp32", bytes(90_000)),
            "esp32",
            "no table of partitions at 0x7000: it is an application alone",
        ),
        (turned(ESP8266, 0x9100), "esp8266", "is damaged: its MD5 does not fit"),
        (ESP8266[:0x8FFC] + b"\xff" * 4 + ESP8266[0x9000:], "esp8266", "is no MicroPython for the esp8266"),
    ],
)
def test_an_espressif_image_that_is_wrong_is_refused(data: bytes, chip: str, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        esp_image.check(data, chip, 0x1000 if chip == "esp32" else 0, "it.bin")


def test_a_uf2_of_the_board_is_taken() -> None:
    found = uf2.check(images.uf2_file(PICO), PICO, 1 << 21, "it.uf2")
    assert (found.start, found.size, found.blocks) == (uf2.FLASH, 20 * 256, 20)
    absolute = images.uf2_file(0xE48BFF57, 1, uf2.FLASH + (1 << 24) - 256)
    assert uf2.check(absolute + images.uf2_file(PICO_2), PICO_2, 1 << 22, "it.uf2").blocks == 20


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no UF2"),
        (b"x" * 512, "is no UF2"),
        (images.uf2_file(PICO)[:-100], "is cut short: 10140 bytes are no whole blocks"),
        (images.uf2_file(PICO)[:-512], "is cut short: it has 19 blocks of 20"),
        (images.uf2_file(PICO_2), r"is for RP2350 \(Arm, secure\), and this board is an RP2040"),
        (images.uf2_file(0x12345678), "is for family 0x12345678"),
        (images.uf2_file(PICO, 10) + images.uf2_file(PICO, 20), "several files"),
        (turned(images.uf2_file(PICO), 512), "is damaged in block 1"),
        (turned(images.uf2_file(PICO), 1023), "is damaged in block 1"),
        (images.uf2_file(PICO, start=0x20000000), "is damaged|does not fit"),
        (images.uf2_file(PICO, start=0x100), "is not for the flash: a block is for 0x00000100"),
        (images.uf2_file(PICO, start=uf2.FLASH + (1 << 21) - 1024), "does not fit: it ends at"),
        (images.uf2_file(PICO)[512:1024] + images.uf2_file(PICO)[:512] + images.uf2_file(PICO)[1024:], "in the place"),
        (images.uf2_file(PICO)[:16] + struct.pack("<I", 477) + images.uf2_file(PICO)[20:], "block 0 has 477 bytes"),
    ],
)
def test_a_uf2_that_is_wrong_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        uf2.check(data, PICO, 1 << 21, "it.uf2")


def test_the_hex_of_the_first_microbit_is_taken_and_that_of_several() -> None:
    found = intel_hex.check(MICROBIT.read_bytes(), "nrf51822", 0x40000, "it.hex")
    assert b"micro:bit with nRF51822" in found.program
    assert not found.universal
    both = images.universal_hex(0x9900, 0x9903)
    for chip in ("nrf51822", "nrf52833"):
        assert intel_hex.check(both, chip, 0x40000, "it.hex") == (True, 64, bytes(range(64)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is cut short"),
        (b"\xff\xfe", "is no hex file"),
        (b"hello\n", "is no hex file"),
        (images.universal_hex(0x9900)[:-13], "is cut short: its last record is no end of file"),
        (images.universal_hex(0x9903), "has nothing for this board"),
        (images.universal_hex(0x9900).replace(b"0001", b"0002", 1), "is damaged in line 3: its checksum"),
        (b":0000000X00\n", "is damaged in line 1: these are no pairs"),
        (b":00000001\n", "is damaged in line 1: the record is not as long"),
        (images.record(0x09, 0, b"").encode(), "there is no record of type 09"),
        (images.record(0x04, 0, b"\0").encode() + images.record(1, 0, b"").encode(), "an address has two bytes"),
        (
            (images.record(4, 0, b"\0\x08") + images.record(0, 0, b"x") + images.record(1, 0, b"")).encode(),
            "is for a larger chip: it ends at 0x80001",
        ),
    ],
)
def test_a_hex_that_is_wrong_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        intel_hex.check(data, "nrf51822", 0x40000, "it.hex")


def test_a_file_is_held_against_what_its_board_says(tmp_path: Path) -> None:
    file = tmp_path / "RPI_PICO_W-20250415-v1.25.0.uf2"
    file.write_bytes(images.uf2_file(PICO))
    pico = board("pico-w")
    assert image.read(file, pico).note == ""
    assert pico.image is not None
    pinned = replace(pico, image=replace(pico.image, sha256=sha256(file.read_bytes()).hexdigest()))
    assert image.read(file, pinned).name == file.name
    other = file.rename(tmp_path / "mine.uf2")
    assert "is not called RPI_PICO_W-[0-9]*.uf2" in image.read(other, pico).note
    other.write_bytes(images.uf2_file(PICO, 21))
    with pytest.raises(InvalidError, match=r"its SHA-256 is .*, and pico-w needs"):
        image.read(other, pinned)
    with pytest.raises(NotFoundError, match=r"there is no file .*: https://micropython.org/download/RPI_PICO_W/ has"):
        image.read(file, pico)
    with pytest.raises(UsageError, match="raspberry-pi-4 runs no MicroPython"):
        image.read(other, board("raspberry-pi-4"))
    with pytest.raises(GanglionError, match="cannot be read"):
        image.read(tmp_path, pico)
