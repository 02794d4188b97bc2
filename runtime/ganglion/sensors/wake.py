# SPDX-License-Identifier: GPL-3.0-or-later
"""Wake words: how likely each was just said, by the models that come inside pymicro-wakeword."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def models() -> dict[str, Path]:
    """Word, such as `okay_nabu`, to its model; empty where pymicro-wakeword is not installed. Nothing is imported."""
    spec = find_spec("pymicro_wakeword")
    folders = [] if spec is None else spec.submodule_search_locations or []
    return {path.stem: path for folder in folders for path in sorted(Path(folder, "models").glob("*.json"))}


class WakeWords:
    """Listens for some words.

    Args:
        words: Of `models`.
        hold: Frames of 10 ms that a word counts as just said.
    """

    def __init__(self, words: Iterable[str], *, hold: int) -> None:
        # both bring NumPy, which takes memory: only a node that listens for a word loads it
        from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

        known = models()
        self._features = MicroWakeWordFeatures()
        self._words: dict[str, Any] = {word: MicroWakeWord.from_config(known[word]) for word in words}
        self._hold = hold
        self._left = 0

    @property
    def heard(self) -> bool:
        """Whether one of the words was just said: its model was surer than the cut-off that it comes with."""
        return self._left > 0

    def add(self, sound: bytes) -> dict[str, float]:
        """The highest probability of each word in some more sound, a multiple of 10 ms."""
        highest = dict.fromkeys(self._words, 0.0)
        for features in self._features.process_streaming(sound):
            self._left = max(self._left - 1, 0)
            for word, model in self._words.items():
                probability = model.process_streaming_prob(features) or 0.0
                highest[word] = max(highest[word], float(probability))
                if probability > model.probability_cutoff:
                    self._left = self._hold
        return highest

    def close(self) -> None:
        """Gives the models' memory back."""
        for model in self._words.values():
            model.close()
        self._words.clear()
