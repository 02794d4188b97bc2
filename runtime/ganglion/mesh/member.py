# SPDX-License-Identifier: GPL-3.0-or-later
"""One member of a mesh without I/O: seals what it says, opens what arrives, drops and counts what it cannot believe.

Nothing here awaits, sleeps or reads a clock. The order of checks is the design's (E4): size, deterministic CBOR, key
id, topic, seen before, signature, replay window, credential. Nothing is remembered about a sender, and nothing held
against one, before a signature has verified.
"""

import logging
import os
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from ganglion.mesh import crypto
from ganglion.mesh.credential import GATEWAY, Credential, CredentialError, ExpiredError, Trust, WrongMeshError
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1
from ganglion_micro.replay import FRESH, SEEN, Idempotent, Strict

_log = logging.getLogger(__name__)

#: How old or new a command may claim to be, where this clock can tell.
FRESHNESS = 300 * SECOND
#: A clock that says less has never been set: no battery, no time server yet. It judges no timestamp.
_EARLIEST = 1_735_689_600 * SECOND  # 2025-01-01
#: Signatures that are remembered to drop copies without verifying them again; 150 bytes each.
_SEEN = 4096


class Cause(Enum):
    """Why a message was dropped."""

    MALFORMED = "malformed"  # too large, not deterministic CBOR, another shape, a body that its kind cannot have
    UNKNOWN_KIND = "unknown_kind"
    WRONG_MESH = "wrong_mesh"  # on another mesh's topic, or with its credential
    UNENROLLED = "unenrolled"  # a key that no credential is known for
    MISADDRESSED = "misaddressed"  # on a topic that its kind, sender and receiver do not give
    FORGED = "forged"  # the signature is not the sender's, or the credential not the authority's
    REPLAYED = "replayed"
    STALE = "stale"  # an older birth or epoch, a timestamp too far off, a boot that is over
    EXPIRED = "expired"  # a credential whose time is over, or has not come
    UNAUTHORISED = "unauthorised"  # a member without the role for it


class _DropError(Exception):
    def __init__(self, cause: Cause, why: str) -> None:
        super().__init__(why)
        self.cause = cause


@dataclass(slots=True, kw_only=True, eq=False)
class Peer:
    """A member that has proved itself by a birth.

    Attributes:
        credential: As verified up to the root.
        epoch: Of its last birth.
        nonce: Of that boot, 8 bytes: a request to it must name it.
        birth: Body of that birth.
        born: Timestamp of that birth, by its own clock.
        died: Epoch and timestamp of its last death: what it sealed before says nothing of its being there.
    """

    credential: Credential
    epoch: int
    nonce: bytes
    birth: dict[str, Any]
    born: int
    _birth_seq: int
    _prefix: str
    died: tuple[int, int] = (0, 0)
    _strict: Strict = field(default_factory=Strict)
    _idempotent: Idempotent = field(default_factory=Idempotent)

    @property
    def kid(self) -> bytes:
        """Key id, 8 bytes."""
        return self.credential.kid

    @property
    def node_id(self) -> str:
        """26 letters."""
        return self.credential.node_id

    @property
    def name(self) -> str:
        """What the authority calls it."""
        return self.credential.name

    @property
    def is_gateway(self) -> bool:
        """Whether it speaks for the mesh's server."""
        return GATEWAY in self.credential.roles


class Sealed(NamedTuple):
    """A message ready to be published."""

    topic: str
    payload: bytes
    epoch: int
    seq: int


class Received(NamedTuple):
    """A message that may be believed.

    Attributes:
        kind: `gl1` number.
        node_id: Who signed it.
        peer: The same with its credential; None for an ENROL, which nobody vouches for yet.
        body: What it says. Of a stale request only its id, so that it can be answered and not obeyed.
        epoch: With `seq` and the kind's class, the message's identity.
        seq: See there.
        timestamp: When the sender says it was sealed.
        repeated: A birth or an event that was seen before: answer it again, do not act on it again.
        retained: The broker kept it; it says nothing of the sender being there now.
        stale: A request that was meant for an earlier boot of this member.
        posthumous: Its sender died after sealing it. Topics overtake one another on a broker with several queues.
    """

    kind: int
    node_id: str
    peer: Peer | None
    body: Any
    epoch: int
    seq: int
    timestamp: int
    repeated: bool = False
    retained: bool = False
    stale: bool = False
    posthumous: bool = False


class Member:
    """Seals and opens GL1 messages as one identity in one mesh.

    Args:
        identity: Whose key signs.
        mesh: The mesh's id, 13 letters.
        epoch: Count of this boot, on the disk already.
        nonce: Of this boot, 8 bytes; random where none is given.
        gateway: Whether to take enrolments, which only a gateway answers.

    Attributes:
        peers: Members by key id, from their births.
        rejected: What was dropped, by cause.
        trust: The start of all chains; set by `adopt`.
    """

    def __init__(
        self, identity: Identity, *, mesh: str, epoch: int, nonce: bytes | None = None, gateway: bool = False
    ) -> None:
        self.identity = identity
        self.mesh = mesh
        self.epoch = epoch
        self.nonce = os.urandom(8) if nonce is None else nonce
        self.trust: Trust | None = None
        self.peers: dict[bytes, Peer] = {}
        self.rejected: Counter[Cause] = Counter()
        self._gateway = gateway
        self._mesh = gl1.from_base32(mesh)
        self._aad = gl1.aad(self._mesh)
        self._prefix = f"gl1/{mesh}/"
        self._own = f"gl1/{mesh}/n/{identity.node_id}/"
        self._seq_c = self._seq_d = 0
        self._seen: dict[bytes, None] = {}

    def adopt(self, trust: Trust) -> None:
        """Believes this root and issuer from now on.

        Raises:
            WrongMeshError: they are another mesh's.
        """
        if trust.mesh != self.mesh:
            raise WrongMeshError(f"the bundle of the mesh {trust.mesh}, and this is {self.mesh}")
        self.trust = trust

    @property
    def gateway(self) -> Peer | None:
        """The gateway that was born last, or None before any was heard of."""
        return max((peer for peer in self.peers.values() if peer.is_gateway), key=lambda peer: peer.born, default=None)

    def find(self, who: str) -> Peer | None:
        """A peer by node id or by the name in its credential (the one born last, where several share it)."""
        matching = (peer for peer in self.peers.values() if who in (peer.node_id, peer.name))
        return max(matching, key=lambda peer: peer.born, default=None)

    def seal(self, kind: int, body: Any, *, now: int, to: str = "", name: str = "") -> Sealed:
        """Signs a message and gives it the topic that belongs to it.

        Args:
            to: The receiver's node id, for kinds that have one.
            name: Stream of DATA, class of an EVENT; an event's body carries it too, as `class`.

        Raises:
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
        topic = gl1.topic(self.mesh, kind, self.identity.node_id, to, name)
        if not topic:
            raise ValueError(f"kind {kind} has no topic")
        message = gl1.MSG(kind, gl1.kid_of(to) if to else None, self.epoch, seq, now, body)
        payload = cose.sign1(message.pack(), self.identity.kid, self._aad, self.identity.sign)
        return Sealed(topic, payload, self.epoch, seq)

    def open(self, topic: str, payload: bytes, *, now: int, retained: bool = False) -> Received | None:
        """What may be believed of a message; None where nothing may, and `rejected` says why."""
        try:
            return self._open(topic, payload, now, retained)
        except _DropError as drop:
            self.reject(drop.cause, f"{topic}: {drop}")
            return None

    def reject(self, cause: Cause, why: str) -> None:
        """Counts a message as dropped."""
        self.rejected[cause] += 1
        _log.debug("Dropped (%s): %s", cause.value, why)

    def _open(self, topic: str, payload: bytes, now: int, retained: bool) -> Received | None:
        if not payload and retained:
            return None  # a deleted retained message states nothing
        if not topic.startswith(self._prefix):
            raise _DropError(Cause.WRONG_MESH, f"not a topic of the mesh {self.mesh}")
        try:
            message = cose.parse(payload)
            msg = gl1.unpack(message.payload)
        except cbor.CBORError as error:
            raise _DropError(Cause.MALFORMED, str(error)) from None
        kind = msg.kind
        peer = self.peers.get(message.kid)
        if kind == gl1.BIRTH:
            return self._birth(topic, message, msg, peer, now, retained)
        if kind == gl1.ENROL:
            return self._enrol(topic, message, msg, now)
        if message.kid == self.identity.kid:
            return self._echo(topic, message, msg, retained)
        if peer is None:
            raise _DropError(Cause.UNENROLLED, f"no birth of {message.kid.hex()} was heard")
        self._address(topic, msg, peer)
        mark = message.signature[:16]
        if mark in self._seen and kind not in (gl1.EVENT, gl1.DEATH):
            raise _DropError(Cause.REPLAYED, "a copy")
        self._verify(message, peer.credential.public)
        self._remember(mark)
        repeated = self._window(msg, peer)
        if kind in gl1.CLASS_C:
            self._fresh(msg, now)
        self._valid(peer.credential, now)
        body = msg.body
        stale = False
        if kind == gl1.REQUEST:
            if type(body) is not dict or type(body.get("id")) is not str:
                raise _DropError(Cause.MALFORMED, "a request is a map with an id")
            stale = body.get("nonce") != self.nonce
            if stale:
                self.reject(Cause.STALE, f"{topic}: a request to an earlier boot")
                body = {"id": body["id"]}
        late = (msg.epoch, msg.ts) < peer.died
        return Received(kind, peer.node_id, peer, body, msg.epoch, msg.seq, msg.ts, repeated, retained, stale, late)

    def _address(self, topic: str, msg: gl1.MSG, peer: Peer) -> None:
        """Drops a message that is not on the topic which its kind, sender, receiver and class give."""
        kind = msg.kind
        if kind == gl1.BATCH:
            expected = peer._prefix + "d/batch"
        elif kind == gl1.EVENT:
            name = msg.body.get("class") if type(msg.body) is dict else None
            if not gl1.level(name):
                raise _DropError(Cause.MALFORMED, "an event is a map with a class")
            expected = f"{peer._prefix}e/{name}"
        elif kind == gl1.DEATH:
            expected = peer._prefix + "death"
        elif kind == gl1.REQUEST:
            expected = self._own + "q"
        elif kind in (gl1.REPLY, gl1.CREDENTIAL):
            expected = self._own + "r"
        else:
            raise _DropError(Cause.UNKNOWN_KIND, f"kind {kind} is not for this member")
        mine = kind in (gl1.REQUEST, gl1.REPLY, gl1.CREDENTIAL)
        if topic != expected or msg.dst != (self.identity.kid if mine else None):
            raise _DropError(Cause.MISADDRESSED, f"kind {kind} from {peer.node_id} belongs on {expected}")

    def _verify(self, message: cose.Sign1, public: bytes) -> None:
        if not crypto.verify(message.signed(self._aad), message.signature, public):
            raise _DropError(Cause.FORGED, f"the signature is not that of {message.kid.hex()} in this mesh")

    def _remember(self, mark: bytes) -> None:
        seen = self._seen
        if len(seen) >= _SEEN:
            del seen[next(iter(seen))]
        seen[mark] = None

    def _window(self, msg: gl1.MSG, peer: Peer) -> bool:
        """Whether an event was seen before; anything else that was is dropped."""
        kind = msg.kind
        if kind in gl1.CLASS_C:
            if msg.epoch < peer.epoch:
                raise _DropError(Cause.STALE, "of an earlier boot of its sender")
            if not peer._strict.add(msg.epoch, msg.seq):
                raise _DropError(Cause.REPLAYED, f"{msg.epoch}/{msg.seq} was seen, or is too old to tell")
            return False
        if kind == gl1.DEATH:
            if msg.epoch < peer.epoch or msg.seq != 0:
                raise _DropError(Cause.STALE, f"the death of epoch {msg.epoch}, and {peer.epoch} was born")
            peer.died = max(peer.died, (msg.epoch, msg.ts))
            return False
        if msg.seq == 0:
            raise _DropError(Cause.MALFORMED, "sequence 0 is for a death")
        told = peer._idempotent.add(msg.epoch, msg.seq)
        if kind == gl1.EVENT:
            if told == SEEN:
                self.reject(Cause.REPLAYED, f"event {peer.node_id}-{msg.epoch}-{msg.seq} again")
            return told == SEEN
        if told != FRESH:
            raise _DropError(Cause.REPLAYED, f"{msg.epoch}/{msg.seq} was seen, or is too old to tell")
        if msg.epoch < peer.epoch:
            raise _DropError(Cause.STALE, "readings of an earlier boot")
        return False

    def _fresh(self, msg: gl1.MSG, now: int) -> None:
        # Where either clock was never set, the boot nonce and the request's id alone say that it is of today.
        if clock_valid(now) and clock_valid(msg.ts) and abs(msg.ts - now) > FRESHNESS:
            raise _DropError(Cause.STALE, f"{abs(msg.ts - now) // SECOND} s off this clock")

    def _valid(self, credential: Credential, now: int) -> None:
        if not clock_valid(now) or self.trust is None:
            return
        try:
            self.trust.issuer.check(now)
            credential.check(now)
        except ExpiredError as error:
            raise _DropError(Cause.EXPIRED, str(error)) from None

    def _birth(
        self, topic: str, message: cose.Sign1, msg: gl1.MSG, peer: Peer | None, now: int, retained: bool
    ) -> Received | None:
        if message.kid == self.identity.kid:
            return None  # our own, from the broker
        body = msg.body
        if self.trust is None:
            raise _DropError(Cause.UNENROLLED, "no root is known yet to verify a birth with")
        if type(body) is not dict or type(body.get("credential")) is not bytes:
            raise _DropError(Cause.MALFORMED, "a birth is a map with a credential")
        nonce = body.get("nonce")
        if type(nonce) is not bytes or len(nonce) != 8 or body.get("epoch") != msg.epoch or not msg.seq or msg.dst:
            raise _DropError(Cause.MALFORMED, "a birth has a nonce of 8 bytes, and the epoch of its envelope")
        credential = self._vouched(body["credential"], peer)
        if credential.kid != message.kid:
            raise _DropError(Cause.FORGED, "the credential is another's")
        node = credential.node_id
        expected = [gl1.topic(self.mesh, gl1.BIRTH, node)]
        if GATEWAY in credential.roles:
            expected.append(gl1.gateway_topic(self.mesh, node))
        if topic not in expected:
            raise _DropError(Cause.MISADDRESSED, f"the birth of {node} belongs on {expected[0]}")
        self._verify(message, credential.public)
        self._valid(credential, now)
        order = (msg.epoch, msg.seq)
        repeated = peer is not None and order == (peer.epoch, peer._birth_seq)
        if peer is None:
            peer = Peer(
                credential=credential,
                epoch=msg.epoch,
                nonce=nonce,
                birth=body,
                born=msg.ts,
                _birth_seq=msg.seq,
                _prefix=f"gl1/{self.mesh}/n/{node}/",
            )
            self.peers[message.kid] = peer
        elif order < (peer.epoch, peer._birth_seq):
            raise _DropError(Cause.STALE, f"a birth before epoch {peer.epoch}")
        elif peer.credential.public != credential.public:
            raise _DropError(Cause.FORGED, "a key id that another member has")
        elif not repeated:
            peer.credential, peer.birth, peer.nonce = credential, body, nonce
            peer.epoch, peer._birth_seq, peer.born = msg.epoch, msg.seq, msg.ts
        late = (msg.epoch, msg.ts) < peer.died
        return Received(gl1.BIRTH, node, peer, body, msg.epoch, msg.seq, msg.ts, repeated, retained, False, late)

    def _vouched(self, data: bytes, peer: Peer | None) -> Credential:
        if peer is not None and peer.credential.data == data:
            return peer.credential
        assert self.trust is not None
        try:
            return self.trust.verify(data)
        except WrongMeshError as error:
            raise _DropError(Cause.WRONG_MESH, str(error)) from None
        except CredentialError as error:
            raise _DropError(Cause.FORGED, str(error)) from None

    def _enrol(self, topic: str, message: cose.Sign1, msg: gl1.MSG, now: int) -> Received:
        """The one message under a key that it brings itself; what it asks for, an `Enroller` judges."""
        if not self._gateway:
            raise _DropError(Cause.UNKNOWN_KIND, "an enrolment, and this is no gateway")
        try:
            public = cose.public(msg.body.get("key") if type(msg.body) is dict else None)
        except cbor.CBORError as error:
            raise _DropError(Cause.MALFORMED, str(error)) from None
        thumbprint = cose.thumbprint(public)
        node = gl1.node_id(thumbprint)
        if thumbprint[:8] != message.kid or not crypto.acceptable(public):
            raise _DropError(Cause.FORGED, "the key it brings is not the one it names")
        if topic != gl1.topic(self.mesh, gl1.ENROL, node) or msg.dst is not None:
            raise _DropError(Cause.MISADDRESSED, f"the enrolment of {node} on another topic")
        mark = message.signature[:16]
        if mark in self._seen:
            raise _DropError(Cause.REPLAYED, "a copy")
        self._verify(message, public)
        self._remember(mark)
        self._fresh(msg, now)
        return Received(gl1.ENROL, node, None, msg.body, msg.epoch, msg.seq, msg.ts)

    def _echo(self, topic: str, message: cose.Sign1, msg: gl1.MSG, retained: bool) -> Received | None:
        """Our own death while we live: the broker gave us up, or someone wants others to. Else our own words."""
        if not topic.startswith(self._own):
            raise _DropError(Cause.MISADDRESSED, "our own message in another's place")
        self._verify(message, self.identity.public)
        if msg.kind != gl1.DEATH:
            return None
        if topic != self._own + "death":
            raise _DropError(Cause.MISADDRESSED, "our own death in another's place")
        if msg.epoch != self.epoch:
            raise _DropError(Cause.STALE, "our death in an earlier boot")
        return Received(gl1.DEATH, self.identity.node_id, None, msg.body, msg.epoch, msg.seq, msg.ts, False, retained)


def clock_valid(now: int) -> bool:
    """Whether a clock has been set. Where it has not, requests are still fresh by the boot nonce they name."""
    return now >= _EARLIEST
