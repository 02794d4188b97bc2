# SPDX-License-Identifier: GPL-3.0-or-later
"""What the strict CBOR codec reads and writes besides plain values, its limits and its one error."""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Bytes of the largest item, checked before anything is allocated. The largest thing said in the mesh is a page of a
#: release, 32 KiB; a small board has 100 KiB of heap.
MAX_SIZE = 65536
#: Arrays, maps and tags inside one another; each costs a stack frame on a small board.
MAX_DEPTH = 16

try:
    str(b"\xc0\x80", "utf-8")
    #: MicroPython looks at how many bytes a character has, and not at which: its `str` takes `/` in two bytes too.
    LAX = True
except UnicodeError:
    LAX = False


class CBORError(ValueError):
    """The bytes are not the deterministic encoding of a value, or the value has none."""


class Tag:
    """A tagged value (RFC 8949 section 3.4)."""

    __slots__ = ("number", "value")

    def __init__(self, number: int, value: "Any") -> None:
        self.number = number
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tag) and self.number == other.number and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((self.number, self.value))

    def __repr__(self) -> str:
        return f"Tag({self.number}, {self.value!r})"


class Encoded:
    """One item that is encoded already: `encode` copies its bytes. They must come from `encode`."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data
