# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.SPI` and `machine.SoftSPI`."""

from typing import Any

from ganglion.shims import board
from ganglion.shims.buffers import readable, writable


class SPI:
    """A bus of the board's; chips are selected by pins of the script's.

    Args:
        id: What the board calls it; -1 for one on pins of the script's own.
        baudrate: Bits per second.
        polarity, phase: Level of the clock at rest, and the edge that counts.
        firstbit: MSB or LSB.

    Raises:
        ValueError, OSError: the board has no such bus; a word has another length than 8 bits.
    """

    CONTROLLER = 0
    MSB, LSB = 0, 1

    def __init__(
        self,
        id: Any = -1,
        baudrate: int = 1_000_000,
        *,
        polarity: int = 0,
        phase: int = 0,
        bits: int = 8,
        firstbit: int = 0,
        sck: Any = None,
        mosi: Any = None,
        miso: Any = None,
        pins: Any = None,
    ) -> None:
        self._id = id
        self._bus = board.current().spi(id)
        self._settings = {
            "baudrate": baudrate,
            "polarity": polarity,
            "phase": phase,
            "bits": bits,
            "firstbit": firstbit,
        }
        self.init()

    def init(self, baudrate: int | None = None, **options: Any) -> None:
        """Changes what is given."""
        known = self._settings.keys() & options.keys()
        self._settings |= {name: options[name] for name in known}
        if baudrate is not None:
            self._settings["baudrate"] = baudrate
        if self._settings["bits"] != 8:
            raise ValueError(f"SPI {self._id}: bits must be 8, not {self._settings['bits']}")
        self._bus.configure(
            baudrate=self._settings["baudrate"],
            polarity=self._settings["polarity"],
            phase=self._settings["phase"],
            lsb_first=self._settings["firstbit"] == self.LSB,
        )

    def deinit(self) -> None:
        """Nothing to give back."""

    def read(self, nbytes: int, write: int = 0x00) -> bytes:
        """Bytes that come while so many of one value go out."""
        return self._bus.transfer(bytes([write]) * nbytes)

    def readinto(self, buf: Any, write: int = 0x00) -> None:
        view = writable(buf)
        view[:] = self.read(len(view), write)

    def write(self, buf: Any) -> None:
        self._bus.transfer(readable(buf))

    def write_readinto(self, write_buf: Any, read_buf: Any) -> None:
        """Both at once.

        Raises:
            ValueError: the buffers differ in length.
        """
        out, view = readable(write_buf), writable(read_buf)
        if len(out) != len(view):
            raise ValueError("buffers must be the same length")
        view[:] = self._bus.transfer(out)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._id})"


class SoftSPI(SPI):
    """A bus on pins: what the board has under -1."""

    def __init__(self, baudrate: int = 500_000, **options: Any) -> None:
        options.pop("id", None)
        super().__init__(-1, baudrate, **options)
