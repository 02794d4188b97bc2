# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as MicroPython ships them, with nothing in them that could run."""

import hashlib
import random
import struct

from ganglion.board import words
from ganglion.flash import uf2

_UF2, _UF2_2, _UF2_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30


def esp_part(chip: str, content: bytes, address: int = 0x40080000) -> bytes:
    """One image of Espressif's: a header, a segment, its checksum and its SHA-256."""
    number = words.ESP_CHIPS[chip]
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, address)
    if number is not None:
        head += struct.pack("<B3xHBHH4xB", 0xEE, number, 0, 0, 0xFFFF, 1)
    body = head + struct.pack("<II", address, len(content)) + content
    body += b"\0" * (15 - len(body) % 16)
    checksum = 0xEF
    for byte in content:
        checksum ^= byte
    body += bytes([checksum])
    return body + (hashlib.sha256(body).digest() if number is not None else b"")


def esp(chip: str, offset: int, size: int = 200_000, seed: int = 1) -> bytes:
    """A file for a first installation."""
    dice = random.Random(seed)
    content = dice.randbytes(size // 2) + b"\0" * (size // 2)
    if chip == "esp8266":
        first = esp_part(chip, dice.randbytes(4096), 0x40100000).ljust(0x9000 - 4, b"\xff")
        both = first + struct.pack("<I", 0x9000 + len(content)) + content
        return both + hashlib.md5(both[4:]).digest()
    boot = esp_part(chip, dice.randbytes(8192)).ljust(0x8000 - offset, b"\xff")
    rows = [(1, 2, 0x9000, 0x6000, b"nvs"), (1, 1, 0xF000, 0x1000, b"phy_init"), (0, 0, 0x10000, 0x1F0000, b"factory")]
    table = b"".join(struct.pack("<HBBII16sI", 0x50AA, kind, sub, at, n, name, 0) for kind, sub, at, n, name in rows)
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
    return boot + table.ljust(0x8000, b"\xff") + esp_part(chip, content)


def uf2_file(
    family: int, blocks: int = 20, start: int = uf2.FLASH, size: int = 256, content: bytes | None = None
) -> bytes:
    """A file of so many blocks, with this at its beginning."""
    data = content.ljust(blocks * size, b"\0") if content is not None else random.Random(1).randbytes(blocks * size)
    head = struct.Struct("<8I476sI")
    return b"".join(
        head.pack(_UF2, _UF2_2, 0x2000, start + i, size, i // size, blocks, family, data[i : i + size], _UF2_END)
        for i in range(0, len(data), size)
    )


def record(kind: int, address: int, content: bytes) -> str:
    """A record of a hex file."""
    body = bytes([len(content)]) + address.to_bytes(2, "big") + bytes([kind]) + content
    return f":{(body + bytes([-sum(body) & 0xFF])).hex().upper()}\n"


def universal_hex(*boards: int) -> bytes:
    """A section of 64 bytes for each of the boards, by their numbers."""
    out = ""
    for board in boards:
        kind = 0x00 if board in (0x9900, 0x9901) else 0x0D
        out += record(0x04, 0, b"\0\0") + record(0x0A, 0, board.to_bytes(2, "big") + b"\xc0\xde")
        out += "".join(record(kind, at, bytes(range(at, at + 16))) for at in range(0, 64, 16)) + record(0x0B, 0, b"")
    return (out + record(0x01, 0, b"")).encode()
