# SPDX-License-Identifier: GPL-3.0-or-later
"""Chip drivers: registers in, physical units out, one file a chip."""
