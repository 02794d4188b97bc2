# SPDX-License-Identifier: GPL-3.0-or-later
"""`agent.json`, the configuration of a device: what it is called, how it reaches its parent, what hangs on its pins."""

import json

from ganglion_agent import flash
from ganglion_agent.clock import MS, SECOND
from ganglion_agent.section import ConfigError, Section
from ganglion_agent.store import NO_NAME, well_named
from ganglion_micro.limits import DAY, Limits

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

FILE = "agent.json"
UPLINKS = ("wifi", "none", "serial")
#: Letters of a sensor's or actuator's name, and how many of each there may be.
NAME = 24
MOST = 16
#: Nanoseconds: a parent that is there says something every 10 s.
MIN_SILENCE = 15 * SECOND
RISKS = ("low", "never")


class Config:
    """What `agent.json` says; `buses`, `sensors` and `actuators` are sections that their drivers read.

    Args:
        folder: Of the files that it names; None where they are not to be looked at.

    Attributes:
        link: How it is in the mesh: a `leafed.Leafed`, or a `full.Full`.
        uplink: `wifi`, `none` where the device is on the network already, or `serial`: the parent is at the line's end.
        utc_offset: Nanoseconds that local time is ahead of UTC; None where nobody has said.
        watchdog_ms: The board is reset when it did not go on for so long; 0 for no watchdog.
        updates: Whose are taken: those of whoever the link says, or those that the issuer has signed.
    """

    def __init__(self, section: Section, folder: "str | None") -> None:
        self.name = section.take("name", str)
        self.board = section.take("board", str, "micropython")
        uplink = section.section("uplink")
        self.uplink = uplink.one("kind", UPLINKS)
        self.ssid = self.password = ""
        if self.uplink == "wifi":
            self.ssid = uplink.take("ssid", str)
            self.password = uplink.value("password", "")
        self.link = _link(section, uplink, folder, self.uplink)
        if self.uplink != "serial":  # else the line reads the rest
            uplink.close()
        self.updates = section.one("updates", (self.link.updates, "signed"), self.link.updates)
        self.buses = dict(section.sections("buses"))
        self.sensors = named(section, "sensors")
        self.actuators = named(section, "actuators")
        minutes = section.value("utc_offset_minutes")
        if minutes is not None and (type(minutes) is not int or not -840 <= minutes <= 840):
            raise section.error("utc_offset_minutes", "must be -840 to 840, not {!r}".format(minutes))
        self.utc_offset = None if minutes is None else minutes * 60 * SECOND
        self.watchdog_ms = section.duration("watchdog", "8s") // MS
        if 0 < self.watchdog_ms < self.link.turn_ms:
            raise section.error("watchdog", "must be 0s for none, or at least {}s".format(self.link.turn_ms // 1000))
        section.take("calendar", bool, False)  # what is built asks for it
        section.close()


def read(folder: str) -> Config:
    """The configuration in a folder, with the keys that it names.

    Raises:
        ConfigError: there is none, or it is wrong; the message names the key and the remedy.
    """
    path = folder + FILE
    data = flash.read(path)
    if data is None:
        raise ConfigError("{} is not there: copy it onto the device".format(path))
    try:
        table = json.loads(data)
    except (ValueError, UnicodeError):
        raise ConfigError("{} is no JSON: look for a missing comma, quote or brace".format(path)) from None
    return Config(Section(FILE, table), folder)


def _link(section: Section, uplink: Section, folder: "str | None", kind: str) -> "Any":
    """A firmware is built for a leaf or for a full member; the other's module is not there."""
    key = "broker" if section.has("broker") else "parent"
    try:
        if key == "broker":
            from ganglion_agent.full import Full

            return Full(section, folder, kind)
        from ganglion_agent.leafed import Leafed

        return Leafed(section, folder, uplink if kind == "serial" else None)
    except ImportError:
        raise section.error(key, "not in this firmware: build one with --config of this file") from None


def limits(section: Section) -> "tuple[Limits, int, str]":
    """The limits of an actuator, its `max_silence` in nanoseconds, and its `risk`.

    Raises:
        ConfigError: they contradict each other.
    """
    values = section.take("values", list, [])
    quiet = section.take("quiet_hours", list, [])
    max_on = section.duration("max_on", "0s")
    try:
        found = Limits(
            low=section.number("low"),
            high=section.number("high"),
            values=tuple(values),
            max_step=section.number("max_step"),
            rate=section.number("rate"),
            min_on=section.duration("min_on", "0s"),
            min_off=section.duration("min_off", "0s"),
            max_on=max_on or None,
            off=section.value("off"),
            safe=section.value("fail_safe"),
            quiet=tuple([_hours(section, text) for text in quiet]),
            quiet_max=section.number("quiet_max"),
        )
    except ValueError as error:
        raise ConfigError("{}: {}".format(section.where, error)) from None
    return found, section.duration("max_silence", "60s", MIN_SILENCE), section.one("risk", RISKS, "low")


def _hours(section: Section, text: "Any") -> "tuple[int, int]":
    try:
        first, end = [_time(part) for part in text.split("-")]
    except (ValueError, AttributeError):
        raise section.error("quiet_hours", "{!r} is none: write them as in 22:00-07:00".format(text)) from None
    return first, end


def _time(text: str) -> int:
    hours, minutes = [int(part) for part in text.split(":")]
    if not (0 <= hours <= 24 and 0 <= minutes < 60) or hours * 60 + minutes > 1440:
        raise ValueError(text)
    return (hours * 60 + minutes) * DAY // 1440


def named(section: Section, key: str) -> "list[tuple[str, Section]]":
    """The tables of sensors, or of actuators, with their names.

    Raises:
        ConfigError: there are too many, or a name is none.
    """
    found = section.sections(key)
    if len(found) > MOST:
        raise section.error(key, "{} are too many: {} at most".format(len(found), MOST))
    for name, _ in found:
        if not well_named(name, NAME):
            raise section.error(key, NO_NAME.format(name, NAME))
    return found
