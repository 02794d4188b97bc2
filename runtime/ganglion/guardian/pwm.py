# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver `pwm`: a channel of a PWM in `/sys/class/pwm`, as the kernel's documentation of that folder has it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError
from ganglion.guardian import duty
from ganglion.guardian.driver import Driver, Place, Section, claim
from ganglion.guardian.duty import Duty
from ganglion.guardian.raw import FileWrite, Raw
from ganglion.linux.pwm import Channel
from ganglion.settings import duration_field


@dataclass(frozen=True, slots=True, kw_only=True)
class PwmSection(Section):
    """`[actuator.<name>]` with `driver = "pwm"`.

    Attributes:
        chip: The folder of the PWM chip.
        channel: Of that chip.
        period: From one pulse to the next; 20 ms is what servos want.
        duty: The shares of the period at `low` and at `high`, or for false and true: `[0.05, 0.1]` for a servo.
    """

    chip: str = "/sys/class/pwm/pwmchip0"
    channel: int = 0
    period: int = duration_field("1ms")
    duty: tuple[float, ...] = (0.0, 1.0)


SECTION = PwmSection


def driver(section: PwmSection, place: Place) -> Driver:
    """The channel.

    Raises:
        InvalidError: `period`, `channel` or `duty` make no sense.
    """
    if section.period < 1 or section.channel < 0:
        raise InvalidError("period must be above 0, and channel 0 or more", where=place.where)
    line = duty.read(section, section.duty, place)
    chip = place.resolve(section.chip)
    claim(place, (os.path.realpath(chip), section.channel), f"channel {section.channel} of {chip}", "channel")
    return Pwm(chip, section.channel, section.period, line)


class Pwm:
    """One channel, which is exported by the first write and then stays enabled: what is off has its duty.

    Args:
        chip: Its folder.
        channel: Its number.
        period: In nanoseconds.
        line: From values to shares.
    """

    def __init__(self, chip: Path, channel: int, period: int, line: Duty) -> None:
        self._name = f"channel {channel} of {chip}"
        self._channel = Channel(chip, channel)
        self._period = period
        self._line = line
        self._value: Any = None
        self._ready = False

    def __str__(self) -> str:
        return self._name

    def write(self, value: Any) -> None:
        if not self._ready:
            self._channel.export()
            self._channel.set_period(self._period)
            self._ready = True
        self._channel.pulse(self._nanoseconds(value))
        self._value = value

    def read(self) -> Any | None:
        said = self._channel.pulses()
        if said is None:
            return "disabled"
        return self._value if said == self._nanoseconds(self._value) else self._line.value(said / self._period)

    def forget(self) -> None:
        """What is in the folder is read after each write."""

    def raw(self, value: Any) -> Sequence[Raw]:
        return [
            FileWrite(path=os.path.abspath(self._channel.duty), data=b"%d\n" % self._nanoseconds(value)),
            FileWrite(path=os.path.abspath(self._channel.enable), data=b"1\n"),
        ]

    def _nanoseconds(self, value: Any) -> int:
        return round(self._line.share(value) * self._period)
