# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the boot loader in the ROM of Espressif's chips, with a flash, which real esptool works with.

The protocol: docs.espressif.com/projects/esptool, "Serial Protocol"; the meaning of fields: the same, and the stub that
esptool loads, which this plays once all of it is there. It is strict: what is no frame, has a wrong length or is out of
order is in `violations`, and wrong checksums are refused as the ROM refuses them. No I/O: bytes come in, and go out.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass, field

from ganglion_tools.slip import Line, framed

#: Reasons of a refusal, in the second byte of the status.
_INVALID, _FAILED, _CRC, _DEFLATE = 0x05, 0x06, 0x07, 0x0B
_SECTOR = 4096
_STUB_UP = b"OHAI"
_MAGIC_REGISTER = 0x40001000
_SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32
_USER_COMMAND = 1 << 18  # of the SPI controller: go


@dataclass(frozen=True, slots=True)
class Chip:
    """What differs: the magic of old ones or the number of new ones, and where the SPI controller is."""

    magic: int
    number: int | None
    spi: int
    usr2: int
    w0: int


CHIPS = {
    "esp8266": Chip(0xFFF0C101, None, 0x60000200, 0x24, 0x40),
    "esp32": Chip(0x00F01D83, None, 0x3FF42000, 0x24, 0x80),
    "esp32c3": Chip(0x1B31506F, 5, 0x60002000, 0x20, 0x58),
    "esp32s3": Chip(0x00000009, 9, 0x60002000, 0x20, 0x58),
}


@dataclass(slots=True)
class Faults:
    """What goes wrong, each once or from then on.

    Attributes:
        noise: Bytes that come before the next answer.
        damaged: How many blocks of data arrive with a bit turned over.
        silent: After so many blocks of data it says nothing any more, as when the cable is out; None for never.
        stuck: Addresses of bytes of the flash that stay as they are.
    """

    noise: bytes = b""
    damaged: int = 0
    silent: int | None = None
    stuck: set[int] = field(default_factory=set)


class RomLoader:
    """A chip that waits for an image.

    Attributes:
        flash: What is in it.
        is_stub: Whether esptool's stub runs.
        violations: What came that the protocol does not have.
        written: Bytes of data that came for the flash, uncompressed.
        blocks: Blocks of data for the flash that came.
        has_left: Whether it was told to run what is in the flash.
    """

    def __init__(self, chip: str, flash_size: int) -> None:
        self.flash = bytearray(b"\xff" * flash_size)
        self.faults = Faults()
        self.violations: list[str] = []
        self.written = self.blocks = 0
        self.has_left = False
        self._chip = CHIPS[chip]
        self._name = chip
        self.power()

    def power(self) -> None:
        """A reset into the ROM: all but the flash is as at the beginning."""
        self.is_stub = self.has_left = False
        self._line = Line(self._wrong_on_the_line)
        self._registers = {_MAGIC_REGISTER: self._chip.magic}
        self._memory: dict[int, bytes] = {}
        self._memory_at = self._memory_left = self._next = 0
        self._attached = self._chip.number is None and self._name == "esp8266"
        self._place: int | None = None
        self._end = 0
        self._inflate: zlib._Decompress | None = None

    def receive(self, data: bytes) -> bytes:
        """Takes bytes of the line, and returns those that it says."""
        out = b""
        for byte in data:
            frame = self._line.take(byte)
            if frame and not self._is_out():
                out += self._answered(frame)
        return out

    def _is_out(self) -> bool:
        return self.has_left or (self.faults.silent is not None and self.blocks >= self.faults.silent)

    def _wrong_on_the_line(self, what: str) -> None:
        if not self._is_out():
            self.violations.append(what)

    def _answered(self, frame: bytes) -> bytes:
        if len(frame) < 8 or frame[0] != 0:
            self.violations.append(f"no request: {frame[:16].hex()}")
            return b""
        _, op, size, checksum = struct.unpack_from("<BBHI", frame)
        body = frame[8:]
        if size != len(body):
            self.violations.append(f"request 0x{op:02x} says {size} bytes and has {len(body)}")
            return self._said(op, _INVALID)
        handler = _HANDLERS.get(op)
        if handler is None:
            return self._said(op, _INVALID)
        out: bytes = handler(self, op, body, checksum)
        noise, self.faults.noise = self.faults.noise, b""
        return noise + out

    def _said(self, op: int, reason: int = 0, *, value: int = 0, content: bytes = b"") -> bytes:
        status = bytes([reason > 0, reason])
        if not self.is_stub and self._name != "esp8266":
            status += b"\0\0"
        body = content + status
        return framed(struct.pack("<BBHI", 1, op, len(body), value) + body)

    def _sync(self, op: int, body: bytes, _: int) -> bytes:
        if body != _SYNC:
            self.violations.append("a sync of other bytes")
        return self._said(op, value=0 if self.is_stub else 0x20120707) * 8

    def _read_register(self, op: int, body: bytes, _: int) -> bytes:
        return self._said(op, value=self._registers.get(struct.unpack("<I", body)[0], 0))

    def _write_register(self, op: int, body: bytes, _: int) -> bytes:
        for address, value, mask, _delay in struct.iter_unpack("<IIII", body):
            self._registers[address] = (self._registers.get(address, 0) & ~mask) | (value & mask)
            if address == self._chip.spi and value & _USER_COMMAND:
                self._flash_command()
        return self._said(op)

    def _flash_command(self) -> None:
        """The SPI controller has one command for the flash: its id, or the first word of its SFDP."""
        command = self._registers.get(self._chip.spi + self._chip.usr2, 0) & 0xFF
        identity = 0x0040EF | (len(self.flash).bit_length() - 1) << 16  # Winbond, and the size as a power of two
        answer = {0x9F: identity, 0x5A: 0x50444653}.get(command, 0)
        self._registers[self._chip.spi + self._chip.w0] = answer
        self._registers[self._chip.spi] = 0

    def _security(self, op: int, body: bytes, _: int) -> bytes:
        if self._chip.number is None:
            return self._said(op, _INVALID)
        return self._said(op, content=struct.pack("<IB7xII", 0, 0, self._chip.number, 0))

    def _attach(self, op: int, body: bytes, _: int) -> bytes:
        self._attached = True
        return self._said(op)

    def _parameters(self, op: int, body: bytes, _: int) -> bytes:
        total = struct.unpack("<6I", body)[1]
        return self._said(op, 0 if total <= len(self.flash) else _FAILED)

    def _baud(self, op: int, body: bytes, _: int) -> bytes:
        new, old = struct.unpack("<II", body)
        if new < 9600 or (old == 0) == self.is_stub:
            self.violations.append(f"a change of baud rate from {old} to {new}")
        return self._said(op)

    def _memory_begin(self, op: int, body: bytes, _: int) -> bytes:
        self._memory_left, _, _, self._memory_at = struct.unpack("<4I", body)
        self._next = 0
        return self._said(op)

    def _memory_data(self, op: int, body: bytes, checksum: int) -> bytes:
        data = body[16:]
        if reason := self._wrong(body, data, checksum):
            return self._said(op, reason)
        self._memory[self._memory_at] = data
        self._memory_at += len(data)
        self._memory_left -= len(data)
        return self._said(op)

    def _memory_end(self, op: int, body: bytes, _: int) -> bytes:
        _, entry = struct.unpack("<II", body)
        said = self._said(op)
        if self._memory_left or not any(at <= entry < at + len(data) for at, data in self._memory.items()):
            return self._said(op, _FAILED)
        self.is_stub = self._attached = True
        return said + framed(_STUB_UP)

    def _wrong(self, body: bytes, data: bytes, checksum: int) -> int:
        size, sequence, *zeros = struct.unpack_from("<4I", body)
        if size != len(data) or any(zeros):
            self.violations.append(f"a block says {size} bytes and has {len(data)}")
            return _INVALID
        found = 0xEF
        for byte in data:
            found ^= byte
        if found != checksum:
            return _CRC
        if sequence != self._next:
            self.violations.append(f"block {sequence} in the place of {self._next}")
            return _FAILED
        self._next += 1
        return 0

    def _flash_begin(self, op: int, body: bytes, _: int) -> bytes:
        extended = self.is_stub or self._chip.number is not None
        if len(body) != (20 if extended else 16):
            self.violations.append(f"request 0x{op:02x} has {len(body)} bytes")
            return self._said(op, _INVALID)
        size, blocks, block, start = struct.unpack_from("<4I", body)
        if op == 0x02:
            size = blocks * block  # the size is what is erased, and esptool says less to an ESP8266, which erases more
        if not self._attached:
            self.violations.append("the flash is written before it is attached")
        if not self._attached or start + size > len(self.flash) or start % _SECTOR:
            return self._said(op, _FAILED)
        self._place, self._end, self._next = start, start + size, 0
        self._inflate = zlib.decompressobj() if op == 0x10 else None
        end = -(-self._end // _SECTOR) * _SECTOR
        self._put(start, b"\xff" * (end - start))
        return self._said(op)

    def _flash_data(self, op: int, body: bytes, checksum: int) -> bytes:
        data = body[16:]
        if self.faults.damaged:
            self.faults.damaged -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        self.blocks += 1
        if self._is_out():
            return b""
        if self._place is None or (op == 0x11) != (self._inflate is not None):
            self.violations.append("data for the flash without a beginning")
            return self._said(op, _FAILED)
        if reason := self._wrong(body, data, checksum):
            return self._said(op, reason)
        if self._inflate is not None:
            try:
                data = self._inflate.decompress(data)
            except zlib.error:
                return self._said(op, _DEFLATE)
        room = max(0, -(-self._end // _SECTOR) * _SECTOR - self._place)
        if data[room:].strip(b"\xff"):
            return self._said(op, _FAILED)
        data = data[:room]
        self.written += len(data)
        old = self.flash[self._place : self._place + len(data)]
        both = int.from_bytes(old, "little") & int.from_bytes(data, "little")  # writing only clears bits
        self._put(self._place, both.to_bytes(len(data), "little"))
        self._place += len(data)
        return self._said(op)

    def _put(self, start: int, data: bytes) -> None:
        kept = {at: self.flash[at] for at in self.faults.stuck if start <= at < start + len(data)}
        self.flash[start : start + len(data)] = data
        for at, byte in kept.items():
            self.flash[at] = byte

    def _flash_end(self, op: int, body: bytes, _: int) -> bytes:
        self._place = None
        self.has_left = struct.unpack("<I", body)[0] == 0
        return self._said(op)

    def _md5(self, op: int, body: bytes, _: int) -> bytes:
        start, size = struct.unpack_from("<II", body)
        if self._name == "esp8266" and not self.is_stub:
            return self._said(op, _INVALID)
        if not self._attached or start + size > len(self.flash):
            return self._said(op, _FAILED)
        digest = hashlib.md5(self.flash[start : start + size], usedforsecurity=False)
        return self._said(op, content=digest.digest() if self.is_stub else digest.hexdigest().encode())


_HANDLERS = {
    0x02: RomLoader._flash_begin,
    0x03: RomLoader._flash_data,
    0x04: RomLoader._flash_end,
    0x05: RomLoader._memory_begin,
    0x06: RomLoader._memory_end,
    0x07: RomLoader._memory_data,
    0x08: RomLoader._sync,
    0x09: RomLoader._write_register,
    0x0A: RomLoader._read_register,
    0x0B: RomLoader._parameters,
    0x0D: RomLoader._attach,
    0x0F: RomLoader._baud,
    0x10: RomLoader._flash_begin,
    0x11: RomLoader._flash_data,
    0x12: RomLoader._flash_end,
    0x13: RomLoader._md5,
    0x14: RomLoader._security,
}
