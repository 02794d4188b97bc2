# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member says of itself when it is born: who vouches for it, which boot it is, if its clock is wrong."""

from collections.abc import Callable
from typing import Any

from ganglion.mesh.credential import Credential
from ganglion.mesh.floor import Floor
from ganglion.mesh.member import Member
from ganglion.mesh.rights import Rights


class Birth:
    """That of one member.

    Args:
        member: It.
        fields: More that it says: `board`, `sw`, `caps`.
        credential: Who vouches for it; None while nobody does.
        ready: Whether others hear and believe it now.
        rights: Say which policy holds here.
        floor: What is proved of the time; None for a gateway, which is who proves it.
        wall: Nanoseconds since the Unix epoch, as this machine has them.
    """

    def __init__(
        self,
        member: Member,
        *,
        fields: Callable[[], dict[str, Any]],
        credential: Callable[[], Credential | None],
        ready: Callable[[], bool],
        rights: Rights,
        floor: Floor | None,
        wall: Callable[[], int],
    ) -> None:
        self._member = member
        self._fields = fields
        self._credential = credential
        self._ready = ready
        self._rights = rights
        self._floor = floor
        self._wall = wall
        self._said_of_clock: dict[str, Any] = {}

    def body(self) -> dict[str, Any] | None:
        """As it is now; None while nobody would believe it."""
        credential, member = self._credential(), self._member
        if not self._ready() or credential is None:
            return None
        self._said_of_clock = self.of_clock()
        return {
            **self._fields(),
            **self._said_of_clock,
            "name": credential.name,
            "nonce": member.nonce,
            "epoch": member.epoch,
            "policy": self._rights.policy.version,
            "credential": credential.data,
        }

    def of_clock(self) -> dict[str, Any]:
        """What a node says of its clock where that is known to be wrong: its times are not to be relied on."""
        return {"clock": "bad"} if self._floor is not None and self._floor.wrong(self._wall()) else {}

    @property
    def is_over(self) -> bool:
        """Whether what it has said of its clock is not so any more."""
        return self.of_clock() != self._said_of_clock
