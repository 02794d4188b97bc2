# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mesh says of a key: a CWT that binds it to a mesh, a name, roles and a time, and the chain to the root.

RFC 8392 (claims), RFC 8747 section 3.1 (`cnf`, the key it is about). Root signs issuer, issuer signs everyone else;
there is no third link. Pure: time is an argument.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganglion.errors import RefusedError
from ganglion.mesh import crypto
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1

#: A clock may be this far ahead of the authority's, in nanoseconds.
SKEW = 300 * SECOND

GATEWAY = "gateway"
ISSUER = "issuer"
NODE = "node"

_ISS, _SUB, _EXP, _NBF, _IAT, _CTI, _CNF = 1, 2, 4, 5, 6, 7, 8


class CredentialError(RefusedError):
    """A credential proves nothing here."""


class ExpiredError(CredentialError):
    """A credential whose time is over, or has not come."""


class WrongMeshError(CredentialError):
    """A credential or a bundle of another mesh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The claims of a verified credential.

    Attributes:
        mesh: Id of the mesh, 13 letters.
        node_id: Whom it is about, 26 letters; follows from `public`.
        public: Their key, 32 bytes.
        name: What people call it.
        roles: `node`, `gateway`, `issuer`.
        tags: As given by the enrol key.
        issued: Nanoseconds since the Unix epoch, in whole seconds, as the two below.
        starts: Not valid before.
        expires: Not valid from then on.
        data: The CWT itself.
        former: Id of the node before its key was rotated, "" where this is its first key or was renewed since.
        x25519: Their key for secrets, 32 bytes; b"" where they cannot be given any.
    """

    mesh: str
    node_id: str
    public: bytes
    name: str
    roles: tuple[str, ...]
    tags: tuple[str, ...]
    issued: int
    starts: int
    expires: int
    data: bytes
    former: str = ""
    x25519: bytes = b""

    @property
    def kid(self) -> bytes:
        """The key id, 8 bytes."""
        return cose.kid(self.public)

    def check(self, now: int) -> None:
        """Returns where it is valid at `now`.

        Raises:
            ExpiredError: it is not.
        """
        if now >= self.expires:
            raise ExpiredError(f"the credential of {self.name} ({self.node_id}) has expired: enrol it anew")
        if now < self.starts - SKEW:
            raise ExpiredError(f"the credential of {self.name} ({self.node_id}) is not valid yet: set the clock")

    @property
    def renewal(self) -> int:
        """When to ask for the next one: at two thirds of its time."""
        return self.starts + (self.expires - self.starts) * 2 // 3


def issue(
    signer: Identity,
    *,
    mesh: str,
    public: bytes,
    name: str,
    roles: Sequence[str],
    tags: Sequence[str],
    now: int,
    lifetime: int,
    former: str = "",
    x25519: bytes = b"",
) -> bytes:
    """Signs a credential.

    Args:
        lifetime: Nanoseconds from now.
        former: Id of the node before its key was rotated.
        x25519: Its key for secrets, 32 bytes; b"" for none.

    Raises:
        CredentialError: a key that is none, or of small order.
    """
    if x25519 and crypto.x25519(os.urandom(32), x25519) is None:
        raise CredentialError("not a public key of X25519, or one of small order: anybody could read what is for it")
    if not crypto.acceptable(public):
        raise CredentialError("not a public key of Ed25519, or one of small order: nobody can be held to it")
    node = gl1.node_id(cose.thumbprint(public))
    second = now // SECOND
    claims: dict[int | str, Any] = {
        _ISS: mesh,
        _SUB: f"spiffe://{mesh}/{node}",
        _EXP: (now + lifetime) // SECOND,
        _NBF: second,
        _IAT: second,
        _CTI: os.urandom(16),
        _CNF: {1: cose.key(public)},
        "name": name,
        "roles": list(roles),
        "tags": list(tags),
        **({"former": former} if former else {}),
        **({"x25519": x25519} if x25519 else {}),
    }
    return cose.sign1(cbor.encode(claims), signer.kid, b"", signer.sign)


def verify(data: bytes, signer: bytes, *, mesh: str) -> Credential:
    """The claims in a credential that `signer` signed for this mesh. Whether its time is now, `check` says.

    Args:
        signer: The public key it must be signed with.

    Raises:
        WrongMeshError: it is for another mesh.
        CredentialError: anything else is wrong with it.
    """
    try:
        message = cose.parse(data)
        claims = cbor.decode(message.payload)
    except cbor.CBORError as error:
        raise CredentialError(f"not a credential: {error}") from error
    if message.kid != cose.kid(signer) or not crypto.verify(message.signed(b""), message.signature, signer):
        raise CredentialError("a credential that this mesh's authority has not signed")
    try:
        return _credential(claims, data, mesh)
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise CredentialError(f"a credential with wrong claims: {error}") from error


def subject(data: bytes) -> bytes:
    """The key that a credential is about, 32 bytes. Nobody has looked at its signature.

    Raises:
        CredentialError: it is none.
    """
    try:
        return cose.public(cbor.decode(cose.parse(data).payload)[_CNF][1])
    except (TypeError, LookupError, cbor.CBORError) as error:
        raise CredentialError(f"not a credential: {error}") from None


def _credential(claims: dict[Any, Any], data: bytes, mesh: str) -> Credential:
    if claims[_ISS] != mesh:
        raise WrongMeshError(f"a credential for the mesh {claims[_ISS]!r}, and this is {mesh}")
    public = cose.public(claims[_CNF][1])
    if not crypto.acceptable(public):
        raise CredentialError("a credential for a key of small order")
    node = gl1.node_id(cose.thumbprint(public))
    if claims[_SUB] != f"spiffe://{mesh}/{node}":
        raise CredentialError("a credential whose subject is not its key")
    times = [claims[_IAT], claims[_NBF], claims[_EXP]]
    lists = [claims["roles"], claims["tags"]]
    if any(type(time) is not int or time < 0 for time in times):
        raise CredentialError("a credential with times that are no seconds since 1970")
    if type(claims["name"]) is not str or any(
        type(words) is not list or any(type(word) is not str for word in words) for words in lists
    ):
        raise CredentialError("a credential whose name, roles or tags are no text")
    former = claims.get("former", "")
    if type(former) is not str or (former and (len(gl1.kid_of(former)) != 8 or former == node)):
        raise CredentialError("a credential whose former id is none")
    x25519 = claims.get("x25519", b"")
    if type(x25519) is not bytes or len(x25519) not in (0, 32):
        raise CredentialError("a credential whose key for secrets is none")
    issued, starts, expires = (time * SECOND for time in times)
    return Credential(
        mesh=mesh,
        node_id=node,
        public=public,
        name=claims["name"],
        roles=tuple(map(sys.intern, lists[0])),  # the same few words in thousands of credentials
        tags=tuple(lists[1]),
        issued=issued,
        starts=starts,
        expires=expires,
        data=data,
        former=former,
        x25519=x25519,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The verified start of every chain in a mesh: whom to believe.

    Attributes:
        mesh: Id of the mesh, 13 letters, from the root key.
        root: The root's public key.
        issuer: The credential under which everyone else's is issued.
        data: The bundle it was read from.
    """

    mesh: str
    root: bytes
    issuer: Credential
    data: bytes

    @classmethod
    def read(cls, bundle: bytes, *, pin: bytes) -> "Trust":
        """Checks a bundle from an untrusted place against the pin. Whether its time is now, `check` says.

        Args:
            pin: The first bytes of the root key's thumbprint, 8 (a mesh id) or more.

        Raises:
            WrongMeshError: its root is another.
            CredentialError: anything else is wrong with it.
        """
        try:
            fields = cbor.decode(bundle)
            root = cose.public(fields["root"])
            issuer = fields["issuer"]
        except (cbor.CBORError, TypeError, LookupError) as error:
            raise CredentialError(f"not the bundle of a mesh: {error}") from error
        thumbprint = cose.thumbprint(root)
        if len(pin) < 8 or thumbprint[: len(pin)] != pin:
            raise WrongMeshError("the bundle of another mesh: its root key is not the one that is pinned here")
        if not crypto.acceptable(root) or type(issuer) is not bytes:
            raise CredentialError("not the bundle of a mesh")
        mesh = mesh_id(thumbprint)
        credential = verify(issuer, root, mesh=mesh)
        if ISSUER not in credential.roles:
            raise CredentialError("the bundle's credential is not an issuer's")
        return cls(mesh=mesh, root=root, issuer=credential, data=bundle)

    def verify(self, data: bytes) -> Credential:
        """The claims of a member's credential, signed by this mesh's issuer.

        Raises:
            WrongMeshError: it is for another mesh.
            CredentialError: anything else is wrong with it.
        """
        credential = verify(data, self.issuer.public, mesh=self.mesh)
        if ISSUER in credential.roles:
            raise CredentialError("an issuer made by an issuer: chains have two links")
        return credential


def bundle(root: Identity, issuer: bytes) -> bytes:
    """What everyone may read: the root's public key, the issuer's credential."""
    return cbor.encode({"root": cose.key(root.public), "issuer": issuer})


def mesh_id(thumbprint: bytes) -> str:
    """A mesh's id: the first 8 bytes of its root key's thumbprint, 13 letters."""
    return gl1.base32(thumbprint[:8])
