# SPDX-License-Identifier: GPL-3.0-or-later
"""`bluetooth`: UUIDs and constants; the radio is BlueZ's, which `aioble` speaks to."""

import struct as _struct
from typing import Any, NoReturn

from ganglion.shims.buffers import readable as _readable

FLAG_READ, FLAG_WRITE_NO_RESPONSE, FLAG_WRITE, FLAG_NOTIFY, FLAG_INDICATE = 0x02, 0x04, 0x08, 0x10, 0x20
_BASE = "-0000-1000-8000-00805f9b34fb"


class UUID:
    """Of 16 bits as a number, of 128 as text or bytes, which are in the order of the air.

    Raises:
        ValueError: it is neither.
    """

    def __init__(self, value: Any) -> None:
        if isinstance(value, int):
            self._bytes = _struct.pack("<H", value)
        elif isinstance(value, str):
            self._bytes = bytes.fromhex(value.replace("-", ""))[::-1]
        else:
            self._bytes = _readable(value)
        if len(self._bytes) not in (2, 4, 16):
            raise ValueError("invalid UUID")

    def __bytes__(self) -> bytes:
        return self._bytes

    def __str__(self) -> str:
        """Of 128 bits, as BlueZ names it."""
        text = self._bytes[::-1].hex()
        if len(self._bytes) < 16:
            return text.rjust(8, "0") + _BASE
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def __repr__(self) -> str:
        return f"UUID(0x{self._bytes[::-1].hex()})" if len(self._bytes) == 2 else f"UUID('{self}')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UUID) and self._bytes == other._bytes

    def __lt__(self, other: "UUID") -> bool:
        return self._bytes < other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)


class BLE:
    """The radio of a microcontroller."""

    def __init__(self) -> None:
        _none()


def _none() -> NoReturn:
    raise OSError("bluetooth.BLE is a microcontroller's radio: on Linux use aioble, over BlueZ")
