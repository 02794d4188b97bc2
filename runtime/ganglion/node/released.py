# SPDX-License-Identifier: GPL-3.0-or-later
"""A node as the trial of a release sees it: its scripts, its sensors, what it has."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ganglion.guardian import Actuators
from ganglion.mesh.client import MeshClient
from ganglion.mova.shell import ScriptRunner
from ganglion.mqtt.url import BrokerUrl
from ganglion.node.scripts import Scripts
from ganglion.release.keeper import Keeper
from ganglion.release.link import Reach, reach
from ganglion.release.start import Begun
from ganglion.release.trial import Seen
from ganglion.sensors import Sensors
from ganglion.sensors.schedule import Health


class _MeshLine:
    """The link of a node in a mesh."""

    def __init__(self, mesh: MeshClient, brokers: Sequence[BrokerUrl]) -> None:
        self._mesh = mesh
        self._brokers = brokers

    @property
    def up(self) -> bool:
        return self._mesh.connected or self._mesh.leads

    async def reach(self) -> Reach:
        return await reach(self._brokers)


class Released:
    """What a release is tried by.

    Args:
        sensors, actuators, runner, scripts: The node's.
        board: Its name.
        restart: Ends the node, to be started anew.
    """

    def __init__(
        self,
        sensors: Sensors,
        actuators: Actuators,
        runner: ScriptRunner,
        scripts: Scripts,
        board: str,
        restart: Callable[[], None],
    ) -> None:
        self._sensors = sensors
        self._actuators = actuators
        self._runner = runner
        self._scripts = scripts
        self._failures, self._failure = 0, ""
        self.board = board
        self.restart = restart

    def keeper(self, begun: Begun, mesh: MeshClient | None, brokers: Sequence[BrokerUrl]) -> Keeper:
        """What fetches releases and tries them.

        Args:
            brokers: Addresses of the node's broker; none for a node that has neighbours alone.
        """
        return Keeper(begun, self, mesh, None if mesh is None else _MeshLine(mesh, brokers), time.monotonic)

    def seen(self) -> Seen:
        """How it is."""
        return Seen(refused=self._scripts.refused, failed=self._failed(), silent=self._silent())

    def _failed(self) -> str:
        """The first failure of a script of the configuration; those that somebody has put here prove nothing."""
        failures, known = self._runner.statistics().failed, self._failures
        if failures != known and not self._failure:
            self._failures = failures
            for each in self._runner.episodes:
                if each["status"] == "failed" and each["script"] in self._scripts.configured:
                    self._failure = f"{each['script']}: a run of {each['protocol']} failed: {each['error']}"
                    break
        return self._failure

    def _silent(self) -> dict[str, str]:
        found = {}
        for name in self._sensors.sensors():
            health, status = self._sensors.health(name), self._sensors.status_of(name)
            is_paced = not any(each.every for each in status)  # it speaks when there is something to say
            is_waiting = health is Health.STARTING and (is_paced or self._sensors.is_warming_up(name))
            if health not in (Health.OK, Health.STOPPED) and not is_waiting:
                found[name] = next((each.error for each in status if each.error), "")
        return found

    def capabilities(self) -> dict[str, Any]:
        """Its sensors and actuators, as its birth says them."""
        return {"sensors": self._sensors.capabilities(), "actuators": self._actuators.capabilities()}
