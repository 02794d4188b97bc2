# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that bring what vouches for their sender: births, the state that all share, and requests to be let in.

All others are believed of who has introduced itself by one of these. Pure.
"""

from hashlib import sha256

from ganglion.mesh import crypto
from ganglion.mesh.credential import GATEWAY, Credential, CredentialError, WrongMeshError
from ganglion.mesh.identity import Identity
from ganglion.mesh.known import Known
from ganglion.mesh.peer import Received
from ganglion.mesh.signatures import Signatures
from ganglion.mesh.standing import Cause, DropError, Standing
from ganglion_micro import cbor, cose, gl1


class Introductions:
    """Opens those that reach one member.

    Args:
        mesh: The mesh's id, 13 letters.
        standing: Who may be believed.
        known: Gets who is born.
        signatures: Verifies.
    """

    def __init__(self, mesh: str, standing: Standing, known: Known, signatures: Signatures) -> None:
        self._mesh = mesh
        self._standing = standing
        self._known = known
        self._signatures = signatures

    def birth(self, topic: str | None, message: cose.Sign1, msg: gl1.MSG, now: int, retained: bool) -> Received:
        """A member says that it is there, and who vouches for it.

        Raises:
            DropError: it is not believed.
        """
        body = msg.body
        if self._standing.trust is None:
            raise DropError(Cause.UNENROLLED, "no root is known yet to verify a birth with")
        if type(body) is not dict or type(body.get("credential")) is not bytes:
            raise DropError(Cause.MALFORMED, "a birth is a map with a credential")
        nonce = body.get("nonce")
        if type(nonce) is not bytes or len(nonce) != 8 or body.get("epoch") != msg.epoch or not msg.seq or msg.dst:
            raise DropError(Cause.MALFORMED, "a birth has a nonce of 8 bytes, and the epoch of its envelope")
        credential = self._vouched(body["credential"], message.kid)
        node = credential.node_id
        expected: list[str | None] = [gl1.topic(self._mesh, gl1.BIRTH, node), None]
        if GATEWAY in credential.roles:
            expected.append(gl1.gateway_topic(self._mesh, node))
        if topic not in expected:
            raise DropError(Cause.MISADDRESSED, f"the birth of {node} belongs on {expected[0]}")
        self._signatures.verify(message, credential.public)
        self._standing.check(credential, gl1.BIRTH, now)
        self._standing.heard(credential, msg.ts)
        peer, repeated = self._known.born(credential, msg, nonce)
        late = (msg.epoch, msg.ts) < peer.died
        return Received(gl1.BIRTH, node, peer, body, msg.epoch, msg.seq, msg.ts, repeated, retained, False, late)

    def state(
        self, topic: str | None, payload: bytes, message: cose.Sign1, msg: gl1.MSG, now: int, own: Identity
    ) -> Received | None:
        """Replicated state. It brings its sender's credential, as a birth does: nobody hears everybody's birth.

        A copy does no harm, so there is no window; those of late are dropped to save the work. They are no replay to be
        counted, for state comes over the broker and over neighbours; one that was altered on the way is none of them.

        Args:
            own: Who takes it: state may be for everybody or for one member.

        Raises:
            DropError: it is not believed.
        """
        body = msg.body
        if self._standing.trust is None:
            raise DropError(Cause.UNENROLLED, "no root is known yet to verify a credential with")
        if type(body) is not list or len(body) != 2 or type(body[0]) is not bytes or not msg.seq:
            raise DropError(Cause.MALFORMED, "state comes as a credential and what its owner says")
        mark = sha256(payload).digest()[:16]
        if mark in self._signatures.seen:
            return None
        credential = self._vouched(body[0], message.kid)
        node = credential.node_id
        all_hear, we_hear = gl1.topic(self._mesh, gl1.CRDT, node), f"gl1/{self._mesh}/n/{own.node_id}/sync"
        expected = all_hear if msg.dst is None else we_hear
        if topic not in (expected, None) or msg.dst not in (None, own.kid):
            raise DropError(Cause.MISADDRESSED, f"state of {node} belongs on {expected}")
        self._signatures.verify(message, credential.public)
        self._signatures.remember(mark)
        self._standing.check(credential, gl1.CRDT, now)
        self._standing.heard(credential, msg.ts)
        peer = self._known.peers.get(message.kid)
        return Received(gl1.CRDT, node, peer, body, msg.epoch, msg.seq, msg.ts)

    def enrolment(self, topic: str | None, message: cose.Sign1, msg: gl1.MSG, now: int) -> Received:
        """The one message under a key that it brings itself; what it asks for, an `Enroller` judges.

        Raises:
            DropError: the key is not that of its sender, or it is a copy.
        """
        try:
            public = cose.public(msg.body.get("key") if type(msg.body) is dict else None)
        except cbor.CBORError as error:
            raise DropError(Cause.MALFORMED, str(error)) from None
        thumbprint = cose.thumbprint(public)
        node = gl1.node_id(thumbprint)
        if thumbprint[:8] != message.kid or not crypto.acceptable(public):
            raise DropError(Cause.FORGED, "the key it brings is not the one it names")
        if topic != gl1.topic(self._mesh, gl1.ENROL, node) or msg.dst is not None:
            raise DropError(Cause.MISADDRESSED, f"the enrolment of {node} on another topic")
        mark = message.signature[:16]
        if mark in self._signatures.seen:
            raise DropError(Cause.REPLAYED, "a copy")
        self._signatures.verify(message, public)
        self._signatures.remember(mark)
        self._standing.fresh(msg.ts, now)
        return Received(gl1.ENROL, node, None, msg.body, msg.epoch, msg.seq, msg.ts)

    def _vouched(self, data: bytes, kid: bytes) -> Credential:
        """The credential that a message brings, where it is that of who signed it."""
        peer, trust = self._known.peers.get(kid), self._standing.trust
        assert trust is not None
        try:
            credential = peer.credential if peer is not None and peer.credential.data == data else trust.verify(data)
        except WrongMeshError as error:
            raise DropError(Cause.WRONG_MESH, str(error)) from None
        except CredentialError as error:
            raise DropError(Cause.FORGED, str(error)) from None
        if credential.kid != kid:
            raise DropError(Cause.FORGED, "the credential is another's")
        return credential
