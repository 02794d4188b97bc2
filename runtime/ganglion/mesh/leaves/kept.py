# SPDX-License-Identifier: GPL-3.0-or-later
"""One leaf as its parent keeps it in memory: its key, the boot that was proved, what it has said of itself."""

from dataclasses import dataclass, field
from typing import Any

from ganglion.mesh.leaves.effects import Way
from ganglion.mesh.overlay.bucket import Bucket
from ganglion_micro import gl1
from ganglion_micro.leaf_key import LeafKey
from ganglion_micro.replay import SIZE, Strict, Window

#: Messages a second of one leaf, and at once.
RATE, BURST = 50.0, 200.0
#: Streams of one leaf: the bus and the gateway forget none.
STREAMS = 32
#: Letters of a text that a leaf says of itself.
_TEXT = 64
#: Methods that a leaf may name.
_METHODS = 32


@dataclass(slots=True, kw_only=True, eq=False)
class Boot:
    """A boot of a leaf that was proved to go on now.

    Attributes:
        nonce: 8 bytes.
        about: What its birth says.
        window: What it said already: nothing is taken twice.
        numbers: Of events that came already, in whatever message.
        unsaved: Those of them that are not safe yet.
    """

    nonce: bytes
    about: dict[str, Any]
    window: Strict
    numbers: Window = field(default_factory=Window)
    unsaved: set[int] = field(default_factory=set)


@dataclass(slots=True, kw_only=True, eq=False)
class Kept:
    """A leaf.

    Attributes:
        name: What people call it, a level of a topic.
        key: Shared with it.
        epoch: The highest that it was ever born in.
        bucket: What it may say.
        boot: None before it was born to this boot of its parent.
        way: Where it was heard last.
        heard: When, in nanoseconds.
        online: Whether it was heard lately.
        since: When it came, or was heard last before it went; 0 where this boot of its parent has not heard it.
        streams: That it has used.
        actuators: What it has said last of each, by name.
    """

    name: str
    key: LeafKey
    epoch: int
    bucket: Bucket
    boot: Boot | None = None
    way: Way | None = None
    heard: int = 0
    online: bool = False
    since: int = 0
    streams: set[str] = field(default_factory=set)
    actuators: dict[str, dict[str, Any]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """What the inventory says of it."""
        about = self.boot.about if self.boot is not None else {}
        methods = about.get("methods")
        return {
            "id": gl1.base32(self.key.kid),
            "online": self.online,
            "since": self.since,
            "board": text(about.get("board")),
            "sw": text(about.get("sw")),
            "methods": [text(each) for each in methods[:_METHODS]] if type(methods) is list else [],
            **({"actuators": self.actuators} if self.actuators else {}),
        }

    def units(self) -> dict[str, str]:
        """The units of its streams, by stream."""
        units = self.boot.about.get("units") if self.boot is not None else None
        if type(units) is not dict:
            return {}
        return {text(stream): text(unit) for stream, unit in list(units.items())[:STREAMS] if type(unit) is str}


def begun(epoch: int, seq: int) -> Strict:
    """A window in which everything up to a sequence was seen: it came to an earlier boot of the parent, if at all."""
    strict = Strict()
    strict.epoch = epoch
    strict.window.top, strict.window.bits = seq, (1 << SIZE) - 1
    return strict


def text(value: Any) -> str:
    """A short text that can be shown, or "" where there is none."""
    return value[:_TEXT] if type(value) is str and value.isprintable() else ""
