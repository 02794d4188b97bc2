# SPDX-License-Identifier: GPL-3.0-or-later
"""A node: the one place where sensors, scripts, actuators, the bus and the mesh are put together."""

from ganglion.node.node import Node

__all__ = ["Node"]
