# SPDX-License-Identifier: GPL-3.0-or-later
"""ROHM BH1750FVI (light) over I2C, one measurement at a time in H-resolution mode.

Commands in, physical units out; the caller sleeps between `start` and `sample`. Numbers are from ROHM's data sheet of
the BH1750FVI. The chip has no identity, no checksum and no sign that it is busy: what answers with zeros is darkness.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x23  # ADDR low; 0x5C when ADDR is high

_POWER_ON = 0x01
_ONE_TIME = 0x20  # in H-resolution mode; the chip powers itself down after it
_SENSITIVITY_HIGH = 0x40  # and the upper three bits of the measurement time register
_SENSITIVITY_LOW = 0x60  # and its lower five
_USUAL = 69  # the measurement time register after power-on, to which times and the 1.2 counts a lux belong
_LONGEST = 180  # ms for that


class BH1750:
    """One chip. It is not spoken to before `start`.

    Args:
        i2c: `readfrom` and `writeto` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x23 or 0x5C.
        sensitivity: The measurement time register, 31 to 254: light up to 121557 lx at 31, 54612 lx at 69, and down to
            0.23 lx at 254.

    Raises:
        ValueError: the sensitivity is outside its range.
    """

    channels: "dict[str, str]" = {"illuminance": "lx"}  # UCUM unit

    def __init__(self, i2c: "I2C", address: int = ADDRESS, sensitivity: int = _USUAL) -> None:
        if not 31 <= sensitivity <= 254:
            raise ValueError("sensitivity must be 31 to 254, not {}".format(sensitivity))
        self._i2c = i2c
        self._address = address
        self._sensitivity = sensitivity

    def start(self) -> int:
        """Begins one measurement; returns the milliseconds after which `sample` has its result."""
        high = _SENSITIVITY_HIGH | self._sensitivity >> 5
        low = _SENSITIVITY_LOW | self._sensitivity & 31
        for command in (_POWER_ON, high, low, _ONE_TIME):
            self._i2c.writeto(self._address, bytes([command]))  # the chip takes one command a transfer
        return _LONGEST * self._sensitivity // _USUAL + 1

    def sample(self) -> "dict[str, float]":
        """Result of the measurement in lux.

        Raises:
            OSError: EIO, it is brighter than the chip can measure at this sensitivity, or the bus is disturbed.
        """
        data = self._i2c.readfrom(self._address, 2)
        if len(data) != 2:
            raise OSError(errno.EIO, "{} bytes of 2".format(len(data)))
        count = data[0] << 8 | data[1]
        lux = count * _USUAL / (1.2 * self._sensitivity)
        if count == 0xFFFF:
            raise OSError(errno.EIO, "it is brighter than {} lx; lower the sensitivity".format(int(lux)))
        return {"illuminance": lux}
