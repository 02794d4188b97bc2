# SPDX-License-Identifier: GPL-3.0-or-later
"""When a node has joined, and the line that says so to who started its process."""

import json
from contextlib import suppress

from ganglion.linux.supervisor import Supervisor
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport


class Joined:
    """Of one node.

    Args:
        name: What people call the node.
        mesh: Its membership; None where it is in no mesh.
        transport: Its way to a broker; None where it has none.
        supervisor: Hears of it, too.

    Attributes:
        said: Whether it has joined, and said so.
    """

    def __init__(
        self, name: str, mesh: MeshClient | None, transport: MqttTransport | None, supervisor: Supervisor
    ) -> None:
        self._name = name
        self._mesh = mesh
        self._transport = transport
        self._supervisor = supervisor
        self.said = False

    def begin(self) -> None:
        """The node runs. It has started then: it works without its gateway, and is not to be ended for that."""
        self._supervisor.ready("runs, and has not joined yet")

    def look(self) -> None:
        """Says it once, when it has."""
        if not self.said and self._has():
            self.said = True
            self._say()

    def _has(self) -> bool:
        """Whether there is a broker and, in a mesh, a gateway that has taken this node in."""
        if self._mesh is not None:
            return self._mesh.statistics().enrolled and self._mesh.member.gateway is not None
        return self._transport is None or self._transport.connected

    def _say(self) -> None:
        """One JSON line on stdout, for who started this process."""
        self._supervisor.status("runs, and has joined" if self._mesh or self._transport else "runs")
        said = {"ready": True, "node": self._name}
        if self._mesh is not None:
            said["id"] = self._mesh.identity.node_id
        with suppress(BrokenPipeError):
            print(json.dumps(said), flush=True)
