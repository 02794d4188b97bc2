# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble`: not there yet; whoever imports it is told so.

Raises:
    ImportError: always.
"""

raise ImportError(
    "aioble is not on this board: Bluetooth Low Energy needs a microcontroller, or bleak over BlueZ", name="aioble"
)
