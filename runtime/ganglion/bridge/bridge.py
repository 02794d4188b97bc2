# SPDX-License-Identifier: GPL-3.0-or-later
"""All dialects that a node reads: messages in, readings out; what is wrong with a message is said once a topic."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from ganglion.bridge.device import Device, Dialect, Publication, Reading
from ganglion.errors import InvalidError, NotFoundError
from ganglion.settings import nearest
from ganglion_micro.topic import is_filter

#: Topics of which something was said; who invents new ones is heard no further.
_COMPLAINTS = 64


class Bridge:
    """The devices of third parties on one broker.

    Args:
        dialects: How they speak.
        complain: Given a sentence about a message that cannot be read.

    Attributes:
        unreadable: Messages that could not be read.
    """

    def __init__(self, dialects: Sequence[Dialect], complain: Callable[[str], None]) -> None:
        self._dialects = dialects
        self._complain = complain
        self._said: set[str] = set()
        self.unreadable = 0

    @property
    def filters(self) -> set[str]:
        """The topics that must be heard now; look again after each message."""
        return {each for dialect in self._dialects for each in dialect.filters if is_filter(each)}

    @property
    def devices(self) -> list[Device]:
        """Those that are known now, by id."""
        return sorted(
            chain.from_iterable(dialect.devices.values() for dialect in self._dialects), key=lambda each: each.id
        )

    def take(self, topic: str, payload: bytes) -> list[Reading]:
        """What a message says; nothing where it cannot be read."""
        found: list[Reading] = []
        for dialect in self._dialects:
            try:
                found += dialect.take(topic, payload)
            except ValueError as error:
                self.unreadable += 1
                if topic not in self._said and len(self._said) < _COMPLAINTS:
                    self._said.add(topic)
                    self._complain(f"what came on {topic[:200]!r} cannot be read: {error}")
        return found

    def set(self, device: str, channel: str, value: Any) -> Publication:
        """What sets a channel.

        Args:
            device: Its id; or its name, where only one device has it.

        Raises:
            NotFoundError: there is no such device or channel.
            RefusedError, InvalidError: see `Channel.wanted`.
        """
        dialect, found = self._find(device)
        if (known := found.channels.get(channel)) is None:
            raise NotFoundError(f"{found.id} has no channel {channel!r}{nearest(channel, found.channels)}")
        return dialect.set(found, known, value)

    def _find(self, name: str) -> tuple[Dialect, Device]:
        pairs = [(dialect, device) for dialect in self._dialects for device in dialect.devices.values()]
        named = [pair for pair in pairs if pair[1].id == name] or [pair for pair in pairs if pair[1].name == name]
        if len(named) == 1:
            return named[0]
        if named:
            ids = " or ".join(device.id for _, device in named)
            raise InvalidError(f"{len(named)} devices are called {name!r}: say which, {ids}", where="device")
        raise NotFoundError(f"no device is called {name!r}{nearest(name, [device.id for _, device in pairs])}")
