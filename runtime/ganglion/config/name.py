# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node, a sensor, an actuator or a lent port may be called, for each name becomes a level of an MQTT topic."""

import re
from typing import Any

from ganglion.errors import InvalidError

#: A node's, sensor's or actuator's name: it becomes a level of an MQTT topic.
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


def named_tables(table: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """The tables below one, each of which has a name.

    Raises:
        InvalidError: a name is none, or what it names is no table.
    """
    for name, section in table.items():
        if not NAME.fullmatch(name):
            raise InvalidError("a name is 1 to 40 letters, digits, _ or -", where=f"{where}.{name}")
        if not isinstance(section, dict):
            raise InvalidError(f"must be a table: write [{where.rpartition(' ')[2]}.{name}]", where=f"{where}.{name}")
    return table
