# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts a text into the pieces of words that a BERT model knows (Wu et al., "Google's Neural Machine Translation
System", 2016, section 4.1), for a vocabulary without capitals and accents."""

import unicodedata
from functools import lru_cache
from pathlib import Path

from ganglion.errors import InvalidError

#: Pieces of one text, as many as the model was trained with; what is beyond is left out.
MAX_PIECES = 128
#: A longer word is unknown as a whole.
_MAX_WORD = 100


class WordPiece:
    """The vocabulary.

    Args:
        pieces: One piece a line; its number is its line, from 0. Pieces within a word begin with `##`.

    Raises:
        InvalidError: it is none.
    """

    def __init__(self, pieces: Path) -> None:
        lines = pieces.read_text(encoding="utf-8").split("\n")
        self._number = {piece: i for i, piece in enumerate(lines) if piece}
        try:
            self._begin, self._end, self._unknown = (self._number[each] for each in ("[CLS]", "[SEP]", "[UNK]"))
        except KeyError as error:
            raise InvalidError(f"the vocabulary has no {error}", where=str(pieces)) from None

    def numbers(self, text: str) -> list[int]:
        """The pieces of a text, with the marks of its begin and end."""
        found = [piece for word in _words(text) for piece in self._pieces(word)]
        return [self._begin, *found[: MAX_PIECES - 2], self._end]

    def _pieces(self, word: str) -> list[int]:
        """From the left, each time the longest that is known."""
        if len(word) > _MAX_WORD:
            return [self._unknown]
        found = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._number.get(("##" if start else "") + word[start:end])
                if number is not None:
                    break
            else:
                return [self._unknown]
            found.append(number)
            start = end
        return found


def _words(text: str) -> list[str]:
    """Words and single marks, in small letters without accents."""
    spaced = "".join(f" {c} " if _stands_alone(c) else " " if c.isspace() else c for c in text if not _is_control(c))
    lowered = "".join(map(str.lower, spaced))  # each by itself: a sigma that ends a word is one like the others
    bare = "".join(c for c in unicodedata.normalize("NFD", lowered) if unicodedata.category(c) != "Mn")
    return bare.split()


def _is_control(character: str) -> bool:
    return character == "\ufffd" or (
        unicodedata.category(character) in ("Cc", "Cf", "Co") and character not in "\t\n\r"
    )


@lru_cache(maxsize=4096)
def _stands_alone(character: str) -> bool:
    """Whether it is a mark, or a letter of a script that is written without spaces."""
    point = ord(character)
    if 33 <= point <= 47 or 58 <= point <= 64 or 91 <= point <= 96 or 123 <= point <= 126:
        return True
    if 0x4E00 <= point <= 0x9FFF or 0x3400 <= point <= 0x4DBF or 0x20000 <= point <= 0x2CEAF:
        return True
    return 0xF900 <= point <= 0xFAFF or unicodedata.category(character).startswith("P")
