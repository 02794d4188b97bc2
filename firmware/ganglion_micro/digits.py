# SPDX-License-Identifier: GPL-3.0-or-later
"""The shortest text that reads back as a float, from whole numbers alone.

`repr`, `%` and `float` of MicroPython are a digit off in places, so that boards and servers would write different text
for one value. After R. G. Burger and R. K. Dybvig, "Printing floating-point numbers quickly and accurately" (1996).
"""

from struct import pack


def shortest(value: float) -> str:
    """As CPython's `repr`: `9.5`, `-0.0`, `1e+16`, `1.5e-05`, `inf`, `nan`."""
    if -1000000000.0 < value < 1000000000.0:
        # A reading has few digits. Fewer than 16 that give the value when divided are its shortest: no other
        # number of as few digits is as near.
        thousandths = int(value * 1000 + (0.5 if value > 0 else -0.5))
        if thousandths and thousandths / 1000 == value:
            sign = "-" if value < 0 else ""
            whole, rest = divmod(abs(thousandths), 1000)
            return "{}{}.{}".format(sign, whole, "{:03d}".format(rest).rstrip("0") or "0")
    bits = int.from_bytes(pack(">d", value), "big")
    sign = "-" if bits >> 63 else ""
    exponent = bits >> 52 & 0x7FF
    mantissa = bits & 0xFFFFFFFFFFFFF
    if exponent == 0x7FF:
        return "nan" if mantissa else sign + "inf"
    if not exponent and not mantissa:
        return sign + "0.0"
    digits, point = _digits(mantissa | 1 << 52 if exponent else mantissa, max(exponent, 1) - 1075)
    if not -4 < point <= 16:
        made = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return "{}{}e{}{:02d}".format(sign, made, "-" if point < 1 else "+", abs(point - 1))
    if point <= 0:
        return "{}0.{}{}".format(sign, "0" * -point, digits)
    return "{}{}.{}".format(sign, (digits + "0" * point)[:point], digits[point:] or "0")


def _digits(mantissa: int, exponent: int) -> "tuple[str, int]":
    """The fewest digits d of mantissa * 2**exponent that no other float is nearer to, and p where it is 0.ddd * 10**p.

    The value is `rest / unit`; half the distance to the float below is `below / unit`, to the one above `above / unit`.
    """
    # Below a power of two floats lie twice as close
    close = 2 if mantissa == 1 << 52 and exponent > -1074 else 1
    rest = mantissa * 2 * close
    unit = 2 * close
    below = 1
    if exponent >= 0:
        rest <<= exponent
        below <<= exponent
    else:
        unit <<= -exponent
    above = below * close
    even = not mantissa & 1  # a text half way between two floats is read as the even one
    point = 0
    while rest + above > unit or (even and rest + above == unit):
        unit *= 10
        point += 1
    while (rest + above) * 10 < unit or (not even and (rest + above) * 10 == unit):
        rest, below, above = rest * 10, below * 10, above * 10
        point -= 1
    digits = []
    while True:
        digit, rest = divmod(rest * 10, unit)
        below, above = below * 10, above * 10
        low = rest < below or (even and rest == below)
        high = rest + above > unit or (even and rest + above == unit)
        if low or high:
            break
        digits.append(str(digit))
    if high and (not low or rest * 2 > unit or (rest * 2 == unit and digit & 1)):
        digit += 1
    digits.append(str(digit))
    return "".join(digits), point
