# SPDX-License-Identifier: GPL-3.0-or-later
"""The `ganglion` command: one module a subcommand, imported when it is the one asked for."""
