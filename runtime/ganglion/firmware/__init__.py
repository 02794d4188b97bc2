# SPDX-License-Identifier: GPL-3.0-or-later
"""The firmware of boards with MicroPython: compiled, measured, sent to a board that runs. It asks no board itself."""

from ganglion.firmware.bundle import Bundle, build
from ganglion.firmware.sending import Call, sending

__all__ = ["Bundle", "Call", "build", "sending"]
