# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody whose signature holds may be believed now: the time, the credential's and the revocation list.

Nothing here reads a clock. A clock that is wrong by the time floor judges nothing; what has ended by the floor
has ended.
"""

from enum import Enum

from ganglion.mesh.credential import GATEWAY, Credential, ExpiredError, Trust
from ganglion.mesh.floor import TOLERANCE, Floor
from ganglion.mesh.revocation import MAX_STALE, RevocationList
from ganglion.units import SECOND
from ganglion_micro import gl1

#: How old or new a command may claim to be, where this clock can tell.
FRESHNESS = TOLERANCE
#: A clock that says less has never been set: no battery, no time server yet. It judges no timestamp.
_EARLIEST = 1_735_689_600 * SECOND  # 2025-01-01


class Cause(Enum):
    """Why a message was dropped."""

    MALFORMED = "malformed"  # too large, not deterministic CBOR, another shape, a body that its kind cannot have
    UNKNOWN_KIND = "unknown_kind"
    WRONG_MESH = "wrong_mesh"  # on another mesh's topic, or with its credential
    UNENROLLED = "unenrolled"  # a key that no credential is known for
    MISADDRESSED = "misaddressed"  # on a topic that its kind, sender and receiver do not give
    FORGED = "forged"  # the signature is not the sender's, or the credential not the authority's
    REPLAYED = "replayed"
    STALE = "stale"  # an older birth or epoch, a timestamp too far off, a boot that is over, a list too old to go by
    EXPIRED = "expired"  # a credential whose time is over, or has not come
    REVOKED = "revoked"  # a key on the authority's list
    LIMITED = "limited"  # more than its sender, or its link before any sender is known, may ask of us
    UNREADABLE = "unreadable"  # sealed for a group or a member, under a key that is not here, or not yet
    UNAUTHORISED = "unauthorised"  # a member without the role for it
    OVERSIZE = "oversize"  # larger than a connection takes: it was passed over without being read
    FAILED = "failed"  # here, not there: a full disk, or a mistake of ours that the log shows


class DropError(Exception):
    """A message is not believed."""

    def __init__(self, cause: Cause, why: str) -> None:
        super().__init__(why)
        self.cause = cause


class Standing:
    """What one member knows of who may be believed.

    Args:
        floor: The earliest that it can be; what gateways and the authority sign raises it.
        max_stale: Nanoseconds for which a revocation list is new enough to obey commands by.

    Attributes:
        trust: The start of all chains; None before it is known.
        revocations: The newest list; None before any was heard.
        vouched: When the authority last vouched for this member: what `max_stale` counts from without a list.
    """

    def __init__(self, floor: Floor, *, max_stale: int = MAX_STALE) -> None:
        self.floor = floor
        self._max_stale = max_stale
        self.trust: Trust | None = None
        self.revocations: RevocationList | None = None
        self.vouched = 0

    def revoked(self, kid: bytes, kind: int = gl1.REQUEST, now: int = 0) -> bool:
        """Whether the list refuses messages of this kind under this key, by default commands."""
        revocations = self.revocations
        return revocations is not None and revocations.refuses(kid, kind, self.floor.least(now))

    def check(self, credential: Credential, kind: int, now: int) -> None:
        """Returns where a message of this kind of this member may be believed.

        Raises:
            DropError: it may not: revoked, expired, not valid yet.
        """
        now = self.floor.least(now)
        if (revocations := self.revocations) is not None:
            former = gl1.kid_of(credential.former) if credential.former else b""
            if revocations.refuses(credential.kid, kind, now) or revocations.disowns(former):
                who = f"{credential.name} ({credential.node_id})"
                raise DropError(Cause.REVOKED, f"{who} was revoked, or has another key")
        if not clock_valid(now) or self.trust is None:
            return
        try:
            if kind != gl1.HELLO:  # or nobody could bring the bundle in which the issuer holds longer
                self.trust.issuer.check(now)
            credential.check(now)
        except ExpiredError as error:
            raise DropError(Cause.EXPIRED, str(error)) from None

    def fresh(self, sealed: int, now: int) -> None:
        """Returns where a command with this timestamp may be of now.

        Raises:
            DropError: it is too old or too new.
        """
        # Where either clock was never set, the boot nonce and the request's id alone say that it is of today.
        if not clock_valid(sealed):
            return
        if clock_valid(now) and not self.floor.wrong(now):
            if abs(sealed - now) > FRESHNESS:
                raise DropError(Cause.STALE, f"{abs(sealed - now) // SECOND} s off this clock")
        elif sealed + FRESHNESS < self.floor.at:
            raise DropError(Cause.STALE, "of a time that is over, by what gateways have signed since")

    def informed(self, now: int) -> None:
        """Returns where it is known who was revoked lately, so that a command may be obeyed.

        Raises:
            DropError: no list has come for long: the broker may keep it back.
        """
        now = self.floor.least(now)
        told = self.vouched if self.revocations is None else self.revocations.issued
        if clock_valid(now) and told and now - told > self._max_stale:
            raise DropError(Cause.STALE, f"no revocation list for {(now - told) // (86400 * SECOND)} days")

    def heard(self, credential: Credential, sealed: int) -> None:
        """A believed message was sealed at this time: a gateway's says what time it is."""
        self.floor.prove(credential.issued)
        if GATEWAY in credential.roles and sealed < credential.expires:
            self.floor.prove(sealed)


def clock_valid(now: int) -> bool:
    """Whether a clock has been set. Where it has not, requests are still fresh by the boot nonce they name."""
    return now >= _EARLIEST
