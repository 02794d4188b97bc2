# SPDX-License-Identifier: GPL-3.0-or-later
"""What MicroPython starts, `main.py` on the board: everything else is in `boot`, which is compiled."""

from ganglion_agent import boot

boot.run()
