# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody speaks, from the probabilities that a detector gives for each 10 ms of sound."""

#: Chunks in a row that must sound like speech before it counts as such: a click is shorter.
_ONSET = 3


class VoiceActivity:
    """Turns jumpy probabilities into speech and silence.

    Args:
        threshold: From which probability a chunk sounds like speech.
        hangover: Chunks that speech goes on after the last such one, over the pauses between words.
    """

    def __init__(self, *, threshold: float, hangover: int) -> None:
        self._threshold = threshold
        self._hangover = hangover
        self._in_a_row = 0
        self._left = 0
        self.active = False

    def add(self, probability: float) -> bool:
        """Whether somebody speaks, after one more chunk."""
        if probability >= self._threshold:
            self._in_a_row += 1
            if self.active or self._in_a_row >= _ONSET:
                self._left = self._hangover
                self.active = True
        else:
            self._in_a_row = 0
            if self._left > 0:
                self._left -= 1
            else:
                self.active = False
        return self.active
