# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a node from its configuration and runs it until it is told to stop."""

import asyncio
import json
import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganglion import __version__
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.config import Config
from ganglion.errors import InvalidError
from ganglion.event import Event
from ganglion.guardian import Actuators
from ganglion.mesh.client import MeshClient
from ganglion.mesh.identity import Identity
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import Message
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.shell import ScriptRunner
from ganglion.node import statistics
from ganglion.node.plain import PlainTopics
from ganglion.node.ports import NodePorts
from ganglion.node.report import report
from ganglion.node.scripts import Scripts
from ganglion.node.taps import Taps
from ganglion.sensors import Sensors, build
from ganglion.units import SECOND

_log = logging.getLogger(__name__)

#: The longest time, in seconds, between two looks at what is due, and at whether the node has joined.
_TICK = 0.1


class Node:
    """One node. `run` is its life.

    Args:
        config: What it is told.
        state: Folder of its keys, its spool and all else that must survive a restart; made where there is none.

    Raises:
        GanglionError: the configuration, a script or the state is wrong; nothing was started yet.
    """

    def __init__(self, config: Config, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        where = f"{config.path}: "
        self._config = config
        self._state = state
        self._clock = Clock()
        self._bus = Bus()
        self._sensors = Sensors(self._bus, self._clock)
        for name, table in config.sensors.items():
            self._sensors.add(build(name, table, where=where, resolve=config.resolve))
        self._actuators = Actuators.from_tables(
            config.actuators,
            clock=self._clock,
            path=state / "actuators.json",
            where=where,
            resolve=lambda name: state / name,
        )
        self._taps = Taps(self._bus)
        self._transport = self._connection()
        self._mesh = self._membership()
        self._plain = PlainTopics(self._bus, self._transport) if self._transport else None
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
        )
        self._scripts = Scripts(self._runner, self._plain)
        if self._mesh is not None:
            self._mesh.on_request("scripts.put", self._scripts.put)
            self._mesh.on_request("scripts.list", self._scripts.list)
        self._plans = [compile(load(config.resolve(script))) for script in config.node.scripts]

    def _connection(self) -> MqttTransport | None:
        if self._config.mqtt is None:
            return None
        # The same at every start, so that the broker ends a connection of ours that it still believes in.
        identity = Identity.load_or_create(self._state / "identity")
        transport = MqttTransport(self._config.mqtt.broker, client_id=f"gl1-{identity.node_id}")
        transport.on_messages = self._hear
        return transport

    def _membership(self) -> MeshClient | None:
        if self._config.mesh is None:
            return None
        if self._transport is None:
            raise InvalidError("a mesh needs a broker: set mqtt.broker", where=f"{self._config.path}: mesh")
        joined = (self._state / "credential.cwt").exists()
        mesh = MeshClient(
            transport=self._transport,
            state=self._state,
            name=self._config.node.name,
            enrol_key=None if joined else self._config.enrol_key(),
            birth=self._birth,
            clock=self._clock.now,
        )
        mesh.on_request("sim.set", self._set_simulated)
        mesh.on_request("bus.statistics", self._bus_statistics)
        mesh.on_request("bus.watch", self._taps.watch)
        self._hear_mesh, self._transport.on_messages = self._transport.on_messages, self._hear
        report(self._bus, self._config.reports, self._publish_reading, where=f"{self._config.path}: ")
        return mesh

    async def run(self) -> None:
        """Runs until SIGTERM, SIGINT or cancellation; then the actuators are made safe and the mesh is told."""
        loop = asyncio.get_running_loop()
        life = asyncio.current_task()
        assert life is not None
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, life.cancel)
        await self._actuators.start()
        try:
            self._scripts.add(self._plans)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sensors.run())
                tasks.create_task(self._actuators.run())
                tasks.create_task(self._watch())
                if self._mesh is not None:
                    tasks.create_task(self._mesh.run())
                elif self._transport is not None:
                    tasks.create_task(self._transport.run())
        except asyncio.CancelledError:
            _log.info("the node %s stops", self._config.node.name)
        finally:
            await self._runner.aclose()
            await self._actuators.stop()

    def _birth(self) -> dict[str, Any]:
        caps = {"sensors": self._sensors.capabilities(), "actuators": self._actuators.capabilities()}
        return {"board": self._config.node.board, "sw": f"ganglion/{__version__}", "caps": caps}

    def _publish_reading(self, event: Event) -> None:
        assert self._mesh is not None
        self._mesh.publish_reading(event.source, event.value, event.timestamp)

    def _hear(self, messages: list[Message]) -> None:
        """Messages of the mesh to the mesh, all others to the scripts that asked for them."""
        if self._mesh is not None and (ours := [each for each in messages if each.topic.startswith("gl1/")]):
            self._hear_mesh(ours)
            messages = [each for each in messages if not each.topic.startswith("gl1/")]
        if messages and self._plain is not None:
            self._plain.take(messages, self._clock.now())

    async def _set_simulated(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        try:
            sensor, value = params["sensor"], params["value"]
        except KeyError as error:
            raise InvalidError(f"sim.set needs {error.args[0]}", where="params") from None
        self._sensors.set_simulated(sensor, value)
        return {"sensor": sensor, "value": value}

    async def _bus_statistics(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What flows through this node: `ganglion bus stats` shows it."""
        return statistics.of(self._bus)

    async def _watch(self) -> None:
        """Fires conditions that have lasted long enough, and says when the node has joined."""
        said = False
        while True:
            if not said and (said := self._is_joined()):
                self._say_ready()
            try:
                self._taps.forget()
                self._bus.advance(self._clock.now())
            except Exception:  # of a part that looks on: the node goes on
                _log.exception("looking at what is due failed")
            deadline = self._bus.deadline
            await asyncio.sleep(_TICK if deadline is None else min(_TICK, (deadline - self._clock.now()) / SECOND))

    def _say_ready(self) -> None:
        """One JSON line on stdout, for who started this process."""
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
