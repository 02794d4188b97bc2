# SPDX-License-Identifier: GPL-3.0-or-later
"""What arrives at a member, given to the part that it concerns."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ganglion.mesh.calls import Calls
from ganglion.mesh.credential import CredentialError
from ganglion.mesh.delivery import Delivery
from ganglion.mesh.keyholder import KeyHolder
from ganglion.mesh.member import Cause, Member, Received
from ganglion.mesh.membership import Membership
from ganglion.mesh.methods import Methods
from ganglion.mesh.presence import Presence
from ganglion.mesh.signed_config import FORMS, Form
from ganglion.mesh.statement import MisplacedError
from ganglion.mesh.transport import Message
from ganglion.mesh.ways import Ways
from ganglion_micro import gl1

if TYPE_CHECKING:
    from ganglion.mesh.service import Service

_log = logging.getLogger(__name__)


class Incoming:
    """The dispatch of one member.

    Args:
        keys: Of the groups of a node.
        on_group: Gets what another member has sealed for a group of this node.
        membership: Of a node.
        service: Of a gateway.
        shared: Takes what is said of the state that all share.
        clock: Nanoseconds since the Unix epoch, as this machine has them.
        trusted: Called when the mesh's root became known.
        restarted: Called when the gateway was born anew: it may have lost what was on its way.
        returned: Called when the gateway is there again: what was sent meanwhile is lost.
        relisted: Called when there is a newer list of the revoked.
    """

    def __init__(
        self,
        member: Member,
        *,
        keys: KeyHolder,
        on_group: Callable[[Received], None],
        ways: Ways,
        calls: Calls,
        methods: Methods,
        delivery: Delivery,
        presence: Presence,
        membership: Membership | None,
        service: "Service | None",
        shared: Callable[[Received], None],
        clock: Callable[[], int],
        trusted: Callable[[], None],
        restarted: Callable[[], None],
        returned: Callable[[], None],
        relisted: Callable[[], None],
    ) -> None:
        self._member = member
        self._keys = keys
        self._on_group = on_group
        self._ways = ways
        self._calls = calls
        self._methods = methods
        self._delivery = delivery
        self._presence = presence
        self._membership = membership
        self._service = service
        self._shared = shared
        self._clock = clock
        self._trusted = trusted
        self._restarted = restarted
        self._returned = returned
        self._relisted = relisted
        self._bundle_topic = gl1.bundle_topic(member.mesh)
        self._revoked_topic = gl1.revoked_topic(member.mesh)
        self._gateways_topic = gl1.gateway_topic(member.mesh, gl1.ALL)
        self._forms = {gl1.config_topic(member.mesh, form.what): form for form in FORMS}
        self._gateway_nonce = b""

    def messages(self, messages: Iterable[Message]) -> None:
        """What a broker has sent."""
        now = self._clock()
        believed = []
        for message in messages:
            try:
                received = self._message(message, now)
            except Exception as error:
                self._failed(message.topic, error)
            else:
                if received is not None:
                    believed.append(received)
        self._believed(believed)

    def _message(self, message: Message, now: int) -> Received | None:
        """What may be believed of one, where it is a member's; what the authority says is taken here."""
        is_bundle, is_list = message.topic == self._bundle_topic, message.topic == self._revoked_topic
        form = self._forms.get(message.topic)
        if (is_bundle or is_list or form is not None) and not (message.payload or message.retain):
            self._member.reject(Cause.MALFORMED, f"{message.topic}: nothing in it")
        elif is_bundle and self._membership is not None:
            self.bundle(message.payload)
        elif is_list:
            self.revocations(message.payload)
        elif message.topic == self._gateways_topic:
            if self._service is not None:  # nodes go by the list of the revoked, which says more
                self._service.take_gateways(message.payload)
        elif form is not None:
            self.config(form, message.payload)
        elif received := self._member.open(message.topic, message.payload, now=now, retained=message.retain):
            if received.kind != gl1.ENROL and not message.retain:
                if received.kind == gl1.DEATH:
                    self._ways.lost(gl1.kid_of(received.node_id))
                else:
                    self._heard(received, beside=False)
            return received
        return None

    def _failed(self, what: str, error: Exception) -> None:
        """Taking a message failed here, a full disk for one: what came with it is taken all the same."""
        self._member.reject(Cause.FAILED, f"{what}: {error}")
        _log.error("A message could not be taken (%s): %s.", what, error, exc_info=error)

    def brought(self, data: bytes) -> None:
        """What neighbours have brought."""
        if received := self._member.open(None, data, now=self._clock()):
            self._heard(received, beside=True)
            self._believed([received])

    def _heard(self, received: Received, *, beside: bool) -> None:
        """By which way its sender is reached, under the key of now: what an old one signed is answered to the new."""
        self._ways.heard(gl1.kid_of(self._member.now_called(received.node_id)), beside=beside)

    def birth(self, received: Received) -> None:
        """A birth that neighbours have brought."""
        self._believed([received])

    def revocations(self, data: bytes) -> None:
        """A list of the revoked, from anybody."""
        with self._relisting():
            if self._service is not None:
                self._service.take_revocations(data)
            elif data and self._membership is not None:
                with self._counting():
                    self._membership.take_revocations(data, self._member)

    @contextmanager
    def _relisting(self) -> Iterator[None]:
        """Whoever goes by the list of the revoked is told where the block has brought a newer one."""
        known = self._member.standing.revocations
        yield
        if self._member.standing.revocations is not known:
            self._relisted()

    def config(self, form: Form[Any], data: bytes) -> None:
        """A policy or the like, from anybody."""
        if self._service is not None:
            self._service.take_config(form, data)
        elif data and self._membership is not None:
            with self._counting():
                self._membership.take_config(form, data)

    def bundle(self, data: bytes) -> None:
        """Root and issuer, from anybody."""
        if self._service is not None:
            self._service.take_bundle(data)
        elif data and self._membership is not None and self._membership.take_bundle(data, self._member):
            self._trusted()

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """What is taken in the block the authority has signed for everybody; what it has not is counted."""
        try:
            yield
        except CredentialError as error:
            misplaced = isinstance(error, MisplacedError)
            self._member.reject(Cause.MISADDRESSED if misplaced else Cause.FORGED, str(error))

    def _believed(self, believed: list[Received]) -> None:
        others = []
        for received in believed:
            try:
                if not self._taken(received):
                    others.append(received)
            except Exception as error:
                self._failed(f"kind {received.kind} of {received.node_id}", error)
        if self._service is not None and others:
            try:
                self._service.take(others)
            except Exception as error:
                self._failed(f"{len(others)} messages", error)

    def _taken(self, received: Received) -> bool:
        """Whether it was for a part of this member; else it is for the gateway's desk."""
        if received.kind == gl1.REQUEST:
            self._methods.take(received)
        elif received.kind == gl1.REPLY:
            self._reply(received)
        elif received.kind == gl1.CREDENTIAL and self._membership is not None:
            with self._relisting():  # a list may come with it
                self._membership.take_answer(received, self._member)
        elif received.kind == gl1.KEY:
            self._keys.take(received)
        elif received.group and self._service is None:
            self._on_group(received)
        elif received.kind == gl1.CRDT:
            self._shared(received)
        elif received.kind == gl1.DEATH and received.node_id == self._member.identity.node_id:
            self._presence.outlive()
        else:
            if received.kind == gl1.BIRTH:
                self._birth(received)
            return False
        return True

    def _birth(self, received: Received) -> None:
        if received.repeated:
            return
        self._calls.changed()
        peer = received.peer
        if self._membership is not None and peer is not None and peer.is_gateway:
            self._membership.changed()
            known, self._gateway_nonce = self._gateway_nonce, peer.nonce
            if known not in (b"", peer.nonce):
                # It has restarted: it may have lost what was on its way, and must know us before that comes again.
                self._restarted()
            elif known and not received.retained:
                self._returned()

    def _reply(self, received: Received) -> None:
        body, peer = received.body, received.peer
        if self._service is not None and type(body) is dict and "key" in body:
            self._service.keys.acknowledged(received)
        elif type(body) is not dict or "stored" not in body:
            self._calls.take(received)
        elif peer is None or not peer.is_gateway:
            self._member.reject(Cause.UNAUTHORISED, f"{received.node_id} acknowledges events, and is no gateway")
        else:
            keys, refused = body["stored"], body.get("refused", [])
            if _are_keys(keys) and _are_keys(refused):
                self._delivery.arrived((key[0], key[1]) for key in keys)
                self._delivery.refused((key[0], key[1]) for key in refused)
            else:
                self._member.reject(Cause.MALFORMED, f"an acknowledgement of {received.node_id} that names no events")


def _are_keys(keys: Any) -> bool:
    return type(keys) is list and all(map(_is_key, keys))


def _is_key(key: Any) -> bool:
    """Whether it is an epoch and a sequence, as the spool's columns hold them."""
    return type(key) is list and [type(n) for n in key] == [int, int] and all(0 <= n < 1 << 63 for n in key)
