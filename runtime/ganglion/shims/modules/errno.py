# SPDX-License-Identifier: GPL-3.0-or-later
"""`errno`: CPython's, which has all that MicroPython's has."""

from errno import *  # noqa: F403
