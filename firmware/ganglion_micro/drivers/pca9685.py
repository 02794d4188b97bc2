# SPDX-License-Identifier: GPL-3.0-or-later
"""NXP PCA9685, sixteen outputs of 12-bit pulse width modulation over I2C: lamps, motors, servos.

All outputs have one frequency, that of the chip's own 25 MHz oscillator over a prescale value, and are off from the
driver's first word to the chip until they are set, unless they are to be kept. Numbers are from the data sheet, section
in brackets.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x40  # A5 to A0 to ground; up to 0x7F
CHANNELS = 16
COUNTS = 4096  # of one period

_MODE1 = 0x00  # [7.3.1]
_MODE2 = 0x01  # [7.3.2]
_LED0 = 0x06  # four registers a channel: on low, on high, off low, off high [7.3.3]
_ALL_LED_OFF_H = 0xFD  # [7.3.4]
_PRE_SCALE = 0xFE  # [7.3.5]

_RESTART = 0x80
_AUTO_INCREMENT = 0x20
_SLEEP = 0x10
_TOTEM_POLE = 0x04
_FULL = 0x10  # bit 4 of on high: always on; of off high: always off, which wins [7.3.3]


class PCA9685:
    """One chip. It sleeps until `start`, and outputs are right from the time on that `start` returns.

    Args:
        i2c: `readfrom_mem` and `writeto_mem` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x40 to 0x7F. The chip does not listen to its all-call address 0x70 any more.
        frequency: Hz of all outputs, 24 to 1526: 50 for servos.
        keep: Whether a chip that runs as this driver has it run goes on, with its outputs as they are. One that does
            not, as after a loss of power, is begun anew.

    Raises:
        OSError: nothing answers, or (EIO) the chip does not take what is written.
        ValueError: the frequency is out of range.
    """

    def __init__(self, i2c: "I2C", address: int = ADDRESS, frequency: float = 200, keep: bool = False) -> None:
        self._prescale = prescale(frequency)
        self._i2c = i2c
        self._address = address
        if keep and self._runs():
            return
        self.off()
        self.sleep()  # the prescale can be set in sleep only [7.3.5]
        self._write(_PRE_SCALE, bytes([self._prescale]))
        self._write(_MODE2, bytes([_TOTEM_POLE]))
        if self._read(_PRE_SCALE, 1)[0] != self._prescale:
            raise OSError(errno.EIO, "0x{:02x} did not take its prescale: is it a PCA9685?".format(address))

    @property
    def frequency(self) -> float:
        """Hz that the prescale makes of the 25 MHz; the oscillator itself is right to a few percent."""
        return 25000000 / (COUNTS * (self._prescale + 1))

    def start(self) -> int:
        """Wakes the oscillator; returns the milliseconds after which it is steady (0.5 of them [7.3.1])."""
        self._write(_MODE1, bytes([_AUTO_INCREMENT]))
        return 1

    def sleep(self) -> None:
        """Stops the oscillator, and the outputs with it; the chip keeps what they were set to."""
        self._write(_MODE1, bytes([_AUTO_INCREMENT | _SLEEP]))

    def restart(self) -> None:
        """After `sleep`, `start` and its milliseconds: outputs that ran when the chip went to sleep run again.

        Raises:
            OSError: EAGAIN, the chip still sleeps.
        """
        mode = self._read(_MODE1, 1)[0]
        if mode & _SLEEP:
            raise OSError(errno.EAGAIN, "the chip sleeps: start it first")
        if mode & _RESTART:
            self._write(_MODE1, bytes([_AUTO_INCREMENT | _RESTART]))

    def off(self) -> None:
        """All outputs off, whatever the chip was doing; raises OSError as `set`."""
        self._write(_ALL_LED_OFF_H, bytes([_FULL]))
        if not self._read(_LED0 + 4 * CHANNELS - 1, 1)[0] & _FULL:
            raise OSError(errno.EIO, "the outputs of 0x{:02x} are not all off: is it a PCA9685?".format(self._address))

    def set(self, channel: int, duty: int) -> None:
        """Output 0 to 15 high for `duty` counts of 4096: 0 is always off, 4096 always on.

        Raises:
            OSError: nothing answers, or (EIO) the chip does not have what was written, as after a loss of power.
            ValueError: there is no such channel or duty.
        """
        register = _register(channel)
        if not 0 <= duty <= COUNTS:
            raise ValueError("duty must be 0 to 4096 counts, not {}".format(duty))
        if duty == 0:
            data = bytes([0, 0, 0, _FULL])
        elif duty == COUNTS:
            data = bytes([0, _FULL, 0, 0])
        else:
            data = bytes([0, 0, duty & 0xFF, duty >> 8])
        self._write(register, data)
        # A chip that lost its power forgot to count its registers up, so it cannot read as it was written
        if self._read(register, 4) != data:
            raise OSError(
                errno.EIO, "channel {} of 0x{:02x} was not taken: set it up again".format(channel, self._address)
            )

    def pulse(self, channel: int, microseconds: float) -> None:
        """Output 0 to 15 high for so long in each period, to the nearest count; a servo's 1000 to 2000.

        Raises:
            OSError: as `set`.
            ValueError: no such channel, or the pulse is longer than the period.
        """
        period = COUNTS * (self._prescale + 1) / 25
        if not 0 <= microseconds <= period:
            raise ValueError("a pulse must be 0 to {:.0f} us, not {}".format(period, microseconds))
        self.set(channel, int(microseconds * 25 / (self._prescale + 1) + 0.5))

    def get(self, channel: int) -> int:
        """Counts of 4096 that output 0 to 15 is set to, as the chip has it.

        Raises:
            OSError: nothing answers, or (EIO) the channel is set to what this driver sets none to.
        """
        on_low, on_high, off_low, off_high = self._read(_register(channel), 4)
        if off_high & _FULL:
            return 0
        if on_high & _FULL:
            return COUNTS
        duty = off_low | off_high << 8
        if on_low or on_high or not 0 < duty < COUNTS:
            raise OSError(errno.EIO, "channel {} of 0x{:02x} is not set".format(channel, self._address))
        return duty

    def _runs(self) -> bool:
        if self._read(_MODE1, 1)[0] == 0xFF:  # a line that nobody pulls low: no reason to switch the outputs off
            raise OSError(errno.EIO, "0x{:02x} says nothing but ones".format(self._address))
        wanted = ((_MODE1, _AUTO_INCREMENT), (_MODE2, _TOTEM_POLE), (_PRE_SCALE, self._prescale))
        return all(self._read(register, 1)[0] == value for register, value in wanted)

    def _read(self, register: int, count: int) -> bytes:
        data = self._i2c.readfrom_mem(self._address, register, count)
        if len(data) != count:
            raise OSError(errno.EIO, "{} bytes of {} from register 0x{:02x}".format(len(data), count, register))
        return data

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(self._address, register, data)


def prescale(frequency: float) -> int:
    """Value of PRE_SCALE for a frequency of the outputs in Hz: round(25 MHz / (4096 * frequency)) - 1 [7.3.5].

    Raises:
        ValueError: not 24 to 1526.
    """
    if not 24 <= frequency <= 1526:
        raise ValueError("frequency must be 24 to 1526 Hz, not {}".format(frequency))
    return int(25000000 / (COUNTS * frequency) + 0.5) - 1


def _register(channel: int) -> int:
    if not 0 <= channel < CHANNELS:
        raise ValueError("the channel must be 0 to 15, not {}".format(channel))
    return _LED0 + 4 * channel
