# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway as a member of its mesh: what it serves, what it hands to the intake, what it lets others ask."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ganglion.errors import UnreachableError
from ganglion.mesh.authority import Authority
from ganglion.mesh.calls import Ticket
from ganglion.mesh.client import MeshClient
from ganglion.mesh.credential import NODE
from ganglion.mesh.enrol import KeyStore
from ganglion.mesh.kv import Kv, now_at
from ganglion.mesh.links.spec import LinkSpec
from ganglion.mesh.looking import Looking
from ganglion.mesh.member import Received
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.pending import Approvals
from ganglion.mesh.policy import Policy
from ganglion.mesh.progress import Tell
from ganglion.mesh.service import GatewayRole
from ganglion.mesh.signed_config import D, Form, SignedConfig
from ganglion.mesh.state.effects import Change
from ganglion_gateway.consents import Consents
from ganglion_gateway.intake import Intake
from ganglion_gateway.intents.answers import IntentAnswers
from ganglion_gateway.jsonable import jsonable
from ganglion_gateway.live import Live
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.model.bridge import Bridge
from ganglion_gateway.release.office import Office
from ganglion_gateway.store.database import why


async def _stored(intake: Intake, received: list[Received]) -> None:
    """Has events stored; a fault of the database is one line for the log, without what was to be stored."""
    try:
        await intake.events(received)
    except SQLAlchemyError as error:
        raise UnreachableError(f"the database: {why(error)}") from error


class GatewayMember:
    """The gateway's mesh client.

    Args:
        broker: URL, or several addresses of it.
        links: Its links beside the broker; None for none.
        state: Folder with the gateway's identity and epoch.
        name: What its credential calls it.
        version: Of the software, for its birth.
        authority: Signs credentials.
        keys: Enrol keys.
        approvals: Nodes that wait for an operator.
        reissued: Remembers the node ids before and after a rotation.
        intake: Takes what members say.
        bridge: Answers `prompt`.
        intents: Answers `intent`.
        consents: Answers `consent`.
        releases: Answers what nodes ask of releases.
        metrics: Counts what is dropped.
        live: Is told of changes in what all members share.

    Attributes:
        client: Runs it.
        kv: What all members share.
    """

    def __init__(
        self,
        *,
        broker: str | tuple[str, ...],
        links: Sequence[LinkSpec] | None = None,
        state: Path,
        name: str,
        version: str,
        authority: Authority,
        keys: KeyStore,
        approvals: Approvals,
        reissued: Callable[[str, str], Awaitable[None]],
        intake: Intake,
        bridge: Bridge,
        intents: IntentAnswers,
        consents: Consents,
        releases: Office,
        metrics: Metrics,
        live: Live,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._transport = MqttTransport(broker)
        self.client = MeshClient(
            transport=self._transport,
            links=links,
            state=state,
            name=name,
            birth=lambda: {
                "sw": version,
                "board": "gateway",
                "caps": {"methods": ["prompt", "intent", "consent", "credential.renew", "credential.rotate"]},
            },
            gateway=GatewayRole(
                authority=authority,
                keys=keys,
                approvals=approvals,
                on_reissued=reissued,
                on_events=partial(_stored, intake),
                on_frames=intake.frames,
                on_birth=intake.birth,
                on_death=intake.death,
            ),
            clock=clock,
        )
        shared = self.client.state
        self.kv = Kv(shared, self.client.rights)

        def changed(change: Change) -> None:
            node, _ = shared.author(change.kid)
            live.shared(change.key, jsonable(now_at(shared, change)), clock(), f"node:{node}" if node else "")

        shared.watchers.append(changed)
        self.client.on_request("prompt", bridge.prompt, roles=[NODE])
        self.client.on_request("intent", intents.answer, roles=[NODE])
        self.client.on_request("consent", consents.answer, roles=[NODE])
        for name in ("desired", "manifest", "chunk", "report"):
            self.client.on_request(f"release.{name}", getattr(releases, name), roles=[NODE])
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

    @property
    def unheard(self) -> int:
        """How much of what members say the broker keeps from it, in subscriptions that are refused."""
        return self._transport.statistics().unheard

    @property
    def mesh_id(self) -> str:
        """13 letters."""
        return self.client.mesh

    @property
    def looking(self) -> Looking:
        """See `MeshClient.looking`."""
        return self.client.looking

    async def run(self) -> None:
        """Connects, and reconnects, until cancelled."""
        await self.client.run()

    def revoke(self, node_id: str) -> None:
        """See `Service.revoke`."""
        self.client.desk.revoke(node_id)

    def decided(self, node_id: str) -> None:
        """See `Service.decided`."""
        self.client.desk.decided(node_id)

    @property
    def node_id(self) -> str:
        """The gateway's own, 26 letters."""
        return self.client.identity.node_id

    @property
    def policy(self) -> Policy:
        """What holds at the gateway."""
        return self.client.rights.policy

    def config(self, form: Form[D]) -> SignedConfig[D] | None:
        """See `Service.config`."""
        return self.client.desk.config(form)

    def set_config(self, form: Form[D], config: D) -> D:
        """See `Service.set_config`."""
        return self.client.desk.set_config(form, config)

    def policy_of(self, node_id: str) -> int | None:
        """The version of the policy that a node has said it has; None where it has said nothing."""
        peer = self.client.member.find(node_id)
        return None if peer is None else peer.policy

    async def request(
        self,
        method: str,
        params: dict[str, Any],
        *,
        to: str,
        called: str = "",
        timeout: float,
        on_progress: Tell | None = None,
        ticket: Ticket | None = None,
    ) -> Any:
        """See `MeshClient.request`."""
        return await self.client.request(
            method, params, to=to, called=called, timeout=timeout, on_progress=on_progress, ticket=ticket
        )

    def withdraw(self, ticket: Ticket) -> None:
        """See `Calls.withdraw`."""
        self.client.withdraw(ticket)

    def boot_of(self, node_id: str) -> bytes | None:
        """What tells the boot of a node from others; None where it was not heard of."""
        peer = self.client.member.find(node_id)
        return None if peer is None else peer.nonce

    def statistics(self) -> dict[str, Any]:
        """How its membership goes, as JSON can say it."""
        return self.client.statistics().document()
