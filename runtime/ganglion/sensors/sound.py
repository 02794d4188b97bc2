# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound cut into frames with their features: by the native core where it is built, by its Python twin elsewhere.

`BACKEND` says which. A test holds the two to the same results.
"""

from ganglion.units import SECOND
from ganglion_micro import sound as twin
from ganglion_micro.sound import BANDS, FRAME, HOP, RATE, decibels

__all__ = ["BACKEND", "BANDS", "HOP", "RATE", "WIDTH", "Sound", "decibels"]

WIDTH = 2  # bytes of a sample
HOP_TIME = SECOND * HOP // RATE  # nanoseconds of a frame

try:
    from ganglion._native import ffi, lib
except ImportError:
    Sound = twin.Sound
    BACKEND = "python"
else:
    BACKEND = "native"

    class Sound:  # type: ignore[no-redef]
        """See the twin. Not for several threads at once."""

        def __init__(self, capacity: int, weighted: bool = False, bands: bool = False) -> None:
            core = lib.gg_sound_new(capacity, weighted, bands)
            if core == ffi.NULL:
                raise MemoryError(f"{capacity} frames of sound")
            self._core = ffi.gc(core, lib.gg_sound_free)
            self._samples = ffi.new("int16_t[]", capacity * HOP)
            self._frames = ffi.new("double[]", capacity * FRAME)
            self._capacity = capacity

        def feed(self, pcm: bytes | memoryview) -> int:
            """See the twin."""
            return WIDTH * int(lib.gg_sound_feed(self._core, ffi.from_buffer("int16_t[]", pcm), len(pcm) // WIDTH))

        def take(self, count: int) -> tuple[bytes, list[list[float]]] | None:
            """See the twin."""
            if count > self._capacity or not lib.gg_sound_take(self._core, count, self._samples, self._frames):
                return None
            numbers = ffi.unpack(self._frames, count * FRAME)
            frames = [numbers[start : start + FRAME] for start in range(0, count * FRAME, FRAME)]
            return bytes(ffi.buffer(self._samples, count * HOP * WIDTH)), frames
