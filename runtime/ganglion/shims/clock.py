# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the script's clock is from Linux's. A script sets its own clock, never the machine's."""

#: Nanoseconds to add to the machine's time.
offset = 0


def set_offset(nanoseconds: int) -> None:
    """Puts the script's clock so far ahead of the machine's, or behind it."""
    global offset
    offset = nanoseconds
