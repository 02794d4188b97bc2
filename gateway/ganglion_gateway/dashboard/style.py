# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours and marks that the dashboard's Python needs too; how it looks is in `static/*.css`."""

from pathlib import Path

ACCENT = "#0d9488"
#: Of axes and labels in charts; between the two grounds, so that it is read on both.
CHART_INK = "#7b8a97"

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#0d9488" stroke-width="2.4">'
    '<path d="M16 16 5 7M16 16 27 7M16 16 16 29"/></g><g fill="#0d9488"><circle cx="16" cy="16" r="5.5"/>'
    '<circle cx="5" cy="7" r="3"/><circle cx="27" cy="7" r="3"/><circle cx="16" cy="28" r="3"/></g></svg>'
)

_STATIC = Path(__file__).parent / "static"
CSS = "".join(path.read_text(encoding="utf-8") for path in sorted(_STATIC.glob("*.css")))
SCRIPT = (_STATIC / "dashboard.js").read_text(encoding="utf-8")
