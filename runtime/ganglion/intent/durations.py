# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads durations that people write, in English and Ukrainian, as seconds."""

import re

from ganglion.intent.number import number

_UNITS = {
    "ms": 0.001, "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "min": 60, "mins": 60, "minute": 60,
    "minutes": 60, "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400,
    "days": 86400, "week": 604800, "weeks": 604800,
    "мс": 0.001, "с": 1, "сек": 1, "хв": 60, "год": 3600, "день": 86400, "дні": 86400, "днів": 86400, "дня": 86400,
    "доба": 86400, "добу": 86400, "доби": 86400, "діб": 86400, "тиждень": 604800, "тижні": 604800, "тижнів": 604800,
    "тижня": 604800,
}  # fmt: skip
_STEMS = {"секунд": 1, "хвилин": 60, "годин": 3600}
_UNIT = re.compile(r"\s?([^\W\d_]+)(?!')")
_HALF = re.compile(
    r"(?:(half)\s(?:an?\s)?|(пів)\s?(?=год|хв|сек|доб|дня|тиж)|(quarter of an|чверть)\s|(an?)\s)(?=[^\W\d_])"
)
_HALVES = {1: 0.5, 2: 0.5, 3: 0.25, 4: 1}
_AND_A_HALF = re.compile(r"\sand\sa\shalf(?!\w)")
_AND = re.compile(r"(?:\s?,\s?|\s(?:and\s|і\s|й\s|та\s)?|)(?=[^\W_])")


def duration(text: str, at: int) -> tuple[int | float, int] | None:
    """The seconds of the duration that begins at a place of a plain text in small letters, and where it ends.

    `10m` is ten minutes as in the language; `10 m` is none.
    """
    if not (part := _part(text, at)):
        return None
    total, unit, end = part
    while (between := _AND.match(text, end)) and (part := _part(text, between.end())) and part[1] < unit:
        total, unit, end = total + part[0], part[1], part[2]
    return (int(total) if total == int(total) else round(total, 6)), end


def _part(text: str, at: int) -> tuple[float, float, int] | None:
    """Seconds, those of the unit, and the end."""
    amount: float
    if half := _HALF.match(text, at):
        amount, end = _HALVES[half.lastindex or 1], half.end()
    elif found := number(text, at):
        amount, end = found
        if more := _AND_A_HALF.match(text, end):
            amount, end = amount + 0.5, more.end()
    else:
        return None
    if amount < 0 or not (match := _UNIT.match(text, end)):
        return None
    word = match[1]
    unit = 60 if match[0] == "m" else _UNITS.get(word) or next((_STEMS[s] for s in _STEMS if _ends(word, s)), None)
    if unit is None:
        return None
    end = match.end()
    if more := _AND_A_HALF.match(text, end):  # an hour and a half
        amount, end = amount + 0.5, more.end()
    return amount * unit, unit, end


def _ends(word: str, stem: str) -> bool:
    return word.startswith(stem) and len(word) <= len(stem) + 2
