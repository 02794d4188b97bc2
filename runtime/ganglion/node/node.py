# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a node from its configuration and runs it until it is told to stop."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion import __version__
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.config import Config, changed
from ganglion.config import load as load_config
from ganglion.errors import GanglionError, InvalidError, RefusedError
from ganglion.event import Event
from ganglion.guardian import Actuators
from ganglion.guardian.actuator import chips
from ganglion.guardian.restriction import Side, lost, understood
from ganglion.guardian.watchdog import Watchdog
from ganglion.linux.supervisor import Supervisor
from ganglion.mesh.client import MeshClient
from ganglion.mesh.identity import Identity
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.links.spec import LinkSpec, several
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.parameters import takes
from ganglion.mesh.signed_config import LIMITS
from ganglion.mesh.transport import Message, NoBroker
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.session.store import open_store
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.timetable import Timetable
from ganglion.mova.tools import HttpTools
from ganglion.node import statistics
from ganglion.node.acting import Acting
from ganglion.node.commanded import Commanded
from ganglion.node.configured import board_of, secrets, sessions, sides
from ganglion.node.consenting import Consenting
from ganglion.node.console import Console
from ganglion.node.console.record import Record
from ganglion.node.crashes import Crashes
from ganglion.node.hearing import Hearing
from ganglion.node.plain import PlainTopics
from ganglion.node.ports import NodePorts
from ganglion.node.relayed import Relayed
from ganglion.node.report import report
from ganglion.node.scripts import Scripts
from ganglion.node.seldom import Seldom
from ganglion.node.sensed import Sensed
from ganglion.node.shared import Shared
from ganglion.node.taps import Taps
from ganglion.node.telling import Telling
from ganglion.node.vitals import Machine, Vitals
from ganglion.sensors import Sensors
from ganglion.sensors.declared import Declared
from ganglion.sensors.i2c import LinuxI2C
from ganglion.sensors.kept import Kept
from ganglion.units import SECOND
from ganglion_micro import gl1

if TYPE_CHECKING:
    from ganglion.history import History
    from ganglion.mesh.leaves.effects import Read
    from ganglion.mesh.leaves.leaves import Leaves
    from ganglion.node.bridged import Bridged
    from ganglion.node.leaf_actuators import LeafActuators
    from ganglion.node.leaf_line import LeafLine
    from ganglion.node.leaf_warnings import LeafWarnings
    from ganglion.release.keeper import Keeper
    from ganglion.release.start import Begun

_log = logging.getLogger(__name__)

#: The longest time, in seconds, between two looks at what is due, and at whether the node has joined.
_TICK = 0.1


class Node:
    """One node. `run` is its life.

    Args:
        config: What it is told.
        state: Folder of its keys, its spool and all else that must survive a restart; made where there is none.
        supervisor: Who hears that it has started, that it lives, and that it stops.
        begun: The start of a release in the configuration, or of what came instead of one; None where none is kept.
        crashes: How earlier runs ended; None where nobody keeps that.

    Attributes:
        again: Whether it has ended to be started anew, with another release.

    Raises:
        GanglionError: the configuration, a script or the state is wrong; nothing was started yet.
    """

    def __init__(
        self,
        config: Config,
        state: Path,
        supervisor: Supervisor | None = None,
        begun: "Begun | None" = None,
        crashes: Crashes | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._launched = None if begun is None else begun.launched
        self.again = False
        self._life: asyncio.Task[Any] | None = None
        state.mkdir(parents=True, exist_ok=True)
        where = f"{config.path}: "
        here = board_of(config)  # not kept: the pins of a large chip are many
        self._board = here.name
        self._config = config
        self._began = time.monotonic()
        self._later: list[str] = []  # what the configuration says by now, and the next start will read
        self._state = state
        self._clock = Clock()
        self._bus = Bus()
        self._history = self._keeping()
        past = None if self._history is None else self._history.replay
        self._sensors = Sensors(self._bus, self._clock, past=past)
        self._declared = Declared(
            self._sensors,
            Kept(state / "sensors.json"),
            config.sensors,
            load=self._read_sensors,
            where=where,
            resolve=config.resolve,
            state=lambda path: state / path,
            actuators=chips(config.actuators, where=where),
            now=self._clock.now,
        )
        self._actuators = Actuators.from_tables(
            config.actuators,
            path=state / "actuators.json",
            watchdog=Watchdog(state / "watchdog.lock"),
            i2c=LinuxI2C,
            sides=sides(here, config),
            where=where,
            resolve=lambda name: state / name,
        )
        self._taps = Taps(self._bus)
        self._transport = self._connection()
        self._mesh = self._membership()
        self._leaf_actuators: LeafActuators | None = None
        self._leaves = self._parenthood()
        self._bridged = self._bridge()
        self._commanded = Commanded(self._actuators, self._publish, self._clock.now)
        publish_event = None if self._mesh is None else self._mesh.publish_event
        self._actuators.on_effect = Acting(self._bus, publish_event, self._clock.now).tell
        self._plain = PlainTopics(self._bus, self._transport) if self._transport else None
        self._store = open_store(sessions(config), self._clock)
        self._runner = ScriptRunner(
            self._bus,
            NodePorts(
                bus=self._bus,
                clock=self._clock,
                sensors=self._sensors,
                actuators=self._actuators,
                mesh=self._mesh,
                transport=self._transport,
            ),
            self._clock,
            sessions=self._store,
            timetable=Timetable(self._clock.now, state / "schedules.json"),
            tools=HttpTools(secrets(config)),
        )
        hearing = Hearing(self._runner, self._ask_intent if self._mesh is not None else None)
        self._scripts = Scripts(self._runner, self._plain, hearing, sensors=self._sensors, actuators=self._actuators)
        if self._mesh is not None:
            self._mesh.on_limits = self._limit
            self._restrict()  # what an earlier run has heard holds before anybody is there
            self._actuators.consent = Consenting(self._mesh.request).ask
            serve = self._mesh.on_request
            serve(
                "scripts.put",
                self._scripts.put,
                summary="load a compiled script (plan), until the next start (or for seconds)",
            )
            serve(
                "scripts.live", self._scripts.live, summary="have a script that is edited (name) run (seconds) longer"
            )
            serve("scripts.list", self._scripts.list, summary="the scripts that are loaded, with their hashes")
            serve("scripts.source", self._scripts.source, summary="the text of a script (name), from a letter on (at)")
            serve("scripts.remove", self._scripts.remove, summary="unload a script (name), until the next start")
            serve("scripts.say", hearing.say, summary="say something (text, session_id) to the scripts")
            serve("scripts.intents", hearing.intents, summary="the intents that the scripts have")
            serve("scripts.webhook", hearing.webhook, summary="begin what a webhook (webhook, payload) triggers")
            Sensed(self._sensors, self._declared, self._reloaded).serve(serve)
            self._declared.changed = self._mesh.announce
            serve("actuators.list", self._commanded.list, summary="the actuators, what they were told and by whom")
            serve("actuators.renew", self._commanded.renew, summary="say that you live, who has set some")
            serve(
                "actuators.set",
                self._commanded.set,
                summary="have an actuator set, if it may (actuator, value, for, heartbeat, priority)",
            )
            if self._history is not None:
                serve("history.query", self._history.query, summary="readings of before (topic, since, every, …)")
                serve("history.stats", self._history.stats, summary="what is kept of them, and what that costs")
            if self._bridged is not None:
                serve("bridge.devices", self._bridged.devices, summary="devices of third parties on plain MQTT topics")
                serve("bridge.set", self._bridged.set, summary="set one (device, channel, value)")
        self._console = None if self._mesh is None else self._consoled(self._mesh)
        self._released: Keeper | None = None
        if begun is not None and (self._mesh is not None or begun.trial):
            self._released = self._released_by(begun)
        self._telling = self._teller(crashes)
        files = [config.resolve(script) for script in config.node.scripts]
        self._plans = [compile(load(file)) for file in files]
        self._scripts.files = {plan.name: file for plan, file in zip(self._plans, files, strict=True)}

    def _connection(self) -> MqttTransport | None:
        if not self._config.brokers:
            return None
        identity = Identity.load_or_create(self._state / "identity")
        transport = MqttTransport(self._config.brokers, client_id=identity.client_id)
        transport.on_messages = self._hear
        return transport

    def _membership(self) -> MeshClient | None:
        if self._config.mesh is None:
            return None
        section = self._config.mesh
        if self._transport is None and not section.links:
            raise InvalidError(
                "a mesh needs a broker or neighbours: set mqtt.broker, or links", where=f"{self._config.path}: mesh"
            )
        joined = (self._state / "credential.cwt").exists()
        if self._transport is None and not joined:
            raise InvalidError(
                "a node joins over a broker, once: `ganglion enrol` does that, and then it may have none",
                where=f"{self._config.path}: mesh",
            )
        mesh = MeshClient(
            transport=self._transport or NoBroker(),
            state=self._state,
            name=self._config.node.name,
            enrol_key=None if joined else self._config.enrol_key(),
            mesh=section.id,
            root=gl1.from_base32(section.root) if section.root else b"",
            max_stale=section.max_stale,
            links=self._links(section.links),
            birth=self._birth,
            confidential=Confidential(group=section.confidential, topics=section.confidential_topics),
            clock=self._clock.now,
        )
        serve = mesh.on_request
        serve("sim.set", self._set_simulated, summary="have a simulated sensor (sensor) sense a value (value)")
        serve("bus.statistics", self._bus_statistics, summary="what flows through the bus")
        serve("bus.watch", self._taps.watch, summary="events of the bus (id, topic, type, where, wait, end)")
        relayed = Relayed(self._bus, self._clock.now)
        mesh.on_group = relayed.hear
        serve(
            "bus.event",
            relayed.take,
            summary="an event of another node, which the gateway carries",
        )
        serve("mesh.statistics", self._mesh_statistics, summary="connection, spool and refused messages of the mesh")
        Shared(mesh, self._bus, self._taps, self._clock.now)
        if self._transport is not None:
            self._hear_mesh, self._transport.on_messages = self._transport.on_messages, self._hear
        report(self._bus, self._config.reports, self._publish_reading, where=f"{self._config.path}: ")
        return mesh

    def _consoled(self, mesh: MeshClient) -> Console:
        section, leaves = self._config.console, self._leaves
        console = Console(
            mesh.perform,
            permit=mesh.permit,
            leaves=None if leaves is None else leaves.methods,
            record=Record(self._state / "console.log", self._clock.now),
            shell=section.shell,
            where=str(self._config.path),
            idle=section.idle / SECOND,
            ports=self._config.serial,
            users=self._port_users,
        )
        console.serve(mesh.on_request)
        mesh.on_request("status", self._status, summary="how the node is, in short")
        return console

    def _port_users(self) -> dict[str, str]:
        """What uses a serial port here, by the real path of that."""
        leaves = self._config.leaves
        found = {} if leaves is None else {os.path.realpath(port): "[leaves]" for port in leaves.serial}
        tables = {f"sensor.{name}": table for name, table in self._declared.tables.items()}
        return found | {os.path.realpath(str(each["port"])): name for name, each in tables.items() if "port" in each}

    def _teller(self, crashes: Crashes | None) -> Telling | None:
        mesh, console, leaves = self._mesh, self._console, self._leaves
        if mesh is None or console is None:
            return None

        def spool() -> dict[str, int]:
            delivery = mesh.statistics().delivery
            return {"count": delivery.spooled, "lost": delivery.dropped}

        vitals = Vitals(
            Machine(self._state),
            self._sensors,
            refused=self._scripts.refused,
            spool=spool,
            reset="" if crashes is None else crashes.reset,
            publish=lambda stream, value: mesh.publish_reading(stream, value, self._clock.now()),
            leads=lambda: mesh.leads,
            leaves=tuple if leaves is None else partial(leaves.there, "status"),
            ask=None if leaves is None else leaves.status,
        )
        return Telling(
            vitals=vitals,
            crashes=crashes,
            tail=console.tail,
            publish=mesh.publish_event,
            saved=mesh.saved,
            clock=self._clock.now,
        )

    def recent(self) -> list[str]:
        """The last lines of its log."""
        if self._console is None:
            return []
        lines = self._console.tail.lines
        found, _, _ = lines.since(lines.before(50), logging.DEBUG, 1 << 20)
        return [line.text for line in found]

    @takes()
    async def _status(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """How this node is, in short."""
        assert self._mesh is not None
        mesh, listed = self._mesh.statistics(), self._actuators.status()
        return {
            "node": self._config.node.name,
            "id": self._mesh.identity.node_id,
            "sw": f"ganglion/{__version__}",
            "board": self._board,
            "up_s": int(time.monotonic() - self._began),
            "broker": mesh.connected,
            "policy": mesh.policy,
            "sensors": len(self._sensors.capabilities()),
            "actuators": {each.id: each.value for each in listed},
            "scripts": sorted(self._scripts.names()),
        }

    def _limit(self) -> None:
        """The fleet's limits are others: they hold at once, and the birth says so."""
        assert self._mesh is not None
        self._restrict()
        self._mesh.announce()

    def _restrict(self) -> None:
        assert self._mesh is not None
        version, tables = self._mesh.limits
        why_lost = self._mesh.lost.get(LIMITS.what)
        self._actuators.restrict(lost(why_lost) if why_lost else Side(f"fleet {version}", understood(tables)))

    def _released_by(self, begun: "Begun") -> "Keeper":
        from ganglion.node.released import Released  # costs memory, and a node alone needs none

        return Released(self._sensors, self._actuators, self._runner, self._scripts, self._board, self.restart).keeper(
            begun, self._mesh, self._config.brokers
        )

    def _links(self, links: tuple[str, ...]) -> list[LinkSpec] | None:
        try:
            return several(links, self._config.path.parent) or None
        except InvalidError as error:
            raise InvalidError(str(error), where=f"{self._config.path}: mesh.links") from None

    def _parenthood(self) -> "Leaves | None":
        section = self._config.leaves
        if section is None:
            return None
        from ganglion.mesh.leaves.leaves import Leaves  # costs memory, and few nodes have any

        if self._mesh is None:
            raise InvalidError(
                "leaves need a parent that is in a mesh: write [mesh], too", where=f"{self._config.path}: leaves"
            )
        mesh = self._mesh
        leaves = Leaves(
            state=self._state,
            mesh=mesh.mesh,
            epoch=mesh.member.epoch,
            clock=self._clock.now,
            on_reading=self._emit_of_leaf,
            on_event=mesh.publish_event,
            saved=mesh.saved,
            on_changed=mesh.announce,
            host=section.host,
            port=section.port,
            request=lambda method, params, seconds: mesh.request(method, params, timeout=seconds),
        )
        self._leaf_actuators = acting = self._acting_leaves(leaves)
        mesh.on_request("leaf.call", acting.call, summary="have a leaf (leaf) do something (method, params)")
        mesh.on_request("leaf.list", leaves.listed, summary="the leaves of this node, and which are there")
        return leaves

    def _acting_leaves(self, leaves: "Leaves") -> "LeafActuators":
        from ganglion.node.leaf_actuators import LeafActuators

        def publish(leaf: str, actuator: str, value: Any) -> None:
            path = f"leaf/{leaf}/actuator/{actuator}"
            self._publish(path, value, self._clock.now(), path)

        return LeafActuators(
            there=partial(leaves.there, "actuators.list"),
            ask=leaves.actuators,
            call=leaves.call,
            on_stated=leaves.state,
            publish=publish,
        )

    def _leaf_warnings(self, leaves: "Leaves", mesh: MeshClient) -> "LeafWarnings":
        from ganglion.node.leaf_warnings import LeafWarnings

        return LeafWarnings(
            there=partial(leaves.there, "log"),
            ask=leaves.log,
            publish=mesh.publish_event,
            saved=mesh.saved,
            clock=self._clock.now,
            kept=self._state / "leaf-warnings.json",
        )

    def _lines(self, leaves: "Leaves") -> "list[LeafLine]":
        """The serial ports with leaves at their ends."""
        section = self._config.leaves
        if section is None or not section.serial:
            return []
        from ganglion.node.leaf_line import LeafLine

        return [LeafLine(name, section.baud, leaves.hear) for name in section.serial]

    def _bridge(self) -> "Bridged | None":
        section = self._config.bridge
        if section is None:
            return None
        brokers = self._config.bridge_brokers or self._config.brokers
        if not brokers:
            raise InvalidError("set bridge.broker, or mqtt.broker", where=f"{self._config.path}: bridge")
        from ganglion.node.bridged import Bridged  # costs memory, and few nodes read others

        return Bridged(self._bus, self._clock.now, brokers, section, self._publish)

    def _keeping(self) -> "History | None":
        section = self._config.history
        if section is None:
            return None
        from ganglion.history import History  # costs memory, and not every node keeps one

        return History(
            self._bus,
            self._state / "history",
            topics=section.topics,
            limit=section.bytes,
            age=section.age,
            sync=section.sync,
            now=self._clock.now,
        )

    async def run(self) -> None:
        """Runs until SIGTERM, SIGINT or cancellation; then the actuators are made safe and the mesh is told.

        SIGHUP has it read the sensors of its configuration again.
        """
        loop = asyncio.get_running_loop()
        self._life = asyncio.current_task()
        assert self._life is not None
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stop)
        told = asyncio.Event()
        loop.add_signal_handler(signal.SIGHUP, told.set)
        await self._actuators.start()
        try:
            if self._console is not None:
                self._console.attach()
            self._scripts.begin(self._plans)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sensors.run())
                tasks.create_task(self._reload(told))
                tasks.create_task(self._actuators.run())
                tasks.create_task(self._watch())
                if self._released is not None:
                    tasks.create_task(self._released.run())
                if self._history is not None:
                    tasks.create_task(self._history.run())
                if self._bridged is not None:
                    tasks.create_task(self._bridged.run())
                if self._mesh is not None:
                    tasks.create_task(self._mesh.run())
                    if self._telling is not None:
                        tasks.create_task(self._telling.run())
                    if self._leaves is not None:
                        tasks.create_task(self._leaves.run())
                        if self._leaf_actuators is not None:
                            tasks.create_task(self._leaf_actuators.run())
                        tasks.create_task(self._leaf_warnings(self._leaves, self._mesh).run())
                        for line in self._lines(self._leaves):
                            tasks.create_task(line.run())
                elif self._transport is not None:
                    tasks.create_task(self._transport.run())
        except asyncio.CancelledError:
            _log.info("the node %s stops", self._config.node.name)
        finally:
            if not self.again:
                self._supervisor.stopping()
            if self._console is not None:
                await self._console.aclose()
            await self._runner.aclose()
            await self._store.aclose()
            await self._actuators.stop()

    def restart(self) -> None:
        """Ends `run`, with `again` set."""
        if not self.again and self._life is not None:
            self.again = True
            self._life.cancel()

    def _stop(self) -> None:
        """Ends `run`; one that ends already, to be started anew, goes on to its end and is not."""
        is_ending, self.again = self.again, False
        if self._life is not None and not is_ending:
            self._life.cancel()

    async def _reload(self, told: asyncio.Event) -> None:
        """Reads the sensors of the configuration again, each time it is told."""
        while await told.wait():
            told.clear()
            try:
                done = await self._reloaded()
            except GanglionError as error:
                _log.error("%s; the sensors are as they were", error)
                continue
            except Exception as error:  # the edge: no table of a sensor ends the node
                _log.error("the sensors are as they were: %s", error, exc_info=error)
                continue
            later = done.pop("restart", [])
            said = [f"{what} {', '.join(names)}" for what, names in done.items() if names]
            _log.info("the sensors were read again: %s", "; ".join(said) or "there are none")
            if later:
                _log.warning("%s: read at the start alone; start the node again to have it hold", ", ".join(later))

    def _read_sensors(self) -> dict[str, dict[str, Any]]:
        read_again = load_config(self._config.path, self._config.over)
        self._later = changed(self._config, read_again)
        return read_again.sensors

    async def _reloaded(self) -> dict[str, list[str]]:
        """As `Declared.reload`; and under `restart` what has changed in the configuration and waits for a new start."""
        done = await self._declared.reload()
        return done | ({"restart": self._later} if self._later else {})

    async def _ask_intent(self, text: str, intents: list[list[Any]]) -> dict[str, Any]:
        assert self._mesh is not None  # only a node in a mesh asks
        answer: dict[str, Any] = await self._mesh.request("intent", {"text": text, "intents": intents})
        return answer

    def _birth(self) -> dict[str, Any]:
        caps: dict[str, Any] = {
            "sensors": self._sensors.capabilities(),
            "actuators": self._actuators.capabilities(),
        }
        if sleeps := self._config.node.sleeps:
            caps["sleeps"] = max(1, sleeps // SECOND)
        if self._leaves is not None:
            caps["sensors"] |= self._leaves.sensors()
            caps["leaves"] = self._leaves.inventory()
        if self._launched is not None:
            caps |= self._launched.caps()
        return {"board": self._board, "sw": f"ganglion/{__version__}", "caps": caps}

    def _emit_of_leaf(self, read: "Read") -> None:
        """A reading of a leaf, on the bus among the node's own: what they are reported by lets it through or not."""
        topic = f"sensor/leaf/{read.leaf}/{read.stream}"
        with suppress(RefusedError):  # a queue is full and wants no more: telemetry is not kept
            self._bus.emit(topic, read.value, timestamp=read.timestamp, source=read.source)

    def _publish_reading(self, event: Event) -> None:
        self._publish(event.source, event.value, event.timestamp, event.topic)

    def _publish(self, stream: str, value: Any, timestamp: int, topic: str) -> None:
        """A reading to the gateway, where the node is in a mesh; its topic on the bus says if it is confidential."""
        if self._mesh is not None:
            self._mesh.publish_reading(stream, value, timestamp, topic=topic)

    def _hear(self, messages: list[Message]) -> None:
        """Messages of the mesh to the mesh, all others to the scripts that asked for them."""
        if self._mesh is not None and (ours := [each for each in messages if each.topic.startswith("gl1/")]):
            self._hear_mesh(ours)
            messages = [each for each in messages if not each.topic.startswith("gl1/")]
        if messages and self._plain is not None:
            self._plain.take(messages, self._clock.now())

    @takes("sensor", "value")
    async def _set_simulated(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        try:
            sensor, value = params["sensor"], params["value"]
        except KeyError as error:
            raise InvalidError(f"sim.set needs {error.args[0]}", where="params") from None
        self._sensors.set_simulated(sensor, value)
        return {"sensor": sensor, "value": value}

    @takes()
    async def _bus_statistics(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What flows through this node: `ganglion bus stats` shows it."""
        return statistics.of(self._bus)

    @takes()
    async def _mesh_statistics(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """How this node's membership goes: `ganglion mesh stats` shows it."""
        assert self._mesh is not None
        told = self._mesh.statistics().document()
        return told if self._leaves is None else {**told, "leaves": self._leaves.statistics()}

    async def _watch(self) -> None:
        """Fires conditions that have lasted long enough, and says when the node has joined."""
        said = False
        loop = asyncio.get_running_loop()
        # Not when it has joined: a node works without its gateway, and is not to be ended for that.
        self._supervisor.ready("runs, and has not joined yet")
        seldom = Seldom()
        parts: dict[str, Callable[[], object]] = {
            "supervisor": lambda: self._supervisor.alive(loop.time()),
            "taps": self._taps.forget,
            "console": lambda: self._console.forget() if self._console is not None else None,
            "actuators": lambda: self._commanded.tell() if said else None,
            "bus": lambda: self._bus.advance(self._clock.now()),
        }
        while True:
            if not said and (said := self._is_joined()):
                self._say_ready()
            wait = _TICK
            for name, look in parts.items():
                try:
                    look()
                except Exception:  # of a part that looks on: the node goes on
                    if seldom.due(name):
                        _log.exception("looking at what is due (%s) failed; it is said once a minute at most", name)
                else:
                    if name == "bus" and (deadline := self._bus.deadline) is not None:
                        wait = min(_TICK, (deadline - self._clock.now()) / SECOND)
            await asyncio.sleep(wait)

    def _say_ready(self) -> None:
        """One JSON line on stdout, for who started this process."""
        self._supervisor.status("runs, and has joined" if self._mesh or self._transport else "runs")
        said = {"ready": True, "node": self._config.node.name}
        if self._mesh is not None:
            said["id"] = self._mesh.identity.node_id
        with suppress(BrokenPipeError):
            print(json.dumps(said), flush=True)

    def _is_joined(self) -> bool:
        """Whether there is a broker and, in a mesh, a gateway that has taken this node in."""
        if self._mesh is not None:
            return self._mesh.statistics().enrolled and self._mesh.member.gateway is not None
        return self._transport is None or self._transport.connected
