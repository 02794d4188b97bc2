# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of an event."""

from enum import Enum
from typing import NamedTuple


class Outcome(Enum):
    """What a callback may say of an event. Whatever else it returns means that it has been told."""

    UNWANTED = "unwanted"
    """It was not meant for it."""
    REPLACED = "replaced"
    """A full queue has lost another event for it."""
    LOST = "lost"
    """A full queue did not take it."""


class Emitted(NamedTuple):
    """What became of an event, or of several together.

    Attributes:
        matched: Filters that match its topic.
        delivered: Callbacks that were told, and queues that it is in.
        dropped: Events that were lost in full queues: it itself, or others for its sake.
        failed: Callbacks that raised; they count as told.
        sequence: Its number.
    """

    matched: int
    delivered: int
    dropped: int
    failed: int
    sequence: int
