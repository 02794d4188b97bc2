# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `nmea`: where a satellite receiver at a serial port says that it is, from its GGA, RMC and GSA sentences."""

import errno
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ganglion import extras
from ganglion.errors import UsageError
from ganglion.sensors.nmea_sentence import CHANNELS, Sentences
from ganglion.sensors.serial_port import PORT, check_port, open_port
from ganglion.sensors.source import Place, Section, Source, Value

if TYPE_CHECKING:
    from serial import Serial

#: Seconds without a sentence after which something is wrong: receivers say where they are once a second.
_SILENCE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NmeaSection(Section):
    """`[sensor.<name>]` with `kind = "nmea"`.

    Attributes:
        port: For example `/dev/ttyAMA0`, or better a name below `/dev/serial/by-id`.
        baud: Most receivers begin with 9600; 4800 is the standard's.
    """

    port: str
    baud: int = 9600

    def __post_init__(self) -> None:
        check_port(self.port)
        if self.baud <= 0:
            raise ValueError(f"baud must be a rate such as 9600, not {self.baud}")


SECTION = NmeaSection


def source(section: NmeaSection, place: Place) -> Source:
    """The receiver.

    Raises:
        RefusedError: a section from afar names another device.
        UsageError: pyserial is not installed.
    """
    section = replace(section, port=place.device("port", section.port, PORT))
    if not place.replayed and find_spec("serial") is None:
        raise UsageError(f"{place.where}: {section.port} needs pyserial: {extras.remedy('serial', 'serial')}")
    return _Nmea(section)


class _Nmea(Source):
    branch = "signal.input.external.position"
    channels = CHANNELS
    every = 0  # sentences come at the receiver's pace

    def __init__(self, section: NmeaSection) -> None:
        self._section = section
        self._port: Serial | None = None
        self._interrupted = False
        self._waiting: deque[Mapping[str, Value]] = deque()
        self._bad = 0  # of the ports before this one

    def open(self) -> None:
        self._port = open_port(self._section.port, self._section.baud)
        self._sentences = Sentences()

    def sample(self) -> Mapping[str, Value]:
        deadline = time.monotonic() + _SILENCE
        came = 0
        while not self._waiting:
            data = self._read(deadline)
            came += len(data)
            self._waiting += self._sentences.feed(data)
            if not self._waiting and time.monotonic() >= deadline:
                raise OSError(errno.ETIMEDOUT, self._silence(came))
        return {**self._waiting.popleft(), "bad_lines": self._bad + self._sentences.bad}

    def interrupt(self) -> None:
        self._interrupted = True
        if (port := self._port) is not None:
            port.cancel_read()

    def close(self) -> None:
        self._interrupted = False
        self._waiting.clear()
        if self._port is not None:
            self._port.close()
            self._port = None
            self._bad += self._sentences.bad

    def _read(self, deadline: float) -> bytes:
        """What has come, once something has; nothing at the deadline.

        Raises:
            OSError: ECANCELED, it was interrupted; ENODEV, the port is gone.
        """
        assert self._port is not None
        try:
            self._port.timeout = max(deadline - time.monotonic(), 0)
            data = self._port.read(1)
            data += self._port.read(self._port.in_waiting)
        except OSError as error:
            raise OSError(errno.ENODEV, f"{self._section.port} is gone: was its cable pulled?") from error
        if self._interrupted:
            raise OSError(errno.ECANCELED, "interrupted")
        return data

    def _silence(self, came: int) -> str:
        port, baud = self._section.port, self._section.baud
        if not came:
            return f"{port} says nothing: is the receiver powered, and its TX at our RX?"
        return f"{port} said {came} bytes, but no GGA, RMC or GSA: is it another device, or not at {baud} baud?"
