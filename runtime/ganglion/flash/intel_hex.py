# SPDX-License-Identifier: GPL-3.0-or-later
"""Intel hex files for the micro:bit, of one board or universal: whether one is whole, and has something for this board.

Records: Intel, "Hexadecimal Object File Format Specification", 1988. Universal hex: tech.microbit.org/software/spec-
universal-hex, where records 0A to 0E say which boards a section is for.
"""

from typing import NamedTuple

from ganglion.errors import InvalidError

_DATA, _END, _SEGMENT, _START_SEGMENT, _LINEAR, _START_LINEAR = range(6)
_BLOCK_START, _BLOCK_END, _PADDED, _CUSTOM, _OTHER = range(0x0A, 0x0F)
_KNOWN = {*range(6), *range(0x0A, 0x0F)}
#: The board's chip -> the numbers of its boards in a universal hex.
BOARDS = {"nrf51822": (0x9900, 0x9901), "nrf52833": (0x9903, 0x9904, 0x9905, 0x9906)}
#: The flash alone: UICR and the like lie behind.
_HEADROOM = 0x10000000


class Contents(NamedTuple):
    """What is in a file for a board.

    Attributes:
        universal: Whether it has sections for several boards.
        end: The first address behind the program.
        program: What is for this board, as it comes.
    """

    universal: bool
    end: int
    program: bytes


def check(data: bytes, chip: str, flash_bytes: int | None, where: str) -> Contents:
    """Refuses what the board's interface would not take, or would take and not start.

    Raises:
        InvalidError: it is no hex, another board's, damaged or cut short; the message names the line.
    """
    records = list(_records(data, where))
    if not records or records[-1][1] != _END:
        raise InvalidError("is cut short: its last record is no end of file; fetch it again", where=where)
    universal = any(kind == _BLOCK_START for _, kind, _, _ in records)
    boards = BOARDS.get(chip, ())
    base = end = 0
    program = bytearray()
    ours = True
    for line, kind, address, content in records:
        if kind == _BLOCK_START:
            ours = int.from_bytes(content[:2], "big") in boards
        elif kind in (_LINEAR, _SEGMENT):
            if len(content) != 2:
                raise _damaged(where, line, "an address has two bytes")
            base = int.from_bytes(content, "big") << (16 if kind == _LINEAR else 4)
        elif kind == _DATA or (kind == _CUSTOM and ours):
            if not ours:
                continue
            program += content
            if base + address < _HEADROOM:
                end = max(end, base + address + len(content))
    if not program:
        raise InvalidError("has nothing for this board: take the file for it, or a universal one", where=where)
    if flash_bytes is not None and end > flash_bytes:
        raise InvalidError(
            f"is for a larger chip: it ends at 0x{end:x}, and this flash has 0x{flash_bytes:x} bytes", where=where
        )
    return Contents(universal, end, bytes(program))


def _records(data: bytes, where: str) -> list[tuple[int, int, int, bytes]]:
    """Line, type, address and content of each."""
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise InvalidError("is no hex file: take the .hex file of your board", where=where) from None
    found: list[tuple[int, int, int, bytes]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if not line.startswith(":"):
            what = "is no hex file: take the .hex file of your board" if not found else f"is damaged in line {number}"
            raise InvalidError(what, where=where)
        try:
            record = bytes.fromhex(line[1:].strip())
        except ValueError:
            raise _damaged(where, number, "these are no pairs of hexadecimal digits") from None
        if len(record) < 5 or len(record) != record[0] + 5:
            raise _damaged(where, number, "the record is not as long as it says")
        if sum(record) & 0xFF:
            raise _damaged(where, number, "its checksum does not fit")
        if record[3] not in _KNOWN:
            raise _damaged(where, number, f"there is no record of type {record[3]:02x}")
        found.append((number, record[3], int.from_bytes(record[1:3], "big"), record[4:-1]))
    return found


def _damaged(where: str, line: int, what: str) -> InvalidError:
    return InvalidError(f"is damaged in line {line}: {what}; fetch it again", where=where)
