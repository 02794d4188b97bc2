# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrolment by key, both halves without I/O: a text that a person carries becomes a credential in one round trip.

The key names the mesh's root by its hash and carries a secret of 128 bits. The node checks the bundle it finds on the
broker against the hash, so nobody in between can be the mesh for it; it proves the secret by a MAC over what it asks
for, so nobody in between can ask in its name. The server keeps what HKDF makes of the secret, never the secret.
"""

import hmac
import os
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh import crypto
from ganglion.mesh.authority import NODE_LIFETIME, Authority
from ganglion.mesh.credential import NODE, Credential, Trust, mesh_id
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Received
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

    async def take(self, key_id: bytes, node_id: str, now: int) -> bool:
        """Uses a key up by one, in one transaction; False where no use is left, or it has expired or been revoked.

        A node that has a use already gets True and no second one is taken: its first answer may have been lost.
        """
        ...


def _mac(mac_key: bytes, *, mesh: str, issuer: bytes, key_id: bytes, public: bytes, name: str, nonce: bytes) -> bytes:
    transcript = ["gl1-enrol", mesh, cose.thumbprint(issuer), key_id, cose.key(public), name, nonce]
    return hmac.digest(mac_key, cbor.encode(transcript), "sha256")


class Applicant:
    """The node's half.

    Args:
        key: What the operator gave it.
        identity: Whose key is to be certified.
        name: What it wants to be called, 1 to 64 letters.
    """

    def __init__(self, key: EnrolKey, identity: Identity, name: str) -> None:
        self.key = key
        self._identity = identity
        self._name = name
        self._nonce = b""

    def ask(self, trust: Trust) -> dict[str, Any]:
        """Body of the next ENROL."""
        self._nonce = os.urandom(16)
        return {
            "key": cose.key(self._identity.public),
            "key_id": self.key.key_id,
            "name": self._name,
            "nonce": self._nonce,
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
            RefusedError: the gateway said no; its sentence is the message.
            CredentialError: what it sent does not certify this node in this mesh.
        """
        body = received.body
        if received.peer is None or not received.peer.is_gateway:
            return None
        if type(body) is not dict or not self._nonce or body.get("nonce") != self._nonce:
            return None
        self._nonce = b""
        if body.get("ok") is not True:
            error = body.get("error")
            raise RefusedError(str(error["message"]) if type(error) is dict and "message" in error else "refused")
        credential = trust.verify(body.get("credential", b""))
        if credential.public != self._identity.public:
            raise RefusedError("the gateway has sent another node's credential")
        return credential


class Enroller:
    """The server's half.

    Args:
        authority: Signs.
        keys: Knows the enrol keys, and takes a use from one atomically.
        lifetime: Nanoseconds that a credential holds.
    """

    def __init__(self, authority: Authority, keys: KeyStore, *, lifetime: int = NODE_LIFETIME) -> None:
        self._authority = authority
        self._keys = keys
        self._lifetime = lifetime

    async def answer(self, received: Received, now: int) -> dict[str, Any] | None:
        """Body of the CREDENTIAL that answers an ENROL, a refusal too; None where it is not even well formed."""
        body = received.body
        nonce, key_id, name, mac = (body.get(field) for field in ("nonce", "key_id", "name", "mac"))
        if type(nonce) is not bytes or len(nonce) != 16 or type(key_id) is not bytes or type(mac) is not bytes:
            return None
        try:
            credential = await self._certify(cose.public(body["key"]), received.node_id, nonce, key_id, name, mac, now)
        except RefusedError as error:
            return {"nonce": nonce, "ok": False, "error": {"code": "refused", "message": str(error)}}
        return {"nonce": nonce, "ok": True, "credential": credential}

    async def _certify(
        self, public: bytes, node_id: str, nonce: bytes, key_id: bytes, name: Any, mac: bytes, now: int
    ) -> bytes:
        if type(name) is not str or not 0 < len(name) <= 64 or not name.isprintable():
            raise RefusedError("the node's name must be 1 to 64 printable letters: set it in its configuration")
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
        if not await self._keys.take(key_id, node_id, now):
            raise RefusedError(f"the enrol key {key_id.hex()} is used up: {_REMEDY}")
        return self._authority.issue(
            public, name=name, roles=[NODE], tags=record.tags, now=now, lifetime=self._lifetime
        )
