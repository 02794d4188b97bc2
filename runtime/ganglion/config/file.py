# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the file: which tables it may have, and each into its section; what is wrong is named with its place."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.config.console import ConsoleSection
from ganglion.config.mesh import MeshSection
from ganglion.config.mqtt import MqttSection, urls
from ganglion.config.name import named_tables
from ganglion.config.node import NodeSection
from ganglion.config.report import ReportSection
from ganglion.config.tree import Config
from ganglion.errors import InvalidError, NotFoundError, unread
from ganglion.settings import read

if TYPE_CHECKING:
    from ganglion.config.bridge import BridgeSection
    from ganglion.config.history import HistorySection
    from ganglion.config.leaves import LeavesSection
    from ganglion.config.serial import SerialSection


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    node: dict[str, Any]
    mqtt: dict[str, Any] | None = None
    mesh: dict[str, Any] | None = None
    leaves: dict[str, Any] | None = None
    sensor: dict[str, Any] = field(default_factory=dict)
    actuator: dict[str, Any] = field(default_factory=dict)
    report: tuple[dict[str, Any], ...] = ()
    limit: tuple[dict[str, Any], ...] = ()
    bridge: dict[str, Any] | None = None
    history: dict[str, Any] | None = None
    console: dict[str, Any] = field(default_factory=dict)
    serial: dict[str, Any] = field(default_factory=dict)


def load(path: Path, over: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> Config:
    """Reads a node's configuration.

    Args:
        over: Makes the tables that hold of those in the file.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is not TOML (line and column are named), or a key is unknown, missing or of another type.
    """
    table = _toml(path)
    return of_table(table if over is None else over(table), path, over)


def of_table(
    table: dict[str, Any], path: Path, over: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> Config:
    """The configuration in tables that were read already. Raises: see `load`."""
    where = f"{path}: "
    for name in ("report", "limit"):
        if isinstance(table.get(name), dict):
            raise InvalidError(f"write [[{name}]] with two brackets: there may be several", where=f"{where}{name}")
    file = read(_File, table, where)
    bridge = _bridge(file.bridge, where)
    return Config(
        path=path.absolute(),
        node=read(NodeSection, file.node, f"{where}node"),
        brokers=() if file.mqtt is None else urls(read(MqttSection, file.mqtt, f"{where}mqtt").broker, path, "mqtt"),
        mesh=None if file.mesh is None else read(MeshSection, file.mesh, f"{where}mesh"),
        sensors=named_tables(file.sensor, f"{where}sensor"),
        actuators=named_tables(file.actuator, f"{where}actuator"),
        reports=tuple(read(ReportSection, table, f"{where}report[{i}]") for i, table in enumerate(file.report)),
        leaves=_leaves(file.leaves, where),
        bridge=bridge,
        bridge_brokers=() if bridge is None or bridge.broker is None else urls(bridge.broker, path, "bridge"),
        history=_history(file.history, where),
        console=read(ConsoleSection, file.console, f"{where}console"),
        serial=_serial(file.serial, where),
        limits=file.limit,
        over=over,
    )


# Sections that few nodes have are loaded where they stand in the file: each costs memory.


def _bridge(table: dict[str, Any] | None, where: str) -> "BridgeSection | None":
    if table is None:
        return None
    from ganglion.config.bridge import BridgeSection

    return read(BridgeSection, table, f"{where}bridge")


def _leaves(table: dict[str, Any] | None, where: str) -> "LeavesSection | None":
    if table is None:
        return None
    from ganglion.config.leaves import LeavesSection

    return read(LeavesSection, table, f"{where}leaves")


def _history(table: dict[str, Any] | None, where: str) -> "HistorySection | None":
    if table is None:
        return None
    from ganglion.config.history import HistorySection

    return read(HistorySection, table, f"{where}history")


def _serial(tables: dict[str, Any], where: str) -> "dict[str, SerialSection]":
    if not tables:
        return {}
    from ganglion.config.serial import SerialSection

    named = named_tables(tables, f"{where}serial").items()
    return {name: read(SerialSection, table, f"{where}serial.{name}") for name, table in named}


def sensor_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables `[sensor.<name>]` of a file by name, whatever else is in it or is not.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is not TOML, or has no such table.
    """
    tables = _toml(path).get("sensor")
    if not isinstance(tables, dict) or not tables:
        raise InvalidError("has no sensor: write a table [sensor.NAME] with its kind", where=str(path))
    return named_tables(tables, f"{path}: sensor")


def actuator_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables `[actuator.<name>]` of a file by name, whatever else is in it or is not.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is not TOML, or has something else there.
    """
    tables = _toml(path).get("actuator", {})
    if not isinstance(tables, dict):
        raise InvalidError("must be tables [actuator.NAME]", where=f"{path}: actuator")
    return named_tables(tables, f"{path}: actuator")


def _toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=str(path)) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(f"not TOML: {error}", where=str(path)) from None
