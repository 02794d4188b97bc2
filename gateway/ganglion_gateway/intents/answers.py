# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells nodes which intent a text has: the classifier on sentence embeddings first, then the language model."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError
from ganglion.intent import feedback
from ganglion.intent.order import Ask, recognise
from ganglion.intent.recognition import Intents
from ganglion.mesh.member import Peer
from ganglion.mova.intents import made, model_asked
from ganglion.mova.ports import PromptReply, PromptRequest
from ganglion.pattern import PatternError
from ganglion_gateway.intents.service import ClassifierService

#: Sets of intents that have a trained classifier; the one that was asked least recently goes first.
_KEPT = 16
MAX_TEXT = 2000

#: The method `prompt` of the model bridge.
Prompt = Callable[[dict[str, Any], Peer], Awaitable[dict[str, Any]]]


class IntentAnswers:
    """Answers the method `intent` of the mesh.

    Args:
        prompt: The way to the language model, which says so where there is none.
        taught: The file of feedback.
    """

    def __init__(self, prompt: Prompt, taught: Path) -> None:
        self._prompt = prompt
        self._taught = taught
        self._known: dict[str, tuple[Intents, ClassifierService]] = {}

    async def answer(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Which intent a text has.

        Args:
            params: `text`, and `intents` with `[name, patterns]` of each.

        Returns:
            `{"intent", "by", "confidence", "notes"}`; no intent where nobody knows.

        Raises:
            InvalidError: a parameter is of another shape.
        """
        text = params.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT:
            raise InvalidError(f"must be text of 1 to {MAX_TEXT} letters", where="text")
        intents, classifier = self._of(params.get("intents"))

        async def prompt(request: PromptRequest) -> PromptReply:
            asked = {
                "prompt": request.prompt,
                "system": request.system,
                "schema": request.schema,
                "temperature": request.temperature,
                "seconds": request.seconds,
                "script": "intent",
            }
            reply = await self._prompt(asked, peer)
            return PromptReply(value=reply["value"], model=reply["model"])

        ask: list[Ask] = [classifier.ask, model_asked(intents, prompt)]
        found = await recognise(intents, text, ask, now=datetime.now(UTC))
        return {
            "intent": found.intent,
            "by": found.by,
            "confidence": found.confidence,
            "notes": list(found.notes),
        }

    def teach(self, text: str, intent: str) -> None:
        """Keeps that a text has an intent; every classifier learns it.

        Raises:
            InvalidError: it cannot be kept.
        """
        feedback.teach(self._taught, text, intent)
        self._known.clear()

    def _of(self, listed: Any) -> tuple[Intents, ClassifierService]:
        key = json.dumps(listed, ensure_ascii=False, sort_keys=True)
        known = self._known.pop(key, None)
        if known is None:
            intents = _intents(listed)
            examples = [each for each in feedback.taught(self._taught) if each[1] in intents.by_name]
            known = intents, ClassifierService(intents, examples)
        self._known[key] = known
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return known


def _intents(listed: Any) -> Intents:
    if not isinstance(listed, list) or not listed or not all(_is_intent(each) for each in listed):
        raise InvalidError("must be a list of [name, [pattern, …]]", where="intents")
    try:
        return made([[name, patterns, 0, None] for name, patterns in listed], [])
    except PatternError as error:
        raise InvalidError(str(error), where="intents") from None


def _is_intent(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], list)
        and all(isinstance(each, str) and each for each in value[1])
    )
