# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asked which intent a text has: the patterns, then each of the others until one knows.

A node asks its patterns, then the gateway; the gateway asks its classifier, then the model. Both do it here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ganglion.errors import GanglionError
from ganglion.intent.recognition import Intents, Recognition
from ganglion.intent.words import MAX_TEXT


@dataclass(frozen=True, slots=True)
class Guess:
    """What somebody says of a text.

    Attributes:
        intent: The name of an intent; None where it is none of them.
        by: `classifier` or `model`.
        confidence: 0 to 1.
    """

    intent: str | None
    by: str
    confidence: float


#: Asks somebody. Errors of `ganglion.errors` become a note, and the next is asked.
Ask = Callable[[str], Awaitable[Guess]]


async def recognise(
    intents: Intents, text: str, ask: Sequence[Ask], *, now: datetime, data: Mapping[str, Any] | None = None
) -> Recognition:
    """The recognition of the first that knows. What is no intent of the document is not believed.

    About a text without a letter, or one longer than patterns see, nobody is asked after the patterns.

    Args:
        intents: Whose patterns come first.
        ask: Who is asked after them, in this order.
        now: When it is said, with the zone of who says it.
        data: Values for the response beside the entities.
    """
    found = intents.recognise(text, now=now, data=data)
    notes: list[str] = []
    if ask and found.intent is None and (why := _unasked(text)):
        return replace(found, notes=(why,))
    for each in ask:
        if found.intent is not None:
            break
        try:
            guess = await each(found.text)
        except GanglionError as error:
            notes.append(str(error))
            continue
        if guess.intent in intents.by_name:
            sure = min(max(guess.confidence, 0.0), 1.0)
            found = intents.named(guess.intent, guess.by, sure, found.text, now=now, data=data)
    return replace(found, notes=tuple(notes))


def _unasked(text: str) -> str:
    """Why only patterns can know of a text; "" where others may."""
    if not any(character.isalpha() for character in text[:MAX_TEXT]):
        return "nobody else was asked: the text has no letter"
    return f"nobody else was asked: the text has more than {MAX_TEXT} characters" if len(text) > MAX_TEXT else ""
