# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as Home Assistant, Zigbee2MQTT and Tasmota write them, and as Ganglion does, in UCUM."""

#: Theirs to ours.
_UCUM = {
    "°C": "Cel",
    "°F": "[degF]",
    "W": "W",
    "kW": "kW",
    "VA": "V.A",
    "Wh": "W.h",
    "kWh": "kW.h",
    "V": "V",
    "mV": "mV",
    "A": "A",
    "mA": "mA",
    "Hz": "Hz",
    "Pa": "Pa",
    "hPa": "hPa",
    "kPa": "kPa",
    "mbar": "mbar",
    "lx": "lx",
    "ppm": "[ppm]",
    "ppb": "[ppb]",
    "µg/m³": "ug/m3",
    "mg/m³": "mg/m3",
    "m³": "m3",
    "m³/h": "m3/h",
    "m/s": "m/s",
    "dBm": "dB[mW]",
    "B": "By",
    "%": "%",
    "dB": "dB",
    "K": "K",
    "L": "L",
    "ms": "ms",
    "s": "s",
    "min": "min",
    "h": "h",
    "d": "d",
    "mm": "mm",
    "cm": "cm",
    "m": "m",
    "kg": "kg",
    "g": "g",
    "°": "deg",
}
_THEIRS = {ours: theirs for theirs, ours in _UCUM.items()}


def ucum(theirs: str) -> str:
    """The UCUM unit; what is not in the table stays as it is, and no unit is "1"."""
    return _UCUM.get(theirs, theirs) or "1"


def theirs(ours: str) -> str | None:
    """The unit as Home Assistant knows it; None for one that is not in the table."""
    return _THEIRS.get(ours)
