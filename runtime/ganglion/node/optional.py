# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that few nodes have, each loaded where the configuration asks for it: it costs memory."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.bus import Bus
from ganglion.config import Config
from ganglion.errors import InvalidError
from ganglion.mesh.client import MeshClient

if TYPE_CHECKING:
    from ganglion.history import History
    from ganglion.node.bridged import Bridged
    from ganglion.node.parenthood import Parenthood

#: Sends a reading to the gateway: stream, value, time, topic on the bus.
Publish = Callable[[str, Any, int, str], None]


def history(config: Config, state: Path, bus: Bus, now: Callable[[], int]) -> "History | None":
    """What the node keeps of its bus; None where it keeps nothing.

    Args:
        now: Nanoseconds since the Unix epoch.
    """
    section = config.history
    if section is None:
        return None
    from ganglion.history import History

    return History(
        bus,
        state / "history",
        topics=section.topics,
        limit=section.bytes,
        age=section.age,
        sync=section.sync,
        now=now,
    )


def bridge(config: Config, bus: Bus, now: Callable[[], int], publish: Publish) -> "Bridged | None":
    """Its way to devices of third parties; None where it reads none.

    Raises:
        InvalidError: no broker is named.
    """
    section = config.bridge
    if section is None:
        return None
    brokers = config.bridge_brokers or config.brokers
    if not brokers:
        raise InvalidError("set bridge.broker, or mqtt.broker", where=f"{config.path}: bridge")
    from ganglion.node.bridged import Bridged

    return Bridged(bus, now, brokers, section, publish)


def parenthood(
    config: Config, state: Path, mesh: MeshClient | None, bus: Bus, now: Callable[[], int], publish: Publish
) -> "Parenthood | None":
    """Its part as the parent of devices that cannot sign; None where it has none.

    Raises:
        InvalidError: it is in no mesh.
    """
    section = config.leaves
    if section is None:
        return None
    from ganglion.node.parenthood import Parenthood

    if mesh is None:
        raise InvalidError("leaves need a parent that is in a mesh: write [mesh], too", where=f"{config.path}: leaves")
    return Parenthood(section, state=state, mesh=mesh, bus=bus, publish=publish, clock=now)
