# SPDX-License-Identifier: GPL-3.0-or-later
"""The guardian of a device: nothing moves an actuator but through here, and what nobody holds is made safe.

Pure but for the outputs that it is given. A command has an owner, a priority and perhaps an end; the higher priority
holds the actuator, among equals the latest. What the parent has set ends when the parent is silent for `max_silence`.
"""

from ganglion_agent.section import missing
from ganglion_micro.limits import Limits, State, on_until, refusal, same, settled

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: The owner of what the parent's calls set.
PARENT = "parent"
#: Nanoseconds until an output that failed is tried again.
_AGAIN = 1000000000


class Actuator:
    """One. `holder` is None, or `[owner, priority, end or 0]`.

    Attributes:
        readback: Shows whether it is on, a `readback.Readback`; None where nothing does.
    """

    def __init__(self, limits: Limits, output: "Any", silence: int, risk: str, now: int) -> None:
        self.limits = limits
        self.output = output
        self.silence = silence
        self.risk = risk
        self.state = State(limits.safe, now, now)
        self.holder = None  # type: list[Any] | None
        self.again = 0
        self.failure = ""
        self.readback = None  # type: Any

    def write(self, value: "Any", now: int) -> str:
        """Tells the output; why that failed, or an empty text."""
        self.state.change(self.limits, value, now)
        try:
            self.output.write(value)
        except OSError as error:
            self.lose("its output does not take the write: {}".format(error), now)
            return self.failure
        if self.readback is not None:
            self.readback.begin(self, now)
        else:
            self.state.settle(now)
            self.failure = ""
        return self.failure

    def about(self) -> "list[Any]":
        """As `Methods.actuators_list` says it."""
        limits = self.limits
        return [self.state.value, self.risk] + ([limits.values] if limits.low is None else [limits.low, limits.high])

    def lose(self, failure: str, now: int) -> None:
        """Nobody knows what it does; it is told its fail-safe value in a second."""
        self.state.lose()
        self.failure = failure
        self.again = now + _AGAIN


class Guard:
    """All actuators of a device.

    Args:
        tell: Is told, as name and reason, of each actuator that was made safe here.
    """

    def __init__(self, tell: "Callable[[str, str], None]") -> None:
        self.actuators = {}  # type: dict[str, Actuator]
        self.interlocks = None  # type: Any
        self._tell = tell

    def set(
        self,
        name: str,
        value: "Any",
        owner: str,
        now: int,
        day: "int | None",
        priority: int = 0,
        ns: "int | None" = None,
        advised: bool = False,
    ) -> "list[Any]":
        """A command: `[accepted, value, reason]`, the value as it is now.

        Args:
            day: Nanoseconds since local midnight; None where nobody knows.
            ns: After which it ends; None for never.
            advised: Whether a language model had a part in it.
        """
        actuator = self.actuators.get(name)
        if actuator is None:
            return [False, None, missing("actuator", name, self.actuators)]
        reason = self._refusal(actuator, value, owner, now, day, priority, advised)
        if not reason and self.interlocks is not None:
            reason = self.interlocks.refusal(name, value)
        if not reason:
            reason = actuator.write(value, now)
        if reason:
            return [False, actuator.state.value, "{}: {}".format(name, reason)]
        actuator.holder = [owner, priority, now + ns if ns else 0]
        return [True, value, ""]

    def _refusal(
        self, actuator: Actuator, value: "Any", owner: str, now: int, day: "int | None", priority: int, advised: bool
    ) -> str:
        misfit = actuator.limits.misfit(value)
        if misfit:
            return misfit
        if advised and actuator.risk == "never":
            return "a language model's answer may not cause it (risk)"
        holder = actuator.holder
        if holder is not None and holder[0] != owner and holder[1] > priority and not self._ended(holder, now):
            return "{} holds it with priority {}".format(holder[0], holder[1])
        if not actuator.state.certain:
            return actuator.failure or "its state is unknown"
        return refusal(actuator.limits, actuator.state, value, now, day)

    @staticmethod
    def _ended(holder: "list[Any]", now: int) -> bool:
        return bool(holder[2]) and holder[2] <= now

    def release(self, owner: str) -> None:
        """Ends what this owner has set."""
        for actuator in self.actuators.values():
            if actuator.holder is not None and actuator.holder[0] == owner:
                actuator.holder[2] = 1

    def advance(self, now: int, day: "int | None", silent: int) -> None:
        """Makes safe what is to be.

        Args:
            silent: Nanoseconds that the parent has said nothing.
        """
        for name in self.actuators:
            actuator = self.actuators[name]
            limits, state, holder = actuator.limits, actuator.state, actuator.holder
            reason = ""
            until = on_until(limits, state)
            locks = self.interlocks
            lost = not state.certain
            if actuator.readback is not None:
                actuator.readback.look(actuator, now)
            if lost:
                actuator.holder = None
                if not state.certain and now >= actuator.again and not (locks is not None and locks.is_held(name)):
                    actuator.again = now + _AGAIN
                    actuator.write(limits.safe, now)
                if state.certain:
                    self._tell(name, "it is safe again after a write failed")
                continue
            if holder is not None and self._ended(holder, now):
                reason = "its owner's command has ended"
            elif holder is not None and holder[0] == PARENT and silent >= actuator.silence:
                reason = "the parent is silent"
            elif until is not None and now >= until:
                reason = "max_on is over"
            elif limits.quiet and limits.is_loud(state.value) and limits.is_quiet(day):
                reason = "quiet_hours have begun"
            broken = locks.broken(name) if locks is not None and limits.is_on(state.value) else ""
            if not reason and not broken:
                continue
            if same(state.value, limits.safe):
                actuator.holder = None
            elif locks is not None and not limits.is_on(limits.safe) and locks.is_held(name):
                pass  # what requires it goes first
            elif broken or now >= settled(limits, state, limits.safe):
                actuator.holder = None
                actuator.write(limits.safe, now)
                self._tell(name, broken or reason)

    def safe(self, now: int) -> None:
        """Everything has its fail-safe value, whatever the limits: the agent ends."""
        for name in self.interlocks.order if self.interlocks is not None else self.actuators:
            actuator = self.actuators[name]
            actuator.holder = None
            try:
                actuator.write(actuator.limits.safe, now)
            except Exception as error:  # whatever it is, the others are to be safe
                actuator.lose(str(error), now)

    def status(self) -> "dict[str, Any]":
        """Values by name; `[value, failure]` of what failed."""
        found = {}
        for name in self.actuators:
            actuator = self.actuators[name]
            found[name] = [actuator.state.value, actuator.failure] if actuator.failure else actuator.state.value
        return found
