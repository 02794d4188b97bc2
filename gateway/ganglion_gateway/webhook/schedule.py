# SPDX-License-Identifier: GPL-3.0-or-later
"""When one endpoint is tried next, and when a message is given up. No I/O: time and outcomes in, decisions out.

Messages go in order, one at a time: what fails is tried again before anything behind it. The pause between attempts
belongs to the endpoint, so that a message that is given up does not make the next one hammer a server that is down.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ganglion.units import SECOND


class Fate(Enum):
    """What becomes of a message after an attempt."""

    DELIVERED = "delivered"
    AGAIN = "again"
    DEAD = "dead"


class Circuit(Enum):
    """Whether an endpoint is thought to answer."""

    CLOSED = "closed"  # it does, or it is too early to tell
    OPEN = "open"  # it does not: nothing is sent before `due`
    HALF_OPEN = "half_open"  # `due` has come: one attempt decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient the gateway is.

    Attributes:
        first: Nanoseconds between the first attempt and the second; doubled after each.
        longest: The longest pause, and the most that a `Retry-After` may ask for.
        jitter: Share of a pause that is drawn by lot, 0 to 1, so that endpoints that fell together do not return so.
        attempts: After so many a message is dead: 14 hours with these pauses.
        age: Nanoseconds; a message older than this is dead after its next failure.
        breaker: Failures in a row that open the circuit.
        rest: The least that an open circuit waits.
    """

    first: int = SECOND
    longest: int = 3600 * SECOND
    jitter: float = 0.25
    attempts: int = 25
    age: int = 3 * 86400 * SECOND
    breaker: int = 5
    rest: int = 15 * SECOND

    def __post_init__(self) -> None:
        if not (0 < self.first <= self.longest and 0 <= self.jitter <= 1 and self.attempts > 0 and self.breaker > 0):
            raise ValueError(f"no policy: {self}")

    def pause(self, failures: int, lot: float) -> int:
        """Nanoseconds after so many failures in a row; `lot` is drawn from 0 to 1."""
        doubled = min(self.longest, self.first << min(failures - 1, 40))
        pause = round(doubled * (1 - self.jitter * lot))
        return max(pause, self.rest) if failures >= self.breaker else pause


class Schedule:
    """One endpoint.

    Args:
        policy: See there.
        failures: Attempts of the message that waits first, from before a restart.
        due: When it was to be tried, from before a restart.
        lot: Draws from 0 to 1.

    Attributes:
        failures: Attempts in a row that failed, over all messages.
        due: Nanoseconds since the Unix epoch; nothing is sent before.
    """

    def __init__(
        self, policy: Policy, *, failures: int = 0, due: int = 0, lot: Callable[[], float] = random.random
    ) -> None:
        self._policy = policy
        self._lot = lot
        self.failures = failures
        self.due = due if failures else 0

    def circuit(self, now: int) -> Circuit:
        """The state that people see."""
        if self.failures < self._policy.breaker:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.due else Circuit.HALF_OPEN

    def expired(self, created: int, now: int) -> bool:
        """Whether a message is to be given up untried: the endpoint does not answer, and it has waited too long."""
        return self.failures >= self._policy.breaker and now - created >= self._policy.age

    def delivered(self) -> Fate:
        """The endpoint took a message."""
        self.failures = self.due = 0
        return Fate.DELIVERED

    def failed(self, *, attempts: int, created: int, now: int, retry_after: int | None = None) -> Fate:
        """An attempt failed: when to try next is `due` from then on.

        Args:
            attempts: Of this message, with this one.
            created: When the message was written.
            retry_after: Nanoseconds that the endpoint asked for.
        """
        self.failures += 1
        pause = self._policy.pause(self.failures, self._lot())
        if retry_after is not None:
            pause = max(pause, min(retry_after, self._policy.longest))
        self.due = now + pause
        if attempts >= self._policy.attempts or now - created >= self._policy.age:
            return Fate.DEAD
        return Fate.AGAIN
