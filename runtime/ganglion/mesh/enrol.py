# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrolment, both halves without I/O: by a key that a person carries, in one round trip, or by an operator's approval.

The key names the mesh's root by its hash and carries a secret of 128 bits. The node checks the bundle it finds on the
broker against the hash, so nobody in between can be the mesh for it; it proves the secret by a MAC over what it asks
for, so nobody in between can ask in its name. The server keeps what HKDF makes of the secret, never the secret.

A node without a key knows the mesh's id, 64 bits of the root key's hash, or all of the hash, and checks the bundle
against that. Its request is signed with its own key and no more; an operator compares the key's fingerprint.
"""

import hmac
import os
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh import crypto
from ganglion.mesh.authority import NODE_LIFETIME, REVOKED, Authority
from ganglion.mesh.credential import NODE, Credential, Trust, mesh_id
from ganglion.mesh.identity import Identity, fingerprint
from ganglion.mesh.member import Received
from ganglion.mesh.pending import Approvals, CrowdedError
from ganglion_micro import cbor, cose, gl1

_PREFIX = "gk1_"
_VERSION = 1
_REMEDY = "create another with `ganglion enrol-key create` and put it into the node's configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolKey:
    """What lets a node join: shown once, carried by a person.

    Attributes:
        pin: First 16 bytes of the root key's thumbprint.
        secret: 16 bytes.
    """

    pin: bytes
    secret: bytes

    @classmethod
    def create(cls, authority: Authority) -> "EnrolKey":
        """A new one for a mesh."""
        return cls(pin=authority.root_thumbprint[:16], secret=os.urandom(16))

    @classmethod
    def parse(cls, text: str) -> "EnrolKey":
        """The key in a text.

        Raises:
            InvalidError: it is none; the message does not repeat it.
        """
        try:
            data = gl1.from_base32(text.strip().lower().removeprefix(_PREFIX))
            sound = text.strip().lower().startswith(_PREFIX) and len(data) == 33 and data[0] == _VERSION
        except ValueError:
            sound = False
        if not sound:
            raise InvalidError(f"this is no enrol key: it begins with {_PREFIX} and has 53 letters more; copy it whole")
        return cls(pin=data[1:17], secret=data[17:])

    @property
    def text(self) -> str:
        """`gk1_` and 53 letters of base32."""
        return _PREFIX + gl1.base32(bytes((_VERSION,)) + self.pin + self.secret)

    @property
    def mesh_id(self) -> str:
        """The mesh it is for, 13 letters."""
        return mesh_id(self.pin)

    @property
    def key_id(self) -> bytes:
        """What both sides call it, 8 bytes; says nothing of the secret."""
        return crypto.hkdf(self.secret, b"gl1 enrol key id", 8)

    @property
    def mac_key(self) -> bytes:
        """What the server keeps, 32 bytes."""
        return crypto.hkdf(self.secret, b"gl1 enrol mac", 32)

    def __repr__(self) -> str:
        return f"<EnrolKey {self.key_id.hex()} of {self.mesh_id}>"


class PendingError(RefusedError):
    """The gateway has the request; an operator has not decided yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolRecord:
    """What the server keeps of an enrol key.

    Attributes:
        key_id: 8 bytes.
        mac_key: 32 bytes.
        expires: Nanoseconds since the Unix epoch.
        revoked: Whether an operator took it back.
        tags: Given to every node that joins by it.
    """

    key_id: bytes
    mac_key: bytes
    expires: int
    revoked: bool = False
    tags: tuple[str, ...] = ()


class KeyStore(Protocol):
    """Where enrol keys are kept."""

    async def find(self, key_id: bytes) -> EnrolRecord | None:
        """The record of a key, or None."""
        ...

    async def take(self, key_id: bytes, node_id: str, now: int, *, name: str = "") -> bool:
        """Uses a key up by one, in one transaction; False where no use is left, or it has expired or been revoked.

        A node that has a use already gets True and no second one is taken: its first answer may have been lost.
        `name` is what it asks to be called.
        """
        ...


def _mac(mac_key: bytes, *, mesh: str, issuer: bytes, key_id: bytes, public: bytes, name: str, nonce: bytes) -> bytes:
    transcript = ["gl1-enrol", mesh, cose.thumbprint(issuer), key_id, cose.key(public), name, nonce]
    return hmac.digest(mac_key, cbor.encode(transcript), "sha256")


class Applicant:
    """The node's half.

    Args:
        key: What the operator gave it; None to ask for an approval.
        identity: Whose key is to be certified.
        name: What it wants to be called, 1 to 64 letters.
    """

    def __init__(self, key: EnrolKey | None, identity: Identity, name: str) -> None:
        self.key = key
        self._identity = identity
        self._name = name
        self._nonce = b""

    def ask(self, trust: Trust) -> dict[str, Any]:
        """Body of the next ENROL."""
        self._nonce = os.urandom(16)
        # The signature around this is the key's that the MAC is about: so it speaks for the second key too.
        body = {
            "key": cose.key(self._identity.public),
            "x25519": self._identity.x25519,
            "name": self._name,
            "nonce": self._nonce,
        }
        if self.key is None:
            return body
        return {
            **body,
            "key_id": self.key.key_id,
            "mac": _mac(
                self.key.mac_key,
                mesh=trust.mesh,
                issuer=trust.issuer.public,
                key_id=self.key.key_id,
                public=self._identity.public,
                name=self._name,
                nonce=self._nonce,
            ),
        }

    def take(self, received: Received, trust: Trust) -> Credential | None:
        """The credential in a CREDENTIAL; None where it does not answer the last `ask`.

        Raises:
            PendingError: an operator has to decide; the same question will be answered.
            RefusedError: the gateway said no; its sentence is the message.
            CredentialError: what it sent does not certify this node in this mesh.
        """
        body = received.body
        if received.peer is None or not received.peer.is_gateway:
            return None
        if type(body) is not dict or not self._nonce or body.get("nonce") != self._nonce:
            return None
        if body.get("ok") is not True:
            error = body.get("error")
            error = error if type(error) is dict else {}
            if error.get("code") == "pending":
                raise PendingError(str(error.get("message")))
            self._nonce = b""
            raise RefusedError(str(error.get("message", "refused")))
        self._nonce = b""
        credential = trust.verify(body.get("credential", b""))
        if credential.public != self._identity.public:
            raise RefusedError("the gateway has sent another node's credential")
        return credential


class Enroller:
    """The server's half.

    Args:
        authority: Signs.
        keys: Knows the enrol keys, and takes a use from one atomically.
        approvals: Where those wait who have no key; None refuses them.
        lifetime: Nanoseconds that a credential holds.
    """

    def __init__(
        self,
        authority: Authority,
        keys: KeyStore,
        *,
        approvals: Approvals | None = None,
        lifetime: int = NODE_LIFETIME,
    ) -> None:
        self._authority = authority
        self._keys = keys
        self._approvals = approvals
        self._lifetime = lifetime

    async def answer(self, received: Received, now: int) -> dict[str, Any] | None:
        """Body of the CREDENTIAL that answers an ENROL, a refusal too; None where it deserves none."""
        body = received.body
        nonce, key_id, name, mac = (body.get(field) for field in ("nonce", "key_id", "name", "mac"))
        if type(nonce) is not bytes or len(nonce) != 16:
            return None
        by_key = type(key_id) is bytes and type(mac) is bytes
        if not by_key and (key_id is not None or mac is not None):
            return None
        public, node, x25519 = cose.public(body["key"]), received.node_id, body.get("x25519", b"")
        if type(x25519) is not bytes:
            return None
        try:
            if type(name) is not str or not 0 < len(name) <= 64 or not name.isprintable():
                raise RefusedError("the node's name must be 1 to 64 printable letters: set it in its configuration")
            if by_key:
                tags = await self._by_key(public, node, nonce, key_id, name, mac, now)
            else:
                name, tags = await self._by_approval(public, node, name, now)
            credential = self._authority.issue(
                public, name=name, roles=[NODE], tags=tags, now=now, lifetime=self._lifetime, x25519=x25519
            )
        except CrowdedError:
            return None
        except PendingError as error:
            return {"nonce": nonce, "ok": False, "error": {"code": "pending", "message": str(error)}}
        except RefusedError as error:
            return {"nonce": nonce, "ok": False, "error": {"code": "refused", "message": str(error)}}
        return {"nonce": nonce, "ok": True, "credential": credential}

    async def _by_approval(self, public: bytes, node_id: str, name: str, now: int) -> tuple[str, tuple[str, ...]]:
        """The name and tags that the operator gives."""
        if self._approvals is None:
            raise RefusedError(f"nodes join this mesh by a key: {_REMEDY}")
        self._still_good(node_id, now)
        approval = await self._approvals.ask(node_id, public, name, now)
        if approval is None:
            raise PendingError(f"an operator has to run `ganglion devices approve {fingerprint(node_id)}`")
        return approval.name, approval.tags

    def _still_good(self, node_id: str, now: int) -> None:
        if not self._authority.holds(node_id, now=now):
            raise RefusedError(REVOKED)

    async def _by_key(
        self, public: bytes, node_id: str, nonce: bytes, key_id: bytes, name: str, mac: bytes, now: int
    ) -> tuple[str, ...]:
        """The tags of the enrol key, from which a use is taken."""
        record = await self._keys.find(key_id)
        if record is None:
            raise RefusedError(f"the enrol key {key_id.hex()} is unknown here: {_REMEDY}")
        issuer = self._authority.trust(now=now).issuer.public
        expected = _mac(
            record.mac_key,
            mesh=self._authority.mesh_id,
            issuer=issuer,
            key_id=key_id,
            public=public,
            name=name,
            nonce=nonce,
        )
        if not hmac.compare_digest(expected, mac):
            raise RefusedError(f"the node does not hold the enrol key {key_id.hex()}: {_REMEDY}")
        if record.revoked:
            raise RefusedError(f"the enrol key {key_id.hex()} was revoked: {_REMEDY}")
        if now >= record.expires:
            raise RefusedError(f"the enrol key {key_id.hex()} has expired: {_REMEDY}")
        self._still_good(node_id, now)
        if not await self._keys.take(key_id, node_id, now, name=name):
            raise RefusedError(f"the enrol key {key_id.hex()} is used up: {_REMEDY}")
        return record.tags
