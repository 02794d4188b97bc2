# SPDX-License-Identifier: GPL-3.0-or-later
"""How long to wait before trying again: exponential, with full jitter. It knows no clock and never sleeps.

Full jitter spreads the clients of a broker that came back evenly, so that a thousand nodes do not arrive at
once (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from random import Random

#: Seconds after which a connection proves that it works. A shorter one does not reset a backoff: two clients that take
#: each other's identifier away would otherwise do so five times a second.
STABLE = 5.0


class Backoff:
    """Delays that grow from attempt to attempt.

    Args:
        base: Seconds; the first delay is between 0 and this.
        cap: Seconds; no delay is longer.
        rng: Where chance comes from; a seeded one makes a test repeatable.

    Raises:
        ValueError: not 0 < base <= cap.
    """

    def __init__(self, *, base: float = 0.2, cap: float = 30.0, rng: Random | None = None) -> None:
        if not 0 < base <= cap:
            raise ValueError(f"backoff needs 0 < base <= cap, not base {base} and cap {cap}")
        self._base = base
        self._cap = cap
        self._rng = rng or Random()
        self._ceiling = base

    def delay(self, *, grow: bool = True) -> float:
        """Seconds before the next attempt: between 0 and a bound, which doubles with each call that may `grow`."""
        ceiling = self._ceiling
        if grow:
            self._ceiling = min(2 * ceiling, self._cap)
        return self._rng.uniform(0.0, ceiling)

    def refused(self) -> float:
        """Seconds to wait when the answer was no: half the cap at least, for asking again does not make it a yes."""
        self._ceiling = self._cap
        return self._rng.uniform(self._cap / 2, self._cap)

    def reset(self) -> None:
        """It worked: the next delay is short again."""
        self._ceiling = self._base
