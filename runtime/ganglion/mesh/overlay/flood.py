# SPDX-License-Identifier: GPL-3.0-or-later
"""Broadcasts that wait a moment before they are passed on, to those who do not have them by then.

A frame's tags say whom it was sent to, so a node passes a message on to its other neighbours alone, and to nobody where
others were quicker. On a LAN where all hear all, one transmission is the whole flood; what was lost is pulled later.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ganglion.mesh.overlay.bucket import Bucket
from ganglion.mesh.overlay.effects import MessageId
from ganglion.units import MILLISECOND

#: Hops of a flood.
TTL = 8
_JITTER_MIN = 10 * MILLISECOND
_JITTER = 20 * MILLISECOND
_PENDING = 512
#: Floods that one member may begin a second, and at once.
_RATE = 50.0
_BURST = 200.0


@dataclass(slots=True)
class Pending:
    """A message that is about to be passed on.

    Attributes:
        data: The GL1 message.
        ttl: Hops left.
        due: When.
        covered: Hints of those who have it, or were sent it by others.
    """

    data: bytes
    ttl: int
    due: int
    covered: set[bytes]


class Flood:
    """What this node is about to pass on.

    Args:
        random: Uniform in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._pending: dict[MessageId, Pending] = {}
        self._buckets: dict[bytes, Bucket] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def deadline(self) -> int | None:
        """When the next one goes."""
        return min((pending.due for pending in self._pending.values()), default=None)

    def allowed(self, kid: bytes, now: int) -> bool:
        """Whether a member, whose signature was verified, may flood one message more."""
        bucket = self._buckets.get(kid)
        if bucket is None:
            bucket = self._buckets[kid] = Bucket(_RATE, _BURST, now)
        return bucket.take(now)

    def put(self, identity: MessageId, data: bytes, ttl: int, covered: Iterable[bytes], now: int) -> None:
        """Passes a message on in 10 to 30 ms. Where too many wait it is left to repair."""
        if ttl > 0 and len(self._pending) < _PENDING:
            due = now + _JITTER_MIN + int(self._random() * _JITTER)
            self._pending[identity] = Pending(data, ttl, due, set(covered))

    def covered(self, identity: MessageId, hints: Iterable[bytes]) -> None:
        """Another copy was heard: these have it too."""
        pending = self._pending.get(identity)
        if pending is not None:
            pending.covered.update(hints)

    def tick(self, now: int) -> list[Pending]:
        """What to pass on now."""
        due = [identity for identity, pending in self._pending.items() if pending.due <= now]
        return [self._pending.pop(identity) for identity in due]

    def expire(self, now: int) -> None:
        """Forgets the allowances that are whole again."""
        for kid in [kid for kid, bucket in self._buckets.items() if bucket.full(now)]:
            del self._buckets[kid]
