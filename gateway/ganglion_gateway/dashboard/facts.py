# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of one thing, each with its name."""

from collections.abc import Collection, Mapping

from nicegui import ui

from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import tagged


def pairs(lines: Mapping[str, str], *, codes: Collection[str] = ()) -> dict[str, ui.label]:
    """Shows names and values; the values, by name, to be changed later.

    Args:
        codes: Names of those that nobody reads as words.
    """
    shown = {}
    with ui.element("dl").classes("g-pair"):
        for name, value in lines.items():
            tagged("dt", name)
            shown[name] = tagged("dd", value)
            if name in codes:
                shown[name].classes("g-id")
    return shown


def size(count: int) -> str:
    """Bytes as people read them."""
    return " ".join(part for part in text.reading(count, "By") if part)
