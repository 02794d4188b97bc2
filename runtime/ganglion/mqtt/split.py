# SPDX-License-Identifier: GPL-3.0-or-later
"""PUBLISH packets out of what came off the wire: in C where that is built, about ten times as fast."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ganglion.mqtt import packet
from ganglion.mqtt.packet import Message

_native: Callable[..., Any] | None = None
with suppress(ImportError):
    from ganglion import _native as built

    _native = built.split


def split_natively(data: bytes, start: int, limit: int, messages: list[Message], acks: bytearray) -> int:
    """As `packet.split_publishes`, which does what C leaves to it: the end of the bytes, and to say what is wrong."""
    assert _native is not None
    start = _native(Message, data, start, limit, messages, acks)
    return packet.split_publishes(data, start, limit, messages, acks)


#: The one for this machine. `GANGLION_BACKEND=python` in the environment asks for the other.
split_publishes = (
    packet.split_publishes if _native is None or os.environ.get("GANGLION_BACKEND") == "python" else split_natively
)
