# SPDX-License-Identifier: GPL-3.0-or-later
"""`array`: CPython's, which has all that MicroPython's has."""

from array import *  # noqa: F403
