# SPDX-License-Identifier: GPL-3.0-or-later
"""Learns which texts mean which intent, from few examples of each, on sentence embeddings.

Kernel ridge regression (Saunders, Gammerman and Vovk, 1998) on the kernel exp(a·b - 1) of embeddings of length 1. What
is near no example scores low for every intent, so that it can be told that it is none of them. A few examples are near
to much, so beside the intents it learns what is none of them: the sentences of background.txt.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from ganglion.errors import InvalidError
from ganglion.intent.order import Guess
from ganglion.intent.recognition import Intents
from ganglion.intent.samples import samples
from ganglion_gateway.intents.minilm import SIZE, Array, MiniLM

#: Examples to learn from: the square of them is held in memory while it learns.
MAX_EXAMPLES = 4000
#: Below it a text is none of the intents.
LEAST = 0.5
_RIDGE = 0.1
#: How sure it is: a logistic curve (Platt, 1999) of the score of the best intent, and of how far that is ahead of the
#: score of none; then what is added. Fitted on documents of one to five intents of tests/data/intents/office.yaml.
SCORE, AHEAD, OFFSET = 10.19, 2.18, -3.33
#: The inner product from which a sentence of the background says what an example says, and is left out.
_SAME = 0.6


class Classifier:
    """What was learned.

    Args:
        model: What makes the embeddings.
        examples: Texts, and the name of the intent of each; all intents count the same, however many each has.

    Raises:
        InvalidError: more than MAX_EXAMPLES, or none.
    """

    def __init__(self, model: MiniLM, examples: Sequence[tuple[str, str]]) -> None:
        if not 0 < len(examples) <= MAX_EXAMPLES:
            raise InvalidError(f"a classifier learns from 1 to {MAX_EXAMPLES} examples, and not from {len(examples)}")
        self._model = model
        self.names = list(dict.fromkeys(name for _, name in examples))
        learned = model.embed([text for text, _ in examples])
        none = _background(model)
        none = none[(none @ learned.T).max(1) < _SAME]
        rows = np.array([self.names.index(name) for _, name in examples] + [len(self.names)] * len(none))
        self._examples = np.concatenate([learned, none])
        count = np.bincount(rows)
        ridge = _RIDGE * count[rows] * len(count) / len(rows)
        self._weights = np.linalg.solve(
            _kernel(self._examples, self._examples) + np.diag(ridge), np.eye(len(self.names) + 1)[rows]
        )

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Of each text for each of `names`, and last for none of them, shape (texts, names + 1).

        About 0 for what has nothing to do with it, and 1 for an example.
        """
        if not texts:
            return np.zeros((0, len(self.names) + 1))
        return np.asarray(_kernel(self._model.embed(texts), self._examples) @ self._weights)

    def guess(self, text: str) -> Guess:
        """The intent of a text, or none of them; how sure the nearest one is in either case."""
        scores = self.scores([text])[0]
        best = int(scores[:-1].argmax())
        sure = confidence(float(scores[best]), float(scores[-1]))
        return Guess(self.names[best] if sure >= LEAST else None, "classifier", sure)


def confidence(score: float, none: float) -> float:
    """The share of texts with such a score, and such a one for none, whose best intent is the right one."""
    return float(1 / (1 + np.exp(-(SCORE * score + AHEAD * (score - none) + OFFSET))))


def examples(intents: Intents, feedback: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What there is to learn from: samples of the document's patterns, and what people said was right.

    Feedback of intents that the document has no more is left out; where there is too much, what came last is kept.
    """
    known = [(text, name) for text, name in dict(reversed(feedback)).items() if name in intents.by_name]
    each = max(1, (MAX_EXAMPLES - min(len(known), MAX_EXAMPLES // 2)) // max(1, len(intents.by_name)))
    found: dict[str, str] = {}
    for name, intent in intents.by_name.items():
        own = dict.fromkeys(sample for pattern in intent.patterns for sample in samples(pattern))
        found |= {sample: name for sample in list(own)[:each] if sample not in found}
    found |= dict(known[: MAX_EXAMPLES - min(len(found), MAX_EXAMPLES)])
    return list(found.items())


def _kernel(a: Array, b: Array) -> NDArray[np.float64]:
    assert a.shape[1] == b.shape[1] == SIZE
    return np.exp(a.astype(np.float64) @ b.T.astype(np.float64) - 1)


@cache
def _background(model: MiniLM) -> Array:
    """The embeddings of what is no intent of any document, shape (sentences, SIZE)."""
    lines = (files(__package__) / "background.txt").read_text(encoding="utf-8").splitlines()
    return model.embed([line for line in lines if not line.startswith("#")])
