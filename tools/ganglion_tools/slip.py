# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames on a serial line (SLIP, RFC 1055): made, and taken apart strictly."""

from collections.abc import Callable

_END, _ESCAPE, _ESCAPED_END, _ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD


def framed(packet: bytes) -> bytes:
    """A packet between two ends."""
    return b"\xc0" + packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


class Line:
    """What comes on a line.

    Args:
        wrong: Is told what is no frame.
    """

    def __init__(self, wrong: Callable[[str], None]) -> None:
        self._wrong = wrong
        self._frame: bytearray | None = None
        self._is_escaped = False

    def take(self, byte: int) -> bytes | None:
        """The next byte; a packet when its end comes."""
        if self._frame is None:
            if byte == _END:
                self._frame = bytearray()
            else:
                self._wrong(f"0x{byte:02x} outside of a frame")
        elif byte == _END:
            frame, self._frame = bytes(self._frame), None
            if self._is_escaped:
                self._wrong("a frame ends in an escape")
                self._is_escaped = False
            return frame
        elif self._is_escaped:
            self._is_escaped = False
            if byte not in (_ESCAPED_END, _ESCAPED_ESCAPE):
                self._wrong(f"an escape of 0x{byte:02x}")
            self._frame.append(_END if byte == _ESCAPED_END else _ESCAPE)
        elif byte == _ESCAPE:
            self._is_escaped = True
        else:
            self._frame.append(byte)
        return None
