# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node believes of its mesh's authority: root and issuer, who was revoked, policy and limits.

All of it comes over untrusted brokers and neighbours, and is believed where the authority has signed it and it is newer
than what is known. What is kept is in `state_folder`.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.credential import Credential, CredentialError, ExpiredError, Trust, WrongMeshError
from ganglion.mesh.fleet_limits import FleetLimits
from ganglion.mesh.member import Cause, Member, clock_valid
from ganglion.mesh.revocation import RevocationList
from ganglion.mesh.rights import Rights
from ganglion.mesh.signed_config import LIMITS, POLICIES, D, Form, SignedConfig
from ganglion.mesh.standing import Standing
from ganglion.mesh.state_folder import BUNDLE, StateFolder, pin_of
from ganglion_micro import gl1

_log = logging.getLogger(__name__)


class TrustStore:
    """One node's.

    Args:
        folder: Where it is kept.
        pin: Of the root key's thumbprint as many bytes as are known; b"" leaves it to the folder.
        standing: Gets what is known of who may be believed.
        rights: Get the policy.
        limited: Called when there are other limits of the fleet.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        trust: Root and issuer, once the bundle was read.

    Raises:
        CredentialError: the bundle in the folder is damaged, or another mesh's than the pin says.
    """

    def __init__(
        self,
        folder: StateFolder,
        *,
        pin: bytes,
        standing: Standing,
        rights: Rights,
        limited: Callable[[], None],
        clock: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._pin = pin
        self._standing = standing
        self._rights = rights
        self._limited = limited
        self._clock = clock
        self._disbelieved: set[Cause] = set()
        self.trust: Trust | None = None
        if (bundle := folder.read(BUNDLE)) is not None:
            self._pin = pin or pin_of(bundle)
            self.trust = Trust.read(bundle, pin=self._pin)

    def recall(self) -> None:
        """What an earlier run has kept holds: times that are proved, the policy, who was revoked."""
        if self.trust is None:
            return
        self._standing.floor.prove(self.trust.issuer.issued)
        self._folder.load(self.trust)
        self._rights.policy = self._folder.configs[POLICIES.what].config
        if (revocations := self._folder.revocations.newest) is not None:
            self._standing.revocations = revocations
            self._standing.floor.prove(revocations.issued)

    @property
    def revocations(self) -> RevocationList | None:
        """The newest list that was heard; None before any."""
        return self._folder.revocations.newest

    def config(self, form: Form[D]) -> SignedConfig[D] | None:
        """The newest that was heard; None before any."""
        return self._folder.configs[form.what].newest

    def limits(self, credential: Credential) -> list[Mapping[str, Any]]:
        """What the fleet limits on the node with this credential."""
        holds: FleetLimits = self._folder.configs[LIMITS.what].config
        return holds.of(credential)

    @property
    def lost(self) -> dict[str, str]:
        """Statements of the authority that this node had and knows no more, until it hears them again: name to why."""
        return self._folder.lost

    def take_bundle(self, data: bytes, member: Member) -> bool:
        """A bundle, from an untrusted broker or neighbour; whether there is a new trust."""
        try:
            trust = Trust.read(data, pin=self._pin)
            if clock_valid(now := self._clock()):
                trust.issuer.check(now)
        except CredentialError as error:
            cause = _cause(error)
            member.reject(cause, f"a bundle: {error}")
            if cause not in self._disbelieved:  # once: whoever sends ten thousand is not to fill the log
                self._disbelieved.add(cause)
                _log.warning("A bundle that was heard is not believed: %s.", error)
            return False
        if self.trust is not None:
            # An older one, or the same again: the broker cannot take the mesh back in time.
            if trust.issuer.issued < self.trust.issuer.issued:
                member.reject(Cause.STALE, "a bundle older than the one that is known")
                return False
            if data == self.trust.data and member.trust is not None:
                return False
        self._folder.keep(BUNDLE, data)
        self.trust = trust
        member.adopt(trust)
        return True

    def take_revocations(self, data: bytes, member: Member) -> bool:
        """A list, from an untrusted broker or neighbour: enforced where it is newer than what is known; whether it is.

        Raises:
            CredentialError: the authority has not signed it.
        """
        kept = self._folder.revocations
        if self.trust is None or not kept.take(data, self.trust):
            return False
        assert kept.newest is not None
        member.enforce(kept.newest)
        return True

    def take_config(self, form: Form[Any], data: bytes) -> None:
        """A policy or the like, from an untrusted broker or neighbour: it holds where it is newer than what is known.

        Raises:
            CredentialError: the authority has not signed it.
        """
        kept = self._folder.configs[form.what]
        if self.trust is None or not kept.take(data, self.trust):
            return
        _log.info("The %s %d holds.", form.title, kept.config.version)
        if form is POLICIES:
            self._rights.adopt(kept.config)
        else:
            self._limited()


def mesh_pin(mesh: str, where: str = "mesh.id") -> bytes:
    """The 8 bytes in the id of a mesh.

    Raises:
        InvalidError: it is none.
    """
    with suppress(ValueError):
        if len(pin := gl1.from_base32(mesh)) == 8:
            return pin
    raise InvalidError(
        f"{mesh[:40]!r} is the id of no mesh: 13 letters, as `ganglion devices pending` shows it", where=where
    )


def _cause(error: CredentialError) -> Cause:
    if isinstance(error, WrongMeshError):
        return Cause.WRONG_MESH
    if isinstance(error, ExpiredError):
        return Cause.EXPIRED
    return Cause.FORGED if error.__cause__ is None else Cause.MALFORMED
