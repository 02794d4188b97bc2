# SPDX-License-Identifier: GPL-3.0-or-later
"""How often something may happen: a token bucket each. Pure: time is an argument."""


class Rates:
    """Token buckets by name; one is full when it is first asked for."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and when that was

    def wait(self, name: str, *, per_minute: int, now: float) -> float:
        """Seconds until it may happen; 0 where it may now, and then it has. `now` is in monotonic seconds."""
        left, then = self._buckets.get(name, (float(per_minute), now))
        left = min(float(per_minute), left + (now - then) * per_minute / 60)
        if left < 1:
            self._buckets[name] = (left, now)
            return (1 - left) * 60 / per_minute
        self._buckets[name] = (left - 1, now)
        return 0.0

    def forget(self, name: str) -> None:
        """It is gone."""
        self._buckets.pop(name, None)
