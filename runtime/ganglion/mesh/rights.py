# SPDX-License-Identifier: GPL-3.0-or-later
"""What others may do at one member, by the policy that it has: judged here, where a message arrives. No I/O."""

from collections.abc import Callable, Mapping
from typing import Any

from ganglion.mesh.credential import Credential
from ganglion.mesh.policy import DEFAULT, Decision, Party, Policy

#: Members whose words are remembered.
_REMEMBERED = 1024


class Rights:
    """Those at one member.

    Args:
        here: This member's credential; None before it has one.
        clock: Nanoseconds since the Unix epoch.
        changed: Called when another policy holds.

    Attributes:
        policy: What holds.
    """

    def __init__(
        self,
        here: Callable[[], Credential | None],
        *,
        clock: Callable[[], int],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._here = here
        self._clock = clock
        self._changed = changed
        self._parties: dict[bytes, tuple[Credential, Party]] = {}
        self.policy: Policy = DEFAULT

    @property
    def is_signed(self) -> bool:
        """Whether an operator has said anything yet."""
        return self.policy.version > 0

    def adopt(self, policy: Policy) -> None:
        """Goes by this policy from now on. It is the caller's to hand in newer ones only."""
        self.policy = policy
        self._changed()

    def judge(self, by: Credential, verb: str, resource: str, params: Mapping[str, Any] | None = None) -> Decision:
        """Whether a member may do something here."""
        return self.policy.judge(verb, resource, by=self._party(by), at=self._self(), now=self._clock(), params=params)

    def own(self, verb: str, resource: str) -> Decision | None:
        """Whether this member may do something itself; None while it is none."""
        here = self._here()
        return None if here is None else self.judge(here, verb, resource)

    def might(self, by: Credential, verb: str, resource: str) -> bool:
        """Whether a member may do something here with some parameters."""
        return self.policy.might(verb, resource, by=self._party(by), at=self._self(), now=self._clock())

    def _self(self) -> Party:
        credential = self._here()
        return _NOBODY if credential is None else self._party(credential)

    def _party(self, credential: Credential) -> Party:
        known = self._parties.get(credential.public)
        if known is not None and known[0] is credential:
            return known[1]
        party = Party(node_id=credential.node_id, roles=credential.roles, tags=credential.tags)
        while len(self._parties) >= _REMEMBERED:
            del self._parties[next(iter(self._parties))]
        self._parties[credential.public] = (credential, party)
        return party


#: A member that has no credential yet: rules for everybody are for it too.
_NOBODY = Party(node_id="", roles=())
