# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pixels a line, an ellipse and a polygon have: whole numbers in, points or (left, row, width) out."""

from collections.abc import Iterator


def line(x1: int, y1: int, x2: int, y2: int) -> Iterator[tuple[int, int]]:
    """Bresenham's line, both ends included."""
    dx, dy = abs(x2 - x1), abs(y2 - y1)
    sx, sy = (1 if x2 > x1 else -1), (1 if y2 > y1 else -1)
    steep = dy > dx
    if steep:
        x1, y1, dx, dy, sx, sy = y1, x1, dy, dx, sy, sx
    error = 2 * dy - dx
    for _ in range(dx):
        yield (y1, x1) if steep else (x1, y1)
        while error >= 0:
            y1 += sy
            error -= 2 * dx
        x1 += sx
        error += 2 * dy
    yield x2, y2


def ellipse(cx: int, cy: int, rx: int, ry: int, fill: bool, quarters: int) -> Iterator[tuple[int, int, int]]:
    """Kennedy's ellipse: from the side to where it is at 45 degrees, then from the top."""
    if rx == 0 and ry == 0:
        if quarters & 15:
            yield cx, cy, 1
        return
    for x, y in _arc(rx, ry):
        yield from _points(cx, cy, x, y, fill, quarters)
    for y, x in _arc(ry, rx):
        yield from _points(cx, cy, x, y, fill, quarters)


def _arc(a: int, b: int) -> Iterator[tuple[int, int]]:
    """Points from (a, 0) on, while the curve goes more along b than along a."""
    x, y, error = a, 0, 0
    x_change, y_change = b * b * (1 - 2 * a), a * a
    x_stop, y_stop = 2 * b * b * a, 0
    while x_stop >= y_stop:
        yield x, y
        y += 1
        y_stop += 2 * a * a
        error += y_change
        y_change += 2 * a * a
        if 2 * error + x_change > 0:
            x -= 1
            x_stop -= 2 * b * b
            error += x_change
            x_change += 2 * b * b


def _points(cx: int, cy: int, x: int, y: int, fill: bool, quarters: int) -> Iterator[tuple[int, int, int]]:
    for bit, right, row in [(1, True, cy - y), (2, False, cy - y), (4, False, cy + y), (8, True, cy + y)]:
        if not quarters & bit:
            continue
        if fill:
            yield (cx if right else cx - x), row, x + 1
        else:
            yield (cx + x if right else cx - x), row, 1


def polygon(points: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """The inside of a closed outline by the even-odd rule, row by row."""
    edges = list(zip(points, points[-1:] + points[:-1], strict=True))
    for row in range(min(y for _, y in points), max(y for _, y in points) + 1):
        crossings = []
        for (x1, y1), (x2, y2) in edges:
            if (y1 <= row) != (y2 <= row):
                crossings.append(_rounded(32 * x1 + _towards_zero(32 * (x2 - x1) * (row - y1), y2 - y1)))
            elif y1 == row == y2:
                yield min(x1, x2), row, abs(x2 - x1) + 1
            elif row == max(y1, y2):
                yield (x1 if y1 == row else x2), row, 1
        crossings.sort()
        for left, right in zip(crossings[0::2], crossings[1::2], strict=False):
            yield left, row, right - left + 1


def _towards_zero(a: int, b: int) -> int:
    return int(abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)


def _rounded(value: int) -> int:
    return _towards_zero(value + 16, 32)
