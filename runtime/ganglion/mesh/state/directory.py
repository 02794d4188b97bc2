# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the authors are: their credentials, signed by the mesh's authority, kept with what they wrote.

An author may have been away for months, and what it wrote is still the state of all. So a credential whose time is over
says who wrote; whoever is to be an author no more is revoked.
"""

from collections.abc import Collection, Mapping

from ganglion.mesh.credential import GATEWAY, Credential, CredentialError
from ganglion.mesh.standing import Standing
from ganglion.mesh.state.admission import AUTHORS
from ganglion_micro import gl1

#: Keys that every member may write begin so.
SHARED = "shared/"


class Directory:
    """The credentials that one member has seen.

    Args:
        standing: Whom it believes.

    Attributes:
        unsaved: What is not on the disk, by key id; None where it is there and has gone here.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._kept: dict[bytes, bytes] = {}
        self._known: dict[bytes, Credential] = {}
        self.unsaved: dict[bytes, bytes | None] = {}

    def restore(self, kept: Mapping[bytes, bytes]) -> None:
        """What a file kept. It is verified when it is used."""
        self._kept = dict(kept)

    def take(self, data: bytes) -> bool:
        """A credential from anybody; whether it is a new author's.

        Raises:
            CredentialError: it is none of this mesh.
        """
        if data in self._kept.values():
            return False
        if self._standing.trust is None:
            raise CredentialError("no root is known to verify a credential with")
        found = self._standing.trust.verify(data)
        known = self.find(found.kid)
        if known is not None and known.issued >= found.issued:
            return False
        if known is None and len(self._kept) >= 2 * AUTHORS:
            return False
        self._kept[found.kid] = self.unsaved[found.kid] = data
        self._known[found.kid] = found
        return known is None

    def find(self, kid: bytes) -> Credential | None:
        """The credential of a key id, whatever has become of its owner."""
        found = self._known.get(kid)
        if found is None and kid in self._kept and self._standing.trust is not None:
            try:
                found = self._known[kid] = self._standing.trust.verify(self._kept[kid])
            except CredentialError:  # of an authority that is no more
                self._forget(kid)
        return found

    def key_of(self, kid: bytes) -> bytes | None:
        """The public key of an author; None for who is none, or was revoked."""
        found = self.find(kid)
        if found is None or self._standing.revoked(kid, gl1.CRDT):
            return None
        revocations = self._standing.revocations
        if revocations is not None and found.former and revocations.disowns(gl1.kid_of(found.former)):
            return None
        return found.public

    def may_write(self, node: str, key: str) -> bool:
        """Whether a member may write a key that is not under its own name: a gateway any, the others what is shared."""
        found = self.find(gl1.kid_of(node))
        return found is not None and (GATEWAY in found.roles or key.startswith(SHARED))

    def vouchers(self, kids: Collection[bytes]) -> list[bytes]:
        """What is kept of these."""
        return [self._kept[kid] for kid in kids if kid in self._kept]

    def keep_only(self, kids: Collection[bytes]) -> None:
        """Forgets all others."""
        for kid in [kid for kid in self._kept if kid not in kids]:
            self._forget(kid)

    def take_unsaved(self, authors: Collection[bytes]) -> dict[bytes, bytes | None]:
        """What a file has to be told. It keeps authors alone: most who say anything have written nothing."""
        taken = {kid: data for kid, data in self.unsaved.items() if data is None or kid in authors}
        for kid in taken:
            del self.unsaved[kid]
        return taken

    def _forget(self, kid: bytes) -> None:
        self._kept.pop(kid, None)
        self._known.pop(kid, None)
        if self.unsaved.pop(kid, None) is None:
            self.unsaved[kid] = None
