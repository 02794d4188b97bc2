# SPDX-License-Identifier: GPL-3.0-or-later
"""What a serial port has said lately, numbered by its bytes: who looks says how far, and hears how many he has missed.

Pure.
"""

#: Bytes that are kept for who looks: more than five seconds of 115200 baud.
KEPT = 64 * 1024


class Output:
    """That of one port, since the node began."""

    def __init__(self) -> None:
        self._kept = bytearray()
        #: Bytes that were said in all.
        self.end = 0

    def add(self, data: bytes) -> None:
        """More was said."""
        self._kept += data
        self.end += len(data)
        del self._kept[: max(0, len(self._kept) - KEPT)]

    def since(self, seen: int, room: int) -> tuple[bytes, int, int]:
        """What was said after so many bytes, at most `room` of it; the number to go on with; and how many are lost."""
        first = self.end - len(self._kept)
        at = min(max(seen, first), self.end)
        data = bytes(self._kept[at - first : at - first + room])
        return data, at + len(data), max(0, at - seen)
