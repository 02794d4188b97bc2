# SPDX-License-Identifier: GPL-3.0-or-later
"""What an advertisement says: length, type and value, one after another (Supplement to the Core specification, part A).

An advertisement has room for 31 bytes, and as much again for a scanner that asks.
"""

from collections.abc import Iterable, Iterator, Sequence

FLAGS, SHORT_NAME, NAME, APPEARANCE, MANUFACTURER = 0x01, 0x08, 0x09, 0x19, 0xFF
#: Length of a UUID to the types of a list of such, that may not be complete and that is.
UUIDS = {2: (0x02, 0x03), 4: (0x04, 0x05), 16: (0x06, 0x07)}
_ROOM = 31


def built(
    *, flags: int, services: Iterable[bytes], name: bytes, appearance: int, manufacturer: tuple[int, bytes] | None
) -> tuple[bytes, bytes]:
    """An advertisement and the answer to a scanner; what has no room in the one is in the other.

    Raises:
        ValueError: it has room in neither.
    """
    fields = [(FLAGS, bytes([flags])), *((UUIDS[len(uuid)][1], uuid) for uuid in services)]
    if name:
        fields.append((NAME, name))
    if appearance:
        fields.append((APPEARANCE, appearance.to_bytes(2, "little")))
    if manufacturer is not None:
        fields.append((MANUFACTURER, manufacturer[0].to_bytes(2, "little") + manufacturer[1]))
    parts = [bytearray(), bytearray()]
    for kind, value in fields:
        size = len(value) + 2
        place = next((part for part in parts if len(part) + size <= _ROOM), None)
        if place is None:
            raise ValueError("Advertising payload too long")
        place += bytes([size - 1, kind]) + value
    return bytes(parts[0]), bytes(parts[1])


def joined(fields: Iterable[tuple[int, bytes]]) -> bytes:
    """Fields one behind another, as many as there are, each as long as its length can say."""
    return b"".join(bytes([len(value[:254]) + 1, kind]) + value[:254] for kind, value in fields)


def fields(payloads: Sequence[bytes | None], *kinds: int) -> Iterator[bytes]:
    """The values of these types; what is cut off ends the payload."""
    for payload in payloads:
        left = payload or b""
        while len(left) > 1:
            if left[1] in kinds:
                yield left[2 : left[0] + 1]
            left = left[1 + left[0] :]
