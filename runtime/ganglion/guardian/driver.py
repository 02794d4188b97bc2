# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of actuator has to bring, and the `[actuator.<name>]` keys that all kinds share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ganglion.errors import InvalidError
from ganglion.guardian.raw import Raw
from ganglion.settings import duration_field

if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What every `[actuator.<name>]` may have.

    With `low` and `high` it takes numbers, with `values` those, otherwise true and false.

    Attributes:
        driver: `file`, `gpio`, `pca9685`, `pcf8574`, `pwm` or `sim`.
        low, high: Range of the number.
        values: All that it may be told, as a selector's positions.
        max_step: Largest change of the number by one command.
        rate: Largest change of the number in a second.
        min_on, min_off: It stays on, and off, at least this long.
        max_on: It is switched off after this long.
        off: The value that counts as off; false, 0, or what of `low` and `values` is first, unless given.
        quiet_hours: Local times of day, as in `["22:00-07:00"]`, in which it may not be on.
        quiet_max: In quiet hours it may be on, up to this number.
        max_silence: An owner that has not renewed its command for this long is silent, and its command ends.
        fail_safe: Its value at the start, at the stop, and when nobody's command holds; `off` unless given.
        requires: Actuators that must be on while it is.
        excludes: Actuators that are never on together with it.
        risk: `read`, `low`, `confirm` or `never`: what a language model's step may cause.
        consent_within: How long a person has to agree, where the risk is `confirm`; an hour at most.
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
    quiet_hours: tuple[str, ...] = ()
    quiet_max: float | None = None
    max_silence: int | None = field(default=None, metadata={"duration": True})
    off: Any = None
    fail_safe: Any = None
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    risk: str = "low"
    consent_within: int = duration_field("2m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a section stands.

    Attributes:
        where: What begins its complaints.
        resolve: Makes its paths absolute.
        i2c: Opens `/dev/i2c-N`.
        shared: What actuators on one chip have in common, by the chip.
    """

    where: str
    resolve: Callable[[str], Path]
    i2c: "Callable[[str], I2C]"
    shared: dict[tuple[Any, ...], Any]


def claim(place: Place, thing: tuple[Any, ...], name: str, key: str) -> None:
    """Has a thing be one actuator's: the limits of one would not hold for the other.

    Args:
        thing: What tells it from all others.
        name: What a complaint calls it.
        key: Of the table that names it.

    Raises:
        InvalidError: another has it.
    """
    if thing in place.shared:
        raise InvalidError(f"{name} is another actuator's", where=f"{place.where}.{key}")
    place.shared[thing] = None


class Driver(Protocol):
    """What moves. `write` and `read` run on a thread and may block; as text it is where the thing is, for people."""

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

    def forget(self) -> None:
        """Another has written to the thing: nothing counts that was known of what it was told."""
        ...

    def raw(self, value: Any) -> Sequence[Raw]:
        """What another process must write so that it has the value. Does not block.

        Raises:
            OSError: there is no way to the thing yet.
        """
        ...
