# SPDX-License-Identifier: GPL-3.0-or-later
"""Two that speak to one chip on an I2C bus: neither knows what the other has told it, nor what it reads."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from ganglion.errors import InvalidError
from ganglion.linux.i2c_bus import joined

if TYPE_CHECKING:
    from ganglion.sensors.sensor import Sensor

#: A chip: the path of its bus, and its address there.
At = tuple[str, int]


def keep_off(chip: At, actuators: Mapping[str, At], *, where: str) -> None:
    """Returns where a sensor's chip is no actuator's: to those the guardian alone writes.

    Args:
        actuators: Name to chip.
        where: What begins the complaint.

    Raises:
        InvalidError: it is.
    """
    for name, (bus, address) in actuators.items():
        if address == chip[1] and joined(bus, chip[0]):
            said = f"{_text(chip)} is the chip of the actuator {name}, to which the guardian alone writes"
            raise InvalidError(f"{said}: name the bus and the address of the sensor", where=f"{where}.address")


def agree(sensors: Iterable["Sensor"]) -> None:
    """Returns where no two sensors take one chip for different kinds.

    Raises:
        InvalidError: two do.
    """
    chips = [(sensor, chip) for sensor in sensors if (chip := sensor.source.chip) is not None]
    for (one, at), (other, there) in combinations(chips, 2):
        if one.kind != other.kind and at[1] == there[1] and joined(at[0], there[0]):
            said = f"{_text(there)} is a {one.kind} for the sensor {one.name} and a {other.kind} for this one"
            raise InvalidError(f"{said}: correct the kind or the address of one", where=f"sensor.{other.name}.address")


def _text(chip: At) -> str:
    return f"0x{chip[1]:02x} on {chip[0]}"
