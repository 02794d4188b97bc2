# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes come first: the same ones whenever it is asked, others in every rollout. No I/O."""

import hashlib
import math
from collections.abc import Collection, Sequence


def ranked(rollout: str, nodes: Collection[str]) -> list[str]:
    """Nodes in the order in which a rollout comes to them: that of a hash of both, so that nobody is always first."""
    return sorted(nodes, key=lambda node: hashlib.sha256(f"{rollout}/{node}".encode()).digest())


def cut(count: int, percents: Sequence[float]) -> list[int]:
    """How many of the ranked nodes each stage ends after: what it is to have, rounded up, so that the first is no none.

    A stage that ends where the one before does adds nobody.
    """
    return [min(count, math.ceil(round(count * percent / 100, 6))) for percent in percents]
