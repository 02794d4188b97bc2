# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/scripts`: MOVA documents are written, checked as they are typed, drawn, tested, and brought to nodes."""
