# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps on disk when the actuators that have minimum times or a rate were switched, on a thread of its own."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from ganglion.guardian import memory
from ganglion.guardian.guardian import Guardian
from ganglion.guardian.words import Memory, Rule
from ganglion.mesh import files
from ganglion.worker import Worker

_log = logging.getLogger(__name__)

#: Seconds that the disk has: meanwhile the guardian does nothing else.
_PATIENCE = 1.0


class Times:
    """The file of the switching times.

    What goes on is written down before it does, and what becomes safe after it has: so whenever the process is killed,
    the file says nothing that lets an actuator be switched too early. Where it cannot be written it is removed, and all
    count as switched just now after a restart; only what can be neither is an obstacle to who wants to go on.

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
        self._saving: asyncio.Future[str] | None = None
        self._failure = ""

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

    async def save(self, guardian: Guardian, *changed: str) -> str:
        """Has it on the disk that these have changed, or tells why the file says something else still; "" for nothing.

        While an earlier call waits for the disk, none that follows does.
        """
        if (path := self._path) is None or self._limited.isdisjoint(changed):
            return ""
        if self._saving is None or self._saving.done():
            now = self._monotonic()
            limited = {name: each for name, each in guardian.memory(now).items() if name in self._limited}
            self._saving = self._disk.call(lambda: self._save(path, limited, now))
            if (await asyncio.wait({self._saving}, timeout=_PATIENCE))[0]:
                return self._saving.result()
            _log.warning("%s is not written within %g s: see whether its disk hangs", path, _PATIENCE)
        return f"when it was switched must be in {path} before, whose disk hangs: see to that, and ask again"

    def _save(self, path: Path, limited: Mapping[str, Memory], now: int) -> str:
        """On the thread."""
        stale = ""
        try:
            memory.save(path, limited, now=now, boot=self._boot())
            failure = ""
        except OSError as error:
            failure = str(error)
            try:
                files.remove(path)  # what it says is over: better to know nothing
            except OSError as other:
                stale = f"{path} cannot be written ({error}), nor removed ({other.strerror}): see what its disk has"
        if failure and failure != self._failure:
            _log.warning("%s: %s; minimum times begin anew after a restart", path, failure)
        self._failure = failure
        return stale

    def stop(self) -> None:
        """Ends the thread after the calls that wait."""
        self._disk.stop()
