# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command that finds every chip that senses on `/dev/i2c-1`, and those that act on `/dev/i2c-2`.

Umockdev answers its ioctls from the chips' models.

    /usr/bin/python3 umockdev_i2c.py COMMAND…        with PYTHONPATH=runtime:firmware:tests

It needs the interpreter that Debian's python3-gi is for. What is simulated begins below the kernel's interface: smbus2
and all above it are as on a board. The messages are those of linux/i2c-dev.h and linux/i2c.h.
"""

import errno
import os
import struct
import subprocess
import sys
import threading
import time
from typing import Any

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402

from ganglion.sensors.chips import CHIPS  # noqa: E402
from ganglion.sim import pca9685, pcf8574  # noqa: E402
from ganglion.sim.i2c import SimulatedI2C  # noqa: E402
from support.chips import ON_ONE_BUS  # noqa: E402

_I2C_FUNCS = 0x0705
_I2C_RDWR = 0x0707
_I2C_FUNC_I2C = 0x00000001
_I2C_M_RD = 0x0001
_MESSAGE = struct.Struct("@HHHxxP")  # struct i2c_msg: addr, flags, len, buf


class Adapter(UMockdev.IoctlBase):  # type: ignore[misc]
    """An I2C adapter of the kernel with one bus of models."""

    def __init__(self, bus: SimulatedI2C) -> None:
        super().__init__()
        self._bus = bus

    def do_handle_ioctl(self, client: Any) -> bool:
        request = client.get_request()
        if request == _I2C_FUNCS:
            client.get_arg().resolve(0, 8).update(0, struct.pack("@L", _I2C_FUNC_I2C))
            client.complete(0, 0)
        elif request == _I2C_RDWR:
            try:
                client.complete(self._transfer(client.get_arg().resolve(0, 16)), 0)
            except OSError:
                client.complete(-1, errno.ENXIO)
        else:
            client.complete(-1, errno.ENOTTY)
        return True

    def _transfer(self, argument: Any) -> int:
        _, count = struct.unpack("@PI", bytes(argument.retrieve())[:12])
        messages = argument.resolve(0, _MESSAGE.size * count)
        raw = bytes(messages.retrieve())
        for place in range(count):
            address, flags, length, _ = _MESSAGE.unpack_from(raw, place * _MESSAGE.size)
            last = place == count - 1
            if not length:  # umockdev resolves no empty buffer
                self._bus.writeto(address, b"", last)
                continue
            buffer = messages.resolve(place * _MESSAGE.size + 8, length)
            if flags & _I2C_M_RD:
                buffer.update(0, self._bus.readfrom(address, length, last))
            else:
                self._bus.writeto(address, bytes(buffer.retrieve()), last)
        return int(count)


def main(command: list[str]) -> int:
    chips = {address: CHIPS[kind].simulated(time.monotonic_ns) for kind, address in ON_ONE_BUS.items()}
    bed = UMockdev.Testbed.new()
    bed.add_from_string("P: /devices/i2c-1\nN: i2c-1\nE: DEVNAME=/dev/i2c-1\nE: SUBSYSTEM=i2c-dev\n")
    bed.attach_ioctl("/dev/i2c-1", Adapter(SimulatedI2C(chips)))
    bed.add_from_string("P: /devices/i2c-2\nN: i2c-2\nE: DEVNAME=/dev/i2c-2\nE: SUBSYSTEM=i2c-dev\n")
    acting = {0x40: pca9685.ChipModel(now=time.monotonic_ns), 0x20: pcf8574.ChipModel(now=time.monotonic_ns)}
    bed.attach_ioctl("/dev/i2c-2", Adapter(SimulatedI2C(acting)))
    loop = GLib.MainLoop()
    environment = {**os.environ, "UMOCKDEV_DIR": bed.get_root_dir()}
    result = []

    def run() -> None:
        result.append(subprocess.run(["umockdev-wrapper", *command], env=environment, check=False).returncode)
        loop.quit()

    threading.Thread(target=run).start()
    loop.run()
    return result[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
