# SPDX-License-Identifier: GPL-3.0-or-later
"""An NXP PCA9685 down to its registers, written from the data sheet, section in brackets."""

from collections.abc import Callable

from ganglion.sim.registers import RegisterFile

_MODE1, _MODE2, _LED0_ON_L, _LED15_OFF_H = 0x00, 0x01, 0x06, 0x45
_ALL_LED_ON_L, _ALL_LED_OFF_H, _PRE_SCALE = 0xFA, 0xFD, 0xFE
_RESTART, _AI, _SLEEP = 0x80, 0x20, 0x10
_FULL = 0x10
_STEADY = 500_000  # ns that the oscillator takes after SLEEP is cleared [7.3.1]
_OSCILLATOR = 25_000_000  # Hz


class ChipModel(RegisterFile):
    """One chip: a device for `SimulatedI2C`.

    Args:
        now: Nanoseconds of any clock that does not go back; the oscillator starts in it.
    """

    def __init__(self, *, now: Callable[[], int]) -> None:
        super().__init__()
        self._now = now
        self.power_cycle()

    def power_cycle(self) -> None:
        """Default values of the registers [7.3]: asleep, all outputs off, 200 Hz."""
        self._memory[:] = bytes(256)
        self._memory[_MODE1] = _SLEEP | 0x01
        self._memory[_MODE2] = 0x04
        self._memory[0x02:0x06] = b"\xe2\xe4\xe8\xe0"
        for channel in range(16):
            self._memory[_LED0_ON_L + 4 * channel + 3] = _FULL
        self._memory[_PRE_SCALE] = 0x1E
        self._restart_pending = False
        self._awake = self._now()

    @property
    def frequency(self) -> float:
        """Of the outputs in Hz [7.3.5, equation 1 the other way round]."""
        return _OSCILLATOR / 4096 / (self._memory[_PRE_SCALE] + 1)

    @property
    def running(self) -> bool:
        """Whether the oscillator turns the outputs on and off."""
        asleep = self._memory[_MODE1] & _SLEEP
        return not asleep and not self._restart_pending and self._now() - self._awake >= _STEADY

    def counts(self, channel: int) -> tuple[int, int]:
        """LEDn_ON and LEDn_OFF, with bit 12 for full on and full off."""
        at = _LED0_ON_L + 4 * channel
        on_l, on_h, off_l, off_h = self._memory[at : at + 4]
        return on_h << 8 | on_l, off_h << 8 | off_l

    def high(self, channel: int) -> list[bool]:
        """The output over the 4096 counts of one period."""
        on, off = self.counts(channel)
        if off & 0x1000 or not (on & 0x1000 or self.running):
            return [False] * 4096
        if on & 0x1000:
            # Full on needs no clock [7.3.3]; a sleeping chip has its outputs off all the same [7.3.1]
            return [not self._memory[_MODE1] & _SLEEP] * 4096
        return [(count - on) % 4096 < (off - on) % 4096 for count in range(4096)]

    def duty(self, channel: int) -> float:
        """Share of the period that the output is high for, 0 to 1."""
        return sum(self.high(channel)) / 4096

    def pulse(self, channel: int) -> float:
        """Microseconds of each period that the output is high for."""
        return self.duty(channel) * 1e6 / self.frequency

    def _take(self, data: bytes) -> None:
        before = bytes(self._memory[_LED0_ON_L : _LED15_OFF_H + 1])
        super()._take(data)
        # With OCH of MODE2 at 0 a write to a PWM register and a stop end a restart that is pending [7.3.1.1]
        if before != self._memory[_LED0_ON_L : _LED15_OFF_H + 1]:
            self._restart_pending = False

    def _get(self, register: int) -> int:
        if register == _MODE1:
            return self._memory[_MODE1] | (_RESTART if self._restart_pending else 0)
        if _ALL_LED_ON_L <= register <= _ALL_LED_OFF_H:
            return 0  # "write only", reads as zeros [7.3]
        return self._memory[register]

    def _set(self, register: int, value: int) -> None:
        if register == _MODE1:
            self._mode(value)
        elif register == _PRE_SCALE:
            if self._memory[_MODE1] & _SLEEP:  # "blocked when SLEEP bit is 0" [7.3.5]
                self._memory[register] = max(value, 3)
        elif _ALL_LED_ON_L <= register <= _ALL_LED_OFF_H:
            for channel in range(16):
                self._set(_LED0_ON_L + 4 * channel + register - _ALL_LED_ON_L, value)
        elif _LED0_ON_L <= register <= _LED15_OFF_H:
            self._memory[register] = value & (0x1F if (register - _LED0_ON_L) % 2 else 0xFF)
        elif register <= 0x05:
            self._memory[register] = value

    def _mode(self, value: int) -> None:
        before = self._memory[_MODE1]
        if value & _SLEEP and not before & _SLEEP:
            # Only outputs that are modulated wait for a restart; an orderly shutdown leaves none
            self._restart_pending = any(self.duty(channel) for channel in range(16))
        if before & _SLEEP and not value & _SLEEP:
            self._awake = self._now()
        if value & _RESTART and not value & _SLEEP and self._now() - self._awake >= _STEADY:
            self._restart_pending = False
        self._memory[_MODE1] = value & ~_RESTART

    def _after(self, register: int) -> int:
        if not self._memory[_MODE1] & _AI:
            return register
        # Past 0x45 and past 0xFE it goes on with MODE1 [7.3, remark below the summary]
        return 0 if register in (_LED15_OFF_H, _PRE_SCALE) else register + 1 & 0xFF
