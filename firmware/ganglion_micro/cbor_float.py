# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shorter float equals a float: IEEE 754 by its bits, since MicroPython cannot pack a binary16."""


def half(bits: int) -> int:
    """The binary16 that equals a binary32 other than NaN, both as bits; -1 where there is none."""
    sign = bits >> 16 & 0x8000
    exponent = bits >> 23 & 0xFF
    fraction = bits & 0x7FFFFF
    if exponent == 255:
        return sign | 0x7C00
    if not exponent:
        return -1 if fraction else sign
    exponent -= 112
    if 0 < exponent < 31:
        return -1 if fraction & 0x1FFF else sign | exponent << 10 | fraction >> 13
    if -10 < exponent <= 0:  # subnormal: multiples of 2^-24
        fraction |= 0x800000
        shift = 14 - exponent
        return -1 if fraction & ((1 << shift) - 1) else sign | fraction >> shift
    return -1


def fits_single(bits: int) -> bool:
    """Whether a binary64, as bits, is infinite, not a number, or equal to a binary32."""
    exponent = bits >> 52 & 0x7FF
    if exponent == 0x7FF:
        return True
    if bits & 0x1FFFFFFF:
        return False
    fraction = bits & 0xFFFFFFFFFFFFF
    if not exponent:
        return not fraction
    exponent -= 896
    if 0 < exponent < 255:
        return True
    return -23 < exponent <= 0 and not (fraction | 1 << 52) & ((1 << (30 - exponent)) - 1)
