# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page says, in the language of who reads it."""

import gettext
from collections.abc import Mapping

from ganglion_gateway import languages
from ganglion_gateway.languages import LANGUAGES

#: The cookie of who chose a language.
COOKIE = "ganglion_language"


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
    return Say(languages.catalogue(language))


def chosen(cookies: Mapping[str, str], accepted: str) -> str:
    """The language of who reads: what the cookie says, else the first that the browser asks for, else English.

    Args:
        accepted: The header `Accept-Language`, RFC 9110 section 12.5.4.
    """
    return cookies[COOKIE] if cookies.get(COOKIE) in LANGUAGES else languages.accepted(accepted)
