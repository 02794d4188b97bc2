# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver `sim`: a value in memory, for laptops and tests. Nothing moves, so that nothing is left to make safe."""

from collections.abc import Sequence
from typing import Any

from ganglion.guardian.driver import Driver, Place, Section
from ganglion.guardian.raw import Raw

SECTION = Section


def driver(section: Section, place: Place) -> Driver:
    """The value."""
    return Sim()


class Sim:
    """Takes everything, and shows it."""

    def __init__(self) -> None:
        self._value: Any = None

    def write(self, value: Any) -> None:
        self._value = value

    def read(self) -> Any | None:
        return self._value

    def forget(self) -> None:
        """Nobody else writes to it."""

    def raw(self, value: Any) -> Sequence[Raw]:
        return []
