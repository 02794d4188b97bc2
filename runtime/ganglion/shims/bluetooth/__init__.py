# SPDX-License-Identifier: GPL-3.0-or-later
"""The radio under `aioble`: peripherals in memory, or BlueZ's by bleak."""
