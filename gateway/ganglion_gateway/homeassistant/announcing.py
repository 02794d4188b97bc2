# SPDX-License-Identifier: GPL-3.0-or-later
"""Home Assistant's broker: announces the fleet there, says its values, and passes commands on to the nodes."""

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import GanglionError, LocalProtocolError
from ganglion.mesh.transport import Message
from ganglion.mqtt.url import Addresses
from ganglion_gateway.aiomqtt_transport import AiomqttTransport
from ganglion_gateway.homeassistant.components import stream_of
from ganglion_gateway.homeassistant.fleet_view import Command, FleetView
from ganglion_gateway.services import Services
from ganglion_gateway.store import audit
from ganglion_gateway.store.database import why

_log = structlog.get_logger(__name__)

#: Seconds between looks at what has changed: of a value that changes more often the latest is said.
_TICK = 1.0
#: Seconds that a node has to obey.
_PATIENCE = 10.0
#: Seconds that the broker has to be told that nobody is there any more.
_GOODBYE = 1.0
#: Commands under way; beyond, they are refused.
_COMMANDS = 64
#: Messages that may wait for the broker: a device, its presence and its values, for many nodes.
_PENDING = 100_000
_BYTES = 64 * 1024 * 1024
#: Distinct complaints about what comes.
_COMPLAINTS = 64


class Announcing:
    """The fleet on one broker.

    Args:
        broker: Where Home Assistant listens.
        mesh: The mesh's id.
        services: The gateway's parts.
    """

    def __init__(self, broker: Addresses, mesh: str, services: Services) -> None:
        self._services = services
        self._view = FleetView(mesh, services.settings.version, groups=services.settings.home_assistant_groups)
        self._transport = AiomqttTransport(broker, max_pending=_PENDING, max_bytes=_BYTES)
        self._transport.set_will(self._view.presence, b"offline", qos=1, retain=True)
        self._transport.on_messages = self._take
        self._transport.on_connected = self._connected
        for filter in self._view.filters:
            self._transport.subscribe(filter, 1)
        self._due = asyncio.Event()
        self._obeying: set[asyncio.Task[None]] = set()
        self._said: set[str] = set()

    async def run(self) -> None:
        """Announces until cancelled; then Home Assistant is told that nobody is there."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._transport.run(), name="home assistant")
            try:
                while True:
                    if self._transport.connected and not self._transport.pending:
                        self._look()
                    self._due.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_TICK):
                            await self._due.wait()
            finally:
                for task in self._obeying:
                    task.cancel()
                await asyncio.gather(*self._obeying, return_exceptions=True)
                await self._leave()

    async def _leave(self) -> None:
        """A connection that is ended in order has no will: what it would say is said."""
        if self._transport.connected:
            gone = asyncio.Event()
            self._transport.publish(self._view.presence, b"offline", qos=1, retain=True, on_done=gone.set)
            with suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    await gone.wait()

    def _connected(self) -> None:
        self._view.again()

    def _look(self) -> None:
        for topic, payload in self._view.look(self._services.fleet.nodes.values()):
            try:
                self._transport.publish(topic, payload, qos=1, retain=True)
            except LocalProtocolError as error:  # of one node: the others are announced
                self._complain(topic, str(error))

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                command = self._view.take(message.topic, message.payload, retained=message.retain)
            except ValueError as error:
                self._complain(message.topic, str(error))
                continue
            if command is not None:
                self._begin(command)

    def _begin(self, command: Command) -> None:
        if len(self._obeying) >= _COMMANDS:
            self._complain(command.actuator, f"{_COMMANDS} commands are under way: it is not obeyed")
            return
        task = asyncio.create_task(self._obey(command), name=f"home assistant sets {command.actuator}")
        self._obeying.add(task)
        task.add_done_callback(self._obeying.discard)

    async def _obey(self, command: Command) -> None:
        """Has the node do it; its guardian decides, and the value that it then has is said."""
        node, actuator, value, leaf = command
        outcome = "failed"
        method, params = "actuators.set", {"actuator": actuator, "value": value}
        if leaf:
            method, params = "leaf.call", {"leaf": leaf, "method": method, "params": params}
        try:
            answer = await self._services.mesh.request(method, params, to=node, timeout=_PATIENCE)
            outcome = "ok"
            self._answered(node, stream_of(leaf, actuator), answer)
        except GanglionError as error:
            _log.warning("home assistant's command failed", node=node, leaf=leaf, actuator=actuator, reason=str(error))
        finally:
            self._view.correct(command)
            self._due.set()
            await self._note(node, method, sorted(params), outcome)

    def _answered(self, node: str, stream: str, answer: object) -> None:
        """What the node says that the actuator has now counts until the reading of it comes."""
        value = answer.get("value") if isinstance(answer, dict) else None
        if isinstance(value, bool | int | float | str):
            known = self._services.fleet.nodes.get(node)
            latest = known.sensors.get(stream) if known is not None else None
            # No newer than what is known, by the clock of the node: the reading that comes must not be taken as older
            at, confidential = (0, None) if latest is None else (latest.timestamp, latest.confidential)
            row = {"node": node, "sensor": stream, "timestamp": at, "confidential": confidential}
            number = None if isinstance(value, str) else float(value)
            self._services.fleet.read([{**row, "number": number, "value": value if number is None else None}])

    async def _note(self, node: str, method: str, names: list[str], outcome: str) -> None:
        detail = {"method": method, "params": names, "outcome": outcome}
        at = self._services.clock()

        async def work(connection: AsyncConnection) -> None:
            await audit.record(
                connection, at=at, actor="home assistant", action="node.command", target=node, detail=detail
            )

        try:
            await self._services.database.write(work, patient=True)
        except SQLAlchemyError as error:
            _log.error("home assistant's command is not in the audit", node=node, reason=why(error))

    def _complain(self, what: str, why: str) -> None:
        if what not in self._said and len(self._said) < _COMPLAINTS:
            self._said.add(what)
            _log.warning("a message for home assistant is not obeyed", topic=what[:200], reason=why)
