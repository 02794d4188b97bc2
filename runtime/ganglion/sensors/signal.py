# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of sound and pictures: from the native core where it is built, from its Python twin elsewhere.

`BACKEND` says which. A test holds the two to the same results.
"""

from ganglion_micro import signal as twin

try:
    from ganglion._native import ffi, lib
except ImportError:
    audio_level = twin.audio_level
    audio_zero_crossings = twin.audio_zero_crossings
    luma_mean = twin.luma_mean
    luma_motion = twin.luma_motion
    BACKEND = "python"
else:
    BACKEND = "native"

    def audio_level(pcm: bytes | memoryview) -> float:
        """See the twin."""
        return float(lib.gg_audio_level(ffi.from_buffer("int16_t[]", pcm), len(pcm) // 2))

    def audio_zero_crossings(pcm: bytes | memoryview) -> int:
        """See the twin."""
        return int(lib.gg_audio_zero_crossings(ffi.from_buffer("int16_t[]", pcm), len(pcm) // 2))

    def luma_mean(plane: bytes) -> float:
        """See the twin."""
        return float(lib.gg_luma_mean(ffi.from_buffer("uint8_t[]", plane), len(plane)))

    def luma_motion(before: bytes, after: bytes, threshold: int) -> int:
        """See the twin."""
        if len(before) != len(after):
            raise ValueError(f"planes of {len(before)} and {len(after)} pixels cannot be compared")
        planes = ffi.from_buffer("uint8_t[]", before), ffi.from_buffer("uint8_t[]", after)
        return int(lib.gg_luma_motion(*planes, len(before), threshold))
