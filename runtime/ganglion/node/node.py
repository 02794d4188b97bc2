# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a node from its configuration and runs it until it is told to stop."""

import asyncio
import logging
import os
from collections.abc import Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion import __version__
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.config import Config
from ganglion.event import Event
from ganglion.guardian import Actuators
from ganglion.guardian.actuator import chips
from ganglion.guardian.watchdog import Watchdog
from ganglion.linux.supervisor import Supervisor
from ganglion.mesh.client import MeshClient
from ganglion.mesh.transport import Message
from ganglion.node import optional
from ganglion.node.acting import Acting
from ganglion.node.commanded import Commanded
from ganglion.node.configured import board_of, sides
from ganglion.node.consenting import Consenting
from ganglion.node.console import Console
from ganglion.node.console.record import Record
from ganglion.node.crashes import Crashes
from ganglion.node.inspected import Inspected
from ganglion.node.joined import Joined
from ganglion.node.life import Life
from ganglion.node.limited import Limited
from ganglion.node.lookout import Lookout
from ganglion.node.membership import connection, membership
from ganglion.node.relayed import Relayed
from ganglion.node.reloading import Reloading
from ganglion.node.report import report
from ganglion.node.scripting import Scripting
from ganglion.node.sensed import Sensed
from ganglion.node.shared import Shared
from ganglion.node.taps import Taps
from ganglion.node.telling import telling
from ganglion.sensors import Sensors
from ganglion.sensors.declared import Declared
from ganglion.sensors.i2c import LinuxI2C
from ganglion.sensors.kept import Kept
from ganglion.units import SECOND

if TYPE_CHECKING:
    from ganglion.release.keeper import Keeper
    from ganglion.release.start import Begun


class Node:
    """One node. `run` is its life.

    Args:
        config: What it is told.
        state: Folder of its keys, its spool and all else that must survive a restart; made where there is none.
        supervisor: Who hears that it has started, that it lives, and that it stops.
        begun: The start of a release in the configuration, or of what came instead of one; None where none is kept.
        crashes: How earlier runs ended; None where nobody keeps that.

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
        supervisor = supervisor or Supervisor()
        self._supervisor = supervisor
        self._life = Life(config.node.name, supervisor)
        self._launched = None if begun is None else begun.launched
        state.mkdir(parents=True, exist_ok=True)
        where = f"{config.path}: "
        here = board_of(config)  # not kept: the pins of a large chip are many
        self._board = here.name
        self._config = config
        self._state = state
        self._clock = Clock()
        self._bus = Bus()
        self._history = optional.history(config, state, self._bus, self._clock.now)
        past = None if self._history is None else self._history.replay
        self._sensors = Sensors(self._bus, self._clock, past=past)
        self._reloading = Reloading(config)
        self._declared = Declared(
            self._sensors,
            Kept(state / "sensors.json"),
            config.sensors,
            load=self._reloading.sensors,
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
        self._transport = connection(config, state)
        self._mesh = membership(config, state, self._transport, birth=self._birth, clock=self._clock.now)
        if self._transport is not None:
            self._hear_mesh, self._transport.on_messages = self._transport.on_messages, self._hear
        if self._mesh is not None:
            report(self._bus, config.reports, self._publish_reading, where=where)
        self._parenthood = optional.parenthood(config, state, self._mesh, self._bus, self._clock.now, self._publish)
        self._leaves = None if self._parenthood is None else self._parenthood.leaves
        self._bridged = optional.bridge(config, self._bus, self._clock.now, self._publish)
        self._commanded = Commanded(self._actuators, self._publish, self._clock.now)
        publish_event = None if self._mesh is None else self._mesh.publish_event
        self._actuators.on_effect = Acting(self._bus, publish_event, self._clock.now).tell
        self._scripting = Scripting(
            config,
            state,
            bus=self._bus,
            clock=self._clock,
            sensors=self._sensors,
            actuators=self._actuators,
            mesh=self._mesh,
            transport=self._transport,
        )
        self._runner, self._scripts = self._scripting.runner, self._scripting.scripts
        if self._mesh is not None:
            Limited(self._mesh, self._actuators)
            self._actuators.consent = Consenting(self._mesh.request).ask
            self._declared.changed = self._mesh.announce
            self._serve(self._mesh)
        self._console = None if self._mesh is None else self._consoled(self._mesh)
        self._released: Keeper | None = None
        if begun is not None and (self._mesh is not None or begun.trial):
            self._released = self._released_by(begun)
        self._telling = None
        if self._mesh is not None and self._console is not None:
            self._telling = telling(
                self._mesh,
                state,
                tail=self._console.tail,
                sensors=self._sensors,
                refused=self._scripts.refused,
                leaves=self._leaves,
                crashes=crashes,
                clock=self._clock.now,
            )
        self._scripting.load()

    def _serve(self, mesh: MeshClient) -> None:
        """What others of the mesh may ask of the node, and hear of it."""
        serve = mesh.on_request
        relayed = Relayed(self._bus, self._clock.now)
        mesh.on_group = relayed.hear
        serve("bus.event", relayed.take, summary="an event of another node, which the gateway carries")
        serve("bus.watch", self._taps.watch, summary="events of the bus (id, topic, type, where, wait, end)")
        Shared(mesh, self._bus, self._taps, self._clock.now)
        Sensed(self._sensors, self._declared, partial(self._reloading.reload, self._declared)).serve(serve)
        self._scripting.serve(serve)
        self._commanded.serve(serve)
        Inspected(
            name=self._config.node.name,
            board=self._board,
            mesh=mesh,
            bus=self._bus,
            sensors=self._sensors,
            actuators=self._actuators,
            scripts=self._scripts,
            leaves=self._leaves,
        ).serve(serve)
        if self._history is not None:
            serve("history.query", self._history.query, summary="readings of before (topic, since, every, …)")
            serve("history.stats", self._history.stats, summary="what is kept of them, and what that costs")
        if self._bridged is not None:
            self._bridged.serve(serve)
        if self._parenthood is not None:
            self._parenthood.serve(serve)

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
        return console

    def _port_users(self) -> dict[str, str]:
        """What uses a serial port here, by the real path of that."""
        leaves = self._config.leaves
        found = {} if leaves is None else {os.path.realpath(port): "[leaves]" for port in leaves.serial}
        tables = {f"sensor.{name}": table for name, table in self._declared.tables.items()}
        return found | {os.path.realpath(str(each["port"])): name for name, each in tables.items() if "port" in each}

    def recent(self) -> list[str]:
        """The last lines of its log."""
        if self._console is None:
            return []
        lines = self._console.tail.lines
        found, _, _ = lines.since(lines.before(50), logging.DEBUG, 1 << 20)
        return [line.text for line in found]

    def _released_by(self, begun: "Begun") -> "Keeper":
        from ganglion.node.released import Released  # costs memory, and a node alone needs none

        return Released(self._sensors, self._actuators, self._runner, self._scripts, self._board, self.restart).keeper(
            begun, self._mesh, self._config.brokers
        )

    async def run(self) -> None:
        """Runs until SIGTERM, SIGINT or cancellation; then the actuators are made safe and the mesh is told.

        SIGHUP has it read the sensors of its configuration again.
        """
        await self._life.run(start=self._actuators.start, begin=self._begin, lives=self._lives, end=self._end)

    def _begin(self) -> None:
        if self._console is not None:
            self._console.attach()
        self._scripting.begin()

    def _lives(self) -> Iterator[Coroutine[Any, Any, object]]:
        """What runs, each until cancelled."""
        yield self._sensors.run()
        yield self._reloading.run(self._life.told, self._declared)
        yield self._actuators.run()
        yield self._watch()
        for part in (self._released, self._history, self._bridged):
            if part is not None:
                yield part.run()
        if self._mesh is not None:
            yield self._mesh.run()
            if self._telling is not None:
                yield self._telling.run()
            if self._parenthood is not None:
                yield from self._parenthood.lives()
        elif self._transport is not None:
            yield self._transport.run()

    async def _end(self) -> None:
        if self._console is not None:
            await self._console.aclose()
        await self._scripting.aclose()
        await self._actuators.stop()

    @property
    def again(self) -> bool:
        """Whether it has ended to be started anew, with another release."""
        return self._life.again

    def restart(self) -> None:
        """See `Life.restart`."""
        self._life.restart()

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
        if messages and self._scripting.plain is not None:
            self._scripting.plain.take(messages, self._clock.now())

    async def _watch(self) -> None:
        """Fires conditions that have lasted long enough, and says when the node has joined."""
        joined = Joined(self._config.node.name, self._mesh, self._transport, self._supervisor)
        joined.begin()
        loop = asyncio.get_running_loop()
        lookout = Lookout(
            {
                "supervisor": lambda: self._supervisor.alive(loop.time()),
                "taps": self._taps.forget,
                "console": lambda: self._console.forget() if self._console is not None else None,
                "actuators": lambda: self._commanded.tell() if joined.said else None,
                "bus": self._advance,
            }
        )
        while True:
            joined.look()
            await asyncio.sleep(lookout.look())

    def _advance(self) -> float | None:
        """Fires conditions that have lasted long enough; the seconds until the next may have."""
        self._bus.advance(self._clock.now())
        deadline = self._bus.deadline
        return None if deadline is None else (deadline - self._clock.now()) / SECOND
