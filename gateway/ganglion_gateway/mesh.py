# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway as a member of its mesh: what it serves, what it hands to the intake, what it lets others ask."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.credential import NODE
from ganglion.mesh.enrol import KeyStore
from ganglion.mesh.service import GatewayRole
from ganglion_gateway.aiomqtt_transport import AiomqttTransport
from ganglion_gateway.intake import Intake
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.model.bridge import Bridge


class GatewayMember:
    """The gateway's mesh client.

    Args:
        broker: URL.
        state: Folder with the gateway's identity and epoch.
        name: What its credential calls it.
        version: Of the software, for its birth.
        authority: Signs credentials.
        keys: Enrol keys.
        intake: Takes what members say.
        bridge: Answers `prompt`.
        metrics: Counts what is dropped.

    Attributes:
        client: Runs it.
    """

    def __init__(
        self,
        *,
        broker: str,
        state: Path,
        name: str,
        version: str,
        authority: Authority,
        keys: KeyStore,
        intake: Intake,
        bridge: Bridge,
        metrics: Metrics,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._transport = AiomqttTransport(broker)
        self.client = MeshClient(
            transport=self._transport,
            state=state,
            name=name,
            birth=lambda: {"sw": version, "board": "gateway", "caps": {"methods": ["prompt", "credential.renew"]}},
            gateway=GatewayRole(
                authority=authority,
                keys=keys,
                on_events=intake.events,
                on_frames=intake.frames,
                on_birth=intake.birth,
                on_death=intake.death,
            ),
            clock=clock,
        )
        self.client.on_request("prompt", bridge.prompt, roles=[NODE])
        metrics.watch(
            "ganglion_mesh_rejected",
            "Messages of the mesh that were not believed.",
            "cause",
            lambda: {cause.value: count for cause, count in self.client.statistics().rejected.items()},
        )

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._transport.connected

    async def run(self) -> None:
        """Connects, and reconnects, until cancelled."""
        await self.client.run()

    async def request(self, method: str, params: dict[str, Any], *, to: str, timeout: float) -> Any:
        """See `MeshClient.request`."""
        return await self.client.request(method, params, to=to, timeout=timeout)
