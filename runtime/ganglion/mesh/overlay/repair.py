# SPDX-License-Identifier: GPL-3.0-or-later
"""Broadcasts that were missed: neighbours say what they have of the last minute, and whoever lacks some pulls it.

    SUMMARY  (origin 8 | class 1 | epoch 4 | highest sequence 8 | bits 4) for each origin and class
    PULL     (origin 8 | class 1 | epoch 4 | sequence 8) for each message

Bit i of a summary is the sequence that is i below the highest. A sequence may be missing because it was no broadcast,
so the bits say what can be had, not what there was. Summaries follow a Trickle timer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import Struct

from ganglion.mesh.overlay.effects import MessageId
from ganglion.mesh.overlay.trickle import Trickle
from ganglion.mesh.overlay.update import BodyError
from ganglion.units import MILLISECOND, SECOND

_AGE = 60 * SECOND
_MESSAGES = 512
_BYTES = 512 * 1024
#: A message that was pulled and has not come is pulled again after this time, perhaps elsewhere.
_PATIENCE = SECOND // 2
_ASKED = 1024
#: A flood has passed the neighbourhood after this time; what is missing then was lost.
_SETTLED = 200 * MILLISECOND
#: Messages of one PULL.
MAX_PULL = 32

_SUMMARY = Struct(">8sBIQI")
_PULL = Struct(">8sBIQ")
_BITS = 32


@dataclass(slots=True)
class _Kept:
    data: bytes
    ttl: int
    at: int


class Repair:
    """The broadcasts of the last minute.

    Args:
        random: Uniform in [0, 1).
    """

    def __init__(self, random: Callable[[], float], now: int) -> None:
        self._kept: dict[MessageId, _Kept] = {}
        self._bytes = 0
        self._asked: dict[MessageId, int] = {}
        self.trickle = Trickle(random, now)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def deadline(self) -> int | None:
        """When to send summaries."""
        return self.trickle.due if self._kept else None

    def keep(self, identity: MessageId, data: bytes, ttl: int, now: int) -> None:
        """A broadcast that others may lack. The oldest makes room."""
        if not self._kept:
            self.trickle.start(now)  # it slept while there was nothing to say
        self._asked.pop(identity, None)
        self._kept[identity] = _Kept(data, ttl, now)
        self._bytes += len(data)
        self.trickle.reset(now)
        while len(self._kept) > _MESSAGES or self._bytes > _BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, identity: MessageId) -> None:
        self._bytes -= len(self._kept.pop(identity).data)

    def get(self, identity: MessageId) -> tuple[bytes, int] | None:
        """A message and the hops it has left."""
        kept = self._kept.get(identity)
        return None if kept is None else (kept.data, kept.ttl)

    def summaries(self, room: int, now: int) -> list[bytes]:
        """Bodies that say what can be had, without what is on its way just now.

        Args:
            room: Bytes of a body.
        """
        groups: dict[tuple[bytes, bool, int], list[int]] = {}
        for (kid, strict, epoch, seq), kept in self._kept.items():
            if now - kept.at < _SETTLED:
                continue
            groups.setdefault((kid, strict, epoch), []).append(seq)
        rows = []
        for (kid, strict, epoch), seqs in groups.items():
            left = sorted(seqs, reverse=True)
            while left:
                top = left[0]
                bits = sum(1 << top - seq for seq in left if top - seq < _BITS)
                rows.append(_SUMMARY.pack(kid, strict, epoch, top, bits))
                left = [seq for seq in left if top - seq >= _BITS]
        each = room // _SUMMARY.size
        return [b"".join(rows[at : at + each]) for at in range(0, len(rows), each)]

    def missing(self, body: bytes, have: Callable[[MessageId], bool], now: int) -> list[bytes]:
        """Bodies of PULLs for what a neighbour has and this node has not.

        Raises:
            BodyError: it is no summary.
        """
        if len(body) % _SUMMARY.size:
            raise BodyError("a summary that is cut short")
        wanted = []
        for kid, strict, epoch, top, bits in _SUMMARY.iter_unpack(body):
            for i in range(min(_BITS, top + 1)):
                identity = MessageId(kid, bool(strict), epoch, top - i)
                if bits >> i & 1 and not have(identity) and now - self._asked.get(identity, -_AGE) >= _PATIENCE:
                    wanted.append(identity)
        for identity in wanted:
            if len(self._asked) >= _ASKED:
                del self._asked[next(iter(self._asked))]
            self._asked[identity] = now
        return [pack_pull(wanted[at : at + MAX_PULL]) for at in range(0, len(wanted), MAX_PULL)]

    def expire(self, now: int) -> None:
        """Forgets what is older than a minute."""
        while self._kept:
            oldest = next(iter(self._kept))
            if now - self._kept[oldest].at <= _AGE:
                break
            self._drop(oldest)


def pack_pull(identities: Iterable[MessageId]) -> bytes:
    """The body of a PULL."""
    return b"".join(_PULL.pack(*identity) for identity in identities)


def parse_pull(body: bytes) -> list[MessageId]:
    """The messages of a PULL, at most `MAX_PULL`.

    Raises:
        BodyError: it is none.
    """
    if len(body) % _PULL.size or len(body) > MAX_PULL * _PULL.size:
        raise BodyError("a pull that is cut short, or too long")
    return [MessageId(kid, bool(strict), epoch, seq) for kid, strict, epoch, seq in _PULL.iter_unpack(body)]
