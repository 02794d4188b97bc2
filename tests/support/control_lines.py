# SPDX-License-Identifier: GPL-3.0-or-later
"""A board of Espressif's with the two transistors of its USB bridge, behind RFC 2217: DTR and RTS reset it."""

import socket
import threading
from contextlib import AbstractContextManager, suppress
from types import SimpleNamespace

from serial.rfc2217 import PortManager

from ganglion_tools.rom_loader import RomLoader
from support import one_client


class Bridged(SimpleNamespace):
    """The bridge, as pyserial's server side wants it.

    RTS alone holds the chip in reset; what DTR says when it is let go is the level of the boot pin (ESP32-DevKitC,
    schematic, "USB-UART").

    Attributes:
        chip: It.
        runs: How often what is in its flash was started.
    """

    baudrate, bytesize, parity, stopbits = 115200, 8, "N", 1
    xonxoff = rtscts = cts = dsr = ri = cd = break_condition = False

    def __init__(self, chip: RomLoader) -> None:
        super().__init__(_dtr=False, _rts=False)
        self.chip = chip
        self.runs = 0
        self.chip.has_left = True

    @property
    def dtr(self) -> bool:
        return bool(self._dtr)

    @dtr.setter
    def dtr(self, level: bool) -> None:
        self._dtr = level

    @property
    def rts(self) -> bool:
        return bool(self._rts)

    @rts.setter
    def rts(self, level: bool) -> None:
        if self._rts and not level:
            self.chip.power()
            self.chip.has_left = not self._dtr
            self.runs += not self._dtr
        self._rts = level

    def reset_input_buffer(self) -> None:
        pass

    def reset_output_buffer(self) -> None:
        pass


def served(bridge: Bridged) -> AbstractContextManager[str]:
    """Serves it to one client; the URL of that."""

    def serve(near: socket.socket, over: threading.Event) -> None:
        near.settimeout(0.02)
        manager = PortManager(bridge, SimpleNamespace(write=near.sendall))
        while not over.is_set():
            with suppress(TimeoutError):
                data = near.recv(4096)
                if not data:
                    return
                if said := bridge.chip.receive(b"".join(manager.filter(data))):
                    near.sendall(b"".join(manager.escape(said)))

    return one_client.rfc2217(serve)
