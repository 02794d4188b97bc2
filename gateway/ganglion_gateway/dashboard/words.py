# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page says, in the language of who reads it.

The catalogue is `locale/LANGUAGE/*.po` itself: nothing has to be compiled, and a test holds it to the code.
"""

import gettext
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path

#: By their own names.
LANGUAGES = {"en": "English", "uk": "Українська"}
#: The cookie of who chose one.
COOKIE = "ganglion_language"
FOLDER = Path(__file__).parent.parent / "locale"


class Say:
    """Gives the sentences of the code in the reader's language; `{names}` are filled in by `format` afterwards."""

    def __init__(self, catalogue: gettext.NullTranslations) -> None:
        self._catalogue = catalogue

    def __call__(self, sentence: str) -> str:
        """That sentence."""
        return self._catalogue.gettext(sentence)

    def many(self, one: str, more: str, count: int) -> str:
        """The sentence as it is said of so many, by the rule `Plural-Forms` of the catalogue.

        Args:
            one, more: In English, of one and of any other number.
        """
        return self._catalogue.ngettext(one, more, count)


def speaking(language: str) -> Say:
    """What says sentences in one of `LANGUAGES`."""
    return Say(gettext.NullTranslations() if language == "en" else _load(language))


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
def _load(language: str) -> gettext.GNUTranslations:
    import polib  # for who reads another language than the code's

    whole = polib.POFile()
    for file in sorted((FOLDER / language).glob("*.po")):
        part = polib.pofile(str(file))
        whole.metadata.update(part.metadata)
        whole.extend(part.translated_entries())
    return gettext.GNUTranslations(io.BytesIO(whole.to_binary()))
