# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at limits of a fleet before they are signed: no node can ask back what was meant."""

import dataclasses
from importlib import import_module

from ganglion.errors import InvalidError
from ganglion.guardian.actuator import DRIVERS
from ganglion.guardian.restriction import Restriction
from ganglion.mesh.fleet_limits import FleetLimits
from ganglion.settings import nearest, read


def verify(fleet: FleetLimits, *, where: str = "limits") -> None:
    """Returns where every node of this version understands them; whether they fit what a node has, it alone knows.

    Raises:
        InvalidError: a key is unknown or its value is none; named as in `limits.limit[0].max_on`.
    """
    sections = [import_module(module).SECTION for module in DRIVERS.values()]
    known = {"name"} | {field.name for section in sections for field in dataclasses.fields(section)}
    for i, limit in enumerate(fleet.limits):
        made = read(Restriction, limit.table, f"{where}.limit[{i}]")
        for key in made.where:
            if key not in known:
                raise InvalidError(
                    f"no actuator has this key{nearest(key, known)}", where=f"{where}.limit[{i}].where.{key}"
                )
        driver = made.where.get("driver", "sim")
        if driver not in DRIVERS:
            raise InvalidError(
                f"there is no driver {driver!r}{nearest(str(driver), DRIVERS)}",
                where=f"{where}.limit[{i}].where.driver",
            )
