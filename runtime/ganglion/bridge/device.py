# SPDX-License-Identifier: GPL-3.0-or-later
"""What all dialects of third parties come to: devices with channels, readings, and what is published to set one."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from ganglion.bridge.payload import is_text, number
from ganglion.errors import InvalidError, RefusedError

#: Letters of a text that is a value.
MAX_TEXT = 255
#: Devices of one dialect, and channels of one device; more are a mistake or an attack, and are not taken.
MAX_DEVICES = 1000
MAX_CHANNELS = 128

Value = bool | int | float | str

_ON = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


class Kind(StrEnum):
    """What a channel has for values."""

    NUMBER = "number"
    BOOL = "bool"
    TEXT = "text"  # or a number, where nothing says what it is of


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One quantity of a device.

    Attributes:
        name: Within its device: the field's path in what the device sends.
        kind: Of its values.
        unit: UCUM, "1" for a number without one, "" where there is no number.
        settable: Whether it takes commands.
        low: The least number it can be set to, if there is one.
        high: The greatest.
        values: The texts it can be set to; any where there is none.
        on: What the device writes for true.
        off: What it writes for false.
    """

    name: str
    kind: Kind
    unit: str = ""
    settable: bool = False
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    on: Any = True
    off: Any = False

    def read(self, raw: Any) -> Value | None:
        """The value of what a device wrote; None where it is none of this channel's kind."""
        match self.kind:
            case Kind.BOOL:
                return True if _same(raw, self.on) else False if _same(raw, self.off) else None
            case Kind.NUMBER:
                return number(raw)
            case Kind.TEXT:
                return raw if isinstance(raw, str) and len(raw) <= MAX_TEXT and is_text(raw) else number(raw)

    def wanted(self, value: Any) -> Any:
        """What is written to set it: as the device spells it for a bool, else the number or text.

        Raises:
            RefusedError: it cannot be set.
            InvalidError: it has no such value; the message says which it has.
        """
        if not self.settable:
            raise RefusedError(f"{self.name} can only be read")
        match self.kind:
            case Kind.BOOL:
                state = value if isinstance(value, bool) else _ON.get(str(value).lower())
                if state is None:
                    raise InvalidError(f"{value!r} is neither on nor off", where=self.name)
                return self.on if state else self.off
            case Kind.NUMBER:
                return self._number(value)
            case Kind.TEXT:
                return self._text(value)

    def document(self) -> dict[str, Any]:
        """As the mesh and JSON say it."""
        said: dict[str, Any] = {"kind": str(self.kind), "unit": self.unit, "settable": self.settable}
        bounds = {"low": self.low, "high": self.high, "values": list(self.values) or None}
        return said | {name: bound for name, bound in bounds.items() if bound is not None and self.settable}

    def _number(self, value: Any) -> float:
        try:
            wanted = number(json.loads(value) if isinstance(value, str) else value)
        except (ValueError, RecursionError):
            wanted = None
        if wanted is None:
            raise InvalidError(f"{str(value)[:40]!r} is no number", where=self.name)
        if (self.low is not None and wanted < self.low) or (self.high is not None and wanted > self.high):
            low, high = ("" if bound is None else f"{bound:g}" for bound in (self.low, self.high))
            raise InvalidError(f"{wanted:g} is out of its range {low}…{high}", where=self.name)
        return wanted

    def _text(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > MAX_TEXT or not is_text(value):
            raise InvalidError(f"must be text of at most {MAX_TEXT} letters", where=self.name)
        if self.values and value not in self.values:
            raise InvalidError(f"{value!r} is none of {', '.join(self.values)}", where=self.name)
        return value


@dataclass(slots=True, kw_only=True)
class Device:
    """One device of a third party.

    Attributes:
        id: How readings and commands name it, as in `zigbee2mqtt/door`.
        name: What people call it.
        model: Maker and model, as far as it says.
        available: Whether it is there; None where nobody says so.
        channels: By name.
    """

    id: str
    name: str
    model: str = ""
    available: bool | None = None
    channels: dict[str, Channel] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As the mesh and JSON say it."""
        channels = {name: channel.document() for name, channel in sorted(self.channels.items())}
        return {
            "id": self.id,
            "name": self.name,
            "model": self.model,
            "available": self.available,
            "channels": channels,
        }


class Reading(NamedTuple):
    """A value of a channel, which nobody has signed. When it was taken is not known, only when it came."""

    device: str
    channel: str
    value: Value
    unit: str


class Publication(NamedTuple):
    """What is to be published, at QoS 1 and not retained, to set a channel."""

    topic: str
    payload: bytes


class Dialect(Protocol):
    """How one kind of third party speaks. Its devices are in `devices`, by id.

    Attributes:
        devices: Those that are known now.
    """

    devices: dict[str, Device]

    @property
    def filters(self) -> Collection[str]:
        """The topics that it must hear, now; more may be needed after each message."""
        ...

    def take(self, topic: str, payload: bytes) -> list[Reading]:
        """What a message says; nothing for a topic that is none of its own.

        Raises:
            ValueError: it is none of what the third party's documentation says; the message says what.
        """
        ...

    def set(self, device: Device, channel: Channel, value: Any) -> Publication:
        """What sets a channel of one of its devices. Raises: see `Channel.wanted`."""
        ...


def _same(raw: Any, known: Any) -> bool:
    """Equal, and of one type: for JSON `true` is not `1`. A text may stand for what is no text, as in `true`."""
    if type(raw) is type(known):
        return bool(raw == known)
    return isinstance(known, str) and isinstance(raw, bool | int) and json.dumps(raw) == known.lower()
