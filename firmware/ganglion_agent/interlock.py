# SPDX-License-Identifier: GPL-3.0-or-later
"""Actuators of a device that may be on only while others are on, or off: `requires` and `excludes`, as a node has them.

What others require is made safe once these are known to be off, even beyond its `max_on`; where nobody knows its state
any more, they are made safe at once.
"""

from ganglion_agent.section import ConfigError, Section

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_agent.guard import Actuator, Guard


def fit(guard: "Guard", wanted: "dict[str, list[Any]]", now: int) -> "Any":
    """Locks actuators and has them read back; returns where steps wait for that, or None.

    Args:
        wanted: Name to where its table is, and what that says of `requires`, `excludes` and `readback`.

    Raises:
        ConfigError: as `Interlocks` and `Readback`.
    """
    confirmations = None
    for name in wanted:
        where, _, _, shown = wanted[name]
        if shown is not None:
            from ganglion_agent.readback import Confirmations, Readback

            guard.actuators[name].readback = Readback(Section(where + ".readback", shown), now)
            confirmations = confirmations or Confirmations()
    locks = {name: (wanted[name][1], wanted[name][2]) for name in wanted if wanted[name][1:3] != [None, None]}
    if locks:
        guard.interlocks = Interlocks(guard.actuators, locks)
    return confirmations


class Interlocks:
    """Those of one device.

    Args:
        actuators: All, by name.
        said: Name to the lists `requires` and `excludes` of its table; None for none.

    Attributes:
        order: All names, each before those that it requires.

    Raises:
        ConfigError: a name is of no other actuator, requirements run in a circle, or a fail-safe value would break one.
    """

    def __init__(self, actuators: "dict[str, Actuator]", said: "dict[str, tuple[Any, Any]]") -> None:
        self._actuators = actuators
        self._requires = {name: [] for name in actuators}  # type: dict[str, list[str]]
        self._excludes = {name: [] for name in actuators}  # type: dict[str, list[str]]
        for name in said:
            self._requires[name] = self._named(name, "requires", said[name][0])
            for other in self._named(name, "excludes", said[name][1]):
                self._excludes[name].append(other)
                self._excludes[other].append(name)
        depths = {name: self._depth(name, []) for name in actuators}
        self.order = sorted(actuators, key=lambda name: -depths[name])
        for name in actuators:
            limits = actuators[name].limits
            if limits.is_on(limits.safe) and (self._requires[name] or self._excludes[name]):
                raise _error(name, "fail_safe", "must be off, since an interlock may forbid that it is on")

    def _named(self, name: str, key: str, others: "Any") -> "list[str]":
        if others is None:
            return []
        if type(others) is not list:
            raise _error(name, key, "must be a list of names")
        for other in others:
            if other == name or other not in self._actuators:
                raise _error(name, key, "{!r} is no other actuator".format(other))
        return others

    def _depth(self, name: str, above: "list[str]") -> int:
        """How many have to be on before it may be."""
        if name in above:
            raise _error(name, "requires", "it would require itself")
        for other in above:
            if name in self._excludes[other]:
                raise _error(other, "requires", "{} excludes it, so it could never be on".format(name))
        below = [self._depth(other, above + [name]) for other in self._requires[name]]
        return 1 + max(below) if below else 0

    def refusal(self, name: str, value: "Any") -> str:
        """Why it may not have the value beside the others."""
        if self._actuators[name].limits.is_on(value):
            return self._broken(name, False)
        for other in self._dependants(name):
            if not self._is_off(other):
                return "{} is on and requires it".format(other)
        return ""

    def broken(self, name: str) -> str:
        """Why it may not stay on."""
        return self._broken(name, True)

    def is_held(self, name: str) -> bool:
        """Whether something that requires it is not known to be off; the commands of such come to their ends now."""
        held = False
        for other in self._dependants(name):
            if not self._is_off(other):
                held = True
                holder = self._actuators[other].holder
                self._actuators[other].holder = [holder[0] if holder else "", 0, 1]
        return held

    def _broken(self, name: str, holding: bool) -> str:
        for other in self._requires[name]:
            lost = holding and self._broken(other, True)  # with it goes what requires it, whatever its min_on
            if lost or not (self._is_on(other) and self._is_sure(other, holding)):
                return "it may be on only while {} is on".format(other)
        for other in self._excludes[name]:
            if self._is_on(other) or not self._is_sure(other, holding):
                return "it may not be on while {} is".format(other)
        return ""

    def _dependants(self, name: str) -> "list[str]":
        return [other for other in self._requires if name in self._requires[other]]

    def _is_on(self, name: str) -> bool:
        actuator = self._actuators[name]
        return actuator.limits.is_on(actuator.state.value)

    def _is_off(self, name: str) -> bool:
        return not self._is_on(name) and self._is_sure(name, False)

    def _is_sure(self, name: str, holding: bool) -> bool:
        """Whether it is known to have its value; what is on is let be until a readback that is awaited has failed."""
        actuator = self._actuators[name]
        pending = actuator.readback is not None and actuator.readback.until
        return actuator.state.certain and (holding or not pending)


def _error(name: str, key: str, message: str) -> ConfigError:
    return ConfigError("agent.json.actuators.{}.{}: {}".format(name, key, message))
