# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority of a mesh: a root key that signs the issuer, an issuer key that signs everyone else.

The folder holds `root`, `issuer` (keys, 0600), `issuer.cwt`, `revoked`, the list of keys that hold no more, `gateways`,
those of gateways that do, and `policy` and `limits`, once an operator has set some. The root is used when the issuer's
credential is renewed and at no other time.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganglion.errors import NotFoundError, RefusedError
from ganglion.mesh import credential, files, statement
from ganglion.mesh.credential import GATEWAY, ISSUER, CredentialError, Trust
from ganglion.mesh.gateways import GatewayList, Gateways
from ganglion.mesh.identity import Identity
from ganglion.mesh.revocation import RevocationList, Revocations
from ganglion.mesh.signed_config import FORMS, Configs, D, Form, SignedConfig
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1, update_key

_log = logging.getLogger(__name__)

_DAY = 86400 * SECOND
#: How long the issuer is believed without the root.
ISSUER_LIFETIME = 90 * _DAY
#: How long a node is believed that has not been heard from.
NODE_LIFETIME = 30 * _DAY
#: A gateway has the authority beside it and is given the next one after 16 hours.
GATEWAY_LIFETIME = _DAY


#: What is said to whoever asks for a credential for a key that is on the list.
REVOKED = "this key was revoked or replaced, and joins no more: move the node's state folder away and enrol it anew"


class Authority:
    """Signs credentials. Made by `open`.

    Attributes:
        mesh_id: 13 letters.
        mesh: The same as 8 bytes.
        root_thumbprint: What enrol keys pin, 32 bytes.
    """

    def __init__(self, folder: Path, root: Identity, issuer: Identity) -> None:
        self._folder = folder
        self._root = root
        self._issuer = issuer
        self.root_thumbprint = root.thumbprint
        self.mesh = root.thumbprint[:8]
        self.mesh_id = credential.mesh_id(root.thumbprint)
        self._trust: Trust | None = None
        self._register = Revocations(folder / "revoked", issuer, self.mesh)
        self._gateways = Gateways(folder / "gateways", issuer, self.mesh)
        self._configs: dict[str, Configs[Any]] = {
            form.what: Configs(folder / form.what, form, issuer, self.mesh) for form in FORMS
        }

    def __repr__(self) -> str:
        return f"<Authority of {self.mesh_id}>"

    @classmethod
    def open(cls, folder: Path, *, now: int, create: bool = True) -> "Authority":
        """The authority in a folder, made where there is none.

        Raises:
            NotFoundError: there is none and none is to be made.
            InvalidError: a file holds no key.
        """
        if not create and not (folder / "root").exists():
            raise NotFoundError(f"no authority in {folder}: start the gateway once, it makes one")
        root = Identity.load_or_create(folder / "root")
        issuer = Identity.load_or_create(folder / "issuer")
        authority = cls(folder, root, issuer)
        authority.trust(now=now, ahead=ISSUER_LIFETIME // 2)
        return authority

    def trust(self, *, now: int, ahead: int = 0) -> Trust:
        """The start of the chain, with an issuer that is valid for `ahead` nanoseconds and more from now."""
        path = self._folder / "issuer.cwt"
        if self._trust is None and (data := files.read(path)) is not None:
            try:
                trust = Trust.read(credential.bundle(self._root, data), pin=self.root_thumbprint)
                if trust.issuer.public == self._issuer.public:
                    self._trust = trust
            except CredentialError as error:
                _log.warning("%s is replaced: %s", path, error)
        if self._trust is None or self._trust.issuer.expires < now + ahead + SECOND:
            data = credential.issue(
                self._root,
                mesh=self.mesh_id,
                public=self._issuer.public,
                name="issuer",
                roles=[ISSUER],
                tags=[],
                now=now,
                lifetime=ISSUER_LIFETIME,
            )
            files.write(path, data)
            self._trust = Trust.read(credential.bundle(self._root, data), pin=self.root_thumbprint)
        return self._trust

    def take_bundle(self, data: bytes, *, now: int) -> bool:
        """A bundle from a neighbour; whether our issuer has a newer credential in it, which is used from now on."""
        known = self.trust(now=now)
        try:
            heard = Trust.read(data, pin=self.root_thumbprint)
            heard.issuer.check(now)
        except CredentialError:
            return False
        if heard.issuer.public != known.issuer.public or heard.issuer.issued <= known.issuer.issued:
            return False
        files.write(self._folder / "issuer.cwt", heard.issuer.data)
        self._trust = heard
        return True

    def bundle(self, *, now: int) -> bytes:
        """What nodes read from `gl1/<mesh>/c/bundle`."""
        return self.trust(now=now).data

    def issue(
        self,
        public: bytes,
        *,
        name: str,
        roles: Sequence[str],
        tags: Sequence[str] = (),
        now: int,
        lifetime: int = NODE_LIFETIME,
        former: str = "",
        x25519: bytes = b"",
    ) -> bytes:
        """A credential for a key. The issuer's own is renewed before, where it would end earlier.

        Args:
            lifetime: Nanoseconds from now.
            former: Id of the node before its key was rotated; "" for none.
            x25519: Its key for secrets, 32 bytes; b"" for none.

        Raises:
            CredentialError: the key is none, or the lifetime is longer than an issuer's.
            RefusedError: the key was revoked, or rotated away.
        """
        if not 0 < lifetime <= ISSUER_LIFETIME:
            raise CredentialError(f"a credential of {lifetime // _DAY} days: from a second to 90 days is possible")
        if ISSUER in roles:
            raise CredentialError("an issuer made by an issuer: chains have two links")
        trust = self.trust(now=now, ahead=lifetime)
        if self._register.listed(cose.kid(public), trust, now=now):
            raise RefusedError(REVOKED)
        if GATEWAY in roles:
            self._gateways.add(cose.kid(public), trust)
        return credential.issue(
            self._issuer,
            mesh=self.mesh_id,
            public=public,
            name=name,
            roles=roles,
            tags=tags,
            now=now,
            lifetime=lifetime,
            former=former,
            x25519=x25519,
        )

    def revocations(self, *, now: int) -> RevocationList:
        """What nodes read from `gl1/<mesh>/c/revoked`."""
        return self._register.current(self.trust(now=now), now=now)

    def holds(self, node: str, *, now: int) -> bool:
        """Whether this key may get a credential: it is not on the list."""
        return not self._register.listed(gl1.kid_of(node), self.trust(now=now), now=now)

    def revoke(self, node: str, *, now: int) -> RevocationList:
        """Believes a node no more, from now on and for good.

        Raises:
            RefusedError: the list is full.
        """
        return self._register.revoke(gl1.kid_of(node), self.trust(now=now), now=now)

    def supersede(self, node: str, *, now: int) -> RevocationList:
        """Believes a node whose key was rotated for as long as something of it may be under way.

        Raises:
            RefusedError: the list is full.
        """
        return self._register.supersede(gl1.kid_of(node), self.trust(now=now), now=now)

    def take_revocations(self, data: bytes, *, now: int) -> bool:
        """A list from the broker; whether it said more than ours, or was newer, so that ours is another one now."""
        return self._register.take(data, self.trust(now=now), now=now)

    def gateways(self, *, now: int) -> GatewayList:
        """What boards read from `gl1/<mesh>/c/gateway/all`."""
        return self._gateways.current(self.revocations(now=now), self.trust(now=now), now=now)

    def meets(self, kid: bytes, *, now: int) -> bool:
        """A member with the role of a gateway was born; whether nobody knew of it."""
        return self._gateways.add(kid, self.trust(now=now))

    def take_gateways(self, data: bytes, *, now: int) -> bool:
        """A list of gateways from the broker; whether it says what is known here.

        Raises:
            CredentialError: the authority has not signed it, or has signed a newer one since.
        """
        return self._gateways.take(data, self.revocations(now=now), self.trust(now=now), now=now)

    def config(self, form: Form[D], *, now: int) -> SignedConfig[D] | None:
        """What nodes read from `gl1/<mesh>/c/policy`, or where its form is retained; None before the first."""
        return self._configs[form.what].newest(self.trust(now=now))

    def set_config(self, form: Form[D], config: D, *, now: int) -> SignedConfig[D]:
        """Has this document hold, under the next version; safe on the disk when it returns.

        Raises:
            InvalidError: it does not fit into a message.
        """
        return self._configs[form.what].set(config, self.trust(now=now), now=now)

    def take_config(self, form: Form[Any], data: bytes, *, now: int) -> bool:
        """A document from the broker; whether it was newer than ours, and is ours now."""
        return self._configs[form.what].take(data, self.trust(now=now))

    def seal(self, digest: bytes, *, now: int) -> bytes:
        """The issuer's COSE_Sign1 over an update of firmware, which boards with the issuer's key take alone.

        Args:
            digest: SHA-256 of the version's manifest, 32 bytes.
            now: Nanoseconds since the Unix epoch. A board takes no older one than it has taken.
        """
        return cose.sign1(
            cbor.encode([digest, now // SECOND]), self._issuer.kid, update_key.aad(self.mesh), self._issuer.sign
        )

    def state(self, kind: int, body: Any, *, now: int) -> bytes:
        """The issuer's GL1 message to everybody, for what is told apart by its content and has no versions.

        Raises:
            CBORError: the body is no CBOR, or too large for a message.
        """
        version = max(now // SECOND, 1)
        return statement.sign(self._issuer, self.mesh, kind=kind, version=version, now=now, body=body)

    @property
    def bundle_topic(self) -> str:
        """Where the bundle is retained."""
        return gl1.bundle_topic(self.mesh_id)
