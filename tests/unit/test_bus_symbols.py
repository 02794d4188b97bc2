# SPDX-License-Identifier: GPL-3.0-or-later
"""symbols: equal values have one number while a condition names them, and none afterwards."""

import pytest

from ganglion.bus.symbols import Symbols


@pytest.mark.parametrize("value", ["open", None, (1, 2), [1, 2], {"a": [1]}])
def test_a_value_is_known_until_the_last_condition_that_names_it_is_gone(value):
    symbols = Symbols()
    assert symbols.of(value) == 0
    first = symbols.take(value)
    assert first > 0
    assert symbols.take(value) == first
    symbols.release(value)
    assert symbols.of(value) == first
    symbols.release(value)
    assert symbols.of(value) == 0


def test_different_values_have_different_symbols_and_none_is_used_again():
    symbols = Symbols()
    taken = [symbols.take(value) for value in ("a", "b", [1], [2], {})]
    symbols.release("a")
    assert len({*taken, symbols.take("c"), symbols.take("a")}) == 7
