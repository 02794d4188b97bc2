# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds which of many phrases stand in a text: one look into an index for each word of the text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Phrases(Generic[T]):
    """Phrases, each with what it stands for.

    Args:
        phrases: The words of each, at least one.
    """

    def __init__(self, phrases: Iterable[tuple[Sequence[str], T]]) -> None:
        given = [(list(words), means) for words, means in phrases]
        count = Counter(word for words, _ in given for word in set(words))
        self._index: dict[str, list[tuple[int, list[str], T]]] = {}
        for words, means in given:
            # By its rarest word, so that a text that has a common one in it is compared with few phrases.
            rarest = min(range(len(words)), key=lambda i: count[words[i]])
            self._index.setdefault(words[rarest], []).append((rarest, words, means))
        self._keys = self._index.keys()

    def any(self, words: list[str]) -> bool:
        """Whether a phrase could be among these words: false for most texts, and then at once."""
        return not self._keys.isdisjoint(words)

    def find(self, words: list[str]) -> Iterator[tuple[int, int, T]]:
        """Each phrase that stands there: its first word, its last, and what it stands for."""
        for i, word in enumerate(words):
            for before, phrase, means in self._index.get(word, ()):
                first = i - before
                if first >= 0 and words[first : first + len(phrase)] == phrase:
                    yield first, first + len(phrase) - 1, means
