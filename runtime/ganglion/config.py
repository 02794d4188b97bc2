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

[bridge]
zigbee2mqtt = "zigbee2mqtt"

[history]
topics = ["sensor/#"]
age = "7d"

[console]
shell = true

[serial.boiler]
port = "/dev/ttyUSB0"
"""

import math
import os
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, UsageError, unread
from ganglion.mqtt.url import BrokerUrl, addresses
from ganglion.settings import duration_field, read, size_field
from ganglion.units import SECOND
from ganglion_micro import gl1
from ganglion_micro.topic import is_filter, is_name

#: A node's, sensor's or actuator's name: it becomes a level of an MQTT topic.
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: The longest that a node may say that it sleeps: its credential is over by then.
LONGEST_SLEEP = 90 * 86400 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSection:
    """`[node]`.

    Attributes:
        name: What people call the node: letters, digits, `_` and `-`, at most 40.
        board: A board of `boards/`, for what the node can do; or a file of one's own, beside the configuration file
            unless absolute, whose name ends in `.toml`.
        scripts: MOVA documents, beside the configuration file unless absolute.
        sessions: Where sessions outlive a run: `memory:`, `sqlite:///FILE` (beside the configuration file unless
            absolute) or `redis://host:6379/0`.
        secrets: A file of what `{secret.NAME}` stands for in them, beside the configuration file unless absolute; TOML,
            each `NAME = "text"`, for its owner's eyes only.
        sleeps: The longest that the node is away by its nature, as where it sleeps to save its battery: it is asleep
            so long, and not missing; "0s" for one that is always there.
    """

    name: str
    board: str = "generic-x86-64"
    scripts: tuple[str, ...] = ()
    sessions: str = "memory:"
    secrets: str | None = None
    sleeps: int = duration_field("0s")

    def __post_init__(self) -> None:
        if self.sleeps > LONGEST_SLEEP:
            raise ValueError("sleeps is at most 90d")
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} must be 1 to 40 letters, digits, _ or -")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSection:
    """`[mqtt]`.

    Attributes:
        broker: `mqtt://host[:port]`, or `mqtts://` for TLS; `ganglion.mqtt.url` has what may follow. Files in it are
            beside the configuration file unless absolute. A list is several addresses of one broker, tried in turn.
    """

    broker: str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshSection:
    """`[mesh]`. With neither key, a node that has no credential yet waits for an operator of the mesh that `id` names.

    Attributes:
        id: The mesh, 13 letters, as `ganglion devices pending` shows it.
        root: 26 letters of the mesh's root key, from there too, to be surer of it than by the id's 64 bits.
        links: Ways to others of the mesh beside the broker of `[mqtt]`: `lan` is UDP on every interface, `lan:eth0`
            on one, and the URL of another broker makes the node a bridge between the two.
        max_stale: How old the list of revoked keys may be for the node to obey commands.
        enrol_key: The text `gk1_…` that `ganglion enrol-key create` printed.
        enrol_key_file: A file that holds it, beside the configuration file unless absolute.
        confidential: A group of `ganglion group`, which alone reads what this node says; the gateway does too.
        confidential_topics: MQTT filters of the readings and events that are for the group alone; all where none is
            given. What the node tells of the runs of its scripts always is.
    """

    id: str | None = None
    root: str | None = None
    links: tuple[str, ...] = ("lan",)
    max_stale: int = duration_field("30d")
    enrol_key: str | None = None
    enrol_key_file: str | None = None
    confidential: str = ""
    confidential_topics: tuple[str, ...] = ("#",)

    def __post_init__(self) -> None:
        if self.confidential and not gl1.level(self.confidential):
            raise ValueError("confidential is the name of a group: 1 to 32 of a-z A-Z 0-9 _ -")
        if wrong := [topic for topic in self.confidential_topics if not is_filter(topic)]:
            raise ValueError(f"confidential_topics has {wrong[0]!r}, which is no filter of topics")
        if self.root is not None and not re.fullmatch("[a-z2-7]{26}", self.root):
            raise ValueError("root is 26 letters of base32, as `ganglion devices pending --json` shows it")
        if self.max_stale <= 0:
            raise ValueError("max_stale is a time, such as 30d")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavesSection:
    """`[leaves]`: the node is the parent of devices that cannot sign, which `ganglion leaf add` lets in.

    Attributes:
        host: Address of this machine on which they are heard.
        port: UDP port.
        serial: Serial ports, each with one at its end, as `/dev/ttyACM0` or `/dev/serial/by-id/…`.
        baud: Bits a second of those.
    """

    host: str = "0.0.0.0"  # noqa: S104 - they are elsewhere on the LAN, and nothing is believed without a key
    port: int = 8475
    serial: tuple[str, ...] = ()
    baud: int = 115200

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ValueError("port is 1 to 65535")
        if len(set(self.serial)) < len(self.serial):
            raise ValueError("serial names a port twice")
        if self.baud < 300:
            raise ValueError(f"baud is 300 or more, not {self.baud}")


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
class BridgeSection:
    """`[bridge]`: devices of third parties on plain MQTT topics, which the node reads and sets. "" is for none.

    Attributes:
        broker: Where they are, as in `[mqtt]`; without it the node's own broker.
        zigbee2mqtt: The base topic of a Zigbee2MQTT, or several in a list.
        tasmota: Where Tasmota devices announce themselves.
        homeassistant: The prefix of Home Assistant's discovery, where ESPHome and others announce themselves.
    """

    broker: str | tuple[str, ...] | None = None
    zigbee2mqtt: str | tuple[str, ...] = "zigbee2mqtt"
    tasmota: str = "tasmota/discovery"
    homeassistant: str = "homeassistant"

    def __post_init__(self) -> None:
        for topic in (*self.bases, self.tasmota, self.homeassistant):
            if topic and (not is_name(topic) or topic.endswith("/")):
                raise ValueError(f"{topic!r} is no topic: without + and #, and without / at its end")

    @property
    def bases(self) -> tuple[str, ...]:
        """The base topics of Zigbee2MQTT."""
        given = (self.zigbee2mqtt,) if isinstance(self.zigbee2mqtt, str) else self.zigbee2mqtt
        return tuple(base for base in given if base)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySection:
    """`[history]`: what the node keeps of its bus on its own disk.

    Attributes:
        topics: MQTT filters of what is kept.
        age: The time of running that it is kept.
        bytes: How much of the disk it takes at most, as in `16MB`; at least 256 KiB.
        sync: The time after which what was gathered is written and synced: a power cut loses no more than that.
    """

    topics: tuple[str, ...] = ("sensor/#",)
    age: int = duration_field("7d")
    bytes: int = size_field("16MiB")
    sync: int = duration_field("1m")

    def __post_init__(self) -> None:
        if not self.topics or (wrong := [topic for topic in self.topics if not is_filter(topic)]):
            raise ValueError(f"topics has {wrong[0]!r}, which is no filter" if self.topics else "topics names none")
        if self.bytes < 256 * 1024:
            raise ValueError(f"bytes is 256KiB or more, not {self.bytes}")
        if not (self.age and self.sync):
            raise ValueError("age and sync are times above 0, such as 7d and 1m")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSection:
    """`[console]`: what people may do at the console of the node, who reach it over the mesh.

    Attributes:
        shell: Whether they may open a login shell, as the user that the node runs as.
        idle: How long a session lasts in which nothing is entered, of who may enter something.
    """

    shell: bool = False
    idle: int = duration_field("15m")

    def __post_init__(self) -> None:
        if not self.idle:
            raise ValueError("idle is a time above 0, such as 15m")


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSection:
    """`[serial.NAME]`: a serial port that is lent to people at the node's console, who reach it over the mesh.

    Attributes:
        port: `/dev/ttyUSB0`, or better a name below `/dev/serial/by-id`; `socket://HOST:PORT`, `rfc2217://HOST:PORT`.
        baud: Bits a second, until who writes there sets others.
        about: What is at its end, for people.
    """

    port: str
    baud: int = 115200
    about: str = ""

    def __post_init__(self) -> None:
        if not self.port.startswith("/") and "://" not in self.port:
            raise ValueError(f'port must be a path such as "/dev/ttyUSB0", not {self.port!r}')
        if self.baud < 50:
            raise ValueError(f"baud is 50 or more, not {self.baud}")
        if len(self.about) > 100 or not self.about.isprintable():
            raise ValueError("about is one line of at most 100 letters")


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
    leaves: LeavesSection | None = None
    bridge: BridgeSection | None = None
    bridge_brokers: tuple[BrokerUrl, ...] = ()
    history: HistorySection | None = None
    console: ConsoleSection = ConsoleSection()
    serial: dict[str, SerialSection] = field(default_factory=dict)
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
    bridge = None if file.bridge is None else read(BridgeSection, file.bridge, f"{where}bridge")
    return Config(
        path=path.absolute(),
        node=read(NodeSection, file.node, f"{where}node"),
        brokers=()
        if file.mqtt is None
        else _brokers(read(MqttSection, file.mqtt, f"{where}mqtt").broker, path, "mqtt"),
        mesh=None if file.mesh is None else read(MeshSection, file.mesh, f"{where}mesh"),
        sensors=_named_tables(file.sensor, f"{where}sensor"),
        actuators=_named_tables(file.actuator, f"{where}actuator"),
        reports=tuple(read(ReportSection, table, f"{where}report[{i}]") for i, table in enumerate(file.report)),
        leaves=None if file.leaves is None else read(LeavesSection, file.leaves, f"{where}leaves"),
        bridge=bridge,
        bridge_brokers=() if bridge is None or bridge.broker is None else _brokers(bridge.broker, path, "bridge"),
        history=None if file.history is None else read(HistorySection, file.history, f"{where}history"),
        console=read(ConsoleSection, file.console, f"{where}console"),
        serial={
            name: read(SerialSection, table, f"{where}serial.{name}")
            for name, table in _named_tables(file.serial, f"{where}serial").items()
        },
        limits=file.limit,
        over=over,
    )


def sensor_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables `[sensor.<name>]` of a file by name, whatever else is in it or is not.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is not TOML, or has no such table.
    """
    tables = _toml(path).get("sensor")
    if not isinstance(tables, dict) or not tables:
        raise InvalidError("has no sensor: write a table [sensor.NAME] with its kind", where=str(path))
    return _named_tables(tables, f"{path}: sensor")


def actuator_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables `[actuator.<name>]` of a file by name, whatever else is in it or is not.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is not TOML, or has something else there.
    """
    tables = _toml(path).get("actuator", {})
    if not isinstance(tables, dict):
        raise InvalidError("must be tables [actuator.NAME]", where=f"{path}: actuator")
    return _named_tables(tables, f"{path}: actuator")


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


def override(config: Config, *, brokers: Sequence[str], enrol_key_file: Path | None) -> Config:
    """The same configuration with what the command line says in its place; files in URLs are in the working folder.

    Raises:
        InvalidError: a broker is no URL.
    """
    if brokers:
        config = replace(config, brokers=addresses(brokers))
    if enrol_key_file is not None:
        mesh = config.mesh or MeshSection()
        config = replace(config, mesh=replace(mesh, enrol_key=None, enrol_key_file=str(enrol_key_file.absolute())))
    return config


def brokers(flags: Sequence[str] | None, default: str = "") -> tuple[str, ...]:
    """The addresses of the broker that `--broker` names, each time it is given; else those in GANGLION_BROKER.

    There they are separated by spaces.

    Args:
        default: Where neither says anything; "" for none.

    Raises:
        UsageError: one on the command line is no URL, or has a password in it, which everybody on the machine could
            read.
    """
    for flag in flags or ():
        try:
            url = BrokerUrl.parse(flag)
        except InvalidError as error:
            raise UsageError(f"--broker: {error}") from None
        if url.password is not None:
            raise UsageError(
                f"--broker {url} has a password, which the list of processes shows to everybody: "
                "write user:password into a file and name it with ?account=FILE, or put the URL into GANGLION_BROKER"
            )
    return tuple(flags or os.environ.get("GANGLION_BROKER", default).split())


def state_folder() -> Path:
    """Where Ganglion keeps state: `$XDG_STATE_HOME/ganglion` or `~/.local/state/ganglion` (XDG Base Directory 0.8)."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "ganglion"


def _brokers(given: str | tuple[str, ...], path: Path, section: str) -> tuple[BrokerUrl, ...]:
    try:
        return addresses(given, path.absolute().parent)
    except InvalidError as error:
        raise InvalidError(str(error), where=f"{path}: {section}.broker") from None


def _named_tables(table: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    for name, section in table.items():
        if not NAME.fullmatch(name):
            raise InvalidError("a name is 1 to 40 letters, digits, _ or -", where=f"{where}.{name}")
        if not isinstance(section, dict):
            raise InvalidError(f"must be a table: write [{where.rpartition(' ')[2]}.{name}]", where=f"{where}.{name}")
    return table
