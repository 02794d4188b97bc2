# SPDX-License-Identifier: GPL-3.0-or-later
"""A node as the parent of devices that cannot sign: their readings, actuators and warnings are the node's to tell."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ganglion.bus import Bus
from ganglion.config.leaves import LeavesSection
from ganglion.errors import RefusedError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.leaves.effects import Read
from ganglion.mesh.leaves.leaves import Leaves
from ganglion.node.leaf_actuators import LeafActuators
from ganglion.node.leaf_line import LeafLine
from ganglion.node.leaf_warnings import LeafWarnings


class Parenthood:
    """That of one node.

    Args:
        section: Where its leaves are heard.
        state: The node's state folder.
        mesh: Its membership.
        bus: Gets their readings.
        publish: Sends a reading to the gateway: stream, value, time, topic on the bus.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        leaves: They.
    """

    def __init__(
        self,
        section: LeavesSection,
        *,
        state: Path,
        mesh: MeshClient,
        bus: Bus,
        publish: Callable[[str, Any, int, str], None],
        clock: Callable[[], int],
    ) -> None:
        self._section = section
        self._state = state
        self._mesh = mesh
        self._bus = bus
        self._publish = publish
        self._clock = clock
        self.leaves = Leaves(
            state=state,
            mesh=mesh.mesh,
            epoch=mesh.member.epoch,
            clock=clock,
            on_reading=self._emit,
            on_event=mesh.publish_event,
            saved=mesh.saved,
            on_changed=mesh.announce,
            host=section.host,
            port=section.port,
            request=lambda method, params, seconds: mesh.request(method, params, timeout=seconds),
        )
        self._actuators = LeafActuators(
            there=partial(self.leaves.there, "actuators.list"),
            ask=self.leaves.actuators,
            call=self.leaves.call,
            on_stated=self.leaves.state,
            publish=self._say,
        )

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        on_request("leaf.call", self._actuators.call, summary="have a leaf (leaf) do something (method, params)")
        on_request("leaf.list", self.leaves.listed, summary="the leaves of this node, and which are there")

    def lives(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for them, each until cancelled."""
        warnings = LeafWarnings(
            there=partial(self.leaves.there, "log"),
            ask=self.leaves.log,
            publish=self._mesh.publish_event,
            saved=self._mesh.saved,
            clock=self._clock,
            kept=self._state / "leaf-warnings.json",
        )
        lines = [LeafLine(name, self._section.baud, self.leaves.hear) for name in self._section.serial]
        return [self.leaves.run(), self._actuators.run(), warnings.run(), *(line.run() for line in lines)]

    def _emit(self, read: Read) -> None:
        """A reading of a leaf, on the bus among the node's own: what they are reported by lets it through or not."""
        topic = f"sensor/leaf/{read.leaf}/{read.stream}"
        with suppress(RefusedError):  # a queue is full and wants no more: telemetry is not kept
            self._bus.emit(topic, read.value, timestamp=read.timestamp, source=read.source)

    def _say(self, leaf: str, actuator: str, value: Any) -> None:
        path = f"leaf/{leaf}/actuator/{actuator}"
        self._publish(path, value, self._clock(), path)
