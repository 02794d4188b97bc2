# SPDX-License-Identifier: GPL-3.0-or-later
"""One member of a mesh without I/O: seals what it says, opens what arrives, drops and counts what it cannot believe.

Nothing here awaits, sleeps or reads a clock. The order of checks is the design's (E4): size, deterministic CBOR, key
id, topic, seen before, signature, replay window, credential. Nothing is remembered about a sender, and nothing held
against one, before a signature has verified.
"""

import logging
import os
from collections import Counter
from typing import Any

from ganglion.mesh import addressing, codec
from ganglion.mesh.aead import SealError
from ganglion.mesh.credential import Trust, WrongMeshError
from ganglion.mesh.floor import Floor
from ganglion.mesh.groups import Groups, seal_for
from ganglion.mesh.identity import Identity
from ganglion.mesh.introductions import Introductions
from ganglion.mesh.known import Known
from ganglion.mesh.peer import Peer, Received, Sealed
from ganglion.mesh.revocation import RevocationList
from ganglion.mesh.sealed_body import is_for_one, opened, place_of
from ganglion.mesh.signatures import Signatures
from ganglion.mesh.standing import FRESHNESS, Cause, DropError, Standing, clock_valid
from ganglion_micro import cbor, cose, gl1

__all__ = ["FRESHNESS", "Cause", "Member", "Peer", "Received", "Sealed", "clock_valid"]

_log = logging.getLogger(__name__)


class Member:
    """Seals and opens GL1 messages as one identity in one mesh.

    Args:
        identity: Whose key signs.
        mesh: The mesh's id, 13 letters.
        epoch: Count of this boot, on the disk already.
        nonce: Of this boot, 8 bytes; random where none is given.
        gateway: Whether to take enrolments, which only a gateway answers.
        standing: What it knows of who may be believed, where an earlier run left something.

    Attributes:
        peers: Members by key id, from their births.
        rejected: What was dropped, by cause.
        standing: Who may be believed: root, revocation list, time floor.
        groups: The groups that it is in, and their keys.
        private: Whether its commands and answers are sealed for who gets them, and go to nobody else.
        former: Key id and prefix of topics before this member's key was rotated: answers may still go there.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        mesh: str,
        epoch: int,
        nonce: bytes | None = None,
        gateway: bool = False,
        standing: Standing | None = None,
    ) -> None:
        self.identity = identity
        self.mesh = mesh
        self.epoch = epoch
        self.nonce = os.urandom(8) if nonce is None else nonce
        self.rejected: Counter[Cause] = Counter()
        self._receivers = [(identity.kid, identity.node_id)]
        self.standing = standing or Standing(Floor())
        self._known = Known(self.standing)
        self.peers = self._known.peers
        self.groups = Groups(reads_all=gateway)
        self.private = False
        self._gateway = gateway
        self._mesh = gl1.from_base32(mesh)
        self._aad = gl1.aad(self._mesh)
        self._prefix = f"gl1/{mesh}/"
        self._own = f"gl1/{mesh}/n/{identity.node_id}/"
        self._seq_c = self._seq_d = 0
        self._signatures = Signatures(self._aad)
        self._introductions = Introductions(mesh, self.standing, self._known, self._signatures)

    def adopt(self, trust: Trust) -> None:
        """Believes this root and issuer from now on.

        Raises:
            WrongMeshError: they are another mesh's.
        """
        if trust.mesh != self.mesh:
            raise WrongMeshError(f"the bundle of the mesh {trust.mesh}, and this is {self.mesh}")
        self.standing.trust = trust
        self.standing.floor.prove(trust.issuer.issued)

    @property
    def trust(self) -> Trust | None:
        """The start of all chains; None before it is known."""
        return self.standing.trust

    def enforce(self, revocations: RevocationList) -> None:
        """Believes nobody any more whom this list names. It is the caller's to hand in newer ones only."""
        self.standing.revocations = revocations
        self.standing.floor.prove(revocations.issued)

    def remember(self, former: str) -> None:
        """Takes answers that are for this node id, this member's before its key was rotated."""
        self._receivers[1:] = [(gl1.kid_of(former), former)]

    def become(self, identity: Identity, epoch: int) -> None:
        """Goes on under another key. What comes for the one before is still taken where it is an answer."""
        self.remember(self.identity.node_id)
        self.identity, self.epoch, self.nonce = identity, epoch, os.urandom(8)
        self._own = f"{self._prefix}n/{identity.node_id}/"
        self._receivers[0] = (identity.kid, identity.node_id)
        self._seq_c = self._seq_d = 0

    @property
    def gateway(self) -> Peer | None:
        """See `Known.gateway`."""
        return self._known.gateway

    def now_called(self, node: str) -> str:
        """See `Known.now_called`."""
        return self._known.now_called(node)

    def find(self, who: str) -> Peer | None:
        """See `Known.find`."""
        return self._known.find(who)

    @property
    def is_gateway(self) -> bool:
        """Whether this member is the gateway."""
        return self._gateway

    def alone(self, peer: Peer) -> bytes:
        """The key by which commands and answers are sealed for a peer alone: where one of the two is in a group.

        Raises:
            SealError: this member says nothing in the clear, and the peer has no key.
        """
        public = peer.credential.x25519
        if self.private and not public:
            raise SealError(f"{peer.name} can be told no secret until its credential is renewed")
        return public if self.private or self.groups.has(peer.kid) or self.groups.has(self.identity.kid) else b""

    def seal(
        self,
        kind: int,
        body: Any,
        *,
        now: int,
        to: str = "",
        name: str = "",
        group: str = "",
        alone: bytes = b"",
    ) -> Sealed:
        """Signs a message and gives it the topic that belongs to it.

        Args:
            to: The receiver's node id, for kinds that have one.
            name: Stream of DATA, class of an EVENT; an event's body carries it too, as `class`.
            group: Encrypts the body for this group: of an EVENT or a BATCH.
            alone: Encrypts the body for the receiver, whose X25519 key this is.

        Raises:
            SealError: there is no key of the group yet, or the receiver's is none.
            CBORError: the body has no deterministic encoding, or is too large.
            ValueError: no topic follows from these arguments.
        """
        if kind in gl1.CLASS_C:
            self._seq_c = seq = self._seq_c + 1
        elif kind == gl1.DEATH:
            seq = 0
        else:
            self._seq_d = seq = self._seq_d + 1
        if kind in (gl1.EVENT, gl1.DATA) and not gl1.level(name):
            raise ValueError(f"{name!r} cannot be a level of a topic: use 1 to 32 of a-z A-Z 0-9 _ -")
        node, receiver = self.identity.node_id, gl1.kid_of(to) if to else None
        topic = (
            gl1.group_topic(self.mesh, kind, node, group, name) if group else gl1.topic(self.mesh, kind, node, to, name)
        )
        if not topic:
            raise ValueError(f"kind {kind} has no topic")
        message = gl1.MSG(kind, group or receiver, self.epoch, seq, now, body)
        if group:
            message.body = self.groups.encrypt(group, body, place_of(self._mesh, self.identity.kid, message))
        elif alone:
            message.body = seal_for(alone, body, place_of(self._mesh, self.identity.kid, message))
        payload = cose.sign1(codec.encode(message.fields()), self.identity.kid, self._aad, self.identity.sign)
        return Sealed(topic, payload, self.epoch, seq, receiver)

    def open(self, topic: str | None, payload: bytes, *, now: int, retained: bool = False) -> Received | None:
        """What may be believed of a message; None where nothing may, and `rejected` says why.

        Args:
            topic: On which it came; None where neighbours brought it, who know no topics.
        """
        try:
            return self._open(topic, payload, now, retained)
        except DropError as drop:
            self.reject(drop.cause, f"{topic}: {drop}")
            return None

    def reject(self, cause: Cause, why: str) -> None:
        """Counts a message as dropped."""
        self.rejected[cause] += 1
        _log.debug("Dropped (%s): %s", cause.value, why)

    def _open(self, topic: str | None, payload: bytes, now: int, retained: bool) -> Received | None:
        if not payload and retained:
            return None  # a deleted retained message states nothing
        if topic is not None and not topic.startswith(self._prefix):
            raise DropError(Cause.WRONG_MESH, f"not a topic of the mesh {self.mesh}")
        try:
            message = cose.parse(payload)
            msg = gl1.message(codec.decode(message.payload))
        except cbor.CBORError as error:
            raise DropError(Cause.MALFORMED, str(error)) from None
        kind = msg.kind
        peer = self.peers.get(message.kid)
        if kind == gl1.BIRTH:
            if message.kid == self.identity.kid:
                self._signatures.verify(message, self.identity.public)
                return None  # our own, from the broker
            return self._introductions.birth(topic, message, msg, now, retained)
        if kind == gl1.ENROL:
            if not self._gateway:
                raise DropError(Cause.UNKNOWN_KIND, "an enrolment, and this is no gateway")
            return self._introductions.enrolment(topic, message, msg, now)
        if message.kid == self.identity.kid:
            return self._echo(topic, message, msg, retained)
        if kind == gl1.CRDT:
            return self._introductions.state(topic, payload, message, msg, now, self.identity)
        if topic is None and type(msg.dst) is str and not (self._gateway or self.groups.keys(msg.dst)):
            return None  # neighbours bring everyone what is for a group
        if peer is None:
            if self.standing.revoked(message.kid, kind, now):
                raise DropError(Cause.REVOKED, f"{message.kid.hex()} was revoked")
            raise DropError(Cause.UNENROLLED, f"no birth of {message.kid.hex()} was heard")
        addressing.check(
            topic, msg, mesh=self.mesh, sender=peer.node_id, receivers=self._receivers, gateway=self._gateway
        )
        mark = message.signature[:16]
        if mark in self._signatures.seen and kind not in (gl1.EVENT, gl1.DEATH):
            raise DropError(Cause.REPLAYED, "a copy")
        self._signatures.verify(message, peer.credential.public)
        self._signatures.remember(mark)
        repeated = peer.counts(msg)
        if repeated:
            self.reject(Cause.REPLAYED, f"event {peer.node_id}-{msg.epoch}-{msg.seq} again")
        peer.silent = False
        if kind in gl1.CLASS_C:
            self.standing.fresh(msg.ts, now)
            self.standing.informed(now)
        self.standing.check(peer.credential, kind, now)
        self.standing.heard(peer.credential, msg.ts)
        group, alone, body = msg.dst if type(msg.dst) is str else "", is_for_one(msg), msg.body
        if alone or type(msg.dst) is str:
            place = place_of(self._mesh, message.kid, msg)
            body = opened(msg, topic, place, groups=self.groups, own=self.identity)
        stale = False
        if kind == gl1.REQUEST:
            if type(body) is not dict or type(body.get("id")) is not str:
                raise DropError(Cause.MALFORMED, "a request is a map with an id")
            stale = body.get("nonce") != self.nonce
            if stale:
                self.reject(Cause.STALE, f"{topic}: a request to an earlier boot")
                body = {"id": body["id"]}
        late = (msg.epoch, msg.ts) < peer.died
        return Received(
            kind, peer.node_id, peer, body, msg.epoch, msg.seq, msg.ts, repeated, retained, stale, late, group, alone
        )

    def _echo(self, topic: str | None, message: cose.Sign1, msg: gl1.MSG, retained: bool) -> Received | None:
        """Our own death while we live: the broker gave us up, or someone wants others to. Else our own words."""
        ours = topic is not None and (
            topic.startswith(self._own)
            or (type(msg.dst) is str and topic.startswith(f"{self._prefix}g/{msg.dst}/{self.identity.node_id}/"))
        )
        if not ours:
            raise DropError(Cause.MISADDRESSED, "our own message in another's place")
        self._signatures.verify(message, self.identity.public)
        if msg.kind != gl1.DEATH:
            return None
        if topic != self._own + "death":
            raise DropError(Cause.MISADDRESSED, "our own death in another's place")
        if msg.epoch != self.epoch:
            raise DropError(Cause.STALE, "our death in an earlier boot")
        return Received(gl1.DEATH, self.identity.node_id, None, msg.body, msg.epoch, msg.seq, msg.ts, False, retained)
