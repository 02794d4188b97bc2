# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the intent of a text by the patterns of a document, without trying them one by one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ganglion.intent.phrases import Phrases
from ganglion.intent.regex import find, is_regex, literal
from ganglion.intent.words import places, plain, words
from ganglion.pattern import PatternError, Program, compile_groups
from ganglion.words import _

#: Letters of what a regular expression needs in the text that stand in the index.
_GRAM = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One intent of a document.

    Attributes:
        patterns: Phrases and regular expressions.
        priority: Higher wins.
        response: The template of what is answered, parsed; None where there is none.
    """

    name: str
    patterns: Sequence[str]
    priority: int = 0
    response: list[object] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern that was found: from `start` up to `end` in the plain text, and so each named group that has a part."""

    intent: Intent
    start: int
    end: int
    groups: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Regex:
    program: Program
    names: list[str]
    literal: str
    rank: int


def usable(pattern: str) -> None:
    """Lets a pattern pass that can be found in a text.

    Raises:
        PatternError: it cannot be read, would be too large, or is a phrase without a word.
    """
    pattern = plain(pattern)
    if is_regex(pattern):
        compile_groups(pattern)
    elif not words(pattern.lower()):
        raise PatternError(_("a phrase without a word"))


def groups(pattern: str) -> list[str]:
    """The names of the groups of a pattern that can be used."""
    return compile_groups(plain(pattern))[1] if is_regex(plain(pattern)) else []


class Patterns:
    """The patterns of intents, in an index.

    A phrase is found where its words stand one after the other, whatever their case and the marks between them. A
    regular expression is found anywhere; case is the same to it, and only those are run that have what they need in the
    text. Time is bounded, see `ganglion.intent.regex` and `ganglion.intent.words.MAX_TEXT`.

    Args:
        intents: In the order of the document.

    Raises:
        PatternError: a pattern cannot be used.
    """

    def __init__(self, intents: Iterable[Intent]) -> None:
        self._ranked = sorted(intents, key=lambda intent: -intent.priority)
        phrases: list[tuple[list[str], int]] = []
        regexes: list[_Regex] = []
        for rank, intent in enumerate(self._ranked):
            for pattern in intent.patterns:
                usable(pattern)
                text = plain(pattern)
                if is_regex(text):
                    program, names = compile_groups(text)
                    regexes.append(_Regex(program, names, literal(program), rank))
                else:
                    phrases.append((words(text.lower()), rank))
        self._phrases = Phrases(phrases)
        count = Counter(gram for regex in regexes for gram in _grams(regex.literal))
        self._always: list[_Regex] = []
        self._by_gram: dict[str, list[_Regex]] = {}
        for regex in regexes:
            grams = _grams(regex.literal)
            if grams:
                self._by_gram.setdefault(min(grams, key=lambda gram: (count[gram], gram)), []).append(regex)
            else:
                self._always.append(regex)

    def find(self, text: str) -> Match | None:
        """The intent of the highest priority, then the first of the document; of its patterns the longest match."""
        text = plain(text)
        lowered = text.lower()
        best: tuple[int, int] | None = None  # rank, less its length
        match: Match | None = None
        spoken = words(lowered)
        if self._phrases.any(spoken):
            at = places(text)
            for first, last, rank in self._phrases.find(spoken):
                start, end = at[first][0], at[last][1]
                if best is None or (rank, start - end) < best:
                    best, match = (rank, start - end), Match(self._ranked[rank], start, end)
        for regex in self._regexes(lowered):
            if best is not None and regex.rank > best[0]:
                break
            saved = find(regex.program, len(regex.names), text)
            if saved is not None and (best is None or (regex.rank, saved[0] - saved[1]) < best):
                best = (regex.rank, saved[0] - saved[1])
                groups = {
                    name: (saved[2 * i + 2], saved[2 * i + 3])
                    for i, name in enumerate(regex.names)
                    if saved[2 * i + 3] >= 0
                }
                match = Match(self._ranked[regex.rank], saved[0], saved[1], groups)
        return match

    def _regexes(self, lowered: str) -> list[_Regex]:
        """Those that could match, by rank."""
        found = self._always
        if self._by_gram:
            grams = self._by_gram.keys() & _grams(lowered)
            if grams:
                near = [regex for gram in grams for regex in self._by_gram[gram] if regex.literal in lowered]
                found = sorted([*found, *near], key=lambda regex: regex.rank)
        return found


def _grams(text: str) -> set[str]:
    return {text[i : i + _GRAM] for i in range(len(text) - _GRAM + 1)}
