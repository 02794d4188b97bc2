# SPDX-License-Identifier: GPL-3.0-or-later
"""Which records were asked of which neighbour, so that what never comes is asked for ever more rarely."""

from collections.abc import Callable
from dataclasses import dataclass

from ganglion.mesh.overlay.routes import Via
from ganglion.units import MILLISECOND

#: Between two questions. After the first few, for answers get lost, each waits twice as long, up to 256 times.
_PAUSE = 150 * MILLISECOND
_PATIENT = 4
_BACKOFF = 8
#: Who was not asked for so long is asked as for the first time.
_FORGET = 2 * (_PAUSE << _BACKOFF)
_LIMIT = 512
#: How long a neighbour has to answer before another one is asked for what all of them have.
_TURN = 900 * MILLISECOND


@dataclass(slots=True)
class _Want:
    at: int
    times: int


class Wants:
    """The questions of one node that are open."""

    def __init__(self) -> None:
        self._open: dict[tuple[bytes, Via], _Want] = {}

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, kid: bytes, via: Via, now: int) -> bool:
        """Whether a neighbour is to be asked now; that it is counts."""
        want = self._open.get((kid, via))
        times = 0 if want is None or now - want.at > _FORGET else want.times
        if want is not None and now - want.at < _PAUSE << min(max(0, times - _PATIENT), _BACKOFF):
            return False
        self._open.pop((kid, via), None)
        if len(self._open) >= _LIMIT:
            del self._open[next(iter(self._open))]
        self._open[kid, via] = _Want(now, times + 1)
        return True

    def turn(self, kid: bytes, via: Via, now: int) -> bool:
        """Whether this neighbour may be asked for what every other has too, and may be large: one is, at a time."""
        asked = ((want.at, other) for (wanted, other), want in self._open.items() if wanted == kid)
        at, last = max(asked, default=(now - _TURN, via))
        return last == via or now - at >= _TURN

    def answered(self, kid: bytes) -> None:
        """It is here: who wants the next one asks at once."""
        self._remove(lambda key: key[0] == kid)

    def drop(self, via: Via) -> None:
        """A neighbour is gone: when it is back, it may have what it had not."""
        self._remove(lambda key: key[1] == via)

    def _remove(self, which: Callable[[tuple[bytes, Via]], bool]) -> None:
        for key in [key for key in self._open if which(key)]:
            del self._open[key]
