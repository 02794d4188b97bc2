# SPDX-License-Identifier: GPL-3.0-or-later
"""tools: the model of Espressif's loader is as strict as the ROM, and esptool itself works with it."""

import hashlib
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from ganglion_tools.rom_board import LoaderBoard
from ganglion_tools.rom_loader import RomLoader
from ganglion_tools.slip import Line, framed

SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32
DATA = bytes(range(256)) * 4


def request(op: int, body: bytes, checksum: int = 0) -> bytes:
    return framed(struct.pack("<BBHI", 0, op, len(body), checksum) + body)


def block(op: int, data: bytes, sequence: int, checksum: int | None = None) -> bytes:
    found = 0xEF
    for byte in data:
        found ^= byte
    head = struct.pack("<4I", len(data), sequence, 0, 0)
    return request(op, head + data, found if checksum is None else checksum)


def answers(said: bytes) -> list[bytes]:
    """The packets in what it said; their last four bytes are the status."""
    wrong: list[str] = []
    line = Line(wrong.append)
    found = [packet for byte in said if (packet := line.take(byte))]
    assert wrong == []
    return found


def reason(said: bytes) -> int:
    (packet,) = answers(said)
    return packet[-3] if packet[-4] else 0


def begun(op: int = 0x02, size: int = len(DATA)) -> RomLoader:
    chip = RomLoader("esp32", 1 << 20)
    assert reason(chip.receive(request(0x0D, bytes(8)))) == 0
    blocks = 1 if op == 0x02 else 2
    assert reason(chip.receive(request(op, struct.pack("<4I", size, blocks, size, 0x1000)))) == 0
    return chip


def test_a_frame_comes_back_as_it_was() -> None:
    packet = bytes(range(256))
    assert answers(framed(packet)) == [packet]


def test_a_sync_is_answered_eight_times_whatever_was_before() -> None:
    chip = RomLoader("esp32", 1 << 20)
    assert len(answers(chip.receive(b"AT\r\n" + request(0x08, SYNC)))) == 8
    assert chip.violations == [f"0x{byte:02x} outside of a frame" for byte in b"AT\r\n"]


@pytest.mark.parametrize(
    ("said", "violation"),
    [
        (b"\xc0\x00\x08\xc0", "no request: 0008"),
        (framed(struct.pack("<BBHI", 0, 0x08, 9, 0) + SYNC), "request 0x08 says 9 bytes and has 36"),
        (b"\xc0\xdb\x01\xc0", "an escape of 0x01"),
        (b"\xc0\xdb\xc0", "a frame ends in an escape"),
        (request(0x08, b"?" * 36), "a sync of other bytes"),
        (request(0x02, struct.pack("<4I", 1024, 1, 1024, 0)), "the flash is written before it is attached"),
        (request(0x03, struct.pack("<4I", 4, 0, 0, 0) + b"1234"), "data for the flash without a beginning"),
    ],
)
def test_what_the_protocol_does_not_have_is_noted(said: bytes, violation: str) -> None:
    chip = RomLoader("esp32", 1 << 20)
    chip.receive(said)
    assert violation in chip.violations


def test_a_block_is_written_once_in_its_turn_with_its_checksum() -> None:
    chip = begun()
    assert reason(chip.receive(block(0x03, DATA, 0, checksum=1))) == 0x07
    assert reason(chip.receive(block(0x03, DATA, 1))) == 0x06
    assert chip.flash[0x1000:0x1400] == b"\xff" * 1024
    assert reason(chip.receive(block(0x03, DATA, 0))) == 0
    assert chip.flash[0x1000:0x1400] == DATA
    (said,) = answers(chip.receive(request(0x13, struct.pack("<4I", 0x1000, 1024, 0, 0))))
    assert said[8:40] == hashlib.md5(DATA).hexdigest().encode()


def test_what_is_compressed_is_written_as_it_was() -> None:
    chip = begun(0x10)
    packed = zlib.compress(DATA)
    half = len(packed) // 2
    assert reason(chip.receive(block(0x11, packed[:half], 0))) == 0
    assert reason(chip.receive(block(0x11, packed[half:], 1))) == 0
    assert chip.flash[0x1000:0x1400] == DATA
    assert reason(begun(0x10).receive(block(0x11, b"no deflate", 0))) == 0x0B


def test_behind_the_end_of_the_flash_and_what_nobody_knows_is_refused() -> None:
    chip = RomLoader("esp32", 1 << 20)
    chip.receive(request(0x0D, bytes(8)))
    assert reason(chip.receive(request(0x02, struct.pack("<4I", 8192, 8, 1024, (1 << 20) - 4096)))) == 0x06
    assert reason(chip.receive(request(0x0B, struct.pack("<6I", 0, 1 << 22, 65536, 4096, 256, 0xFFFF)))) == 0x06
    assert reason(chip.receive(request(0x7F, b""))) == 0x05


@pytest.mark.parametrize("chip", ["esp32", "esp8266"])
def test_esptool_without_its_stub_writes(chip: str, tmp_path: Path) -> None:
    (tmp_path / "it.bin").write_bytes(DATA * 20)
    with LoaderBoard(chip) as board:
        line = ["--chip", chip, "--port", board.port, "--no-stub", "--before", "no-reset", "--after", "no-reset"]
        words = [sys.executable, "-m", "esptool", *line, "write-flash", "0x10000", str(tmp_path / "it.bin")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert board.chip.flash[0x10000 : 0x10000 + len(DATA) * 20] == DATA * 20
        assert (board.chip.violations, board.chip.is_stub) == ([], False)
