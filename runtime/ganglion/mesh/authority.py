# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority of a mesh: a root key that signs the issuer, an issuer key that signs everyone else.

The folder holds `root`, `issuer` (keys, 0600) and `issuer.cwt`. The root is used when the issuer's credential is
renewed and at no other time.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from ganglion.errors import NotFoundError
from ganglion.mesh import credential, files
from ganglion.mesh.credential import ISSUER, CredentialError, Trust
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

_DAY = 86400 * SECOND
#: How long the issuer is believed without the root.
ISSUER_LIFETIME = 90 * _DAY
#: How long a node is believed that has not been heard from.
NODE_LIFETIME = 30 * _DAY
#: A gateway has the authority beside it and is given the next one after 16 hours.
GATEWAY_LIFETIME = _DAY


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
    ) -> bytes:
        """A credential for a key. The issuer's own is renewed before, where it would end earlier.

        Args:
            lifetime: Nanoseconds from now.

        Raises:
            CredentialError: the key is none, or the lifetime is longer than an issuer's.
        """
        if not 0 < lifetime <= ISSUER_LIFETIME:
            raise CredentialError(f"a credential of {lifetime // _DAY} days: from a second to 90 days is possible")
        if ISSUER in roles:
            raise CredentialError("an issuer made by an issuer: chains have two links")
        self.trust(now=now, ahead=lifetime)
        return credential.issue(
            self._issuer,
            mesh=self.mesh_id,
            public=public,
            name=name,
            roles=roles,
            tags=tags,
            now=now,
            lifetime=lifetime,
        )

    @property
    def bundle_topic(self) -> str:
        """Where the bundle is retained."""
        return gl1.bundle_topic(self.mesh_id)
