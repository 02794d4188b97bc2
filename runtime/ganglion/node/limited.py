# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's limits on the actuators of a node: they hold at once, and before anybody is there those of before."""

from ganglion.guardian import Actuators
from ganglion.guardian.restriction import Side, lost, understood
from ganglion.mesh.client import MeshClient
from ganglion.mesh.signed_config import LIMITS


class Limited:
    """Those of one node.

    Args:
        mesh: Knows the limits, and when there are others.
        actuators: Are limited, from now on.
    """

    def __init__(self, mesh: MeshClient, actuators: Actuators) -> None:
        self._mesh = mesh
        self._actuators = actuators
        mesh.on_limits = self._changed
        self._restrict()  # what an earlier run has heard holds before anybody is there

    def _changed(self) -> None:
        """The fleet's limits are others: they hold at once, and the birth says so."""
        self._restrict()
        self._mesh.announce()

    def _restrict(self) -> None:
        version, tables = self._mesh.limits
        why_lost = self._mesh.lost.get(LIMITS.what)
        self._actuators.restrict(lost(why_lost) if why_lost else Side(f"fleet {version}", understood(tables)))
