# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs compiled scripts on a device: events and time in, effects carried out on its ports.

All effects stand in one queue, so that what comes of an effect never overtakes what was asked for before. Whatever goes
wrong ends one run. Nothing here reads a clock or waits: `advance` is called again and again.
"""

from ganglion_agent import triggers as t
from ganglion_micro import effects as e
from ganglion_micro import plan as p
from ganglion_micro.engine import Engine
from ganglion_micro.topic import matches

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Effects that are carried out before others get their turn: scripts may answer each other for ever.
MAX_AT_ONCE = 64
#: Events and effects that wait; what comes beyond is dropped and counted.
MAX_WAITING = 64
#: Idempotency keys that a protocol remembers.
MAX_KEYS = 16


class Script:
    """A script that is loaded.

    Attributes:
        hash: Of its plan, in hex, as `ganglion scripts list` shows it of any node.
    """

    def __init__(self, name: str, hash: str, engine: Engine, now: int) -> None:
        self.name = name
        self.hash = hash
        self.engine = engine
        self.triggers = [t.Trigger(raw, now) for raw in engine.body[p.TRIGGERS]]
        self.running = {}  # type: dict[str, int]  # ids of runs -> their protocol
        self.queued = []  # type: list[tuple[t.Trigger, dict[str, Any]]]
        self.keys = {}  # type: dict[int, list[str]]


class Runner:
    """All scripts of a device.

    Args:
        ports: What effects are carried out on; `agent.Agent` says what it has.

    Attributes:
        scripts: By name.
        counts: Runs by how they ended; `ignored` and `dropped` are triggers and events that came to nothing.
    """

    def __init__(self, ports: "Any") -> None:
        self._ports = ports
        self.scripts = {}  # type: dict[str, Script]
        self.counts = {"completed": 0, "failed": 0, "cancelled": 0, "ignored": 0, "dropped": 0}
        self._events = []  # type: list[tuple[str, Any, str]]
        self._effects = []  # type: list[tuple[Script, Any]]
        self._waits = []  # type: list[list[Any]]  # script, run, when or 0, topic or ""
        self._last = 0

    def load(self, data: bytes, now: int) -> Script:
        """Has a plan run, in place of the one of its name.

        Raises:
            ValueError: it is no plan, or needs what this device has not.
        """
        body = p.unpack(data, p.Steps)
        for raw in body[p.TRIGGERS]:
            wrong = t.unfit(raw, self._ports.streams())
            if wrong:
                raise ValueError(wrong)
        for protocol in body[p.PROTOCOLS]:
            for i in range(len(protocol[p.STEPS])):
                self._check(protocol[p.STEPS][i])
        name = body[p.NAME]
        self.remove(name, now)
        if not self._ports.time() and [raw for raw in body[p.TRIGGERS] if raw[p.SOURCE] == p.SCHEDULED]:
            self._ports.log("warning", "{}: the calendar waits until the parent has said the time".format(name))
        engine = Engine(body, self._ports.random, 0)  # nobody is told of the steps: only how a run ended
        script = Script(name, _hash(data), engine, now)
        self.scripts[name] = script
        return script

    def _check(self, step: "list[Any]") -> None:
        args = step[p.ARGS]
        if step[p.OP] == p.TOOL or (step[p.OP] == p.PROMPT and args[6]):
            raise ValueError("step {} calls a tool, which a leaf cannot; have its parent do it".format(step[p.ID]))
        if step[p.OP] == p.ACTUATE and args[0] not in self._ports.actuators():
            known = ", ".join(sorted(self._ports.actuators())) or "none"
            raise ValueError("step {}: no actuator {} here; known are {}".format(step[p.ID], args[0], known))
        if step[p.OP] == p.READ and args[0] not in self._ports.streams():
            known = ", ".join(sorted(self._ports.streams())) or "none"
            raise ValueError("step {}: no sensor {} here; known are {}".format(step[p.ID], args[0], known))

    def remove(self, name: str, now: int) -> bool:
        """Unloads a script; its runs end, and what it holds is let go. Says whether it was there."""
        script = self.scripts.pop(name, None)
        if script is None:
            return False
        script.queued = []
        for run_id in list(script.running):
            self._cancel(script, run_id, "the script was taken away", now)
        self._effects = [each for each in self._effects if each[0] is not script]
        self._waits = [each for each in self._waits if each[0] is not script]
        self._ports.release(name)
        return True

    def sense(self, stream: str, value: "Any", source: str) -> None:
        """A reading of this device."""
        self.emit(t.topic_of(stream), value, source)

    def emit(self, topic: str, value: "Any", source: str) -> None:
        """An event of the device's bus."""
        if not self.scripts:
            return
        if len(self._events) >= MAX_WAITING:
            self.counts["dropped"] += 1
            return
        self._events.append((topic, value, source))

    def advance(self, now: int) -> None:
        """Goes on."""
        time = self._ports.time()
        for script in self.scripts.values():
            for trigger in script.triggers:
                for topic, value in trigger.due(now, time):
                    self._admit(script, trigger, topic, value, topic if value is None else "", now)
        for each in [each for each in self._waits if each[2] and each[2] <= now]:
            if each in self._waits:
                self._waits.remove(each)
                self._resume(each[0], each[1], None, now)
        for script in self.scripts.values():
            for run in [run for run in script.engine.runs.values() if run.deadline and run.root is run]:
                if now >= run.deadline:
                    self._put(script, script.engine.expire(run.id, now))
        for _turn in range(MAX_AT_ONCE):
            if self._effects:
                script, effect = self._effects.pop(0)
                self._carry_out(script, effect, now)
            elif self._events:
                topic, value, source = self._events.pop(0)
                self._tell(topic, value, source, now)
            else:
                return

    def _tell(self, topic: str, value: "Any", source: str, now: int) -> None:
        known = self._context(topic, value, source)
        for each in [each for each in self._waits if each[3] and matches(each[3], topic)]:
            if each in self._waits:
                self._waits.remove(each)
                self._resume(each[0], each[1], known, now)
        for script in list(self.scripts.values()):
            for trigger in script.triggers:
                for _topic, told in trigger.feed(topic, value, now):
                    self._admit(script, trigger, topic, told, source, now)

    def _context(self, topic: str, value: "Any", source: str) -> "dict[str, Any]":
        self._last += 1
        return {
            "id": str(self._last),
            "source": source,
            "topic": topic,
            "value": value,
            "payload": value,
            "timestamp": self._ports.time(),
            "retained": False,
        }

    # Runs

    def _admit(self, script: Script, trigger: t.Trigger, topic: str, value: "Any", source: str, now: int) -> None:
        """Begins a run, or does what the protocol's policy says while one is under way."""
        known = self._context(topic, value, source)
        protocol = script.engine.body[p.PROTOCOLS][trigger.protocol]
        key = script.engine.key(trigger.protocol, known)
        keys = script.keys.setdefault(trigger.protocol, [])
        if key and key in keys:
            self.counts["ignored"] += 1
            return
        running = [run_id for run_id in script.running if script.running[run_id] == trigger.protocol]
        if running:
            mode, most = protocol[p.CONCURRENCY], protocol[p.MAX_RUNS]
            queued = len([each for each in script.queued if each[0].protocol == trigger.protocol])
            if mode == p.RESTART:
                for run_id in running:
                    self._cancel(script, run_id, "the protocol was triggered again", now)
            elif mode == p.QUEUED and queued < min(most, MAX_WAITING):
                script.queued.append((trigger, known))
                self._keep(keys, key)
                return
            elif mode != p.PARALLEL or len(running) >= most:
                self.counts["ignored"] += 1
                return
        self._keep(keys, key)
        self._begin(script, trigger, known, now)

    @staticmethod
    def _keep(keys: "list[str]", key: str) -> None:
        if key:
            keys.append(key)
            del keys[:-MAX_KEYS]

    def _begin(self, script: Script, trigger: t.Trigger, known: "dict[str, Any]", now: int) -> None:
        self._last += 1
        run_id = str(self._last)
        script.running[run_id] = trigger.protocol
        session = {"data": trigger.mapped(known["value"], script.engine.body[p.DATA])}
        try:
            effects = script.engine.start(trigger.protocol, known, session, now, run_id, trigger.id)
        except Exception as error:
            effects = self._broke(script, run_id, error, now)
        self._put(script, effects)

    def _cancel(self, script: Script, run_id: str, reason: str, now: int) -> None:
        for effect in script.engine.cancel(run_id, reason, now):
            self._finished(script, effect, now)

    def _resume(self, script: Script, run_id: str, result: "Any", now: int) -> None:
        try:
            effects = script.engine.resume(run_id, result, now)
        except Exception as error:
            effects = self._broke(script, run_id, error, now)
        self._put(script, effects)

    def _broke(self, script: Script, run_id: str, error: Exception, now: int) -> "list[Any]":
        self._ports.log("error", "{} {}: {}: {}".format(script.name, run_id, type(error).__name__, error))
        root = run_id.split("/")[0]
        effects = script.engine.fail(root, "{}: {}".format(type(error).__name__, error), now)
        if not effects:
            script.running.pop(root, None)
        return effects

    def _put(self, script: Script, effects: "list[Any]") -> None:
        for effect in effects:
            self._effects.append((script, effect))

    def _carry_out(self, script: Script, effect: "Any", now: int) -> None:
        kind, run_id = effect.kind, effect.run
        if kind == e.DONE:
            self._finished(script, effect, now)
        elif run_id not in script.engine.runs:
            pass  # it was ended meanwhile
        elif kind == e.FORGET:
            self._waits = [each for each in self._waits if (each[0], each[1]) != (script, run_id)]
        elif kind == e.WAIT:
            self._waits.append([script, run_id, now + effect.ns, ""])
        elif kind == e.LISTEN:
            self._waits.append([script, run_id, now + effect.ns if effect.ns else 0, effect.topic])
        elif kind == e.PROMPT:
            self._ports.prompt(effect, lambda result: self._resume(script, run_id, result, self._ports.now()))
        elif kind == e.ACTUATE:
            self._ports.actuate(
                effect, script.name, now, lambda result: self._resume(script, run_id, result, self._ports.now())
            )
        elif kind == e.READ:
            self._ports.read(effect.sensor, lambda result: self._resume(script, run_id, result, self._ports.now()))
        else:
            self._resume(script, run_id, self._done(script, effect, now), now)

    def _done(self, script: Script, effect: "Any", now: int) -> "Any":
        """The result of an effect that takes no time."""
        if effect.kind == e.PUBLISH:
            return self._ports.publish(effect)
        if effect.kind == e.EMIT:
            self.emit(effect.topic, effect.value, script.name)
            return None
        self._ports.log(effect.level, "{}: {}".format(script.name, effect.message))
        return None

    def _finished(self, script: Script, done: "Any", now: int) -> None:
        episode = done.episode
        self.counts[episode["status"]] += 1
        if episode["error"]:
            self._ports.log("warning", "{}: {}: {}".format(script.name, episode["status"], episode["error"]))
        protocol = script.running.pop(done.run, -1)
        branches = done.run + "/"
        self._waits = [
            each for each in self._waits if each[0] is not script or (each[1] + "/")[: len(branches)] != branches
        ]
        for i in range(len(script.queued)):
            trigger, known = script.queued[i]
            if trigger.protocol == protocol:
                del script.queued[i]
                self._begin(script, trigger, known, now)
                return


def _hash(data: bytes) -> str:
    """That of a plan's body, which the plan begins with."""
    from binascii import hexlify

    return hexlify(data[4:36]).decode()
