# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of pictures: from the native core where it is built, from its Python twin elsewhere.

`BACKEND` says which. A test holds the two to the same results.
"""

from typing import Any

from ganglion_micro import signal as twin

try:
    from ganglion._native import ffi, lib
except ImportError:
    luma_lighter = twin.luma_lighter
    luma_mean = twin.luma_mean
    luma_motion = twin.luma_motion
    luma_reduce = twin.luma_reduce
    luma_texture = twin.luma_texture
    BACKEND = "python"
else:
    BACKEND = "native"

    def luma_mean(plane: bytes) -> float:
        """See the twin."""
        return float(lib.gg_luma_mean(ffi.from_buffer("uint8_t[]", plane), len(plane)))

    def luma_texture(plane: bytes, width: int) -> float:
        """See the twin."""
        rows = len(plane) // width if width else 0
        return float(lib.gg_luma_texture(ffi.from_buffer("uint8_t[]", plane), width, rows))

    def luma_lighter(before: bytes, after: bytes) -> int:
        """See the twin."""
        return int(lib.gg_luma_lighter(*_planes(before, after), len(before)))

    def luma_motion(before: bytes, after: bytes, threshold: int, lighter: int = 0) -> int:
        """See the twin."""
        return int(lib.gg_luma_motion(*_planes(before, after), len(before), threshold, lighter))

    def luma_reduce(
        picture: bytes | memoryview,
        size: tuple[int, int],
        to: tuple[int, int],
        first: int = 0,
        pixel: int = 1,
        row: int = 0,
    ) -> bytes:
        """See the twin."""
        width, height = size
        row = row or width * pixel
        if min(*size, *to) < 1 or first + (height - 1) * row + (width - 1) * pixel >= len(picture):
            raise ValueError(f"{len(picture)} bytes are no picture of {width} by {height}")
        plane = bytearray(to[0] * to[1])
        told = ffi.new("gg_picture *")
        buffer = ffi.from_buffer("uint8_t[]", picture)
        told.first, told.width, told.height, told.pixel, told.row = buffer + first, width, height, pixel, row
        lib.gg_luma_reduce(told, ffi.from_buffer("uint8_t[]", plane), *to)
        return bytes(plane)

    def _planes(before: bytes, after: bytes) -> tuple[Any, Any]:
        if len(before) != len(after):
            raise ValueError(f"planes of {len(before)} and {len(after)} pixels cannot be compared")
        return ffi.from_buffer("uint8_t[]", before), ffi.from_buffer("uint8_t[]", after)
