# SPDX-License-Identifier: GPL-3.0-or-later
"""digits: whole numbers alone write a float as CPython's `repr` does. tests/conformance has it under MicroPython."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro.digits import shortest
from ganglion_micro.text import text


@given(st.floats())
def test_any_float_is_written_as_repr_writes_it(value):
    assert shortest(value) == repr(value)


@given(st.decimals(-(10**12), 10**12, places=4).map(float))
def test_a_reading_is_written_as_repr_writes_it(value):
    assert shortest(value) == repr(value)


@pytest.mark.parametrize("exponent", range(-1074, 1024))
def test_powers_of_two_where_the_float_below_is_nearer(exponent):
    power = 2.0**exponent
    for value in (power, -power, math.nextafter(power, math.inf), math.nextafter(power, 0)):
        assert shortest(value) == repr(value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1e23, "1e+23"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (5e-324, "5e-324"),
        (9007199254740993.0, "9007199254740992.0"),
        (999999999.999, "999999999.999"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_text_of_a_float(value, wanted):
    assert text(value) == wanted
