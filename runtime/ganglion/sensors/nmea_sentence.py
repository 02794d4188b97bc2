# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences of NMEA 0183 without I/O: bytes of a receiver in, cut anywhere, and values by channel out."""

import re
from collections.abc import Sequence
from functools import reduce
from operator import xor

from ganglion.sensors.source import Value

#: The standard allows 82 characters; receivers with more digits than it knew of say some more.
_LONGEST = 120
_SENTENCE = re.compile(rb"\$([^*]*)\*([0-9A-Fa-f]{2})")
#: GPS, several together, GLONASS, Galileo, BeiDou (two ids) and QZSS, and what they say of where they are.
_OURS = re.compile(r"(?:G[PNLABQ]|BD)(GGA|RMC|GSA)")
_NUMBER = re.compile(r"-?\d+(\.\d*)?", re.ASCII)
_ANGLE = re.compile(r"(\d{2,3})(\d{2}(?:\.\d*)?)", re.ASCII)
_KNOT = 1852 / 3600  # m/s

CHANNELS = {
    "fix": "",
    "latitude": "deg",
    "longitude": "deg",
    "altitude": "m",
    "speed": "m/s",
    "course": "deg",
    "quality": "1",
    "satellites": "1",
    "dimensions": "1",
    "hdop": "1",
    "vdop": "1",
    "bad_lines": "1",
}


class Sentences:
    """Takes a receiver's bytes. What is damaged is counted in `bad` and left out; what is of other kinds is left out.

    What came before the first line's begin is not counted: who listens comes in the middle of a line.
    """

    def __init__(self) -> None:
        self.bad = 0
        self._line = bytearray()
        self._begun = False

    def feed(self, data: bytes) -> list[dict[str, Value]]:
        """What each sentence says that ends in `data`; nothing of a sentence of another kind."""
        found = []
        for byte in data:
            if byte in b"\r\n$":
                if (values := self._end()) is not None:
                    found.append(values)
                self._begun = True
            if byte not in b"\r\n" and len(self._line) <= _LONGEST:
                self._line.append(byte)
        return found

    def _end(self) -> dict[str, Value] | None:
        line, self._line = bytes(self._line), bytearray()
        if not line or not self._begun:
            return None
        try:
            return decode(line)
        except ValueError:
            self.bad += 1
            return None


def decode(line: bytes) -> dict[str, Value] | None:
    """What one sentence says, from `$` to its checksum; None for a kind or talker that is not read here.

    Degrees go to the north and east; the course is over ground, from true north. Without a fix there is no position.

    Raises:
        ValueError: it is no sentence, its checksum is wrong, or a field is not what the kind has there.
    """
    found = _SENTENCE.fullmatch(line)
    if not found or len(line) > _LONGEST:
        raise ValueError(f"{line[:40]!r} is no sentence")
    if reduce(xor, found[1], 0) != int(found[2], 16):
        raise ValueError(f"the checksum of {line!r} is wrong")
    address, *fields = found[1].decode("ascii").split(",")
    if not (ours := _OURS.fullmatch(address)):
        return None
    decoder, least = {"GGA": (_gga, 14), "RMC": (_rmc, 11), "GSA": (_gsa, 17)}[ours[1]]
    if len(fields) < least:
        raise ValueError(f"{address} has {len(fields)} fields, not {least}")
    return {channel: value for channel, value in decoder(fields).items() if value is not None}


def _gga(fields: Sequence[str]) -> dict[str, Value | None]:
    """Time, position, quality, satellites, HDOP, altitude in metres, and what is left out here."""
    quality = _whole(fields[5]) or 0
    values: dict[str, Value | None] = {"fix": quality > 0, "quality": quality, "satellites": _whole(fields[6])}
    if quality:
        values |= _position(fields[1:5]) | {"hdop": _number(fields[7]), "altitude": _number(fields[8])}
    return values


def _rmc(fields: Sequence[str]) -> dict[str, Value | None]:
    """Time, status, position, speed in knots, course, date, and what is left out here; since 2.3 a mode."""
    if fields[1] not in ("A", "V"):
        raise ValueError(f"{fields[1]!r} is no status")
    if fields[1] == "V" or fields[11:12] == ["N"]:
        return {"fix": False}
    speed = _number(fields[6])
    values = {"fix": True, "speed": None if speed is None else speed * _KNOT, "course": _number(fields[7])}
    return values | _position(fields[2:6])


def _gsa(fields: Sequence[str]) -> dict[str, Value | None]:
    """How chosen, 1 for no fix or how many dimensions, twelve satellites, PDOP, HDOP, VDOP."""
    if fields[1] == "1":
        return {"dimensions": 0}
    if fields[1] not in ("2", "3"):
        raise ValueError(f"{fields[1]!r} is no kind of fix")
    vdop = _number(fields[16]) if fields[1] == "3" else None
    return {"dimensions": int(fields[1]), "hdop": _number(fields[15]), "vdop": vdop}


def _position(fields: Sequence[str]) -> dict[str, Value | None]:
    """Latitude, N or S, longitude, E or W; nothing where all are empty."""
    if not any(fields):
        return {}
    return {"latitude": _angle(fields[0], fields[1], "NS", 90), "longitude": _angle(fields[2], fields[3], "EW", 180)}


def _angle(text: str, side: str, sides: str, most: int) -> float:
    """Degrees from `ddmm.mmmm` or `dddmm.mmmm` and a side."""
    found = _ANGLE.fullmatch(text)
    if not found or len(found[1]) != len(str(most)) or len(side) != 1 or side not in sides:
        raise ValueError(f"{text!r} {side!r} is no place")
    minutes = float(found[2])
    degrees = int(found[1]) + minutes / 60
    if minutes >= 60 or degrees > most:
        raise ValueError(f"{text!r} is no place")
    return -degrees if side == sides[1] else degrees


def _number(text: str) -> float | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    return float(text)


def _whole(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no count")
    return int(text) if text else None
