# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of sound and pictures as functions over bytes: the specification that the native core is held to.

Sound is signed 16-bit PCM in the machine's byte order, one channel. A picture is a luma plane: one byte a pixel,
0 black to 255 white, rows one after the other.
"""

import math
from array import array

#: What silence reads as, in dBFS. A single ±1 in 100 ms at 16 kHz is -119; below that there is nothing to tell apart.
FLOOR = -120.0

#: Mean square of a full-scale sine: the reference of dBFS (AES17-2020 section 3.12.3), so that one reads 0 dBFS.
_FULL_SCALE = 32767.0 * 32767.0 / 2


def audio_level(pcm: "bytes | memoryview") -> float:
    """Root-mean-square level in dBFS, -120.0 for silence and for no samples. A full-scale square reads +3.01."""
    samples = array("h", pcm)
    energy = 0
    for sample in samples:
        energy += sample * sample
    if not energy:
        return FLOOR
    return max(FLOOR, 10 * math.log10(energy / len(samples) / _FULL_SCALE))


def audio_zero_crossings(pcm: "bytes | memoryview") -> int:
    """How often the sign changes from one sample to the next; zero counts as positive."""
    samples = array("h", pcm)
    crossings = 0
    negative = len(samples) > 0 and samples[0] < 0
    for sample in samples:
        if (sample < 0) != negative:
            crossings += 1
            negative = not negative
    return crossings


def luma_mean(plane: bytes) -> float:
    """Mean brightness, 0 to 255; 0.0 of an empty plane."""
    return sum(plane) / len(plane) if plane else 0.0


def luma_motion(before: bytes, after: bytes, threshold: int) -> int:
    """How many pixels differ by more than `threshold` (0 to 255).

    Raises:
        ValueError: the planes are not of one size.
    """
    if len(before) != len(after):
        raise ValueError("planes of {} and {} pixels cannot be compared".format(len(before), len(after)))
    changed = 0
    for a, b in zip(before, after):  # noqa: B905 - MicroPython's zip has no `strict`
        if a - b > threshold or b - a > threshold:
            changed += 1
    return changed
