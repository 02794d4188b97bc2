# SPDX-License-Identifier: GPL-3.0-or-later
"""What actuators are on a board: a pin that is on or off, a pin with pulses. The guard alone writes to them."""

from ganglion_agent.section import Section

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_micro.limits import Limits

DRIVERS = ("pin", "pwm")


class Switch:
    """A pin, which `read` names."""

    pin = None  # type: Any

    def __init__(self, section: Section, limits: "Limits") -> None:
        self._low = section.take("active_low", bool, False)
        self._safe = limits.safe
        if limits.low is not None or limits.values:
            raise section.error("driver", "pin takes true and false; take low, high and values out, or use pwm")

    def open(self) -> None:
        """Takes the pin, at its fail-safe value."""
        from machine import Pin

        self.pin = Pin(self.pin, Pin.OUT, value=int(self._safe != self._low))

    def write(self, value: "Any") -> None:
        """Makes it so."""
        self.pin.value(int(bool(value) != self._low))


class Pulses:
    """A pin with pulses: `duty` has the shares of the period that it is high at `low` and at `high`."""

    pin = None  # type: Any

    def __init__(self, section: Section, limits: "Limits") -> None:
        self._frequency = section.take("frequency", int, 1000, 1, 1000000)
        duty = section.value("duty", [0, 1])
        if type(duty) is not list or [type(each) in (int, float) and 0 <= each <= 1 for each in duty] != [True, True]:
            raise section.error("duty", "must be two shares of the period from 0 to 1, as in [0.05, 0.1]")
        self._first, self._last = duty
        self._low, self._span = 0.0, 1.0
        self._safe = limits.safe
        if limits.low is not None and limits.high is not None:
            self._low, self._span = limits.low, limits.high - limits.low
        elif limits.values:
            raise section.error("driver", "pwm takes numbers, or true and false; take values out")

    def open(self) -> None:
        """Takes the pin, at its fail-safe value."""
        from machine import PWM, Pin

        self._pwm = PWM(Pin(self.pin), freq=self._frequency, duty_u16=self._duty(self._safe))

    def _duty(self, value: "Any") -> int:
        share = (value - self._low) / self._span
        return int((self._first + share * (self._last - self._first)) * 65535 + 0.5)

    def write(self, value: "Any") -> None:
        """Makes it so."""
        self._pwm.duty_u16(self._duty(value))


def read(section: Section, limits: "Limits", taken: "dict[str, str]") -> "Any":
    """The output of an actuator's section, which has no pin yet.

    Args:
        taken: Pins of other actuators, and where these stand; its own is added: past its limits, one would drive the
            other.

    Raises:
        ConfigError: a key is wrong, or another actuator has the pin.
    """
    driver = section.one("driver", DRIVERS)
    pin = section.value("pin")
    bare = str(pin).lstrip("GPIO")  # GP15 is 15
    if bare in taken:
        raise section.error("pin", "{} has it".format(taken[bare]))
    taken[bare] = section.where
    output = (Switch if driver == "pin" else Pulses)(section, limits)
    output.pin = pin
    section.close()
    return output


def made(section: Section, limits: "Limits", taken: "dict[str, str]") -> "Any":
    """The output of an actuator's section, at its fail-safe value; as `read`.

    Raises:
        ConfigError: a key is wrong, the board has no such pin, it cannot do this, or another actuator has it.
    """
    output = read(section, limits, taken)
    try:
        output.open()
    except (OSError, ValueError, TypeError) as error:
        raise section.error("pin", "the board refuses it: {}".format(error)) from None
    return output
