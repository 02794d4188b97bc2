# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds the hardware's watchdog while every part of the agent goes on, and only then."""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any


class HungError(Exception):
    """A part of the agent has not gone on for too long; the message names it."""


class Watchdog:
    """Knows when each part was alive last.

    Args:
        hardware: Has `feed`, as `machine.WDT`; None where there is none.
    """

    def __init__(self, hardware: "Any" = None) -> None:
        self._hardware = hardware
        self._parts = {}  # type: dict[str, list[int]]

    def expect(self, part: str, ms: int, now_ms: int) -> None:
        """A part is alive now, and says so again within so many milliseconds."""
        self._parts[part] = [now_ms, ms]

    def alive(self, part: str, now_ms: int) -> None:
        """A part goes on."""
        self._parts[part][0] = now_ms

    def feed(self, now_ms: int) -> None:
        """Feeds the hardware.

        Raises:
            HungError: a part does not go on.
        """
        for part in self._parts:
            last, ms = self._parts[part]
            if now_ms - last > ms:
                raise HungError("{} has not gone on for {} ms".format(part, now_ms - last))
        if self._hardware is not None:
            self._hardware.feed()


def hardware(ms: int) -> "Any":
    """The board's watchdog, which resets it after so many milliseconds without food; None where it has none."""
    try:
        from machine import WDT
    except ImportError:
        return None
    return WDT(timeout=ms)


def keep_fed(hardware: "Any") -> None:
    """Has a timer feed the hardware, which nobody can switch off again: a person at the console is not cut short."""
    for number in (-1, 0):  # a virtual one where the port has it
        try:
            from machine import Timer

            Timer(number).init(period=500, callback=lambda timer: hardware.feed())
            return
        except Exception:  # noqa: S110 - whatever it is, it is not to hide what ended the agent
            pass  # the next
