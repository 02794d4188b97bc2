# SPDX-License-Identifier: GPL-3.0-or-later
"""`bluetooth`: UUIDs and constants; the radio itself is behind `aioble`."""

import struct as _struct
from typing import Any

from ganglion.shims.buffers import readable as _readable

FLAG_READ, FLAG_WRITE_NO_RESPONSE, FLAG_WRITE, FLAG_NOTIFY, FLAG_INDICATE = 0x02, 0x04, 0x08, 0x10, 0x20


class UUID:
    """Of 16 bits as a number, of 128 as text; or bytes in the order of the air, of 2, 4 or 16.

    Raises:
        ValueError: it is neither.
    """

    def __init__(self, value: Any) -> None:
        if isinstance(value, int):
            if not 0 <= value <= 0xFFFF:
                raise ValueError("invalid UUID")
            self._bytes = _struct.pack("<H", value)
        else:
            data = bytes(value) if isinstance(value, UUID) else _readable(value)
            # A short text is what it is made of, as on MicroPython
            self._bytes = data if len(data) in (2, 4, 16) else bytes.fromhex(data.decode().replace("-", ""))[::-1]
            if len(self._bytes) not in (2, 4, 16):
                raise ValueError("invalid UUID")

    def __bytes__(self) -> bytes:
        return self._bytes

    def __repr__(self) -> str:
        text = self._bytes[::-1].hex()
        if len(self._bytes) < 16:
            return f"UUID(0x{text})"
        return f"UUID('{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UUID) and self._bytes == other._bytes

    def __lt__(self, other: "UUID") -> bool:
        return (len(self._bytes), self._bytes) < (len(other._bytes), other._bytes)

    def __hash__(self) -> int:
        return hash(self._bytes)


class BLE:
    """The radio of a microcontroller.

    Raises:
        OSError: always; there is none.
    """

    def __init__(self) -> None:
        raise OSError(
            "bluetooth.BLE is a microcontroller's radio: import aioble, which has the same on a simulated radio and"
            " over BlueZ (docs/shims.md)"
        )
