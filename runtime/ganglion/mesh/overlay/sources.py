# SPDX-License-Identifier: GPL-3.0-or-later
"""The feasibility distances: the best that this node ever told of a destination (RFC 8966 sections 3.2.5 and 3.5.1).

A route is feasible if it is better than that. A neighbour through which a loop would lead back here only ever has what
it heard from here, which is worse; so whoever follows feasible routes alone never closes a loop, not even for a moment.
"""

from ganglion.mesh.overlay.cost import INFINITY
from ganglion.units import SECOND

#: After this time nobody can still hold a route that was made from the distance (RFC 8966 section 3.2.5).
_LIFETIME = 180 * SECOND
_LIMIT = 2048


class Sources:
    """Feasibility distances by destination and origin."""

    __slots__ = ("_distances",)

    def __init__(self) -> None:
        self._distances: dict[tuple[bytes, bytes], tuple[int, int, int]] = {}

    def __len__(self) -> int:
        return len(self._distances)

    def feasible(self, destination: bytes, router: bytes, seqno: int, metric: int) -> bool:
        """Whether a route with this distance at the neighbour can be on no loop."""
        distance = self._distances.get((destination, router))
        return (
            distance is None
            or metric >= INFINITY
            or seqno > distance[0]
            or (seqno == distance[0] and metric < distance[1])
        )

    def seqno(self, destination: bytes, router: bytes) -> int:
        """Of the distance; 0 where there is none."""
        distance = self._distances.get((destination, router))
        return distance[0] if distance else 0

    def tell(self, destination: bytes, router: bytes, seqno: int, metric: int, now: int) -> None:
        """This is about to be told to neighbours (RFC 8966 section 3.7.3)."""
        if metric >= INFINITY:
            return
        key = (destination, router)
        distance = self._distances.pop(key, None)
        if distance is None or (seqno, -metric) > (distance[0], -distance[1]):
            self._distances[key] = (seqno, metric, now)
        else:
            self._distances[key] = (distance[0], distance[1], now)

    @property
    def full(self) -> bool:
        """Whether no new destination can be told: without its distance nothing would keep it from looping."""
        return len(self._distances) >= _LIMIT

    def expire(self, now: int) -> None:
        """Forgets what was not told for three minutes."""
        distances = self._distances
        while distances:
            oldest = next(iter(distances))
            if now - distances[oldest][2] <= _LIFETIME:
                return
            del distances[oldest]
