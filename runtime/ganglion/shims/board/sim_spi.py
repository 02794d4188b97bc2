# SPDX-License-Identifier: GPL-3.0-or-later
"""An SPI bus in memory; which chip hears it, its select pin says."""

from typing import Protocol

from ganglion.shims.board.wires import SimLine


class SpiDevice(Protocol):
    """A chip on the bus."""

    def transfer(self, out: bytes) -> bytes:
        """What the chip says while it is told so many bytes; called while it is selected."""
        ...


class SimSpi:
    """With no chip selected, what is read is 0xFF: nobody drives the line."""

    def __init__(self) -> None:
        self.devices: list[tuple[SimLine, SpiDevice]] = []
        self.settings: dict[str, int | bool] = {}

    def configure(self, *, baudrate: int, polarity: int, phase: int, lsb_first: bool) -> None:
        self.settings = {"baudrate": baudrate, "polarity": polarity, "phase": phase, "lsb_first": lsb_first}

    def transfer(self, out: bytes) -> bytes:
        for select, device in self.devices:
            if select.read() == 0:
                return device.transfer(out)
        return b"\xff" * len(out)
