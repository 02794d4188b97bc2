# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a node's configuration again while it runs: its sensors hold at once, all else waits for the next start."""

import asyncio
import logging
from typing import Any

from ganglion.config import Config, changed, load
from ganglion.errors import GanglionError
from ganglion.sensors.declared import Declared

_log = logging.getLogger(__name__)


class Reloading:
    """That of one node.

    Args:
        config: What the node runs by.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._later: list[str] = []  # what the configuration says by now, and the next start will read

    def sensors(self) -> dict[str, dict[str, Any]]:
        """The tables of sensors as they are by now. Raises: see `ganglion.config.load`."""
        read_again = load(self._config.path, self._config.over)
        self._later = changed(self._config, read_again)
        return read_again.sensors

    async def reload(self, declared: Declared) -> dict[str, list[str]]:
        """As `Declared.reload`; and under `restart` what has changed in the configuration and waits for a new start."""
        done = await declared.reload()
        return done | ({"restart": self._later} if self._later else {})

    async def run(self, told: asyncio.Event, declared: Declared) -> None:
        """Reads the sensors of the configuration again, each time it is told; until cancelled."""
        while await told.wait():
            told.clear()
            try:
                done = await self.reload(declared)
            except GanglionError as error:
                _log.error("%s; the sensors are as they were", error)
                continue
            except Exception as error:  # the edge: no table of a sensor ends the node
                _log.error("the sensors are as they were: %s", error, exc_info=error)
                continue
            later = done.pop("restart", [])
            said = [f"{what} {', '.join(names)}" for what, names in done.items() if names]
            _log.info("the sensors were read again: %s", "; ".join(said) or "there are none")
            if later:
                _log.warning("%s: read at the start alone; start the node again to have it hold", ", ".join(later))
