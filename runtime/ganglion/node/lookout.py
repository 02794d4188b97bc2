# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at what is due in a node: a part that fails at it does not end the others, nor the node."""

import logging
from collections.abc import Callable, Mapping

from ganglion.node.seldom import Seldom

_log = logging.getLogger(__name__)

#: The longest time, in seconds, between two looks at what is due, and at whether the node has joined.
TICK = 0.1


class Lookout:
    """That of one node.

    Args:
        parts: What is done at each look, by what it is called in the log; it says in how many seconds the next is due,
            or None where it does not matter.
    """

    def __init__(self, parts: Mapping[str, Callable[[], float | None]]) -> None:
        self._parts = parts
        self._seldom = Seldom()

    def look(self) -> float:
        """Looks once; seconds to wait until the next time, at most `TICK`."""
        wait = TICK
        for name, look in self._parts.items():
            try:
                due = look()
            except Exception:  # of a part that looks on: the node goes on
                if self._seldom.due(name):
                    _log.exception("looking at what is due (%s) failed; it is said once a minute at most", name)
            else:
                wait = wait if due is None else min(wait, due)
        return wait
