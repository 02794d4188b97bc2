# SPDX-License-Identifier: GPL-3.0-or-later
"""A channel of a PWM in `/sys/class/pwm` (kernel: Documentation/driver-api/pwm.rst)."""

from pathlib import Path


class Channel:
    """One output; every method raises OSError where it is not there, or not this user's to use.

    Args:
        chip: The folder of its chip.
        number: Of that chip.

    Attributes:
        duty, enable: Its files.
    """

    def __init__(self, chip: Path, number: int | str) -> None:
        self._chip = chip
        self._number = number
        self._folder = chip / f"pwm{number}"
        self.duty = self._folder / "duty_cycle"
        self.enable = self._folder / "enable"

    def export(self) -> None:
        """Has the kernel make its files, where nobody has."""
        if not self._folder.is_dir():
            _put(self._chip / "export", self._number)

    def set_period(self, nanoseconds: int) -> None:
        """From one pulse to the next."""
        # The kernel refuses a period that is shorter than the pulse, and somebody may have left one
        if int(self.duty.read_text()) > nanoseconds:
            _put(self.duty, 0)
        _put(self._folder / "period", nanoseconds)

    def pulse(self, nanoseconds: int) -> None:
        """Pulses of this length, within the period, from now on."""
        _put(self.duty, nanoseconds)
        _put(self.enable, 1)

    def stop(self) -> None:
        """No pulses; the level of the line is the chip's matter then."""
        _put(self.enable, 0)

    def pulses(self) -> int | None:
        """The length of the pulses, in nanoseconds; None where it is stopped."""
        return int(self.duty.read_text()) if self.enable.read_text().strip() == "1" else None


def _put(path: Path, value: int | str) -> None:
    path.write_text(f"{value}\n")
