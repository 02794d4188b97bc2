# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of actuator has to bring, and the `[actuator.<name>]` keys that all kinds share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ganglion.settings import duration_field


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What every `[actuator.<name>]` may have.

    With `low` and `high` it takes numbers, with `values` those, otherwise true and false.

    Attributes:
        driver: `file`.
        low, high: Range of the number.
        values: All that it may be told, as a selector's positions.
        max_step: Largest change of the number by one command.
        rate: Largest change of the number in a second.
        min_on, min_off: It stays on, and off, at least this long.
        max_on: It is switched off after this long.
        off: The value that counts as off; false, 0, or what of `low` and `values` is first, unless given.
        fail_safe: Its value at the start, at the stop, and when nobody's command holds; `off` unless given.
        requires: Actuators that must be on while it is.
        excludes: Actuators that are never on together with it.
        risk: `read`, `low`, `confirm` or `never`: what a language model's step may cause.
    """

    driver: str
    low: float | None = None
    high: float | None = None
    values: tuple[Any, ...] = ()
    max_step: float | None = None
    rate: float | None = None
    min_on: int = duration_field("0s")
    min_off: int = duration_field("0s")
    max_on: int | None = field(default=None, metadata={"duration": True})
    off: Any = None
    fail_safe: Any = None
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    risk: str = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a section stands: what begins its complaints, and what makes its paths absolute."""

    where: str
    resolve: Callable[[str], Path]


class Driver(Protocol):
    """What moves. Both methods run on a thread and may block."""

    def write(self, value: Any) -> None:
        """Makes it so.

        Raises:
            OSError: it did not reach the thing.
        """
        ...

    def read(self) -> Any | None:
        """The value that the thing says it has; None where it cannot say.

        Raises:
            OSError: it did not answer.
        """
        ...
