# SPDX-License-Identifier: GPL-3.0-or-later
"""What the authority states to everybody, as the router compares it with neighbours and asks them for it."""

from collections.abc import Callable, Mapping
from typing import Any

from ganglion.mesh.overlay.update import BUNDLE, LIMITS, POLICY, REVOCATIONS, Versions
from ganglion.mesh.signed_config import SignedConfig
from ganglion.mesh.standing import Standing
from ganglion.units import SECOND


class Statements:
    """`overlay.trust.AuthorityStatements` of one member.

    Args:
        standing: What it knows of who may be believed.
        config: The policy, or the limits, as it was signed; None before any.
        take: Take each of the statements from anybody, as they would from a broker.
    """

    def __init__(
        self,
        standing: Standing,
        *,
        config: Callable[[bytes], SignedConfig[Any] | None],
        take: Mapping[bytes, Callable[[bytes], object]],
    ) -> None:
        self._standing = standing
        self._config = config
        self._take = take

    @property
    def versions(self) -> Versions:
        """A bundle's version is the second in which the root signed its issuer."""
        revocations, trust = self._standing.revocations, self._standing.trust
        policy, limits = self._config(POLICY), self._config(LIMITS)
        return Versions(
            revocations=0 if revocations is None else revocations.version,
            policy=0 if policy is None else policy.version,
            bundle=0 if trust is None else trust.issuer.issued // SECOND,
            limits=0 if limits is None else limits.version,
        )

    def data(self, statement: bytes) -> bytes | None:
        """As it was signed; None before any was heard."""
        known = {REVOCATIONS: self._standing.revocations, BUNDLE: self._standing.trust}
        found = known[statement] if statement in known else self._config(statement)
        return None if found is None else found.data

    def adopt(self, statement: bytes, data: bytes) -> bool:
        """Takes what is the authority's and newer; whether it did."""
        before = self.versions
        self._take[statement](data)
        return self.versions != before
