# SPDX-License-Identifier: GPL-3.0-or-later
"""When a member says what it holds, and to whom, so that many cost little: soon after news, ever more rarely in peace.

A node says it to the gateway alone while that answers. Without one, whoever has heard another say the same keeps quiet
(RFC 6206 with a redundancy constant of 1). A gateway always speaks: nodes wait for it.
"""

from collections.abc import Callable

from ganglion.mesh.overlay.trickle import Trickle
from ganglion.units import SECOND

_SHORTEST = SECOND
_LONGEST = 512 * SECOND
#: In this time another's hello that differs hurries ours once only: two that never agree stay quiet.
_HURRY = 30 * SECOND


class Hellos:
    """Those of one member. Times are nanoseconds of any clock that never goes back.

    Args:
        random: Uniform in [0, 1).
    """

    def __init__(self, random: Callable[[], float], now: int) -> None:
        self._trickle = Trickle(random, now, shortest=_SHORTEST, longest=_LONGEST)
        self._hurried = now - _HURRY
        self._same = False  # somebody has said what we hold, since we last would have
        self._asked = 0  # hellos to the gateway since it was heard

    @property
    def due(self) -> int:
        """When to call `spoken`."""
        return self._trickle.due

    def met(self, now: int) -> None:
        """There is a way to others that was not there before."""
        self._asked = 0
        self.news(now)

    def news(self, now: int) -> None:
        """What this member holds has changed."""
        self._same = False
        self._trickle.reset(now)

    def heard(self, same: bool, now: int) -> None:
        """Another has said what it holds."""
        if same:
            self._same = True
        elif now - self._hurried >= _HURRY:
            self._hurried = now
            self._trickle.reset(now)

    def answered(self) -> None:
        """The gateway is there."""
        self._asked = 0

    def spoken(self, *, gateway: bool | None) -> bool | None:
        """It was due: whether to ask the gateway (true), to tell everyone (false), or to say nothing (None).

        Args:
            gateway: Whether one is known; None where this member is one.
        """
        self._trickle.spoken()
        same, self._same = self._same, False
        if gateway is None:
            return False
        if same:
            return None
        if gateway and not self._asked:
            self._asked += 1
            return True
        return False
