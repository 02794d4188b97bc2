# SPDX-License-Identifier: GPL-3.0-or-later
"""What small luma planes after each other say: how bright it is, what moves, and whether the camera is covered."""

from ganglion.sensors import signal
from ganglion.sensors.frames.frame import WIDTH
from ganglion.sensors.source import Value

#: Steps of 255 from a pixel to the next, on average, below which there is nothing to see: a hand or a cap before the
#: lens, or the dark. A wall with a lamp on it has more than 1.
_NOTHING = 0.75
#: Planes in a row that show nothing before it counts as covered: somebody who walks past closely is none.
_COVERED = 3


class Scene:
    """Planes in, values out.

    Args:
        threshold: By how many steps of 255 a pixel must change to count as moved.
        moving: The percentage of pixels from which something moves.
        hold: Planes that it goes on moving after the last of them: who pauses has not gone.
    """

    def __init__(self, *, threshold: int, moving: float, hold: int) -> None:
        self._threshold = threshold
        self._moving = moving
        self._hold = hold
        self._left = 0
        self._nothing = 0
        self._before = b""

    def add(self, plane: bytes) -> dict[str, Value]:
        """Brightness in percent of white, motion in percent of the pixels, and whether something moves or covers it.

        Motion is what has changed beside a change of light that all pixels share. The first plane has none.
        """
        values: dict[str, Value] = {"brightness": signal.luma_mean(plane) / 2.55}
        if self._before:
            lighter = signal.luma_lighter(self._before, plane)
            motion = 100 * signal.luma_motion(self._before, plane, self._threshold, lighter) / len(plane)
            self._left = self._hold + 1 if motion >= self._moving else max(self._left - 1, 0)
            values |= {"motion": motion, "moving": self._left > 0}
        self._nothing = self._nothing + 1 if signal.luma_texture(plane, WIDTH) < _NOTHING else 0
        values["covered"] = self._nothing >= _COVERED
        self._before = plane
        return values
