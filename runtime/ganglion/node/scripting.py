# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of a node together with what runs them: the runner, sessions, schedules, plain topics, what is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.config import Config
from ganglion.guardian import Actuators
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.session.store import open_store
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.timetable import Timetable
from ganglion.mova.tools import HttpTools
from ganglion.node.configured import secrets, sessions
from ganglion.node.hearing import Hearing
from ganglion.node.plain import PlainTopics
from ganglion.node.ports import NodePorts
from ganglion.node.scripts import Scripts
from ganglion.sensors import Sensors


class Scripting:
    """That of one node.

    Args:
        config: What it is told.
        state: Its state folder.
        bus, clock, sensors, actuators: Its own.
        mesh: Its membership; None where it is in no mesh.
        transport: Its way to a broker; None where it has none.

    Attributes:
        runner: Runs the scripts.
        scripts: They.
        plain: What they hear of plain topics; None without a broker.
    """

    def __init__(
        self,
        config: Config,
        state: Path,
        *,
        bus: Bus,
        clock: Clock,
        sensors: Sensors,
        actuators: Actuators,
        mesh: MeshClient | None,
        transport: MqttTransport | None,
    ) -> None:
        self._files = [config.resolve(script) for script in config.node.scripts]
        self._plans: list[Plan] = []
        self._mesh = mesh
        self._store = open_store(sessions(config), clock)
        self.plain = PlainTopics(bus, transport) if transport else None
        self.runner = ScriptRunner(
            bus,
            NodePorts(bus=bus, clock=clock, sensors=sensors, actuators=actuators, mesh=mesh, transport=transport),
            clock,
            sessions=self._store,
            timetable=Timetable(clock.now, state / "schedules.json"),
            tools=HttpTools(secrets(config)),
        )
        self._hearing = Hearing(self.runner, self._ask_intent if mesh is not None else None)
        self.scripts = Scripts(self.runner, self.plain, self._hearing, sensors=sensors, actuators=actuators)

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        self.scripts.serve(on_request)
        self._hearing.serve(on_request)

    def load(self) -> None:
        """Reads the scripts of the configuration.

        Raises:
            GanglionError: one is missing or wrong.
        """
        self._plans = [compile(load(file)) for file in self._files]
        self.scripts.files = {plan.name: file for plan, file in zip(self._plans, self._files, strict=True)}

    def begin(self) -> None:
        """Has them run."""
        self.scripts.begin(self._plans)

    async def aclose(self) -> None:
        """Ends what runs, and keeps what is to be kept."""
        await self.runner.aclose()
        await self._store.aclose()

    async def _ask_intent(self, text: str, intents: list[list[Any]]) -> dict[str, Any]:
        assert self._mesh is not None  # only a node in a mesh asks
        answer: dict[str, Any] = await self._mesh.request("intent", {"text": text, "intents": intents})
        return answer
