# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of intents: phrases by their words, regular expressions in bounded time, and which of several wins."""

import re
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.intent.patterns import Intent, Patterns, usable
from ganglion.intent.regex import find, is_regex, literal
from ganglion.intent.samples import samples
from ganglion.intent.words import MAX_TEXT, places, plain, words
from ganglion.pattern import PatternError, compile_groups


def patterns(**intents: Sequence[str]) -> Patterns:
    return Patterns(Intent(name=name, patterns=each) for name, each in intents.items())


def said(of: Patterns, text: str) -> str | None:
    match = of.find(text)
    return match and match.intent.name


@pytest.mark.parametrize(
    ("phrase", "yes", "no"),
    [
        ("hi", "Hi!", "this"),
        ("hi", "oh, HI there", "hi5"),
        ("привіт", "«ПРИВІТ»", "привітання"),
        ("turn on the light", "please turn on,  the\tlight.", "turn on the green light"),
        ("what's the weather?", "Whats the weather", "what the weather"),
        ("п'ять хвилин", "П’ЯТЬ хвилин", "десять хвилин"),
        ("fridge status", "fridge_status", "fridge"),
        ("доброго дня", "доброго\xa0дня", "доброго\xa0ранку"),
        ("який", "якии\u0306", "яки"),  # the letter in two code points, as some keyboards send it
        ("1 + 1", "is 1+1 two", "11"),
        ("really?", "really", "reall"),
    ],
)
def test_a_phrase_is_its_words(phrase: str, yes: str, no: str) -> None:
    found = patterns(a=[phrase])
    assert said(found, yes) == "a"
    assert said(found, no) is None


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("weather in (.+)", "WEATHER in Kyiv", "weather in"),
        (r"\bсвітл[оа]\b", "Увімкни СВІТЛО", "світлофор"),
        (r"\d+ (min|sec)", "wait 10 MIN", "wait min"),
        ("colou?r", "Color", "colr"),
        ("^stop$", "Stop", "stop it"),
        ("(?i)a.c", "xABCx", "ab"),
    ],
)
def test_what_has_the_syntax_of_a_regular_expression_is_one(pattern: str, yes: str, no: str) -> None:
    found = patterns(a=[pattern])
    assert said(found, yes) == "a"
    assert said(found, no) is None


def test_the_higher_priority_wins_then_the_order_of_the_document_then_the_longest() -> None:
    of = Patterns(
        [
            Intent(name="low", patterns=["turn on the light in the kitchen"]),
            Intent(name="first", patterns=["the light", "turn on the light", "(on|off) the"], priority=5),
            Intent(name="second", patterns=["turn on the light in the kitchen"], priority=5),
        ]
    )
    match = of.find("now turn on the light in the kitchen")
    assert match is not None
    assert (match.intent.name, match.start, match.end) == ("first", 4, 21)
    assert said(of, "in the kitchen, the light") == "first"


def test_a_regular_expression_of_a_higher_intent_is_not_hidden_by_a_phrase() -> None:
    of = Patterns([Intent(name="phrase", patterns=["light on"]), Intent(name="regex", patterns=["li.*n"], priority=1)])
    assert said(of, "light on") == "regex"
    assert said(patterns(phrase=["light on"], regex=[".*"]), "light on") == "phrase"
    assert said(patterns(phrase=["light on"], regex=[".*"]), "") == "regex"


def test_named_groups_have_their_places() -> None:
    of = patterns(a=[r"(?P<verb>dim|raise) the (?<what>.+?) to (\d+)( (?P<unit>lux))?"])
    match = of.find("Please dim the hall lamp to 40")
    assert match is not None
    assert match.groups == {"verb": (7, 10), "what": (15, 24)}


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(a", "a{600}x", "?!", "x" * 501 + "*", "(?P<1>a)", "C**"])
def test_what_cannot_be_found_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        usable(pattern)
    with pytest.raises(PatternError):
        patterns(a=[pattern])


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused_and_is_looked_for_in_any_text(pattern: str) -> None:
    try:
        usable(pattern)
    except PatternError:
        return
    of = patterns(a=[pattern])
    of.find(pattern)
    if not is_regex(plain(pattern)):
        assert said(of, f"so, {pattern}; then") == "a"


@given(st.text())
def test_places_are_those_of_the_words(text: str) -> None:
    text = plain(text)
    assert len(text) == len(text.lower())
    assert [text[start:end].lower().replace("'", "") for start, end in places(text)] == words(text.lower())


def test_no_letter_changes_the_length_of_a_plain_text() -> None:
    assert all(len(plain(chr(i)).lower()) == len(plain(chr(i))) for i in range(sys.maxunicode + 1) if chr(i).isalpha())


_word = st.sampled_from(["on", "off", "the", "light", "світло", "a"])
_sentence = st.lists(_word, min_size=1, max_size=4).map(" ".join)


@given(st.lists(st.tuples(_sentence, st.integers(0, 2)), min_size=1, max_size=6), st.lists(_word, max_size=8))
def test_the_index_finds_what_a_loop_over_all_patterns_finds(given_: list[tuple[str, int]], spoken: list[str]) -> None:
    text = " ".join(spoken)
    intents = [Intent(name=str(i), patterns=[each], priority=rank) for i, (each, rank) in enumerate(given_)]
    hits = [each for each in intents if f" {each.patterns[0]} " in f" {text} "]
    best = max(hits, key=lambda each: (each.priority, -int(each.name)), default=None)
    assert said(Patterns(intents), text) == (best and best.name)


_atoms = st.sampled_from(["a", "b", ".", "[ab]", r"\d", r"\s", "я", "(?P<g>a|b)"])
_regexes = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["?", "??", "{2}", "{1,2}?"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map("{}$".format),
        inner.map(r"\b{}".format),
    ),
    max_leaves=6,
)


@given(_regexes, st.text(alphabet="ab1 Яя", max_size=12))
def test_it_finds_where_python_finds(pattern: str, text: str) -> None:
    if pattern.count("(?P<g>") > 1:
        return  # twice the same name is no pattern of Python's
    program, names = compile_groups(pattern)
    expected = re.search(pattern, text, re.IGNORECASE)
    found = find(program, len(names), text)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found[:2] == expected.span()
        assert [found[2:]] == [expected.span("g") if names else ()]
    if expected is not None:
        assert literal(program) in text.lower()


@given(_regexes, st.text(alphabet="ab1 я", max_size=12))
def test_samples_are_sentences(pattern: str, text: str) -> None:
    assert all(each.strip() == each and each for each in samples(pattern + text))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("turn on", ["turn on"]),
        ("(turn|put) off .*lights?!", ["turn off lights!", "turn off light!", "put off lights!", "put off light!"]),
        (r"wait (?P<n>\d+) min", ["wait 55 min", "wait 5 min"]),
        (r"\d+", []),
        ("(?=a)", []),
    ],
)
def test_samples_of_a_pattern(pattern: str, expected: list[str]) -> None:
    assert samples(pattern) == expected


class _Counted(list[Any]):
    """A program that counts how often it is looked at."""

    looks = 0

    def __getitem__(self, at: Any) -> Any:
        self.looks += 1
        return super().__getitem__(at)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "^(a+)+$", "(a|aa)+$", "(a|a?)+b", "(.*)*b", "(?P<x>a*)*(?P<y>a*)*b", "a{0,99}b", "(((a?){9}){9})b"],
)
def test_time_is_bounded_whatever_the_pattern(pattern: str) -> None:
    program, names = compile_groups(pattern)
    looks = []
    for size in (100, 200, 400):
        counted = _Counted(program)
        find(counted, len(names), "a" * size + "!")
        # Each instruction once where it is reached, and once where it takes the character.
        assert counted.looks <= 2 * len(program) * (size + 2)
        looks.append(counted.looks)
    assert looks[2] <= 2.1 * looks[1] <= 4.5 * looks[0]


def test_what_is_beyond_the_bound_is_not_looked_at() -> None:
    assert said(patterns(a=["needle"]), "x " * (MAX_TEXT // 2) + "needle") is None
    assert said(patterns(a=["needle"]), "x " * (MAX_TEXT // 2 - 4) + "needle") == "a"


def test_a_miss_among_a_thousand_intents_runs_no_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    of = Patterns(
        Intent(name=f"i{i}", patterns=[f"open valve {i}", f"(close|shut) valve v{i}x", f"what about number{i}"])
        for i in range(1000)
    )
    runs: list[str] = []
    monkeypatch.setattr("ganglion.intent.patterns.find", lambda *_: runs.append("run"))
    assert said(of, "please close the window, it is cold") is None
    assert runs == []
    monkeypatch.undo()
    assert said(of, "now shut valve v731x!") == "i731"
