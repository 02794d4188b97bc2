# SPDX-License-Identifier: GPL-3.0-or-later
"""NXP PCF8574 and PCF8574A, eight quasi-bidirectional lines over I2C.

The chip has no registers: what is written to it is the latch, what is read from it are the levels at its pins. A pin
whose latch is 0 is driven low; one whose latch is 1 is held high by a weak current only, so that a switch can pull it
low: that is how a pin is an input.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x20  # A2 to A0 to ground; up to 0x27. The PCF8574A is at 0x38 to 0x3F


class PCF8574:
    """One chip.

    Args:
        i2c: `readfrom` and `writeto` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x20 to 0x27, of a PCF8574A 0x38 to 0x3F.
        latch: What is written at once, bit 0 for P0: the latch cannot be read back, so a driver has to begin with one
            of its own. After power-on it is 0xFF.

    Raises:
        OSError: as `write`.
        ValueError: the latch is not a byte.
    """

    def __init__(self, i2c: "I2C", address: int = ADDRESS, latch: int = 0xFF) -> None:
        self._i2c = i2c
        self._address = address
        self.latch = latch
        self.write(latch)

    def write(self, latch: int) -> None:
        """Sets all pins, bit 0 for P0: 0 drives one low, 1 lets it go high or be an input.

        Raises:
            OSError: nothing answers, or (EIO) a pin that is driven low reads high, as after a loss of power.
            ValueError: it is not a byte.
        """
        if not 0 <= latch <= 0xFF:
            raise ValueError("the latch must be 0 to 255, not {}".format(latch))
        self._i2c.writeto(self._address, bytes([latch]))
        self.latch = latch
        self.read()

    def read(self) -> int:
        """Levels at the pins, bit 0 for P0.

        Raises:
            OSError: nothing answers, or (EIO) a pin that is driven low reads high: the chip lost its latch with its
                power, the pin is shorted, or the bus is disturbed.
        """
        data = self._i2c.readfrom(self._address, 1)
        if len(data) != 1:
            raise OSError(errno.EIO, "{} bytes of 1 from 0x{:02x}".format(len(data), self._address))
        wrong = data[0] & ~self.latch
        if wrong:
            raise OSError(
                errno.EIO,
                "pins 0x{:02x} of 0x{:02x} are driven low and read high: write them again".format(wrong, self._address),
            )
        return data[0]

    def set(self, pin: int, level: bool) -> None:
        """Drives pin 0 to 7 low, or lets it go high, and leaves the others; raises as `write`."""
        bit = _bit(pin)
        self.write(self.latch | bit if level else self.latch & ~bit)

    def get(self, pin: int) -> bool:
        """Level at pin 0 to 7; raises as `read`. An input has to be let go first (`set(pin, True)`)."""
        bit = _bit(pin)
        return bool(self.read() & bit)


def _bit(pin: int) -> int:
    if not 0 <= pin <= 7:
        raise ValueError("the pin must be 0 to 7, not {}".format(pin))
    return 1 << pin
