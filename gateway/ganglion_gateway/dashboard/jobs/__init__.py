# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages `/jobs` and `/jobs/{job}`: what many nodes do at once, and what came of it at each."""

from ganglion_gateway.dashboard.jobs.listing import build
from ganglion_gateway.dashboard.jobs.one import build as build_one

__all__ = ["build", "build_one"]
