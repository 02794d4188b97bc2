# SPDX-License-Identifier: GPL-3.0-or-later
"""A text as patterns see it: one spelling for one letter and one mark, and the words in it."""

import re
import unicodedata

#: Characters of a text that are looked at. What people say or type to a machine is shorter.
MAX_TEXT = 1000

#: An apostrophe within a word belongs to it.
_WORD = re.compile(r"[^\W_]+(?:'+[^\W_]+)*")
_BARE = re.compile(r"[^\W_]+")
#: Each stands for one character, so that places in the text stay what they are.
_SAME = {
    **dict.fromkeys(map(ord, "‘’ʼʹ′`´＇"), "'"),
    **dict.fromkeys(map(ord, "“”„‟«»″"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys(map(ord, "\xa0\u2000\u2001\u2002\u2003\u2007\u2008\u2009\u200a\u200b\u202f\u3000"), " "),
    ord("…"): ".",
    ord("º"): "°",
    ord("İ"): "I",  # the one capital letter whose small form is longer
}


def plain(text: str) -> str:
    """The first MAX_TEXT characters in Unicode's form NFC, with plain quotation marks, dashes and spaces.

    As long as its `lower()`, so places in the one are places in the other.
    """
    if text.isascii():
        return text[:MAX_TEXT]
    # Cut before it is composed too: what is of no use must not cost.
    return unicodedata.normalize("NFC", text[: 4 * MAX_TEXT])[:MAX_TEXT].translate(_SAME)


def words(lowered: str) -> list[str]:
    """The words of a plain text in small letters, without apostrophes: `what's` is `whats`, п'ять is пять."""
    return _BARE.findall(lowered.replace("'", "") if "'" in lowered else lowered)


def places(text: str) -> list[tuple[int, int]]:
    """Where each of `words` begins, and ends."""
    return [match.span() for match in _WORD.finditer(text)]
