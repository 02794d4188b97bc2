# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member is made of, a node or, with a `GatewayRole`, the gateway: the parts, made and told of each other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.mesh import signed_config
from ganglion.mesh.birth import Birth
from ganglion.mesh.calls import Calls
from ganglion.mesh.credential import NODE, Credential
from ganglion.mesh.delivery import Delivery
from ganglion.mesh.enrol import EnrolKey
from ganglion.mesh.epoch import next_epoch
from ganglion.mesh.floor import Floor, FloorFile
from ganglion.mesh.identity import Identity
from ganglion.mesh.incoming import Incoming
from ganglion.mesh.keyholder import Confidential, KeyHolder
from ganglion.mesh.member import Member, Received
from ganglion.mesh.membership import Membership
from ganglion.mesh.methods import Methods
from ganglion.mesh.outgoing import Outgoing
from ganglion.mesh.presence import Presence
from ganglion.mesh.replication import Replication
from ganglion.mesh.rights import Rights
from ganglion.mesh.rotation import Rotation, settle
from ganglion.mesh.session import Session
from ganglion.mesh.signed_config import D, Form, SignedConfig
from ganglion.mesh.spool import Key
from ganglion.mesh.standing import Standing
from ganglion.mesh.subscriptions import Subscriptions
from ganglion.mesh.transport import Transport
from ganglion.mesh.ways import Ways
from ganglion.units import SECOND

if TYPE_CHECKING:
    from ganglion.mesh.links.overlay import Overlay
    from ganglion.mesh.links.spec import LinkSpec
    from ganglion.mesh.service import GatewayRole, Service

_log = logging.getLogger(__name__)


class Parts:
    """Those of one member. For the arguments see `MeshClient`.

    Args:
        request: Asks the gateway.
        on_stored: Gets the key of each event that the gateway has stored.
        on_group: Gets what another member has sealed for a group of this node.
        limited: Called when other limits of the fleet may hold here.

    Attributes:
        folder: The member's state folder.
        floor: What is proved of the time; None for a gateway.
        membership: Of a node.
        service: Of a gateway.
        clock: Nanoseconds since the Unix epoch, never before the floor.
        rekeyed: Set when there is another key.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        state: Path,
        name: str,
        enrol_key: str | None,
        mesh: str | None,
        root: bytes,
        max_stale: int,
        birth: Callable[[], dict[str, Any]],
        gateway: "GatewayRole | None",
        links: "Sequence[LinkSpec] | None",
        follow: Iterable[str],
        spool_bytes: int,
        confidential: Confidential,
        clock: Callable[[], int],
        request: Callable[[str, dict[str, Any]], Awaitable[Any]],
        on_stored: Callable[[Key], None],
        on_group: Callable[[Received], None],
        limited: Callable[[], None],
    ) -> None:
        self.transport = transport
        self.folder = state
        self.session = Session(self)
        wall = clock
        self.floor = FloorFile(state / "floor") if gateway is None else None
        self.standing = Standing(self.floor.floor if self.floor else Floor(), max_stale=max_stale)
        if self.floor is not None:
            # What a node says of the time is never earlier than what is proved; a gateway is who proves it.
            clock = self.floor.over(clock)
        self.clock = clock
        self.rights = Rights(lambda: self.credential, clock=clock, changed=self.session.policy_changed)
        settle(state)
        used = (state / "identity").exists()
        identity = Identity.load_or_create(state / "identity")
        self.membership: Membership | None = None
        if gateway is None:
            self.membership = Membership(
                identity=identity,
                state=state,
                key=EnrolKey.parse(enrol_key) if enrol_key else None,
                mesh=mesh or "",
                root=root,
                name=name,
                standing=self.standing,
                rights=self.rights,
                limited=limited,
                clock=clock,
            )
            mesh_id = self.membership.mesh
        else:
            mesh_id = gateway.authority.mesh_id
        if self.floor is not None and self.floor.floor.wrong(wall()):
            _log.warning("This clock is wrong by what the mesh has signed, and judges nothing: set it right.")
        epoch = next_epoch(state / "epoch", lost=clock() // SECOND if used else 1)
        self.member = member = Member(
            identity, mesh=mesh_id, epoch=epoch, gateway=gateway is not None, standing=self.standing
        )
        if self.membership is not None and self.membership.trust is not None:
            member.adopt(self.membership.trust)
        self.birth = Birth(
            member,
            fields=birth,
            credential=lambda: self.credential,
            ready=lambda: self.ready,
            rights=self.rights,
            floor=self.floor.floor if self.floor else None,
            wall=wall,
        )
        self.ways = Ways(member, transport)
        self.state = Replication(
            member,
            state / "state.db",
            ways=self.ways,
            credential=lambda: self.credential,
            ready=lambda: self.ready,
            clock=clock,
        )
        self.calls = Calls(member, publish=self.ways.send_now, clock=clock)
        self.methods = Methods(member, publish=self.ways.send_now, clock=clock, rights=self.rights)
        self.service = None if gateway is None else self._desk(gateway, name)
        self.delivery = Delivery(
            state / "spool.db",
            publish=self.ways.event,
            on_stored=on_stored,
            on_silence=self.session.silence,
            limit=spool_bytes,
        )
        self.keys = KeyHolder(
            member,
            state,
            confidential=confidential,
            clock=clock,
            publish=self.ways.send_now,
            subscribe=transport.subscribe,
            post=self.delivery.post,
            saved=self.delivery.flush,
        )
        member.private = bool(confidential.group)
        self.outgoing = Outgoing(
            member,
            ways=self.ways,
            delivery=self.delivery,
            keys=self.keys,
            ready=lambda: self.ready,
            clock=clock,
        )
        self.presence = Presence(
            member,
            transport,
            clock=clock,
            birth=self.birth.body,
            authority=None if self.service is None else self.service.retained,
            on_said=self.session.said,
            on_born=self.session.opened,
            on_repeated=self.session.seek_gateway,
        )
        self.rekeyed = asyncio.Event()
        self.rotation = Rotation(
            state,
            node_id=identity.node_id,
            request=request,
            ready=lambda: self.ready and member.gateway is not None,
            leaving=self.session.leaving,
            trust=lambda: member.trust,
            become=self.session.become,
            waits=self.delivery.upto,
            publish=self.session.say_former,
        )
        former = None if self.rotation.former is None else self.rotation.former.node_id
        if former is not None:
            member.remember(former)
        if self.service is None:
            self.methods.serve(
                "identity.rotate", self.rotation.asked, roles=None, summary="take a new key; answers its node id"
            )
        self.subscriptions = Subscriptions(
            transport, member, follow=follow, served=None if self.service is None else self.service.filters
        )
        self.incoming = Incoming(
            member,
            keys=self.keys,
            on_group=on_group,
            ways=self.ways,
            calls=self.calls,
            methods=self.methods,
            delivery=self.delivery,
            presence=self.presence,
            membership=self.membership,
            service=self.service,
            shared=self.state.take,
            clock=wall,
            trusted=self.subscriptions.gateways,
            restarted=self.presence.announce,
            returned=self.session.opened,
            relisted=self.session.relisted,
        )
        self.overlay = self._overlaid(links) if links is not None else None
        self.ways.overlay = self.overlay
        transport.on_connected = self.session.connected
        transport.on_disconnected = self.session.disconnected
        self.subscriptions.begin(former)
        if self.service is None:
            self.keys.subscribe()

    def _desk(self, gateway: "GatewayRole", name: str) -> "Service":
        from ganglion.mesh.service import Service  # costs memory, and few members are gateways

        service = Service(
            gateway,
            identity=self.member.identity,
            name=name,
            member=self.member,
            rights=self.rights,
            clock=self.clock,
            publish=self.ways.send,
            spread=lambda: self.presence.refresh(),
            relisted=self.session.relisted,
        )
        serve = partial(self.methods.serve, roles=[NODE])
        serve("credential.renew", service.renew, summary="a credential that holds longer")
        serve("credential.rotate", service.rotate, summary="a credential for a new key")
        return service

    def _overlaid(self, links: "Sequence[LinkSpec]") -> "Overlay":
        from ganglion.mesh.links.overlay import Overlay  # costs memory, and many members have none
        from ganglion.mesh.links.statements import Statements
        from ganglion.mesh.overlay.update import BUNDLE, LIMITS, POLICY, REVOCATIONS

        heard = self.incoming
        forms: dict[bytes, Form[Any]] = {POLICY: signed_config.POLICIES, LIMITS: signed_config.LIMITS}
        return Overlay(
            self.member,
            self.transport,
            links,
            Statements(
                self.standing,
                config=lambda statement: self.config(forms[statement]),
                take={
                    REVOCATIONS: heard.revocations,
                    BUNDLE: heard.bundle,
                    **{statement: partial(heard.config, form) for statement, form in forms.items()},
                },
            ),
            credential=lambda: None if self.credential is None else self.credential.data,
            clock=self.clock,
            on_message=self.incoming.brought,
            on_birth=self.incoming.birth,
            on_met=self.session.met,
            on_change=self.session.rerouted,
        )

    @property
    def credential(self) -> Credential | None:
        """This member's, once it is enrolled."""
        return (self.service or self.node).credential

    @property
    def node(self) -> Membership:
        """The membership of a node, which has one."""
        assert self.membership is not None
        return self.membership

    @property
    def ready(self) -> bool:
        """Whether others hear and believe this member now."""
        return self.ways.open and (self.service is not None or self.node.valid)

    def config(self, form: Form[D]) -> SignedConfig[D] | None:
        """The newest of what the authority states in this form; None before any was heard."""
        return (self.service or self.node).config(form)
