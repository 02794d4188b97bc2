# SPDX-License-Identifier: GPL-3.0-or-later
"""`random`: MicroPython's generator (Yasmarang, by Ilya Levin), so that a seed gives the numbers it gives there."""

import random as _random
import secrets as _secrets
from collections.abc import Sequence
from typing import Any

_WORD = 0xFFFFFFFF
_pad, _n, _d, _dat = 0xEDA4BABA, 69, 233, 0


def __getattr__(name: str) -> Any:
    return getattr(_random, name)


def seed(value: int | None = None) -> None:
    """Begins a sequence; without a value one that nobody can foretell."""
    global _pad, _n, _d, _dat
    _pad = _secrets.randbits(32) if value is None else int(value) & _WORD
    _n, _d, _dat = 69, 233, 0


def _next() -> int:
    """32 bits."""
    global _pad, _n, _d, _dat
    _pad = (_pad + _dat + _d * _n) & _WORD
    _pad = ((_pad << 3) + (_pad >> 29)) & _WORD
    _n = _pad | 2
    _d = (_d ^ ((_pad << 31) + (_pad >> 1))) & _WORD
    # The low byte is signed there before it is combined
    low = _pad & 0xFF
    _dat = (_dat ^ (low - 256 if low & 0x80 else low) ^ (_d >> 8) ^ 1) & 0xFF
    return (_pad ^ (_d << 5) ^ (_pad >> 18) ^ (_dat << 1)) & _WORD


def getrandbits(count: int) -> int:
    """So many random bits.

    Raises:
        ValueError: less than none, or more than 32.
    """
    if not 0 <= count <= 32:
        raise ValueError("bits must be 32 or less")
    return _next() & ((1 << count) - 1) if count else 0


def _below(limit: int) -> int:
    mask = (1 << limit.bit_length()) - 1
    while True:
        value = _next() & mask
        if value < limit:
            return value


def randrange(start: int, stop: int | None = None, step: int = 1) -> int:
    """A number of a range.

    Raises:
        ValueError: the range is empty.
    """
    numbers = range(start) if stop is None else range(start, stop, step) if step else ()
    if not numbers:
        raise ValueError
    return numbers[_below(len(numbers))]


def randint(first: int, last: int) -> int:
    """A number of which both ends are possible."""
    if first > last:
        raise ValueError
    return first + _below(last - first + 1)


def choice(sequence: Sequence[Any]) -> Any:
    """An item.

    Raises:
        IndexError: there is none.
    """
    if not sequence:
        raise IndexError
    return sequence[_below(len(sequence))]


def random() -> float:
    """From 0 to less than 1."""
    high = _next() & 0xFFFFF
    return ((high << 32) | _next()) / (1 << 52)


def uniform(a: float, b: float) -> float:
    return a + (b - a) * random()


seed()
