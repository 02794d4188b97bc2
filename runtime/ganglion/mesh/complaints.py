# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a broker cannot be had: said once for each reason, however often it is tried."""

import logging

from ganglion.errors import GanglionError
from ganglion.mqtt.url import BrokerUrl

#: Distinct reasons between two stable connections; a broker that invents new ones is heard no further.
_LIMIT = 32


class Complaints:
    """A log of reasons without repetition.

    Args:
        log: Where they go, as warnings.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: set[tuple[str, str]] = set()

    def add(self, what: BrokerUrl, error: GanglionError) -> None:
        """Logs `error`, which is about `what`, unless it was logged since the last `clear`."""
        reason = str(what), str(error)
        if reason not in self._said and len(self._said) < _LIMIT:
            self._said.add(reason)
            self._log.warning("%s: %s. It is tried again.", *reason)

    def clear(self) -> None:
        """All is well: the next reason is news again."""
        self._said.clear()
