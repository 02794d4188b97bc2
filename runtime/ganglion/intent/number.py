# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads numbers that people write, in digits or in English and Ukrainian words."""

import re

_DIGITS = re.compile(r"(?:(?<!\w)-)?\d+(?:[.,]\d+)*")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_BETWEEN = re.compile(r"(?:\s*-\s*|\s+)(?:and\s+)?")
_CYRILLIC = re.compile(r"[Ѐ-ӿ]")
#: Figures of a number: more of them no double holds.
_MOST = 15

_ONES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
    "нуль": 0, "один": 1, "одна": 1, "одне": 1, "одну": 1, "два": 2, "дві": 2, "три": 3, "чотири": 4, "п'ять": 5,
    "шість": 6, "сім": 7, "вісім": 8, "дев'ять": 9, "десять": 10, "одинадцять": 11, "дванадцять": 12,
    "тринадцять": 13, "чотирнадцять": 14, "п'ятнадцять": 15, "шістнадцять": 16, "сімнадцять": 17, "вісімнадцять": 18,
    "дев'ятнадцять": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "двадцять": 20, "тридцять": 30, "сорок": 40, "п'ятдесят": 50, "шістдесят": 60, "сімдесят": 70, "вісімдесят": 80,
    "дев'яносто": 90,
}  # fmt: skip
_HUNDREDS = {
    "сто": 100, "двісті": 200, "триста": 300, "чотириста": 400, "п'ятсот": 500, "шістсот": 600, "сімсот": 700,
    "вісімсот": 800, "дев'ятсот": 900,
}  # fmt: skip
_THOUSANDS = {"thousand", "тисяча", "тисячу", "тисячі", "тисяч"}
_ALONE = {"півтора": 1.5, "півтори": 1.5}
_MINUS = ("minus", "мінус")


def number(text: str, at: int) -> tuple[int | float, int] | None:
    """The number that begins at a place of a plain text in small letters, and where it ends.

    A comma is the decimal point, but for `1,000` in a text without Cyrillic letters.
    """
    if match := _DIGITS.match(text, at):
        value = _figures(match[0], _CYRILLIC.search(text) is not None)
        return None if value is None else (value, match.end())
    if not (word := _WORD.match(text, at)):
        return None
    if word[0] in _MINUS:
        after = text[word.end() : word.end() + 1]
        found = number(text, word.end() + 1) if after == " " else None
        return None if found is None or found[0] < 0 else (-found[0], found[1])
    if word[0] in _ALONE:
        return _ALONE[word[0]], word.end()
    return _words(text, word)


def _figures(text: str, is_ukrainian: bool) -> int | float | None:
    if sum(map(str.isdigit, text)) > _MOST or not text.isascii():
        return None
    if not is_ukrainian and _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    whole, *rest = text.replace(",", ".").split(".")
    if len(rest) > 1:  # a version, a date, an address
        return None
    return float(f"{whole}.{rest[0]}") if rest else int(whole)


def _words(text: str, word: re.Match[str] | None) -> tuple[int, int] | None:
    """Adds words up as long as each is of a smaller order than the one before."""
    total = part = 0
    end = -1
    room = 1000  # what the next word must stay below
    while word is not None:
        said = word[0]
        value = _ONES.get(said, _TENS.get(said, _HUNDREDS.get(said, 0)))
        if said in _THOUSANDS and 0 < part < 1000 and not total:
            total, part, room = part * 1000, 0, 1000
        elif said == "hundred" and 0 < part < 10:
            part, room = part * 100, 100
        elif said in _ONES or said in _TENS or said in _HUNDREDS:
            if value >= room or (value == 0 and end >= 0):
                break
            part += value
            room = 100 if value >= 100 else 10 if value >= 20 else 0
        else:
            break
        end = word.end()
        between = _BETWEEN.match(text, end)
        word = _WORD.match(text, between.end()) if between else None
    return None if end < 0 else (total + part, end)
