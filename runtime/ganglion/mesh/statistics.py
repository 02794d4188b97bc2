# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member has to say of how it goes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ganglion.mesh.delivery import DeliveryStatistics
from ganglion.mesh.member import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshStatistics:
    """What happened since the start.

    Attributes:
        connected: Whether there is a broker now.
        enrolled: Whether this member has a credential that holds now.
        refusal: Why the mesh does not have this member: the gateway's words, or that it was revoked; "" where it has.
        pending: Whether an operator has yet to approve this member.
        revocations: Version of the newest revocation list; 0 before any was heard.
        policy: Version of the policy that holds here; 0 is what holds before an operator has set one.
        limits: Version of the fleet's limits that this member has; 0 before an operator has set any.
        lost: What this member had of `revocations`, `policy` and `limits` and cannot believe any more, since its disk
            has damaged both copies; until it is heard again. While it is the limits, all actuators stay safe.
        epoch: Of this boot.
        peers: Members heard of.
        frames: Signed frames of readings sent.
        readings_dropped: Readings while there was no broker or no credential: telemetry is not kept.
        delivery: Events that must arrive.
        rejected: Messages dropped, by cause; causes that did not occur are missing.
        requests_failed: Requests whose handler ended in an error that is ours.
        confidential: Of a node: the group that it speaks to, the number of the newest key of each of its groups, and
            how many events wait for a key or were lost waiting.
        state: What is held of the state that all share: entries, bytes, and what was refused of it by cause.
    """

    connected: bool
    enrolled: bool
    refusal: str
    pending: bool
    revocations: int
    policy: int
    limits: int
    lost: Mapping[str, str]
    epoch: int
    peers: int
    frames: int
    readings_dropped: int
    delivery: DeliveryStatistics
    rejected: Mapping[Cause, int]
    requests_failed: int
    confidential: Mapping[str, Any]
    state: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The same as JSON can say it."""
        rejected = {cause.value: count for cause, count in sorted(self.rejected.items(), key=lambda each: -each[1])}
        return {**asdict(self), "rejected": rejected}
