# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart of one sensor over hours and days: the mean of each span, between the least and the greatest. Pure."""

from itertools import pairwise
from math import floor, log10
from statistics import median
from typing import Any

from ganglion.units import MILLISECOND
from ganglion_gateway.dashboard import chart
from ganglion_gateway.dashboard.style import ACCENT, CHART_INK

#: Range of a chart -> how many seconds it shows; the live one is of single readings.
LIVE = "live"
RANGES = {LIVE: chart.WINDOW, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
#: Spans that a chart's time is cut into.
SPANS = 240
#: Silence of so many times what lies between two spans is a gap in the line.
_GAP = 3.5

Point = list[float | None]


def lived(points: list[list[float]], *, label: str, stepped: bool) -> dict[str, Any]:
    """That of the last minutes, with a frame around what is pushed to it."""
    found = chart.options(points, label=label)
    found["series"][0] |= {"step": "end" if stepped else False, "sampling": None if stepped else "lttb"}
    found["xAxis"] |= {":min": f"axis => axis.max - {1000 * chart.WINDOW}", "minInterval": 60_000, "splitNumber": 5}
    return found


def spanned(answer: dict[str, Any], *, label: str, begin: int, end: int) -> dict[str, Any]:
    """That of a longer time.

    Args:
        answer: Of `GET /nodes/{node}/history`.
        begin: Nanoseconds since the Unix epoch, and so is `end`.
    """
    low, spread, mean = _lines(answer["spans"], answer["step"])
    found = chart.options([], label=label)
    days = end - begin > 2 * 86_400 * 10**9
    del found["xAxis"][":min"]
    found["xAxis"] |= {
        "min": begin // MILLISECOND,
        "max": end // MILLISECOND,
        "splitNumber": 4,
        "axisLabel": {
            **found["xAxis"]["axisLabel"],
            "formatter": "{MM}-{dd}" if days else {"day": "{HH}:{mm}", "hour": "{HH}:{mm}", "minute": "{HH}:{mm}"},
        },
    }
    found["yAxis"]["minInterval"] = _finest(answer["spans"])
    found["tooltip"] |= {":formatter": "points => window.ganglion.span(points)"}
    band = {"type": "line", "showSymbol": False, "silent": True, "stack": "band", "stackStrategy": "all"}
    hidden = {"lineStyle": {"opacity": 0}, "itemStyle": {"opacity": 0}}
    [line] = found["series"]
    line |= {"data": mean, "z": 3, "areaStyle": None, "sampling": None, "showSymbol": len(mean) < 3, "symbolSize": 5}
    found["series"] = [
        {**band, **hidden, "data": low},
        {**band, **hidden, "data": spread, "areaStyle": {"color": ACCENT, "opacity": 0.2}},
        line,
    ]
    found["xAxis"]["axisLine"] = {"show": True, "lineStyle": {"color": CHART_INK, "opacity": 0.3}}
    return found


def _finest(spans: list[list[Any]]) -> float:
    """What two labels of the axis of values differ by at least: less, and both would be written alike."""
    most = max((max(abs(span[1]), abs(span[3])) for span in spans), default=0.0)
    return 10.0 ** (floor(log10(most)) - 4) if most else 0.0


def _lines(spans: list[list[Any]], step: int) -> tuple[list[Point], list[Point], list[Point]]:
    """The least, how much more the greatest is, and the mean; with nothing where the sensor was silent."""
    between = [later[0] - earlier[0] for earlier, later in pairwise(spans)]
    most = _GAP * max(step, median(between)) if between else 0
    low: list[Point] = []
    spread: list[Point] = []
    mean: list[Point] = []
    before = None
    for begin, least, middle, greatest, _ in spans:
        at = (begin + step // 2) // MILLISECOND
        if before is not None and begin - before > most:
            for line in (low, spread, mean):
                line.append([(before + step) // MILLISECOND, None])
        low.append([at, least])
        spread.append([at, greatest - least])
        mean.append([at, round(middle, 4) if abs(middle) < 1e9 else middle])
        before = begin
    return low, spread, mean
