# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves, devices that cannot sign: their parent believes them under a key of the two, and says it again signed."""
