# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart of one sensor, as options of Apache ECharts. Pure."""

from collections.abc import Iterable
from typing import Any

from ganglion.units import MILLISECOND
from ganglion_gateway.dashboard.style import ACCENT, CHART_INK

#: Seconds that a chart shows, and the most points of it that a page begins with.
WINDOW = 300
POINTS = 600
#: Lines across a chart.
SPLIT = {"lineStyle": {"color": CHART_INK, "opacity": 0.16}}

#: Where the axis of time begins: of one reading alone ECharts would show two days around it.
_LEAST = "({ min, max }) => isFinite(max) && max - min < 60000 ? max - 60000 : min"


def options(points: list[list[float]], *, label: str) -> dict[str, Any]:
    """A line over the last minutes, without a frame; its values and times are told on touch.

    Args:
        points: Milliseconds since the Unix epoch and value.
        label: What a screen reader says.
    """
    axis = {"axisLine": {"show": False}, "axisTick": {"show": False}}
    text = {"color": CHART_INK, "fontSize": 10, "hideOverlap": True}
    return {
        "animation": False,
        "aria": {"enabled": True, "label": {"description": label}},
        "grid": {"left": 2, "right": 14, "top": 8, "bottom": 2, "containLabel": True},
        "xAxis": {
            **axis,
            "type": "time",
            "splitNumber": 2,
            "minInterval": 60_000,  # labels have no seconds
            ":min": _LEAST,
            "splitLine": {"show": False},
            "axisLabel": {**text, "formatter": "{HH}:{mm}"},
        },
        "yAxis": {
            **axis,
            "type": "value",
            "scale": True,
            "splitNumber": 2,
            "splitLine": SPLIT,
            "axisLabel": {**text, ":formatter": "value => window.ganglion.number(value)"},
        },
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "axisPointer": {"lineStyle": {"color": CHART_INK}},
            "textStyle": {"fontSize": 12},
            ":valueFormatter": "value => window.ganglion.number(value)",
        },
        "series": [
            {
                "type": "line",
                "data": points,
                "showSymbol": False,
                "sampling": "lttb",
                "lineStyle": {"width": 1.8, "color": ACCENT},
                "itemStyle": {"color": ACCENT},
                "areaStyle": {"color": ACCENT, "opacity": 0.13},
            }
        ],
    }


def points(rows: Iterable[dict[str, Any]]) -> list[list[float]]:
    """The points of stored readings that are numbers."""
    return [point(row["timestamp"], row["number"]) for row in rows if row["number"] is not None]


def point(timestamp: int, value: float) -> list[float]:
    """One point."""
    return [timestamp // MILLISECOND, round(value, 4) if abs(value) < 1e9 else value]
