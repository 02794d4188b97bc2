# SPDX-License-Identifier: GPL-3.0-or-later
"""The MOVA language on a node: load, check, compile, and run what is compiled in answer to events."""
