# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences of diagnostics, in the language of who reads them; English, unless another one is asked for."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ganglion.sentences import Sentence

if TYPE_CHECKING:
    from gettext import GNUTranslations

LANGUAGES = ("en", "uk")
#: Where the catalogues are: `uk.mo` is made of `uk.po` when the package is built.
FOLDER = Path(__file__).parent / "locale"
#: What is said of a language without a catalogue.
NOT_BUILT = "its catalogue was not built when Ganglion was installed, or is damaged"

_catalogue: ContextVar["GNUTranslations | None"] = ContextVar("catalogue", default=None)


def _(sentence: str) -> str:
    """A sentence in the language that is asked for; values are put in afterwards, by `format`."""
    catalogue = _catalogue.get()
    return sentence if catalogue is None else catalogue.gettext(sentence)


def ngettext(one: str, many: str, count: int) -> str:
    """A sentence whose words agree with a number."""
    catalogue = _catalogue.get()
    if catalogue is None:
        return one if count == 1 else many
    return catalogue.ngettext(one, many, count)


def spoken(sentence: Sentence) -> str:
    """The same in the language that is asked for; where that is English, it may still be told in another one later."""
    catalogue = _catalogue.get()
    return sentence if catalogue is None else sentence.translated(catalogue.gettext)


def is_spoken(language: str) -> bool:
    """Whether there is a catalogue of it; English needs none."""
    return language == "en" or _load(FOLDER / f"{language}.mo") is not None


def catalogue(language: str) -> "GNUTranslations | None":
    """What has the sentences in one of `LANGUAGES`; None for English, and where there is none."""
    return _load(FOLDER / f"{language}.mo") if language in LANGUAGES and language != "en" else None


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Has what is said inside in one of `LANGUAGES`: English for every other, and without its catalogue."""
    before = _catalogue.set(catalogue(language))
    try:
        yield
    finally:
        _catalogue.reset(before)


@cache
def _load(path: Path) -> "GNUTranslations | None":
    """A catalogue; None where it is missing or damaged, and a diagnostic in English is better than none."""
    from gettext import GNUTranslations

    try:
        with path.open("rb") as file:
            return GNUTranslations(file)
    except (OSError, ValueError, LookupError, struct.error):
        return None
