# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device does for its parent, one method each; an answer fits a message of 1024 bytes."""

import gc

from ganglion_agent import crash
from ganglion_agent.guard import PARENT
from ganglion_agent.section import ConfigError, Section, missing
from ganglion_agent.store import Store, piece, well_named
from ganglion_micro.serving import RefusalError

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_agent.device import Device
    from ganglion_agent.log import Log

_LETTERS = 700


class Methods:
    """The methods of one boot.

    Attributes:
        restarting: Whether a restart was asked for.
        live: Scripts that are not on the flash; None where there never was one in this boot.
    """

    def __init__(self, device: "Device", store: Store, log: "Log", about: "dict[str, Any]", crashed: str) -> None:
        self._device = device
        self._store = store
        self._log = log
        self._about = about
        self._crashed = crashed
        self.restarting = False
        self.live = None  # type: Any

    def table(self) -> "dict[str, Any]":
        """Handlers by method."""
        return {
            "actuators.list": self.actuators_list,
            "actuators.set": self.actuators_set,
            "answer": self.answer,
            "crash": self.crash,
            "log": self.log,
            "ping": self.ping,
            "reboot": self.reboot,
            "say": self.say,
            "scripts.list": self.scripts_list,
            "scripts.live": self.scripts_live,
            "scripts.put": self.scripts_put,
            "scripts.remove": self.scripts_remove,
            "sensors.read": self.sensors_read,
            "status": self.status,
        }

    def ping(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """`{"name", "uptime_s"}`."""
        return {"name": self._about["name"], "uptime_s": self._device.clock.ms() // 1000}

    def status(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """How the device is."""
        device = self._device
        gc.collect()
        said = dict(self._about)
        said["uptime_s"] = device.clock.ms() // 1000
        said["clock"] = device.time() > 0
        free = getattr(gc, "mem_free", None)  # MicroPython alone has it
        said["heap_free"] = None if free is None else free()
        said["actuators"] = device.guard.status()
        said["scripts"] = sorted(device.runner.scripts) if device.runner is not None else []
        if device.runner is not None:
            said["runs"] = device.runner.counts
        said["errors"] = [sensor.error[:80] for sensor in device.sensors if sensor.error][:3]
        said["refused"] = device.member.refused
        last = crash.last(self._crashed)
        said["crashed"] = None if last is None else last["boot"]
        return said

    def actuators_list(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """Of each actuator `[value, risk, low, high]`, or `[value, risk, values]`, none for true and false."""
        found = self._device.guard.actuators
        return {"actuators": {name: found[name].about() for name in found}}

    def actuators_set(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """Sets `actuator` to `value`, for a duration `for` where there is one, with a `priority` from 0 to 3.

        With `advised` a language model wants it.
        """
        section = _section(params)
        try:
            name, value = section.take("actuator", str), section.value("value")
            ns = section.duration("for", "1s") if section.has("for") else None
            priority = section.take("priority", int, 0, 0, 3)
            advised = section.take("advised", bool, False)
            section.close()
        except ConfigError as error:
            raise ValueError(str(error)) from None
        done = self._device.set(name, value, PARENT, priority, ns, advised)
        if not done[0]:
            raise RefusalError(done[2])
        return {"actuator": name, "value": done[1]}

    def answer(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """What came of a prompt of a script; see `prompts.Prompts.answer`."""
        if self._device.prompts is None:
            raise ValueError("nobody waits for this answer")
        self._device.prompts.answer(params)
        return {}

    def sensors_read(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """The last measurement of `sensor`: `{"values", "age_ms", "error"}`."""
        name = params.get("sensor")
        for sensor in self._device.sensors:
            if sensor.name == name:
                age = (self._device.now() - sensor.taken) // 1000000 if sensor.values else None
                return {"values": sensor.values, "age_ms": age, "error": sensor.error}
        raise ValueError(missing("sensor", name, [sensor.name for sensor in self._device.sensors]))

    def say(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """An event for the scripts of the device: `topic`, `value`."""
        topic = params.get("topic")
        if type(topic) is not str or not topic or "+" in topic or "#" in topic:
            raise ValueError("say needs a topic")
        scripts = self._device.scripts()
        scripts.emit(topic, params.get("value"), PARENT)
        return {"scripts": len(scripts.scripts)}

    def scripts_list(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """`{"scripts": [{"name", "hash"}]}`, as many as fit."""
        runner = self._device.runner
        found = sorted(runner.scripts.items()) if runner is not None else []
        return {"scripts": [{"name": name, "hash": script.hash[:12]} for name, script in found[:16]]}

    def scripts_put(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """A piece of a plan: `name`, `at`, `size` of the whole, `data` in base64. See `store.Store.put`.

        With `seconds` it runs for so long and is not kept on the flash: `live.Live.put`.
        """
        name = params.get("name")

        def load(data: bytes) -> None:
            from ganglion_micro.plan import NAME, unpack

            if unpack(data, len)[NAME] != name:  # its steps are not looked at here
                raise ValueError("the plan has another name than {}".format(name))
            gc.collect()
            script = self._device.scripts().load(data, self._device.now())
            self._device.log("info", "the script {} runs: {}".format(name, script.hash[:12]))

        at, size, data = params.get("at"), params.get("size"), piece(params.get("data"))
        if "seconds" in params:
            return self._live().put(name, at, size, data, params["seconds"], load)  # type: ignore[no-any-return]
        done = self._store.put(name, at, size, data, load)  # type: ignore[arg-type]
        if self.live is not None and done.get("done"):
            self.live.forget(name)
        return done

    def scripts_live(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """Has the script `name` that is not on the flash run for `seconds` from now; see `live.Live.keep`."""
        return self._live().keep(params.get("name"), params.get("seconds"))  # type: ignore[no-any-return]

    def _live(self) -> "Any":
        if self.live is None:
            from ganglion_agent.live import Live  # a KiB of heap, for those who edit

            self.live = Live(self._device, self._store)
        return self.live

    def scripts_remove(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """Unloads the script `name` and takes it off the flash."""
        name = params.get("name")
        if self.live is not None:
            self.live.forget(name)
        runs = self._device.runner is not None and self._device.runner.remove(name, self._device.now())
        if not (well_named(name) and self._store.remove(str(name))) and not runs:
            raise ValueError(missing("script", name, self._store.names()))
        return {"name": name}

    def reboot(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """Restarts the device once this is answered; its actuators are safe before."""
        self.restarting = True
        return {}

    def log(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """The last `lines` of the log, 10 where nothing is said, or those `after` a number, up to `next`: what fits."""
        after = params.get("after")
        if type(after) is int:
            found, at = self._log.since(after, _LETTERS)
            return {"lines": found, "next": at}
        lines = params.get("lines", 10)
        if type(lines) is not int or lines < 1:
            raise ValueError("lines must be a whole number from 1")
        return {"lines": self._log.last(lines, _LETTERS)}

    def crash(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """The last crash, or None."""
        return {"crash": crash.last(self._crashed)}


def load_all(device: "Device", store: Store) -> None:
    """Has the scripts of the flash run; one that cannot is told of and left."""
    for name in store.names():
        load(device, store, name)


def load(device: "Device", store: Store, name: str) -> bool:
    """Has a script of the flash run; where it cannot, that is told, and False."""
    try:
        device.scripts().load(store.read(name) or b"", device.now())
    except (OSError, ValueError) as error:
        device.log("error", "the script {} does not run: {}".format(name, error))
        return False
    return True


def _section(params: "dict[str, Any]") -> Section:
    return Section("params", params)
