# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a line is broken whose link was cut in silence, in virtual time: real routers on simulated links.

The ends of the line are joined by a second way that costs more than the line, so it is used when there is no other.
"""

import itertools
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

from ganglion.mesh.authority import Authority
from ganglion_tools.mesh_air import Air, authority

LENGTHS = (3, 5, 9)
CUTS = 20
#: What a simulated link costs at least, and how often the spare way costs what the line does.
_LINK, _SPARE = 256, 2
#: Seconds until costs no longer change; the cut comes at any moment of the second after that.
_SETTLED = 10.0


class Outage(NamedTuple):
    """Seconds from the cut until every node reached every other again: the median and the 95th percentile."""

    p50: float
    p95: float


def outage(length: int, *, cuts: int) -> Outage:
    """Cuts the middle of a line of so many nodes, each time in another world."""
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as folder:
        mesh = authority(Path(folder))
        taken = [_cut(mesh, length, seed) for seed in range(cuts)]
    return Outage(statistics.median(taken), statistics.quantiles(taken, n=20, method="inclusive")[-1])


def _cut(mesh: Authority, length: int, seed: int) -> float:
    air = Air(mesh, seed)
    stations = [air.station() for _ in range(length)]
    line = [air.medium(a, b) for a, b in itertools.pairwise(stations)]
    air.medium(stations[-1], stations[0], name="spare", cost_floor=_SPARE * length * _LINK)
    air.until(air.converged)
    air.run(_SETTLED + air.rng.random())
    assert air.follow(stations[0], stations[-1].kid) == stations, "the line was not what is used"
    air.cut(line[length // 2 - 1])
    return air.until(air.converged)
