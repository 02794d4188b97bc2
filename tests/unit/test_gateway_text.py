# SPDX-License-Identifier: GPL-3.0-or-later
"""Values and times as the dashboard writes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.units import SECOND
from ganglion_gateway.dashboard import chart, text


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (4.96875, "Cel", ("4.97", "°C")),
        (-28.3, "dB", ("−28.3", "dB")),
        (1012.66, "hPa", ("1013", "hPa")),
        (0.0, "%", ("0", "%")),
        (0.0004, "V", ("0.0004", "V")),
        (24608919552.0, "By", ("24.6", "GB")),
        (512, "By", ("512", "B")),
        (9598.05, "s", ("2 h 39 min", "")),
        (30.0, "s", ("30", "s")),
        (123456.0, "Hz", ("123\u202f456", "Hz")),
        (1.5e12, "1", ("1.5e+12", "")),
        (True, "", ("yes", "")),
        ("open", "", ("open", "")),
        (None, "", ("", "")),
    ],
)
def test_a_reading_is_short_and_has_its_unit(value: Any, unit: str, shown: tuple[str, str]) -> None:
    assert text.reading(value, unit) == shown


def test_an_alert_is_one_line() -> None:
    assert text.short({"cause": "door\n", "urgent": True, "celsius": 9.5}) == "cause door  · urgent yes · celsius 9.5"
    assert len(text.short("x" * 1000)) == 80


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10.04, "10.04"),
        (1234567, "1234567"),
        (-1e-9, "-1e-09"),
        (True, "true"),
        ("true", "'true'"),
        ("x" * 128, f"'{'x' * 128}'"),
        ("\u202eno\n", "'\\u202eno\\n'"),
    ],
)
def test_what_a_person_agrees_to_is_shown_as_it_is(value: Any, shown: str) -> None:
    assert text.exact(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "just now"), (59, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago"), (900000, "10 d ago")],
)
def test_how_long_ago_something_was(seconds: int, shown: str) -> None:
    assert text.ago(seconds * SECOND) == shown


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(_JSON, st.text(max_size=5) | st.sampled_from(["By", "s", "Cel"]))
def test_any_value_can_be_shown(value: Any, unit: str) -> None:
    shown, _ = text.reading(value, unit)
    assert len(shown) <= 80
    assert shown.isprintable() or "\u202f" in shown


@given(st.integers(0, 2**63 - 1))
def test_any_time_can_be_shown(at: int) -> None:
    assert text.iso(at).endswith(" UTC")


def test_a_chart_has_the_numbers_only() -> None:
    rows = [{"timestamp": 2_000_000, "number": 5.25}, {"timestamp": 3_000_000, "number": None}]
    assert chart.points(rows) == [[2, 5.25]]
    assert chart.options([[2, 5.25]], label="x")["series"][0]["data"] == [[2, 5.25]]
