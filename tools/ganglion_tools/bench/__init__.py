# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks: `ganglion bench NAME` prints what the functions `figures` here return."""
