# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's configuration: one TOML file, read once, into one tree. The only reader of that file.

[node]
name = "fridge"
scripts = ["fridge.yaml"]

[mqtt]
broker = "mqtt://192.0.2.1:1883"

[mesh]
enrol_key_file = "enrol.key"

[sensor.fridge]
kind = "bme280"
bus = "/dev/i2c-1"
every = "1s"

[actuator.buzzer]
driver = "file"
path = "/sys/class/leds/buzzer/brightness"

[[report]]
topic = "sensor/fridge/#"
change = 0.2
"""

import math
import os
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, NotFoundError
from ganglion.settings import duration_field, read

#: A node's, sensor's or actuator's name: it becomes a level of an MQTT topic.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSection:
    """`[node]`.

    Attributes:
        name: What people call the node: letters, digits, `_` and `-`, at most 40.
        board: A board of `boards/`, for what the node can do.
        scripts: MOVA documents, beside the configuration file unless absolute.
    """

    name: str
    board: str = "generic-x86-64"
    scripts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} must be 1 to 40 letters, digits, _ or -")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSection:
    """`[mqtt]`.

    Attributes:
        broker: `mqtt://[user:password@]host[:port]`, or `mqtts://` for TLS.
    """

    broker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshSection:
    """`[mesh]`. With neither key, a node that has no credential yet stays out of any mesh until it is given one.

    Attributes:
        enrol_key: The text `gk1_…` that `ganglion enrol-key create` printed.
        enrol_key_file: A file that holds it, beside the configuration file unless absolute.
    """

    enrol_key: str | None = None
    enrol_key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """`[[report]]`: readings that the node sends to the gateway. Without any such table it sends all.

    Attributes:
        topic: An MQTT filter of topics below `sensor/`.
        type: A filter of event types, as in `signal.input.external.*`; "" for any.
        where: A filter on events, as `ganglion watch --where` takes it.
        change: A number is sent when it is farther than this from the one of its topic that was sent last.
        sample: The time that a reading waits for a later one of its topic; the latest is sent at its end.
    """

    topic: str = "sensor/#"
    type: str = ""
    where: dict[str, Any] | None = None
    change: float | None = None
    sample: int = duration_field("0s")

    def __post_init__(self) -> None:
        if self.change is not None and not 0 <= self.change < math.inf:
            raise ValueError(f"change is 0 or more, not {self.change:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    node: dict[str, Any]
    mqtt: dict[str, Any] | None = None
    mesh: dict[str, Any] | None = None
    sensor: dict[str, Any] = field(default_factory=dict)
    actuator: dict[str, Any] = field(default_factory=dict)
    report: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What one node is told.

    Attributes:
        path: The file it came from; relative names in it start at this file's folder.
        node: Name, board, scripts.
        mqtt: The broker; None for a node that works alone.
        mesh: How it joins; None for a node that only speaks plain MQTT.
        sensors: Name of a sensor to its table, which `ganglion.sensors` reads.
        actuators: Name of an actuator to its table, which `ganglion.guardian` reads.
        reports: Which readings it sends; all where there is none.
    """

    path: Path
    node: NodeSection
    mqtt: MqttSection | None
    mesh: MeshSection | None
    sensors: dict[str, dict[str, Any]]
    actuators: dict[str, dict[str, Any]]
    reports: tuple[ReportSection, ...] = ()

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


def load(path: Path) -> Config:
    """Reads a node's configuration.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is not TOML (line and column are named), or a key is unknown, missing or of another type.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(str(error), where=str(path)) from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(f"not TOML: {error}", where=str(path)) from None
    where = f"{path}: "
    if isinstance(table.get("report"), dict):
        raise InvalidError("write [[report]] with two brackets: there may be several", where=f"{where}report")
    file = read(_File, table, where)
    return Config(
        path=path.absolute(),
        node=read(NodeSection, file.node, f"{where}node"),
        mqtt=None if file.mqtt is None else read(MqttSection, file.mqtt, f"{where}mqtt"),
        mesh=None if file.mesh is None else read(MeshSection, file.mesh, f"{where}mesh"),
        sensors=_named_tables(file.sensor, f"{where}sensor"),
        actuators=_named_tables(file.actuator, f"{where}actuator"),
        reports=tuple(read(ReportSection, table, f"{where}report[{i}]") for i, table in enumerate(file.report)),
    )


def override(config: Config, *, broker: str | None, enrol_key_file: Path | None) -> Config:
    """The same configuration with what the command line says in its place."""
    if broker is not None:
        config = replace(config, mqtt=MqttSection(broker=broker))
    if enrol_key_file is not None:
        config = replace(config, mesh=MeshSection(enrol_key_file=str(enrol_key_file.absolute())))
    return config


def state_folder() -> Path:
    """Where Ganglion keeps state: `$XDG_STATE_HOME/ganglion` or `~/.local/state/ganglion` (XDG Base Directory 0.8)."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "ganglion"


def _named_tables(table: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    for name, section in table.items():
        if not _NAME.fullmatch(name):
            raise InvalidError("a name is 1 to 40 letters, digits, _ or -", where=f"{where}.{name}")
        if not isinstance(section, dict):
            raise InvalidError(f"must be a table: write [{where.rpartition(' ')[2]}.{name}]", where=f"{where}.{name}")
    return table
