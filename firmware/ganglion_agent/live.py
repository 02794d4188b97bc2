# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts that somebody edits: in memory alone, for as long as that goes on; then what was there before is back."""

import gc

from ganglion_agent.methods import load
from ganglion_agent.store import named_right

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_agent.device import Device
    from ganglion_agent.store import Store

#: Seconds for which a script may be asked for at a time.
LONGEST = 3600


class Live:
    """The scripts of one boot that are not on the flash, and what they stand in for."""

    def __init__(self, device: "Device", store: "Store") -> None:
        self._device = device
        self._store = store
        self._until = {}  # type: dict[str, int]  # milliseconds since the boot, by name
        self._instead = {}  # type: dict[str, bool]  # whether the one of the flash ran, by name
        self._name = ""
        self._coming = bytearray()

    def put(
        self, name: str, at: int, size: int, data: bytes, seconds: int, load: "Callable[[bytes], Any]"
    ) -> "dict[str, Any]":
        """As `store.Store.put`, but that the plan runs for so many seconds and is not kept."""
        named_right(name, at, size)
        _bounded(seconds, 1)
        if at == 0 or name != self._name:
            self._name, self._coming = name, bytearray()
        if at != len(self._coming) or at + len(data) > size:
            return {"at": len(self._coming)}
        self._coming.extend(data)
        if len(self._coming) < size:
            return {"at": len(self._coming)}
        whole, self._coming = bytes(self._coming), bytearray()
        ran = name in self._device.scripts().scripts
        load(whole)
        self._instead.setdefault(name, ran)
        self._until[name] = self._device.clock.ms() + seconds * 1000
        return {"at": size, "done": True}

    def keep(self, name: str, seconds: int) -> "dict[str, Any]":
        """Has a script run for so many seconds from now, 0 for no more: `{"hash"}`, empty where it does not run."""
        _bounded(seconds, 0)
        if name not in self._until:
            return {"hash": ""}
        if not seconds:
            self._back(name)
            return {"hash": ""}
        self._until[name] = self._device.clock.ms() + seconds * 1000
        return {"hash": self._device.scripts().scripts[name].hash}

    def forget(self, name: str) -> None:
        """The script is on the flash now, or taken away."""
        self._until.pop(name, None)
        self._instead.pop(name, None)

    def advance(self, now_ms: int) -> None:
        """Ends what is due."""
        for name in [name for name in self._until if now_ms >= self._until[name]]:
            self._back(name)

    def _back(self, name: str) -> None:
        device, instead = self._device, self._instead[name]
        self.forget(name)
        device.scripts().remove(name, device.now())
        gc.collect()
        if not instead or load(device, self._store, name):
            device.log("info", "the script {} is as before".format(name))


def _bounded(seconds: "Any", least: int) -> None:
    if type(seconds) is not int or not least <= seconds <= LONGEST:
        raise ValueError("seconds are {} to {}, whole ones".format(least, LONGEST))
