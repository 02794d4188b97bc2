# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the router believes: what it asks of the member whose router it is, and that member's answers.

A hello brings its sender's credential along as long as a neighbour on the link cannot be reached, so two strangers need
no question, and a credential that was renewed gets known where the old one has expired. Everyone else's birth (GL1
kind 1) is asked for by key id, of the neighbour that routes there, once a signature of theirs has to be checked; it is
passed on as the bytes its signer made.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from ganglion.mesh import crypto
from ganglion.mesh.credential import GATEWAY, Credential, CredentialError, WrongMeshError
from ganglion.mesh.member import FRESHNESS, Cause, Member, Received, clock_valid
from ganglion.mesh.overlay.effects import MessageId
from ganglion.mesh.overlay.update import BUNDLE, LIMITS, POLICY, REVOCATIONS, STATEMENTS, Versions
from ganglion.mesh.standing import DropError
from ganglion_micro import cbor, cose, gl1

#: Credentials of members that no birth was heard of yet.
_VOUCHED = 256
#: How a bundle begins, which alone of all records is no message: a map of two.
_BUNDLE = b"\xa2"
#: What a message of kind CONFIG states, by the one key of its body.
_CONFIGS = {"policy": POLICY, "limits": LIMITS}


class Opened(NamedTuple):
    """A message whose signature is that of a member in good standing. Whether it is new was not asked."""

    id: MessageId
    kind: int
    dst: bytes | str | None
    ts: int
    body: Any
    gateway: bool


class Trust(Protocol):
    """What a router asks of its member. Time here is the router's, which never jumps; the date is the trust's affair.

    Attributes:
        kid: This node's key id.
        mesh: The mesh's id, 13 letters.
        epoch: Of this boot.
    """

    kid: bytes
    mesh: str
    epoch: int

    @property
    def credential(self) -> bytes:
        """This node's, as a CWT."""
        ...

    @property
    def versions(self) -> Versions:
        """Of what the authority states to everybody, as far as it is known."""
        ...

    def seal(self, body: Any, now: int) -> bytes:
        """A GL1 HELLO with this body, with a sequence of its own."""
        ...

    def open(self, data: bytes, now: int, credential: bytes = b"") -> Opened | Cause:
        """Verifies a message.

        Args:
            credential: Its sender's, where the message came with one.
        """
        ...

    def timely(self, timestamp: int, now: int, within: int) -> bool:
        """Whether a timestamp is so many nanoseconds old at most, as far as clocks can tell."""
        ...

    def allowed(self, kid: bytes, now: int) -> bool:
        """Whether a member is one still: not revoked, not expired."""
        ...

    def record(self, kid: bytes) -> bytes | None:
        """The newest birth of a member, or one of `STATEMENTS`, as signed."""
        ...

    def outdated(self, kid: bytes, epoch: int) -> bool:
        """Whether the birth that is known of a member is of an earlier boot than this."""
        ...

    def learn(self, data: bytes, now: int) -> bytes | None:
        """Takes a birth or a statement of the authority: whose, or which of `STATEMENTS`; None where it is no news."""
        ...


class AuthorityStatements(Protocol):
    """What the authority states to everybody, as it is passed on. What it says is in the member's `Standing`."""

    @property
    def versions(self) -> Versions:
        """See `Trust`."""
        ...

    def data(self, statement: bytes) -> bytes | None:
        """One of `STATEMENTS` as it was signed; None before any was heard."""
        ...

    def adopt(self, statement: bytes, data: bytes) -> bool:
        """Takes one of `STATEMENTS` where it is the authority's and newer; whether it did."""
        ...


class MemberTrust:
    """The trust of a `Member`.

    Args:
        member: Whose credentials and peers count.
        credential: This node's, as a CWT.
        statements: What the authority states.
        on_birth: Called with each birth that is new: the router takes births in, and delivers none.

    Attributes:
        offset: Nanoseconds from the router's time to that since the Unix epoch; set anew when the clock was.
    """

    def __init__(
        self,
        member: Member,
        credential: bytes,
        statements: AuthorityStatements,
        on_birth: Callable[[Received], None] | None = None,
    ) -> None:
        self.member = member
        self.credential = credential
        self.kid = member.identity.kid
        self.mesh = member.mesh
        self.epoch = member.epoch
        self._statements = statements
        self._on_birth = on_birth
        self.offset = 0
        self._aad = gl1.aad(gl1.from_base32(member.mesh))
        self._seq = 0
        self._births: dict[bytes, bytes] = {}
        self._vouched: dict[bytes, Credential] = {}

    @property
    def versions(self) -> Versions:
        """See `Trust`."""
        return self._statements.versions

    def born(self, birth: bytes) -> None:
        """Keeps this node's own birth, perhaps still that under the key before, for those who ask."""
        self._births[cose.parse(birth).kid] = birth

    def credential_of(self, kid: bytes) -> Credential | None:
        """What a member has shown, by its birth or a hello."""
        known = self._known(kid)
        return known if isinstance(known, Credential) else None

    def seal(self, body: Any, now: int) -> bytes:
        """See `Trust`."""
        self._seq += 1
        message = gl1.MSG(gl1.HELLO, None, self.epoch, self._seq, now + self.offset, body)
        return cose.sign1(message.pack(), self.kid, self._aad, self.member.identity.sign)

    def open(self, data: bytes, now: int, credential: bytes = b"") -> Opened | Cause:
        """See `Trust`."""
        try:
            message = cose.parse(data)
            msg = gl1.unpack(message.payload)
        except cbor.CBORError:
            return Cause.MALFORMED
        kid = message.kid
        if kid == self.kid:
            public, gateway, vouched = self.member.identity.public, self.member.is_gateway, None
        else:
            found = self._known(kid) if not credential else self._vouch(kid, credential)
            if isinstance(found, Cause):
                return found
            public, gateway, vouched = found.public, GATEWAY in found.roles, found
        standing, wall = self.member.standing, now + self.offset
        if standing.revoked(kid, msg.kind, wall):
            return Cause.REVOKED  # before the signature, which costs more
        if not crypto.verify(message.signed(self._aad), message.signature, public):
            return Cause.FORGED
        if vouched is not None:
            try:
                standing.check(vouched, msg.kind, wall)
            except DropError as drop:
                return drop.cause
            self._keep(vouched)
        identity = MessageId(kid, msg.kind in gl1.CLASS_C, msg.epoch, msg.seq)
        return Opened(identity, msg.kind, msg.dst, msg.ts, msg.body, gateway)

    def timely(self, timestamp: int, now: int, within: int) -> bool:
        """See `Trust`."""
        wall = now + self.offset
        if not clock_valid(wall) or not clock_valid(timestamp):
            return True
        return -FRESHNESS < wall - timestamp <= within

    def allowed(self, kid: bytes, now: int) -> bool:
        """See `Trust`."""
        standing, wall = self.member.standing, now + self.offset
        if kid == self.kid:
            return not standing.revoked(kid, gl1.HELLO, wall)
        found = self._known(kid)
        if not isinstance(found, Credential):
            return False
        try:
            standing.check(found, gl1.HELLO, wall)
        except DropError:
            return False
        return True

    def record(self, kid: bytes) -> bytes | None:
        """See `Trust`."""
        return self._statements.data(kid) if kid in STATEMENTS else self._births.get(kid)

    def outdated(self, kid: bytes, epoch: int) -> bool:
        """See `Trust`."""
        peer = self.member.peers.get(kid)
        return peer is not None and peer.epoch < epoch

    def learn(self, data: bytes, now: int) -> bytes | None:
        """See `Trust`."""
        if data[:1] == _BUNDLE:
            return self._adopt(BUNDLE, data)
        try:
            message = cose.parse(data)
            msg = gl1.unpack(message.payload)
            if (stated := _stated(msg)) is not None:
                # What is late on its way is not looked at: a gateway would take it for an attempt to go back.
                known = self.versions[STATEMENTS.index(stated)]
                return self._adopt(stated, data) if msg.seq > known else None
            credential = self._issued(msg.body["credential"])
        except (cbor.CBORError, CredentialError, TypeError, LookupError):
            self.member.reject(Cause.MALFORMED, "a record that is neither a birth nor the authority's")
            return None
        if msg.kind != gl1.BIRTH or self.member.standing.revoked(message.kid, gl1.BIRTH, now + self.offset):
            return None
        topic = gl1.topic(self.mesh, gl1.BIRTH, credential.node_id)
        received = self.member.open(topic, data, now=now + self.offset)
        if received is None or (received.repeated and message.kid in self._births):
            return None
        self._births[message.kid] = data
        if self._on_birth is not None:
            self._on_birth(received)
        self._vouched.pop(message.kid, None)
        return message.kid

    def _adopt(self, statement: bytes, data: bytes) -> bytes | None:
        return statement if self._statements.adopt(statement, data) else None

    def _issued(self, data: Any) -> Credential:
        if self.member.trust is None or type(data) is not bytes:
            raise CredentialError("no root is known to verify a credential with, or there is none")
        return self.member.trust.verify(data)

    def _known(self, kid: bytes) -> Credential | Cause:
        peer = self.member.peers.get(kid)
        vouched = self._vouched.get(kid)
        if peer is None or (vouched is not None and vouched.expires > peer.credential.expires):
            return vouched or Cause.UNENROLLED
        return peer.credential

    def _vouch(self, kid: bytes, data: bytes) -> Credential | Cause:
        known = self._known(kid)
        if isinstance(known, Credential) and known.data == data:
            return known
        try:
            credential = self._issued(data)
        except WrongMeshError:
            return Cause.WRONG_MESH
        except CredentialError:
            return Cause.FORGED
        return credential if credential.kid == kid else Cause.FORGED

    def _keep(self, credential: Credential) -> None:
        peer = self.member.peers.get(credential.kid)
        if peer is not None:
            if peer.credential.expires >= credential.expires:
                return
            self._births.pop(credential.kid, None)  # of an older credential: there must be a newer one
        if len(self._vouched) >= _VOUCHED and credential.kid not in self._vouched:
            del self._vouched[next(iter(self._vouched))]
        self._vouched[credential.kid] = credential


def _stated(msg: gl1.MSG) -> bytes | None:
    """Which of `STATEMENTS` a message is, if it is one."""
    if msg.kind == gl1.REVOCATION:
        return REVOCATIONS
    if msg.kind != gl1.CONFIG:
        return None
    return next((_CONFIGS.get(key) for key in msg.body), None) if type(msg.body) is dict else None
