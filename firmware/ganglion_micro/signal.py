# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of pictures as functions over bytes: the specification that the native core is held to.

A picture is a luma plane: one byte a pixel, 0 black to 255 white, rows one after the other.
"""


def luma_reduce(
    picture: "bytes | memoryview",
    size: "tuple[int, int]",
    to: "tuple[int, int]",
    first: int = 0,
    pixel: int = 1,
    row: int = 0,
) -> bytes:
    """A small luma plane of a picture as it lies in a camera's buffer.

    Each byte is the rounded mean of the pixels it stands for; where the picture has fewer, the nearest one.

    Args:
        picture: The buffer.
        size: Width and height of the picture, in pixels.
        to: Width and height of the plane.
        first: Where in the buffer the luma of the pixel at the top left is.
        pixel, row: Bytes from one pixel to the next, and from one row to the next; 0: rows follow without a gap.

    Raises:
        ValueError: the buffer is too short for such a picture, or a size is 0.
    """
    width, height = size
    row = row or width * pixel
    if min(width, height, to[0], to[1]) < 1 or first + (height - 1) * row + (width - 1) * pixel >= len(picture):
        raise ValueError("{} bytes are no picture of {} by {}".format(len(picture), width, height))
    plane = bytearray(to[0] * to[1])
    for y in range(to[1]):
        top, bottom = y * height // to[1], (y + 1) * height // to[1]
        for x in range(to[0]):
            left, right = x * width // to[0], (x + 1) * width // to[0]
            total = count = 0
            for line in range(top, max(bottom, top + 1)):
                for column in range(left, max(right, left + 1)):
                    total += picture[first + line * row + column * pixel]
                    count += 1
            plane[y * to[0] + x] = (total + count // 2) // count
    return bytes(plane)


def luma_mean(plane: bytes) -> float:
    """Mean brightness, 0 to 255; 0.0 of an empty plane."""
    return sum(plane) / len(plane) if plane else 0.0


def luma_texture(plane: bytes, width: int) -> float:
    """Mean difference of a pixel and the one to its left, 0 to 255: how much there is to see in rows of `width`."""
    if width < 2 or len(plane) < width:
        return 0.0
    height = len(plane) // width
    total = 0
    for y in range(height):
        for x in range(y * width + 1, (y + 1) * width):
            total += abs(plane[x] - plane[x - 1])
    return total / ((width - 1) * height)


def luma_lighter(before: bytes, after: bytes) -> int:
    """The median of how much lighter pixels have become, -255 to 255; 0 of empty planes.

    It is what has become of the light, whatever moves before less than half of it.

    Raises:
        ValueError: the planes are not of one size.
    """
    _comparable(before, after)
    differences = sorted([b - a for a, b in zip(before, after)])  # noqa: B905 - MicroPython's zip has no `strict`
    return differences[len(differences) // 2] if differences else 0


def luma_motion(before: bytes, after: bytes, threshold: int, lighter: int = 0) -> int:
    """How many pixels differ by more than `threshold` (0 to 255) where all have become lighter by `lighter`.

    Raises:
        ValueError: the planes are not of one size.
    """
    _comparable(before, after)
    changed = 0
    for a, b in zip(before, after):  # noqa: B905 - MicroPython's zip has no `strict`
        if abs(b - a - lighter) > threshold:
            changed += 1
    return changed


def _comparable(before: bytes, after: bytes) -> None:
    if len(before) != len(after):
        raise ValueError("planes of {} and {} pixels cannot be compared".format(len(before), len(after)))
