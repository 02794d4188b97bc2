# SPDX-License-Identifier: GPL-3.0-or-later
"""Texas Instruments ADS1115 (four voltages against ground, 16 bits) over I2C, one conversion at a time.

Registers in, physical units out; the caller sleeps between `start` and `sample`. Numbers are from the data sheet
SBAS444, sections "Register Map" and "Data Format".
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x48  # ADDR to ground; 0x49 to VDD, 0x4A to SDA, 0x4B to SCL

_CONVERSION = 0x00
_CONFIG = 0x01
_READY = 0x8000  # as written: begin a conversion
_AIN0 = 0x4000  # input 0 against ground; the next three follow in steps of 0x1000
_SINGLE_SHOT = 0x0100
_NO_COMPARATOR = 0x0003

_FULL_SCALES = {6.144: 0, 4.096: 1, 2.048: 2, 1.024: 3, 0.512: 4, 0.256: 5}  # V -> PGA
_RATES = {8: 0, 16: 1, 32: 2, 64: 3, 128: 4, 250: 5, 475: 6, 860: 7}  # conversions a second -> DR


class ADS1115:
    """One chip. Each `start` and `sample` is about one input: a0, a1, a2, a3, and again.

    Args:
        i2c: `readfrom_mem` and `writeto_mem` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x48 to 0x4B.
        full_scale: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256 V. An input may not be above VDD whatever this says.
        rate: Conversions a second: 8, 16, 32, 64, 128, 250, 475 or 860; slow ones are quieter.

    Raises:
        OSError: nothing answers, or (ENODEV) something that is no ADS1115.
        ValueError: the full scale or the rate is not one that the chip has.
    """

    channels: "dict[str, str]" = {"a0": "V", "a1": "V", "a2": "V", "a3": "V"}  # UCUM units

    def __init__(self, i2c: "I2C", address: int = ADDRESS, full_scale: float = 4.096, rate: int = 128) -> None:
        if full_scale not in _FULL_SCALES:
            raise ValueError("full_scale must be 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256, not {}".format(full_scale))
        if rate not in _RATES:
            raise ValueError("rate must be 8, 16, 32, 64, 128, 250, 475 or 860, not {}".format(rate))
        self._i2c = i2c
        self._address = address
        self._full_scale = full_scale
        self._settings = _FULL_SCALES[full_scale] << 9 | _SINGLE_SHOT | _RATES[rate] << 5 | _NO_COMPARATOR
        self._wait = 1100 // rate + 2  # the rate may be 10 % low, and the chip wakes up in 0.03 ms
        self._input = 3
        # Takes what is written, without the bit that begins a conversion: no other chip at these addresses does
        self._write(self._settings)
        if self._read(_CONFIG) & ~_READY != self._settings:
            raise OSError(errno.ENODEV, "0x{:02x} does not answer as an ADS1115".format(address))

    def start(self) -> int:
        """Begins a conversion of the next input; returns the milliseconds after which `sample` has its result."""
        self._input = (self._input + 1) % 4
        self._write(_READY | self._config())
        return self._wait

    def sample(self) -> "dict[str, float]":
        """The input's voltage by its channel.

        Raises:
            OSError: EAGAIN, it is still being converted; EIO, it is beyond the full scale or below ground, or the chip
                was reset since `start`.
        """
        config = self._read(_CONFIG)
        if config & ~_READY != self._config():
            raise OSError(errno.EIO, "the chip converts something else: it was reset, or the bus is disturbed")
        if not config & _READY:
            raise OSError(errno.EAGAIN, "the chip is still converting")
        code = self._read(_CONVERSION)
        code -= (code & 0x8000) << 1
        volts = code * self._full_scale / 32768
        # The last codes are every voltage from there on; -0.3 V is what an input bears without harm
        if code in (-32768, 32767) or volts < -0.3:
            raise OSError(
                errno.EIO, "a{} is outside what is measured, -0.3 to {} V".format(self._input, self._full_scale)
            )
        return {"a{}".format(self._input): volts}

    def _config(self) -> int:
        return _AIN0 + (self._input << 12) | self._settings

    def _read(self, register: int) -> int:
        data = self._i2c.readfrom_mem(self._address, register, 2)
        if len(data) != 2:
            raise OSError(errno.EIO, "{} bytes of 2 from register 0x{:02x}".format(len(data), register))
        return data[0] << 8 | data[1]

    def _write(self, value: int) -> None:
        self._i2c.writeto_mem(self._address, _CONFIG, bytes([value >> 8, value & 0xFF]))
