# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions in linear time, beside Python's `re` on what both have."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.pattern import PatternError, compile_pattern
from ganglion_micro.pattern import MAX_TEXT, search


def found(pattern: str, text: str) -> bool:
    return search(compile_pattern(pattern), text)


_literals = st.sampled_from(["a", "b", "c", ".", "\\d", "\\w", "\\s", "[ab]", "[^a]", "[a-c1]", "1", " ", "\\.", "я"])


def _patterns(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        inner.map("({})".format),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        inner.map("^{}".format),
        inner.map("{}$".format),
        inner.map("\\b{}".format),
    )


@given(st.recursive(_literals, _patterns, max_leaves=8), st.text(alphabet="abc1 .\nя", max_size=12))
def test_it_finds_what_python_finds(pattern: str, text: str) -> None:
    assert found(pattern, text) == bool(re.search(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^\+?\d{1,3}-\d{3}$", "+38-044", "+3844-1"),
        (r"(?i)привіт|hello", "ПРИВІТ", "pryvit"),
        (r"[\d.]+ ?°C", "8.5 °C", "C"),
        (r"^$", "", "x"),
        (r"colou?r\b", "my color", "colors"),
        (r"[]a]", "]", "b"),
        (r"a{,2}", "a{,2}", "aa"),
        (r"\x41\u0042", "AB", "ab"),
        (r"(?i)[a-c]x", "BX", "DX"),
    ],
)
def test_a_pattern_searches_anywhere(pattern: str, yes: str, no: str) -> None:
    assert found(pattern, yes)
    assert not found(pattern, no)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a",
        "a)",
        "[a",
        "*a",
        "a**",
        "a{3,1}",
        "(?=a)",
        "(?P<n>a)",
        r"\1",
        "[b-a]",
        "^*",
        "a{600}",
        "\\",
        r"\xg1",
        "x" * 501,
    ],
)
def test_what_is_no_pattern_or_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_the_pattern_that_stops_other_engines_takes_linear_time() -> None:
    # A backtracking engine needs longer for this than the sun will shine.
    assert not found("^(a+)+$", "a" * 1000 + "!")
    assert not found("(a|aa)*(a|aa)*(a|aa)*b", "a" * 1000)


def test_a_text_beyond_the_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 4096"):
        found("a", "b" * (MAX_TEXT + 1))


@given(st.text(alphabet="ab()[]{}*+?|\\^$.-12,:", max_size=20))
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    try:
        program = compile_pattern(pattern)
    except PatternError:
        return
    search(program, "ab12-ab")
