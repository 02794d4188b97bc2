# SPDX-License-Identifier: GPL-3.0-or-later
"""A device without its uplink: sensors, actuators behind their guard, and scripts between these. Time is an argument.

It is the ports of its runner: what a script's effects are carried out on.
"""

import os

from ganglion_agent import config, outputs, sensors
from ganglion_agent.guard import Actuator, Guard
from ganglion_agent.log import Log
from ganglion_agent.section import Section, missing
from ganglion_micro.cbor import CBORError
from ganglion_micro.gl1 import level
from ganglion_micro.limits import DAY

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_agent.clock import Clock

#: Nanoseconds between two measurements, at least.
MIN_EVERY = 100000000
#: Classes of events by which nodes tell of their runs and guardians: no leaf has any.
_NOT_OURS = ("episode", "guardian")


class Device:
    """What hangs on the pins, and what is done with it.

    Raises:
        ConfigError: the configuration names what the board has not.
    """

    def __init__(self, found: config.Config, clock: "Clock", log: Log) -> None:
        self.clock = clock
        self.guard = Guard(self._made_safe)
        self.sensors = []  # type: list[sensors.Sensor]
        self.member = None  # type: Any
        self.units = {}  # type: dict[str, str]
        self.runner = None  # type: Any
        self.prompts = None  # type: Any
        self.heard = clock.now()
        self._log = log
        self._offset = found.utc_offset
        now = clock.now()
        wanted = {}  # type: dict[str, list[Any]]
        taken = {}  # type: dict[str, str]
        self._confirmations = None  # type: Any
        for name, section in found.actuators:  # first of all: until then pins are whatever they are
            limits, silence, risk = config.limits(section)
            said = [section.where] + [section.value(key) for key in ("requires", "excludes", "readback")]
            self.guard.actuators[name] = Actuator(limits, outputs.made(section, limits, taken), silence, risk, now)
            if said[1:] != [None, None, None]:
                wanted[name] = said
        if wanted:
            from ganglion_agent.interlock import fit

            self._confirmations = fit(self.guard, wanted, now)
        buses = {}  # type: dict[str, Any]

        def i2c(name: str) -> "Any":
            if name not in buses:
                if name not in found.buses:
                    raise section.error("bus", missing("bus", name, found.buses))
                buses[name] = _i2c(found.buses[name])
            return buses[name]

        for name, section in found.sensors:
            every = section.duration("every", "10s", MIN_EVERY)
            make, channels = sensors.maker(section, i2c)
            sensor = sensors.Sensor(name, every, make, channels, now)
            self.units.update(sensor.units)
            self.sensors.append(sensor)

    def start(self, member: "Any", asks: "Any") -> None:
        """Has readings and events of scripts go to the mesh, by a `leaf.Leaf` or a `member.Member`.

        Args:
            asks: How a model is asked; see `prompts.Prompts`.
        """
        self.member = member
        self._asks = asks

    def scripts(self) -> "Any":
        """The runner of scripts; a device without any has no memory taken by an engine."""
        if self.runner is None:
            from ganglion_agent.runner import Runner

            self.runner = Runner(self)
        return self.runner

    def advance(self) -> "list[bytes]":
        """Goes on; what is to be sent."""
        now = self.clock.now()
        out = []
        for sensor in self.sensors:
            error = sensor.error
            if sensor.advance(now):
                data = self._measured(sensor)
                if data is not None:
                    out.append(data)
            if sensor.error and sensor.error != error:
                self.log("warning", sensor.error)
        if self.prompts is not None:
            self.prompts.advance(now)
        if self.runner is not None:
            self.runner.advance(now)
        self.hurry()
        if self._confirmations is not None:
            self._confirmations.advance(now)
        return out

    def _measured(self, sensor: sensors.Sensor) -> "bytes | None":
        if self.runner is not None:
            for stream in sensor.values:
                self.runner.sense(stream, sensor.values[stream], sensor.name)
        if self.member is None:
            return None
        values = [(stream, value) for stream, value in sensor.values.items() if value == value]
        return self.member.readings(values)  # type: ignore[no-any-return]

    def hurry(self) -> None:
        """What cannot wait while a signature is computed: the limits of the actuators."""
        now = self.clock.now()
        self.guard.advance(now, self.day(), now - self.heard)

    def day(self) -> "int | None":
        """Nanoseconds since local midnight; None where nobody knows."""
        if self._offset is None or self.member is None or not self.member.now:
            return None
        return int((self.member.now + self._offset) % DAY)

    def set(
        self,
        actuator: str,
        value: "Any",
        owner: str,
        priority: int = 0,
        ns: "int | None" = None,
        advised: bool = False,
    ) -> "list[Any]":
        """A command to the guard: `[accepted, value, reason]`."""
        done = self.guard.set(actuator, value, owner, self.clock.now(), self.day(), priority, ns, advised)
        if not done[0]:
            self.log("warning", "{} is refused to {}: {}".format(actuator, owner, done[2]))
        return done

    def _made_safe(self, name: str, reason: str) -> None:
        value = self.guard.actuators[name].state.value
        self.log("info", "{} is made {!r}: {}".format(name, value, reason))
        if self.runner is not None:
            self.runner.emit("actuator/" + name, {"value": value, "reason": reason}, "guardian")

    # The ports of the runner

    def streams(self) -> "dict[str, str]":
        """Units of the readings, by stream."""
        return self.units

    def actuators(self) -> "dict[str, Any]":
        """By name."""
        return self.guard.actuators

    def random(self) -> float:
        """From 0 to 1."""
        return int.from_bytes(os.urandom(2), "big") / 65536

    def now(self) -> int:
        """Nanoseconds since the boot."""
        return self.clock.now()

    def time(self) -> int:
        """Nanoseconds since the Unix epoch, by the parent's clock or a gateway's; 0 before it has said."""
        return self.member.now if self.member is not None else 0

    def release(self, owner: str) -> None:
        """What this owner has set ends."""
        self.guard.release(owner)

    def log(self, level: str, message: str) -> None:
        """A line of the log."""
        self._log.add(self.clock.ms() // 1000, level, message)

    def read(self, stream: str, then: "Callable[[Any], None]") -> None:
        """Measures now; `then` gets the value, or a failure."""
        from ganglion_micro.effects import Failure

        for sensor in self.sensors:
            if stream in sensor.units:

                def taken(sensor: sensors.Sensor) -> None:
                    failed = sensor.error or stream not in sensor.values
                    then(Failure("unreachable", sensor.error, True) if failed else sensor.values[stream])

                sensor.ask(taken)
                return
        then(Failure("invalid", "there is no sensor {} here".format(stream)))

    def prompt(self, effect: "Any", then: "Callable[[Any], None]") -> None:
        """Asks a language model by way of the mesh; `then` gets `[value, model, tokens]`, or a failure."""
        assert self.member is not None  # scripts are loaded after it is there
        if self.prompts is None:
            from ganglion_agent.prompts import Prompts

            self.prompts = Prompts(self.member, self._asks)
        self.prompts.ask(effect, self.clock.now(), then)

    def actuate(self, effect: "Any", owner: str, now: int, then: "Callable[[Any], None]") -> None:
        """A script's command; `then` gets `[accepted, value, reason]`, once it is seen to obey where that is asked."""
        name = effect.actuator
        if effect.within is not None and self.guard.actuators[name].readback is None:
            then([False, None, "{} cannot be read back here, so nobody sees it obey".format(name)])
            return
        done = self.set(name, effect.value, owner, effect.priority, effect.ns, effect.advised)
        if effect.within is None or not done[0]:
            then(done)
        else:
            self._confirmations.add(self.guard.actuators[name], effect.value, now + effect.within, then)

    def publish(self, effect: "Any") -> "Any":
        """A script's event goes to the parent or a gateway, as one of the class that its topic begins with."""
        from ganglion_micro.effects import Failure

        cls = effect.topic.split("/")[0]
        if effect.topic.startswith("mqtt:") or effect.to:
            return Failure("refused", "only the mesh hears a board: have a node pass it on")
        if cls in _NOT_OURS or not level(cls):
            return Failure("invalid", "{} is no class of events here".format(cls))
        try:
            taken = self.member is not None and self.member.event(cls, effect.topic, effect.value)
        except CBORError as error:
            return Failure("invalid", str(error))
        return "" if taken else Failure("unreachable", "too many events wait", True)


def _i2c(section: Section) -> "Any":
    from machine import I2C, Pin

    number, sda, scl = section.value("id", 0), section.value("sda"), section.value("scl")
    frequency = section.take("frequency", int, 400000, 1000, 1000000)
    section.close()
    try:
        if sda is None and scl is None:
            return I2C(number, freq=frequency)
        return I2C(number, sda=Pin(sda), scl=Pin(scl), freq=frequency)
    except (OSError, ValueError, TypeError) as error:
        raise section.error("sda, scl", "the board refuses it: {}".format(error)) from None
