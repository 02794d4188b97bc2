# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine` for MicroPython's unix port: pins are files in the current folder, and an I2C bus has one BH1750.

What is written to pin 15 is in `pin15`, what is read comes from there, too; `lux` is how bright it is, and without that
file the chip does not answer. A reset ends the process with 77: so does the watchdog where there is a file `hangs`,
and no timer is free to feed it.
"""

import errno
import os
import sys

PWRON_RESET, WDT_RESET = 1, 3


def _read(name):
    try:
        with open(name) as file:
            return float(file.read())
    except (OSError, ValueError):
        return 0.0


def _write(name, value):
    with open(name, "w") as file:
        file.write(str(value))


def reset():
    sys.exit(77)


def reset_cause():
    try:
        os.remove("bitten")
    except OSError:
        return PWRON_RESET
    return WDT_RESET


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        try:
            os.rename("hangs", "bitten")
        except OSError:
            return
        import ffi

        ffi.open("libc.so.6").func("v", "_exit", "i")(77)


class Pin:
    IN, OUT, OPEN_DRAIN, PULL_UP, PULL_DOWN = range(5)

    def __init__(self, number, mode=-1, pull=None, value=None):
        if type(number) is not int:
            raise ValueError("invalid pin")
        self.name = f"pin{number}"
        if value is not None:
            self.value(value)

    def value(self, value=None):
        if value is None:
            return int(_read(self.name))
        _write(self.name, value)
        return None


class ADC:
    def __init__(self, pin):
        self._pin = pin

    def read_u16(self):
        if _read("broken"):
            raise RuntimeError("the converter has a bug")
        return int(_read(self._pin.name))


class PWM:
    def __init__(self, pin, freq, duty_u16):
        self._pin = pin
        self.duty_u16(duty_u16)

    def duty_u16(self, value):
        _write(self._pin.name, value)


class I2C:
    def __init__(self, number, sda=None, scl=None, freq=400000):
        pass

    def writeto(self, address, data):
        self._lux(address)

    def readfrom(self, address, count):
        return int(self._lux(address) * 1.2).to_bytes(2, "big")

    def _lux(self, address):
        try:
            with open("lux") as file:
                return float(file.read())
        except OSError:
            raise OSError(errno.ENODEV, "nothing answers") from None
