# SPDX-License-Identifier: GPL-3.0-or-later
"""The classifier of a document as the gateway asks it: loaded and trained when it is first asked, beside the loop."""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from ganglion.errors import NotFoundError
from ganglion.extras import is_installed, remedy
from ganglion.intent.order import Guess
from ganglion.intent.recognition import Intents

if TYPE_CHECKING:
    from ganglion_gateway.intents.classifier import Classifier
    from ganglion_gateway.intents.minilm import MiniLM


class ClassifierService:
    """Answers for one document. The model is loaded once for all of them.

    Args:
        intents: The document's.
        feedback: Texts, and the names of their right intents.
    """

    def __init__(self, intents: Intents, feedback: Sequence[tuple[str, str]] = ()) -> None:
        self._intents = intents
        self._feedback = list(feedback)
        self._classifier: Classifier | None = None
        self._lock = asyncio.Lock()

    async def ask(self, text: str) -> Guess:
        """What the classifier says of a text.

        Raises:
            NotFoundError: its model is not installed.
            InvalidError: the model cannot be read, or there is nothing to learn from.
        """
        async with self._lock:
            if self._classifier is None:
                self._classifier = await asyncio.to_thread(_trained, self._intents, self._feedback)
        return await asyncio.to_thread(self._classifier.guess, text)

    async def teach(self, feedback: Sequence[tuple[str, str]]) -> None:
        """Takes other feedback in place of what it had; what is learned from it holds from the next question."""
        async with self._lock:
            self._feedback = list(feedback)
            self._classifier = None


def _trained(intents: Intents, feedback: Sequence[tuple[str, str]]) -> "Classifier":
    if not is_installed("intents"):
        raise NotFoundError(f"the classifier is not installed: {remedy('intents')}")
    from ganglion_gateway.intents.classifier import Classifier, examples

    return Classifier(_model(), examples(intents, feedback))


@cache
def _model() -> "MiniLM":
    from ganglion_gateway.intents.minilm import MiniLM, model_path

    return MiniLM(model_path())
