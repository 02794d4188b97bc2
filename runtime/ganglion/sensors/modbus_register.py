# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers of Modbus without I/O: which requests read them, and what the words that come back mean.

Numbers are of the Modbus application protocol specification, version 1.1b3.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ganglion.sensors.source import Value

#: Type -> form of `struct`, and how many words it takes.
_TYPES = {"int16": ("h", 1), "uint16": ("H", 1), "int32": ("i", 2), "uint32": ("I", 2), "float32": ("f", 2)}
#: Function -> its code (section 6).
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
#: Function -> how many may be read at once.
_MOST = {"coil": 2000, "discrete": 2000, "holding": 125, "input": 125}
#: Exception codes (section 7).
EXCEPTIONS = {
    1: "it has no such function",
    2: "it has no such address",
    3: "it takes no such count",
    4: "it failed",
    5: "it needs longer",
    6: "it is busy",
    8: "its memory is damaged",
    10: "the gateway has no way to it",
    11: "it does not answer the gateway",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """`registers.<channel>` of a section with `kind = "modbus"`.

    Attributes:
        address: As it is sent, from 0: 40001 of a manual that counts from 1 is `holding` 0.
        function: `holding`, `input`, or for a single bit `coil` or `discrete`.
        type: `int16`, `uint16`, `int32`, `uint32` or `float32`; nothing for a bit. Without it, `uint16`.
        word_order: Of 32 bits: `big` has the more significant word at the lower address, `little` the other.
        scale: What the number is multiplied by.
        unit: UCUM, of the number after that.
    """

    address: int
    function: str = "holding"
    type: str | None = None
    word_order: str = "big"
    scale: float = 1.0
    unit: str = "1"

    def __post_init__(self) -> None:
        if self.function not in _MOST:
            raise ValueError(f"function must be one of {', '.join(_MOST)}, not {self.function!r}")
        if self.bit and self.type is not None:
            raise ValueError(f"a {self.function} is a bit and has no type")
        if self.type is not None and self.type not in _TYPES:
            raise ValueError(f"type must be one of {', '.join(_TYPES)}, not {self.type!r}")
        if self.word_order not in ("big", "little"):
            raise ValueError(f"word_order must be big or little, not {self.word_order!r}")
        if not 0 <= self.address <= 65536 - self.count:
            raise ValueError(f"address must be 0 to {65536 - self.count}, not {self.address}")
        if not math.isfinite(self.scale) or not self.scale:
            raise ValueError("scale must be a finite number, and not 0")

    @property
    def bit(self) -> bool:
        return self.function in ("coil", "discrete")

    @property
    def count(self) -> int:
        """How many addresses it takes."""
        return 1 if self.bit else _TYPES[self.type or "uint16"][1]

    def decode(self, words: Sequence[int]) -> Value | None:
        """Its value from its words, the lowest address first; None where it is no number, as devices say `not yet`."""
        if self.bit:
            return bool(words[0])
        form, _ = _TYPES[self.type or "uint16"]
        order = words if self.word_order == "big" else reversed(words)
        (value,) = struct.unpack(">" + form, b"".join(word.to_bytes(2, "big") for word in order))
        if not math.isfinite(value):
            return None
        return value if self.scale == 1 else value * self.scale  # type: ignore[no-any-return]


class Request(NamedTuple):
    """Consecutive addresses that one request reads."""

    function: str
    address: int
    quantity: int


def requests(registers: Iterable[Register]) -> list[Request]:
    """As few as read all of them, and nothing else: a device may refuse what lies between."""
    found: list[Request] = []
    for register in sorted(registers, key=lambda each: (each.function, each.address, each.count)):
        end = register.address + register.count
        if found:
            function, address, quantity = found[-1]
            joined = max(end, address + quantity) - address
            if function == register.function and register.address <= address + quantity and joined <= _MOST[function]:
                found[-1] = Request(function, address, joined)
                continue
        found.append(Request(register.function, register.address, register.count))
    return found


def values(registers: Mapping[str, Register], answers: Mapping[Request, Sequence[int]]) -> dict[str, Value]:
    """What each channel's register says, from the words or bits that each request has brought."""
    found = {}
    for channel, register in registers.items():
        for (function, address, quantity), words in answers.items():
            start = register.address - address
            if function == register.function and 0 <= start <= quantity - register.count:
                value = register.decode(words[start : start + register.count])
                if value is not None:
                    found[channel] = value
                break
    return found
