# SPDX-License-Identifier: GPL-3.0-or-later
"""Values, times and events as people read them. Pure."""

import json
from datetime import UTC, datetime
from typing import Any

from ganglion.units import SECOND
from ganglion_gateway.dashboard.words import Say, speaking

#: UCUM units by what people write; the others are shown as they are.
_UNITS = {"Cel": "°C", "1": "", "By": "B", "Ohm": "Ω", "deg": "°", "m/s2": "m/s²"}
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
SPANS = ((86400, "d"), (3600, "h"), (60, "min"))
_MAX_TEXT = 80
_ENGLISH = speaking("en")


def reading(value: Any, unit: str, say: Say = _ENGLISH) -> tuple[str, str]:
    """A value and its unit, short enough for a tile."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return short(value), _UNITS.get(unit, unit)
    if unit == "By":
        for size, name in _SIZES:
            if abs(value) >= size:
                return number(value / size), name
    if unit == "s" and abs(value) >= 120:
        return span(value, say), ""
    return number(value), _UNITS.get(unit, unit)


def number(value: float) -> str:
    """A number with at most four digits that say something, and thousands apart."""
    size = abs(value)
    if size >= 10_000:
        return f"{value:.4g}" if size >= 1e9 else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    digits = 0 if size >= 1000 else 1 if size >= 10 else 2
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in ("0", "-0") and value:
        text = f"{value:.2g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


def span(seconds: float, say: Say = _ENGLISH) -> str:
    """A length of time in its two greatest units, or in one where the other adds nothing."""
    left = int(abs(seconds))
    for index, (size, unit) in enumerate(SPANS):
        if left >= size:
            smaller, name = SPANS[index + 1] if index + 1 < len(SPANS) else (1, "s")
            rest = left % size // smaller
            return f"{left // size} {say(unit)}" + (f" {rest} {say(name)}" if rest else "")
    return f"{left} {say('s')}"


def ago(nanoseconds: int, say: Say = _ENGLISH) -> str:
    """How long ago something was."""
    seconds = nanoseconds // SECOND
    if seconds < 2:
        return say("just now")
    for size, unit in SPANS:
        if seconds >= size:
            return say("{span} ago").format(span=f"{seconds // size} {say(unit)}")
    return say("{span} ago").format(span=f"{seconds} {say('s')}")


def short(value: Any) -> str:
    """Any JSON value on one line."""
    if isinstance(value, dict):
        text = " · ".join(f"{key} {short(item)}" for key, item in value.items())
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float | int):
        text = number(value)
    elif isinstance(value, str):
        text = value
    else:
        text = "" if value is None else json.dumps(value, ensure_ascii=False)
    return cut(text)


def cut(text: str) -> str:
    """A text on one line, without what is too much of it."""
    text = whole(text)
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def whole(text: str) -> str:
    """A text on one line, however long it is."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def exact(value: bool | float | str) -> str:
    """A value as it is, neither rounded nor cut: for who answers for it. Texts are in quotes."""
    return repr(value) if isinstance(value, str) else json.dumps(value)


def iso(at: int) -> str:
    """A time for machines and for a tooltip, to the second."""
    return f"{datetime.fromtimestamp(min(at // SECOND, 253_402_300_799), UTC):%Y-%m-%d %H:%M:%S} UTC"
