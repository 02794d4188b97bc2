# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node answers of itself as a whole: how it is in short, what flows through its bus, how its membership goes."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ganglion import __version__
from ganglion.bus import Bus
from ganglion.guardian import Actuators
from ganglion.mesh.client import MeshClient
from ganglion.mesh.parameters import takes
from ganglion.node import statistics
from ganglion.node.scripts import Scripts
from ganglion.sensors import Sensors

if TYPE_CHECKING:
    from ganglion.mesh.leaves.leaves import Leaves


class Inspected:
    """One node, for who asks from afar.

    Args:
        name: What people call it.
        board: The name of its board.
        mesh: Its membership.
        bus, sensors, actuators, scripts: Its own.
        leaves: Of which it is the parent; None for none.
    """

    def __init__(
        self,
        *,
        name: str,
        board: str,
        mesh: MeshClient,
        bus: Bus,
        sensors: Sensors,
        actuators: Actuators,
        scripts: Scripts,
        leaves: "Leaves | None",
    ) -> None:
        self._began = time.monotonic()
        self._name = name
        self._board = board
        self._mesh = mesh
        self._bus = bus
        self._sensors = sensors
        self._actuators = actuators
        self._scripts = scripts
        self._leaves = leaves

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        on_request("status", self.status, summary="how the node is, in short")
        on_request("bus.statistics", self.of_bus, summary="what flows through the bus")
        on_request("mesh.statistics", self.of_mesh, summary="connection, spool and refused messages of the mesh")

    @takes()
    async def status(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """How this node is, in short."""
        mesh, listed = self._mesh.statistics(), self._actuators.status()
        return {
            "node": self._name,
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

    @takes()
    async def of_bus(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What flows through this node: `ganglion bus stats` shows it."""
        return statistics.of(self._bus)

    @takes()
    async def of_mesh(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """How this node's membership goes: `ganglion mesh stats` shows it."""
        told = self._mesh.statistics().document()
        return told if self._leaves is None else {**told, "leaves": self._leaves.statistics()}
