# SPDX-License-Identifier: GPL-3.0-or-later
"""What other mesh protocols on this machine have measured of its neighbours, in the router's own costs."""

from ganglion.mesh.quality.measured import Source
from ganglion.mesh.quality.quality import Quality

__all__ = ["Quality", "Source"]
