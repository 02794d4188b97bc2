# SPDX-License-Identifier: GPL-3.0-or-later
"""SHA-512 (FIPS 180-4, section 6.4), which MicroPython has not: for the two blocks under a signature, not for files.

The constants are roots of the first primes (section 4.2.3): finding them takes less flash than a table.
"""

_MASK = 0xFFFFFFFFFFFFFFFF


def _root(prime: int, degree: int) -> int:
    """The first 64 bits behind the point of a root, by Newton's method from above."""
    n = prime << (64 * degree)
    x = 1 << 70
    while True:
        y = ((degree - 1) * x + n // x ** (degree - 1)) // degree
        if y >= x:
            return x & _MASK
        x = y


_primes = [n for n in range(2, 410) if all(n % d for d in range(2, 21) if d < n)]
# In one piece: as numbers they would take 3 KiB of a board's heap
_K = b"".join([_root(prime, 3).to_bytes(8, "big") for prime in _primes])
_H = [_root(prime, 2) for prime in _primes[:8]]


def sha512(data: bytes) -> bytes:
    """The hash, 64 bytes."""
    size = len(data)
    data += b"\x80" + bytes(-(size + 17) % 128 + 8) + (8 * size).to_bytes(8, "big")
    state = _H
    for at in range(0, len(data), 128):
        w = [int.from_bytes(data[i : i + 8], "big") for i in range(at, at + 128, 8)]
        a, b, c, d, e, f, g, h = state
        for i in range(80):
            if i >= 16:
                x, y = w[i - 15], w[i - 2]
                x = _turned(x, 1) ^ _turned(x, 8) ^ x >> 7
                y = _turned(y, 19) ^ _turned(y, 61) ^ y >> 6
                w.append((w[i - 16] + x + w[i - 7] + y) & _MASK)
            x = (
                h
                + (_turned(e, 14) ^ _turned(e, 18) ^ _turned(e, 41))
                + (g ^ e & (f ^ g))
                + int.from_bytes(_K[8 * i : 8 * i + 8], "big")
                + w[i]
            )
            y = (_turned(a, 28) ^ _turned(a, 34) ^ _turned(a, 39)) + (a & b ^ a & c ^ b & c)
            a, b, c, d, e, f, g, h = (x + y) & _MASK, a, b, c, (d + x) & _MASK, e, f, g
        state = [(x + y) & _MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]  # noqa: B905 - MicroPython's has none
    return b"".join([word.to_bytes(8, "big") for word in state])


def _turned(x: int, bits: int) -> int:
    return x >> bits | x << (64 - bits) & _MASK
