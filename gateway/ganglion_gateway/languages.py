# SPDX-License-Identifier: GPL-3.0-or-later
"""The languages that people are answered in, and which of them somebody reads.

A catalogue is `locale/LANGUAGE/*.po` itself: nothing has to be compiled, and a test holds it to the code.
"""

import gettext
import io
from functools import cache
from pathlib import Path
from typing import Any

from ganglion import words
from ganglion.sentences import Sentence

#: By their own names.
LANGUAGES = {"en": "English", "uk": "Українська"}
FOLDER = Path(__file__).parent / "locale"
#: What of `FOLDER / LANGUAGE` has the sentences of refusals; what pages say is beside it.
REFUSALS = "refusals"


def told(said: Any, language: str) -> Any:
    """A sentence that the gateway makes, or a document that has some in it, in one of `LANGUAGES`."""
    if isinstance(said, Sentence):
        return said.translated(catalogue(language, REFUSALS).gettext)
    if isinstance(said, dict):
        return {name: told(each, language) for name, each in said.items()}
    return [told(each, language) for each in said] if isinstance(said, list) else said


def accepted(header: str) -> str:
    """The first of `LANGUAGES` that somebody asks for, else English.

    Args:
        header: `Accept-Language`, RFC 9110 section 12.5.4.
    """
    asked = []
    for part in header.split(",")[:20]:
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
def catalogue(language: str, part: str = "") -> gettext.NullTranslations:
    """What gives sentences of the code in one of `LANGUAGES`.

    Args:
        part: `REFUSALS`; default: what pages say.
    """
    if language == "en":
        return gettext.NullTranslations()
    import polib  # for who reads another language than the code's

    whole = polib.POFile()
    for file in sorted((FOLDER / language / part).glob("*.po")):
        read = polib.pofile(str(file))
        whole.metadata.update(read.metadata)
        whole.extend(read.translated_entries())
    made = gettext.GNUTranslations(io.BytesIO(whole.to_binary()))
    if part == REFUSALS and (runtime := words.catalogue(language)) is not None:
        made.add_fallback(runtime)  # what is refused there is told here
    return made
