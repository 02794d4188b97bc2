# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to one receiver that this node holds until the next hop has acknowledged them.

Three tries in a row that the next hop does not answer, then the same with each other feasible successor, then one flood
of three hops, then the caller has it again. A parcel's body is `destination 8 | attempt 2 | GL1`. The attempt is the
sender's random number: a relay that sees the same message and attempt twice passes it on once, and a message that is
sent anew passes anew.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ganglion.mesh.overlay.effects import MessageId
from ganglion.mesh.overlay.routes import Via

TRIES = 3
#: Hops of a unicast, and of the flood that is its last resort.
TTL = 32
SCOUT_TTL = 3
_PARCELS = 2048
_BYTES = 4 * 1024 * 1024
#: Frames that one neighbour may owe an acknowledgement at a time before another parcel begins.
_WINDOW = 32
HEAD_SIZE = 10

#: A message and the attempt at it.
ParcelId = tuple[MessageId, bytes]


@dataclass(slots=True, eq=False)
class Parcel:
    """One message on its way.

    Attributes:
        id: Message and attempt.
        destination: Key id or `routes.GATEWAY`.
        data: The GL1 message.
        ttl: Hops left.
        source: Neighbour that it came from; None for our own.
        via: The next hop it is offered to now.
        pieces: Bodies that the next hop has not acknowledged, by index; one, or its fragments.
        frames: How many there were.
        tried: Next hops that took no notice.
        tries: At the present one, since it took a piece.
        due: When to try again.
        sent: When the last try began.
    """

    id: ParcelId
    destination: bytes
    data: bytes
    ttl: int
    source: bytes | None
    via: Via | None = None
    pieces: dict[int, bytes] = field(default_factory=dict)
    frames: int = 0
    tried: set[Via] = field(default_factory=set)
    tries: int = 0
    due: int = 0
    sent: int = 0

    @property
    def body(self) -> bytes:
        """What frames carry."""
        return self.destination + self.id[1] + self.data


class Custody:
    """The parcels of one node."""

    def __init__(self) -> None:
        self._parcels: dict[ParcelId, Parcel] = {}
        self._bytes = 0
        self._sent: dict[tuple[str, int], tuple[Parcel, int]] = {}
        self._busy: dict[Via, int] = {}
        self._queues: dict[Via, deque[Parcel]] = {}

    def __len__(self) -> int:
        return len(self._parcels)

    def __iter__(self) -> Iterator[Parcel]:
        return iter(list(self._parcels.values()))

    @property
    def deadline(self) -> int | None:
        """When the next try is due."""
        return min((parcel.due for parcel, _ in self._sent.values()), default=None)

    def put(self, parcel: Parcel) -> bool:
        """Takes custody; False where there is no room."""
        if len(self._parcels) >= _PARCELS or self._bytes + len(parcel.data) > _BYTES:
            return False
        self._parcels[parcel.id] = parcel
        self._bytes += len(parcel.data)
        return True

    def offer(self, parcel: Parcel, via: Via, pieces: list[bytes]) -> bool:
        """A next hop for a parcel. Whether it may be sent at once; else it waits for its turn."""
        parcel.via, parcel.tries = via, 0
        parcel.pieces, parcel.frames = dict(enumerate(pieces)), len(pieces)
        if self._busy.get(via, 0) >= _WINDOW:
            self._queues.setdefault(via, deque()).append(parcel)
            return False
        self._busy[via] = self._busy.get(via, 0) + parcel.frames
        return True

    def sent(self, parcel: Parcel, index: int, counter: int, now: int, due: int) -> None:
        """A piece went out under this counter."""
        assert parcel.via is not None
        self._sent[parcel.via[1], counter] = (parcel, index)
        parcel.sent, parcel.due = now, due

    def acknowledged(self, via: Via, counter: int) -> Parcel | None:
        """A neighbour has a piece; the parcel, where that was its last."""
        found = self._sent.get((via[1], counter))
        if found is None or found[0].via != via:
            return None
        del self._sent[via[1], counter]
        parcel, index = found
        if parcel.pieces.pop(index, None) is not None:
            parcel.tries = 0
        return None if parcel.pieces else parcel

    def release(self, parcel: Parcel) -> list[Parcel]:
        """The parcel has no next hop any more; those that waited for its place and are to be sent now."""
        via = parcel.via
        if via is None:
            return []
        parcel.via = None
        for key in [key for key, (other, _) in self._sent.items() if other is parcel]:
            del self._sent[key]
        queue = self._queues.get(via)
        if queue and parcel in queue:
            queue.remove(parcel)
            return []
        busy, following = self._busy[via] - parcel.frames, []
        while queue and busy < _WINDOW:
            following.append(queue.popleft())
            busy += following[-1].frames
        if not queue:
            self._queues.pop(via, None)
        if busy:
            self._busy[via] = busy
        else:
            del self._busy[via]
        return following

    def remove(self, parcel: Parcel) -> None:
        """Custody is over."""
        if self._parcels.pop(parcel.id, None) is not None:
            self._bytes -= len(parcel.data)

    def due(self, now: int) -> list[Parcel]:
        """Parcels whose acknowledgement did not come in time."""
        return list(dict.fromkeys(parcel for parcel, _ in self._sent.values() if parcel.due <= now))

    def held_by(self, via: Via) -> list[Parcel]:
        """Parcels that are offered to a neighbour, or wait for it."""
        return [parcel for parcel in self._parcels.values() if parcel.via == via]
