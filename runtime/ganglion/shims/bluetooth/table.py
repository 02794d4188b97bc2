# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of a simulated server, by their handles (Core specification, volume 3, part G, 3)."""

from collections.abc import Sequence

from ganglion.shims.bluetooth.radio import (
    CCCD,
    INDICATE,
    NOTIFY,
    Entry,
    RemoteCharacteristic,
    RemoteDescriptor,
    RemoteService,
    ServiceTable,
)

#: A characteristic's declaration stands before its value.
_DECLARATION = 1
#: What lies above it says what may be written how, and is not sent.
_ON_THE_AIR = 0xFF


class Table:
    """Services, each value by its handle; whose CCCD is at a handle."""

    def __init__(self) -> None:
        self.services: list[RemoteService] = []
        self.entries: dict[int, Entry] = {}
        self.subscribable: dict[int, int] = {}  # the handle of a CCCD to that of its value

    def fill(self, services: Sequence[ServiceTable]) -> None:
        """Serves these in place of what was there, and tells each entry its handle."""
        self.services, self.entries, self.subscribable = [], {}, {}
        handle = 1
        for uuid, characteristics in services:
            start = handle
            found = []
            for entry, descriptors in characteristics:
                handle += 1 + _DECLARATION
                value = self._put(entry, handle)
                inside = []
                if entry.flags & (NOTIFY | INDICATE):
                    handle += 1
                    self.subscribable[handle] = value
                    inside.append(RemoteDescriptor(CCCD, handle))
                for each in descriptors:
                    handle += 1
                    inside.append(RemoteDescriptor(each.uuid, self._put(each, handle)))
                flags = entry.flags & _ON_THE_AIR
                found.append(RemoteCharacteristic(entry.uuid, value, handle, flags, tuple(inside)))
            self.services.append(RemoteService(uuid, start, handle, tuple(found)))
            handle += 1

    def named(self, uuid: bytes) -> Entry:
        """The first entry of this UUID.

        Raises:
            KeyError: there is none.
        """
        for entry in self.entries.values():
            if entry.uuid == uuid:
                return entry
        raise KeyError(uuid.hex())

    def _put(self, entry: Entry, handle: int) -> int:
        entry.handle = handle
        self.entries[handle] = entry
        return handle
