# SPDX-License-Identifier: GPL-3.0-or-later
"""One file for each module that a MicroPython script imports; docs/shims.md lists what is in them."""
