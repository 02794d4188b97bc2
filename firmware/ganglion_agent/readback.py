# SPDX-License-Identifier: GPL-3.0-or-later
"""A pin that shows whether an actuator is on: what was written counts as done once it is seen there."""

from ganglion_agent.sensors import PLAIN, Contact
from ganglion_micro.limits import same

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_agent.guard import Actuator
    from ganglion_agent.section import Section


def read(section: "Section") -> "tuple[int, Any, str, bool]":
    """What a table `readback` says: `within` in nanoseconds, `pin`, `pull` and `active_low`.

    Raises:
        ConfigError: a key is wrong.
    """
    said = (
        section.duration("within", "1s"),
        section.value("pin"),
        section.one("pull", ("none", "up", "down"), "none"),
        section.take("active_low", bool, False),
    )
    section.close()
    return said


class Readback:
    """The pin of one actuator.

    Args:
        section: Its table `readback`: `pin`, `pull`, `active_low` as a sensor has them, and `within`.

    Attributes:
        within: Nanoseconds in which it has to show what was written.
        until: By when it has to; 0 where nothing is awaited.

    Raises:
        ConfigError: the board has no such pin.
    """

    def __init__(self, section: "Section", now: int) -> None:
        self.within, number, pull, low = read(section)
        self.until = now + self.within  # the fail-safe value was written just now
        try:
            self._contact = Contact(number, pull, low)
        except (OSError, ValueError, TypeError) as error:
            raise section.error("pin", "the board refuses it: {}".format(error)) from None

    def is_on(self) -> bool:
        """What it shows."""
        return bool(self._contact.sample()[PLAIN])

    def begin(self, actuator: "Actuator", now: int) -> None:
        """A value was written."""
        self.until = now + self.within
        self.look(actuator, now)

    def look(self, actuator: "Actuator", now: int) -> None:
        """Looks whether it shows, where that is awaited."""
        if not self.until:
            return
        if self.is_on() == actuator.limits.is_on(actuator.state.value):
            self.until = 0
            actuator.state.settle(now)
            actuator.failure = ""
        elif now >= self.until:
            self.until = 0
            actuator.lose("its readback does not show what it was told", now)


class Confirmations:
    """Steps of scripts that wait until an actuator is seen to obey."""

    def __init__(self) -> None:
        self._waiting = []  # type: list[tuple[Actuator, Any, int, Callable[[Any], None]]]

    def add(self, actuator: "Actuator", value: "Any", until: int, then: "Callable[[Any], None]") -> None:
        """`then` gets `[confirmed, value, reason]`, at the latest at `until`."""
        self._waiting.append((actuator, value, until, then))

    def advance(self, now: int) -> None:
        """Tells those whose wait is over."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            actuator, value, until, then = each
            told = actuator.state.value
            if not same(told, value):
                then([False, told, "it was told something else before it was seen to obey"])
            elif not actuator.state.certain:
                then([False, told, actuator.failure])
            elif not actuator.readback.until:
                then([True, told, ""])
            elif now >= until:
                then([False, told, "it was not seen to obey in time"])
            else:
                self._waiting.append(each)
