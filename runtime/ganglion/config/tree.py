# SPDX-License-Identifier: GPL-3.0-or-later
"""What one node is told, as one tree: what the file says, read and checked; and what two such trees differ in."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.config.console import ConsoleSection
from ganglion.config.mesh import MeshSection
from ganglion.config.node import NodeSection
from ganglion.config.report import ReportSection
from ganglion.errors import NotFoundError
from ganglion.mqtt.url import BrokerUrl

if TYPE_CHECKING:
    from ganglion.config.bridge import BridgeSection
    from ganglion.config.history import HistorySection
    from ganglion.config.leaves import LeavesSection
    from ganglion.config.serial import SerialSection


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What one node is told.

    Attributes:
        path: The file it came from; relative names in it start at this file's folder.
        node: Name, board, scripts.
        brokers: Addresses of the broker; none for a node that works alone.
        mesh: How it joins; None for a node that only speaks plain MQTT.
        sensors: Name of a sensor to its table, which `ganglion.sensors` reads.
        actuators: Name of an actuator to its table, which `ganglion.guardian` reads.
        reports: Which readings it sends; all where there is none.
        leaves: Where it hears devices that cannot sign; None where it has none.
        bridge: What of third parties it reads; None for nothing.
        bridge_brokers: Addresses of their broker; none where it is the node's own.
        history: What it keeps of its bus; None for nothing.
        console: What people may do at its console.
        serial: Name of a serial port to how it is lent.
        limits: Tables `[[limit]]`, which limit its actuators further; `ganglion.guardian` reads them.
        over: What lies over the file, as a release has it; the file is read with it again.
    """

    path: Path
    node: NodeSection
    brokers: tuple[BrokerUrl, ...]
    mesh: MeshSection | None
    sensors: dict[str, dict[str, Any]]
    actuators: dict[str, dict[str, Any]]
    reports: tuple[ReportSection, ...] = ()
    leaves: "LeavesSection | None" = None
    bridge: "BridgeSection | None" = None
    bridge_brokers: tuple[BrokerUrl, ...] = ()
    history: "HistorySection | None" = None
    console: ConsoleSection = ConsoleSection()  # noqa: RUF009 - frozen
    serial: "dict[str, SerialSection]" = field(default_factory=dict)
    limits: tuple[dict[str, Any], ...] = ()
    over: Callable[[dict[str, Any]], dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    def resolve(self, name: str) -> Path:
        """A path of the file, made absolute against the folder of the file."""
        return (self.path.parent / name).resolve()

    def enrol_key(self) -> str | None:
        """The enrol key, from the file or the setting.

        Raises:
            NotFoundError: the file that is named does not exist.
        """
        if self.mesh is None or self.mesh.enrol_key_file is None:
            return self.mesh.enrol_key if self.mesh else None
        path = self.resolve(self.mesh.enrol_key_file)
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            raise NotFoundError(
                f"{self.path}: mesh.enrol_key_file: {path} does not exist; "
                "write the key of `ganglion enrol-key create` there"
            ) from None


def changed(before: Config, after: Config) -> list[str]:
    """What else is otherwise in a configuration that was read again, as it stands in the file: a new start takes it up.

    The broker and the enrol key are none of it, for the command line may have named others.
    """
    tables = before.actuators.keys() | after.actuators.keys()
    found = [f"actuator.{name}" for name in sorted(tables) if before.actuators.get(name) != after.actuators.get(name)]
    sections = {"node": "node", "report": "reports", "leaves": "leaves", "bridge": "bridge", "history": "history"}
    sections |= {"console": "console", "serial": "serial", "limit": "limits"}
    found += [name for name, field in sections.items() if getattr(before, field) != getattr(after, field)]
    if _without_key(before.mesh) != _without_key(after.mesh):
        found.append("mesh")
    return found


def _without_key(mesh: MeshSection | None) -> MeshSection | None:
    return None if mesh is None else replace(mesh, enrol_key=None, enrol_key_file=None)
