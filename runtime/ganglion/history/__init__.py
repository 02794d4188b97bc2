# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has read, on its own disk: kept within an age and a size, asked for by time and topic."""

from ganglion.history.history import History

__all__ = ["History"]
