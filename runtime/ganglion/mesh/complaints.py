# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a broker cannot be had: said once for each reason, however often it is tried."""

import logging

from ganglion.errors import GanglionError

#: Distinct reasons between two stable connections; a broker that invents new ones is heard no further.
_LIMIT = 32


class Complaints:
    """A log of reasons without repetition.

    Args:
        log: Where they go, as warnings.
        what: What they are about: the broker's URL without credentials.
    """

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._said: set[str] = set()

    def add(self, error: GanglionError) -> None:
        """Logs `error` unless it was logged since the last `clear`."""
        reason = str(error)
        if reason not in self._said and len(self._said) < _LIMIT:
            self._said.add(reason)
            self._log.warning("%s: %s. It is tried again.", self._what, reason)

    def clear(self) -> None:
        """All is well: the next reason is news again."""
        self._said.clear()
