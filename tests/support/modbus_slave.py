# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Modbus RTU server at the far end of a cable, from the specification alone, with what can go wrong there."""

import struct
import threading
import time

from support.cable import Cable


def crc16(data: bytes) -> bytes:
    """Modbus over serial line 1.02, section 6.2.2: x^16 + x^15 + x^2 + 1, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return struct.pack("<H", crc)


class Slave:
    """Devices on one line, by their addresses.

    Attributes:
        registers: (device, function code) to its addresses and their values; others are refused with exception 2.
        mood: `well`, `silent`, `damaged` (a wrong CRC), `noisy` (bytes before one answer), `slow` (in three pieces),
            `short` (fewer registers than asked for), or `busy` (exception 6).
        asked: (device, function code, address, quantity) of each request.
    """

    def __init__(self, cable: Cable) -> None:
        self.registers: dict[tuple[int, int], dict[int, int]] = {}
        self.mood = "well"
        self.asked: list[tuple[int, int, int, int]] = []
        self._cable = cable
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="modbus slave")
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _serve(self) -> None:
        heard = b""
        while not self._stop.is_set():
            more = self._cable.read(0.02)
            if not more:
                heard = b""  # a pause ends a message
                time.sleep(0.002)
                continue
            heard += more
            while len(heard) >= 8:
                message, heard = heard[:8], heard[8:]
                if crc16(message[:-2]) == message[-2:] and self.mood != "silent":
                    self._answer(*struct.unpack(">BBHH", message[:-2]))

    def _answer(self, device: int, function: int, address: int, quantity: int) -> None:
        self.asked.append((device, function, address, quantity))
        held = self.registers.get((device, function), {})
        found = [held.get(i) for i in range(address, address + quantity)]
        if self.mood == "busy" or None in found:
            body = bytes([device, function | 0x80, 6 if self.mood == "busy" else 2])
        else:
            body = bytes([device, function]) + _data(function, found[: 1 if self.mood == "short" else None])
        answer = body + crc16(body)
        if self.mood == "damaged":
            answer = answer[:-1] + bytes([answer[-1] ^ 0x40])
        elif self.mood == "noisy":
            answer = b"\x00\xff" + answer
            self.mood = "well"
        for piece in (answer[:3], answer[3:5], answer[5:]) if self.mood == "slow" else (answer,):
            try:
                self._cable.write(piece)
            except OSError:
                return  # pulled
            if self.mood == "slow":
                time.sleep(0.01)


def _data(function: int, values: list[int]) -> bytes:
    if function in (1, 2):
        packed = bytearray((len(values) + 7) // 8)
        for i, bit in enumerate(values):
            packed[i // 8] |= bool(bit) << i % 8
    else:
        packed = bytearray(struct.pack(f">{len(values)}H", *values))
    return bytes([len(packed)]) + packed
