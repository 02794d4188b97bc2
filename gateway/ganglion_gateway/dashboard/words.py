# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page says, in the language of who reads it.

The catalogue is `locale/LANGUAGE/*.po` itself: nothing has to be compiled, and a test holds it to the code.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

#: By their own names.
LANGUAGES = {"en": "English", "uk": "Українська"}
#: The cookie of who chose one.
COOKIE = "ganglion_language"
FOLDER = Path(__file__).parent.parent / "locale"

#: A sentence of the code in the reader's language; `{names}` are filled in by `format` afterwards.
Say = Callable[[str], str]


def speaking(language: str) -> Say:
    """What says sentences in one of `LANGUAGES`."""
    if language == "en":
        return lambda sentence: sentence
    catalogue = _load(language)
    return lambda sentence: catalogue.get(sentence, sentence)


def chosen(cookies: Mapping[str, str], accepted: str) -> str:
    """The language of who reads: what the cookie says, else the first that the browser asks for, else English.

    Args:
        accepted: The header `Accept-Language`, RFC 9110 section 12.5.4.
    """
    if cookies.get(COOKIE) in LANGUAGES:
        return cookies[COOKIE]
    asked = []
    for part in accepted.split(",")[:20]:
        name, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        asked.append((-weight, name.strip().split("-")[0].lower()))
    return next(
        (name for weight, name in sorted(asked, key=lambda each: each[0]) if name in LANGUAGES and weight), "en"
    )


@cache
def _load(language: str) -> dict[str, str]:
    import polib  # for who reads another language than the code's

    files = sorted((FOLDER / language).glob("*.po"))
    return {entry.msgid: entry.msgstr for file in files for entry in polib.pofile(str(file)).translated_entries()}
