# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts fragments together again, within a bound a neighbour and a time."""

from dataclasses import dataclass, field

from ganglion.mesh.overlay import frame
from ganglion.mesh.overlay.frame import FrameError
from ganglion.units import SECOND

#: Bodies of one neighbour that may be incomplete at a time, and their bytes: four of the largest. With a full table of
#: neighbours, each of them hostile, that is 16 MiB on a link.
_PER_NEIGHBOUR = 32
_BYTES = 256 * 1024
_LIFETIME = 10 * SECOND

_Key = tuple[int, bytes]


@dataclass(slots=True)
class _Partial:
    count: int
    heard: int
    size: int = 0
    pieces: dict[int, bytes] = field(default_factory=dict)


class Reassembly:
    """The incomplete bodies of one neighbour. Only authenticated fragments get here."""

    __slots__ = ("_bytes", "_partial")

    def __init__(self) -> None:
        self._partial: dict[_Key, _Partial] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._partial)

    @property
    def size(self) -> int:
        """Bytes of the pieces that are held."""
        return self._bytes

    def add(self, kind: int, piece: frame.Piece, now: int) -> bytes | None:
        """The whole body, once the last of its fragments is there.

        Raises:
            FrameError: together they are more than any body has.
        """
        key = (kind, piece.identity)
        partial = self._partial.get(key)
        if partial is None or partial.count != piece.total:
            self._drop(key)
            self.expire(now)
            partial = self._partial[key] = _Partial(piece.total, now)
        more = len(piece.data) - len(partial.pieces.get(piece.place, b""))
        if partial.size + more > frame.MAX_BODY:
            self._drop(key)
            raise FrameError(f"fragments of more than the {frame.MAX_BODY} bytes that a body has")
        partial.pieces[piece.place] = piece.data
        partial.heard = now
        partial.size += more
        self._bytes += more
        while len(self._partial) > _PER_NEIGHBOUR or self._bytes > _BYTES:
            self._drop(next(other for other in self._partial if other != key))
        if len(partial.pieces) < partial.count:
            return None
        self._drop(key)
        return b"".join(partial.pieces[i] for i in range(partial.count))

    def _drop(self, key: _Key) -> None:
        partial = self._partial.pop(key, None)
        if partial is not None:
            self._bytes -= partial.size

    def expire(self, now: int) -> None:
        """Forgets what was never completed."""
        for key in [key for key, partial in self._partial.items() if now - partial.heard > _LIFETIME]:
            self._drop(key)
