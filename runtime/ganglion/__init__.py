# SPDX-License-Identifier: GPL-3.0-or-later
"""Ganglion: a runtime for the edge of a network that goes on working when everything above it is gone."""

__version__ = "0.1.0"
