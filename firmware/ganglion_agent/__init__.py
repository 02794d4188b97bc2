# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a device that runs MicroPython: a leaf of the mesh with sensors, actuators within limits, and scripts.

The dialect is that of `ganglion_micro`. What decides is pure, and takes time and values as arguments; `agent` ties it
to a board.
"""
