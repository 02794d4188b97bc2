# SPDX-License-Identifier: GPL-3.0-or-later
"""1-wire devices that are not there: the ROM commands that all have, and a thermometer (DS18B20) behind them."""

import struct
from typing import Protocol

from ganglion.sim.one_wire import crc8

READ_ROM, MATCH_ROM, SKIP_ROM, SEARCH_ROM = 0x33, 0x55, 0xCC, 0xF0
_CONVERT, _READ, _WRITE = 0x44, 0xBE, 0x4E


class Device(Protocol):
    """What stands behind a ROM code."""

    rom: bytes

    def command(self, byte: int) -> None:
        """Takes a byte after the device was chosen."""
        ...

    def bit(self) -> int:
        """The next bit that it says; 1 is silence."""
        ...

    def chosen(self) -> None:
        """Begins anew."""
        ...


class Thermometer:
    """A DS18B20.

    Args:
        serial: 48 bits that tell it from others.
        celsius: What it measures, -55 to 125.
    """

    def __init__(self, serial: int, celsius: float = 20.0) -> None:
        body = b"\x28" + serial.to_bytes(6, "little")
        self.rom = body + bytes([crc8(body)])
        self.celsius = celsius
        self._raw = 0x0550  # 85 degrees until it has measured
        self._settings = bytearray(b"\x4b\x46\x7f")
        self._out: list[int] = []
        self._command = 0
        self._taken = bytearray()

    def chosen(self) -> None:
        self._command, self._out, self._taken = 0, [], bytearray()

    def command(self, byte: int) -> None:
        if self._command == _WRITE:
            self._taken.append(byte)
            if len(self._taken) == 3:
                self._settings[:] = self._taken
            return
        self._command = byte
        if byte == _CONVERT:
            self._raw = round(self.celsius * 16)
        elif byte == _READ:
            body = struct.pack("<h", self._raw) + bytes(self._settings) + b"\xff\x0c\x10"
            self._out = [each >> i & 1 for each in body + bytes([crc8(body)]) for i in range(8)]

    def bit(self) -> int:
        return self._out.pop(0) if self._out else 1


class SimOneWire:
    """A line with its devices, slot by slot."""

    def __init__(self) -> None:
        self.devices: list[Device] = []
        self._bits: list[int] = []
        self._rom: int | None = None
        self._search: list[Device] = []
        self._step = 0
        self._active: list[Device] = []
        self._code = bytearray()

    def reset(self) -> bool:
        self._bits, self._rom, self._active, self._code, self._step = [], None, [], bytearray(), 0
        return bool(self.devices)

    def read_bit(self) -> int:
        if self._rom == SEARCH_ROM and self._search:
            bits = [self._bit_of(device) for device in self._search]
            self._step += 1
            return min(bits if self._step % 3 == 1 else [1 - bit for bit in bits])
        if self._rom == READ_ROM and not self._active:
            return min(self._bit_of(device, step=3) for device in self._advance())
        return min([device.bit() for device in self._active], default=1)

    def write_bit(self, bit: int) -> None:
        if self._rom == SEARCH_ROM:
            self._search = [device for device in self._search if self._bit_of(device) == bit]
            self._step += 1
            return
        self._bits.append(bit & 1)
        if len(self._bits) == 8:
            byte = sum(each << i for i, each in enumerate(self._bits))
            self._bits = []
            self._take(byte)

    def _advance(self) -> list[Device]:
        self._step += 1
        return self.devices

    def _bit_of(self, device: Device, step: int = 0) -> int:
        place = self._step - 1 if step else self._step // 3
        return device.rom[place // 8 % 8] >> place % 8 & 1

    def _take(self, byte: int) -> None:
        if self._rom is None:
            self._rom = byte
            if byte == SEARCH_ROM:
                self._search = list(self.devices)
            elif byte == SKIP_ROM:
                self._choose(self.devices)
        elif self._rom == MATCH_ROM and len(self._code) < 8:
            self._code.append(byte)
            if len(self._code) == 8:
                self._choose([device for device in self.devices if device.rom == bytes(self._code)])
        else:
            for device in self._active:
                device.command(byte)

    def _choose(self, devices: list[Device]) -> None:
        self._active = list(devices)
        for device in self._active:
            device.chosen()
