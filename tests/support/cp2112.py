# SPDX-License-Identifier: GPL-3.0-or-later
"""Silicon Labs' CP2112 played by a program: the kernel drives it as a bridge from USB to I2C, with eight GPIO lines.

With `/dev/uhid` (Documentation/hid/uhid) and the module hid-cp2112 that gives `/dev/i2c-N` and `/dev/gpiochipN`, whose
chips are models and whose lines are numbers here. Reports are those of application note AN495.
"""

import os
import struct
import threading

from ganglion.sim.i2c import Device

#: linux/uhid.h.
_OUTPUT, _GET_REPORT, _GET_REPLY, _CREATE2, _INPUT2, _SET_REPORT, _SET_REPLY = 6, 9, 10, 11, 12, 13, 14
_EVENT = 4380  # bytes of struct uhid_event: no event is longer
_DATA = 4096
#: Reports of AN495, and bytes of each without its number.
_CONFIG, _GET, _SET, _VERSION, _SMBUS, _LOCK = 0x02, 0x03, 0x04, 0x05, 0x06, 0x20
_READ, _WRITE_READ, _FORCE, _RESPONSE, _WRITE, _STATUS, _STATUS_IS = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16
_FEATURES = {_CONFIG: 4, _GET: 1, _SET: 2, _VERSION: 2, _SMBUS: 13, _LOCK: 1}
_COMPLETE, _ERROR = 2, 3


def _descriptor() -> bytes:
    """A HID report descriptor with every report: vendor defined, so many bytes each."""
    items = bytearray.fromhex("0600ff 0901 a101 1500 26ff00 7508")
    for number, size in _FEATURES.items():
        items += bytes([0x85, number, 0x95, size, 0x09, 0x01, 0xB1, 0x02])
    for number in (_READ, _WRITE_READ, _FORCE, _WRITE, _STATUS):
        items += bytes([0x85, number, 0x95, 63, 0x09, 0x01, 0x91, 0x02])
    for number in (_RESPONSE, _STATUS_IS):
        items += bytes([0x85, number, 0x95, 63, 0x09, 0x01, 0x81, 0x02])
    return bytes(items) + b"\xc0"


class CP2112:
    """One that is plugged in as long as it is there.

    Args:
        devices: What is on its I2C bus, by address.

    Attributes:
        outputs: Bit by line what is driven; `directions` has a bit for each line that is.
        inputs: Bit by line what is read of the others.
    """

    def __init__(self, devices: dict[int, Device]) -> None:
        self.outputs = self.directions = self.inputs = 0
        self._devices = devices
        self._read = b""
        self._failed = False
        self._file = os.open("/dev/uhid", os.O_RDWR)
        descriptor = _descriptor()
        made = struct.pack(
            "<I128s64s64sHHIIII", _CREATE2, b"CP2112", b"", b"", len(descriptor), 3, 0x10C4, 0xEA90, 1, 0
        )
        os.write(self._file, made + descriptor)
        threading.Thread(target=self._serve, daemon=True).start()

    def driven(self) -> list[bool | None]:
        """What each line shows that is an output; None for the others."""
        return [bool(self.outputs >> line & 1) if self.directions >> line & 1 else None for line in range(8)]

    def _serve(self) -> None:
        while True:
            event = os.read(self._file, _EVENT)
            (kind,) = struct.unpack_from("<I", event)
            if kind == _GET_REPORT:
                asked, number = struct.unpack_from("<IB", event, 4)
                data = bytes([number]) + self._feature(number)
                os.write(self._file, struct.pack("<IIHH", _GET_REPLY, asked, 0, len(data)) + data)
            elif kind == _SET_REPORT:
                asked, number, _, size = struct.unpack_from("<IBBH", event, 4)
                self._told(number, event[13 : 12 + size])
                os.write(self._file, struct.pack("<IIH", _SET_REPLY, asked, 0))
            elif kind == _OUTPUT:
                (size,) = struct.unpack_from("<H", event, 4 + _DATA)
                self._obey(event[4], event[5 : 4 + size])

    def _feature(self, number: int) -> bytes:
        if number == _VERSION:
            return bytes([0x0C, 2])
        if number == _GET:
            return bytes([(self.outputs & self.directions) | (self.inputs & ~self.directions & 0xFF)])
        if number == _CONFIG:
            return bytes([self.directions, 0, 0, 0])
        return bytes(_FEATURES[number])

    def _told(self, number: int, data: bytes) -> None:
        if number == _CONFIG:
            self.directions = data[0]
        elif number == _SET:
            values, mask = data[:2]
            self.outputs = (self.outputs & ~mask) | (values & mask)

    def _obey(self, number: int, data: bytes) -> None:
        if number == _STATUS:
            state = _ERROR if self._failed else _COMPLETE
            self._say(_STATUS_IS, struct.pack(">BBHH", state, 0, 0, len(self._read)))
        elif number == _FORCE:
            part, self._read = self._read[:61], self._read[61:]
            self._say(_RESPONSE, bytes([_COMPLETE, len(part)]) + part)
        else:
            self._transfer(number, data)

    def _transfer(self, number: int, data: bytes) -> None:
        device = self._devices.get(data[0] >> 1)
        self._read, self._failed = b"", device is None
        if device is None:
            return
        try:
            if number == _WRITE:
                device.write(data[2 : 2 + data[1]])
                return
            (count,) = struct.unpack_from(">H", data, 1)
            if number == _WRITE_READ:
                device.write(data[4 : 4 + data[3]])
            self._read = device.read(count)
        except OSError:
            self._failed = True

    def _say(self, number: int, data: bytes) -> None:
        report = (bytes([number]) + data).ljust(64, b"\0")
        os.write(self._file, struct.pack("<IH", _INPUT2, len(report)) + report)
