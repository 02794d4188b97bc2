# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps on disk when the actuators that have minimum times or a rate were switched, on a thread of its own."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from ganglion.guardian import memory
from ganglion.guardian.guardian import Guardian
from ganglion.guardian.words import Memory, Rule
from ganglion.worker import Worker

_log = logging.getLogger(__name__)


class Times:
    """The file of the switching times.

    What goes on is written down before it does, and what becomes safe after it has: so whenever the process is killed,
    the file says nothing that lets an actuator be switched too early.

    Args:
        path: None for nowhere.
        monotonic: The guardian's clock, in nanoseconds.
        boot: As `memory.boot` says.
    """

    def __init__(self, path: Path | None, monotonic: Callable[[], int], boot: Callable[[], str]) -> None:
        self._path = path
        self._limited: set[str] = set()
        self._monotonic = monotonic
        self._boot = boot
        self._disk = Worker("actuators' memory")

    def limit(self, rules: Mapping[str, Rule]) -> None:
        """Says by which rules each actuator is held from now on."""
        self._limited = {
            name for name, each in rules.items() if each.limits.min_on or each.limits.min_off or each.limits.rate
        }

    async def load(self, first: Callable[[], None]) -> dict[str, Memory]:
        """What an earlier process kept, after `first` was called on the thread."""

        def load(path: Path | None = self._path) -> dict[str, Memory]:
            first()
            return memory.load(path, now=self._monotonic(), boot=self._boot()) if path else {}

        return await self._disk.call(load)

    async def save(self, guardian: Guardian) -> None:
        """Safe on the disk when it returns; where that cannot be, the log says so."""
        if self._path is None or not self._limited:
            return
        now = self._monotonic()
        limited = {name: each for name, each in guardian.memory(now).items() if name in self._limited}
        try:
            await self._disk.call(partial(memory.save, self._path, limited, now=now, boot=self._boot()))
        except OSError as error:
            _log.warning("%s: %s; minimum times begin anew after a restart", self._path, error)

    def stop(self) -> None:
        """Ends the thread after the calls that wait."""
        self._disk.stop()
