# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads units that people write after a number, in symbols or in English and Ukrainian words, as UCUM codes."""

import re

#: Case matters in these: mW is no MW.
_SYMBOLS = {
    "%": "%", "°": "Cel", "°C": "Cel", "°С": "Cel", "°c": "Cel", "°с": "Cel", "C": "Cel", "°F": "[degF]", "K": "K",
    "W": "W", "kW": "kW", "MW": "MW", "mW": "mW", "Wh": "W.h", "kWh": "kW.h", "MWh": "MW.h", "V": "V", "mV": "mV",
    "A": "A", "mA": "mA", "Ah": "A.h", "mAh": "mA.h", "m": "m", "km": "km", "cm": "cm", "mm": "mm", "kg": "kg",
    "g": "g", "mg": "mg", "l": "L", "L": "L", "ml": "mL", "mL": "mL", "Pa": "Pa", "hPa": "hPa", "kPa": "kPa",
    "bar": "bar", "mbar": "mbar", "lx": "lx", "dB": "dB", "ppm": "[ppm]", "Hz": "Hz", "kHz": "kHz", "MHz": "MHz",
    "rpm": "{rpm}",
    "Вт": "W", "кВт": "kW", "МВт": "MW", "В": "V", "мВ": "mV", "А": "A", "мА": "mA", "м": "m", "км": "km", "см": "cm",
    "мм": "mm", "кг": "kg", "г": "g", "мг": "mg", "л": "L", "мл": "mL", "Па": "Pa", "гПа": "hPa", "кПа": "kPa",
    "бар": "bar", "лк": "lx", "дБ": "dB", "Гц": "Hz", "кГц": "kHz",
}  # fmt: skip
_WORDS = {
    "degree": "Cel", "celsius": "Cel", "fahrenheit": "[degF]", "kelvin": "K", "percent": "%", "watt": "W",
    "kilowatt": "kW", "volt": "V", "amp": "A", "ampere": "A", "metre": "m", "meter": "m", "kilometre": "km",
    "kilometer": "km", "centimetre": "cm", "centimeter": "cm", "millimetre": "mm", "millimeter": "mm",
    "kilogram": "kg", "kilo": "kg", "gram": "g", "litre": "L", "liter": "L", "pascal": "Pa", "hectopascal": "hPa",
    "lux": "lx", "decibel": "dB", "hertz": "Hz",
}  # fmt: skip
#: Ukrainian words have endings: the longest beginning counts, with at most three letters after it.
_STEMS = {
    "градус": "Cel", "відсот": "%", "процент": "%", "ват": "W", "кіловат": "kW", "вольт": "V", "ампер": "A",
    "метр": "m", "кілометр": "km", "сантиметр": "cm", "міліметр": "mm", "кілограм": "kg", "грам": "g", "літр": "L",
    "паскал": "Pa", "гектопаскал": "hPa", "люкс": "lx", "децибел": "dB", "герц": "Hz",
}  # fmt: skip
_TIMES = {"s": "s", "h": "h", "min": "min", "second": "s", "hour": "h", "minute": "min", "с": "s", "год": "h",
          "хв": "min", "секунду": "s", "годину": "h", "хвилину": "min"}  # fmt: skip

_NAME = re.compile(r"\s?(%|°\s?[CcFfСс](?!\w)|°|[^\W\d_]+)")
_SCALE = re.compile(r"\s(celsius|fahrenheit|c|f|цельсія|фаренгейта)(?!\w)")
_PER = re.compile(r"(?:\s?/\s?|\s(?:per|за|на)\s)([^\W\d_]+)")
_HOURS = re.compile(r"(?:[\s·*-]?(?:hours?|годин\w{0,2})|[·*](?:h|год))(?!\w)")


def unit(text: str, at: int) -> tuple[str, int] | None:
    """The UCUM code of the unit that begins at a place of a plain text, and where it ends.

    A degree that says no scale is one of Celsius: of what a home measures, most are.
    """
    if not (match := _NAME.match(text, at)):
        return None
    name, end = match[1].replace(" ", ""), match.end()
    code = _SYMBOLS.get(name) or _word(name.lower())
    if code is None:
        return None
    lowered = text.lower()
    if name.lower().startswith(("degree", "градус")) and (scale := _SCALE.match(lowered, end)):
        return ("[degF]" if scale[1][0] in "fф" else "Cel"), scale.end()
    if code in ("W", "kW", "A") and (hours := _HOURS.match(lowered, end)):
        return f"{code}.h", hours.end()
    if (per := _PER.match(lowered, end)) and (time := _TIMES.get(per[1]) or _TIMES.get(per[1].removesuffix("s"))):
        return f"{code}/{time}", per.end()
    return code, end


def _word(word: str) -> str | None:
    known = _WORDS.get(word) or _WORDS.get(word.removesuffix("s"))
    if known is None and (stems := [stem for stem in _STEMS if word.startswith(stem) and len(word) <= len(stem) + 3]):
        known = _STEMS[max(stems, key=len)]
    return known
