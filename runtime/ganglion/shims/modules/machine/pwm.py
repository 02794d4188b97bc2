# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.PWM`."""

from typing import Any

from ganglion.shims import board
from ganglion.shims.modules.machine.pin import name

_SECOND = 1_000_000_000
_FULL = 65535


class PWM:
    """Pulses on a pin.

    Args:
        dest: The pin.
        freq: Pulses per second.
        duty_u16: How long it is high, 0 to 65535 of a period.
        duty_ns: The same in nanoseconds.
        invert: Whether high and low change places.

    Raises:
        ValueError: no such pin, frequency or duty.
    """

    def __init__(self, dest: Any, **options: Any) -> None:
        self._id = name(dest)
        self._out = board.current().pwm(self._id)
        self._freq = 0
        self._duty = 0
        self._ns: int | None = None
        self._invert = False
        self.init(**options)

    def init(
        self,
        *,
        freq: int | None = None,
        duty_u16: int | None = None,
        duty_ns: int | None = None,
        duty: int | None = None,
        invert: bool | None = None,
    ) -> None:
        """Changes what is given; it begins when it has a frequency."""
        if invert is not None:
            self._invert = bool(invert)
        if freq is not None:
            if not 0 < freq <= _SECOND:
                raise ValueError(f"PWM({self._id}): a frequency of {freq} Hz cannot be made")
            self._freq = int(freq)
        if duty is not None:
            duty_u16 = min(duty * 64, _FULL)
        if duty_u16 is not None:
            self._duty, self._ns = min(max(int(duty_u16), 0), _FULL), None
        if duty_ns is not None:
            if duty_ns < 0 or (self._freq and duty_ns > _SECOND // self._freq):
                raise ValueError(f"PWM({self._id}): a pulse of {duty_ns} ns is longer than its period")
            self._ns = int(duty_ns)
        if self._freq:
            high = self.duty_ns() or 0
            period = _SECOND // self._freq
            self._out.configure(period_ns=period, high_ns=period - high if self._invert else high)

    def deinit(self) -> None:
        self._freq = 0
        self._out.stop()

    def freq(self, value: int | None = None) -> int | None:
        if value is None:
            return self._freq
        self.init(freq=value)
        return None

    def duty_u16(self, value: int | None = None) -> int | None:
        if value is not None:
            self.init(duty_u16=value)
            return None
        if self._ns is not None:
            return min(self._ns * self._freq * (_FULL + 1) // _SECOND, _FULL)
        return self._duty

    def duty_ns(self, value: int | None = None) -> int | None:
        if value is not None:
            self.init(duty_ns=value)
            return None
        if self._ns is not None:
            return self._ns
        return round(_SECOND / self._freq * self._duty / _FULL) if self._freq else 0

    def duty(self, value: int | None = None) -> int | None:
        """0 to 1023 of a period."""
        if value is not None:
            self.init(duty=value)
            return None
        return (self.duty_u16() or 0) // 64

    def __repr__(self) -> str:
        return f"PWM({self._id}, freq={self._freq}, duty_u16={self.duty_u16()})"
