# SPDX-License-Identifier: GPL-3.0-or-later
"""Many revocations at once."""

from ganglion.mesh import revocation
from ganglion.mesh.authority import Authority
from ganglion.units import SECOND

_MONTH = 30 * 86400 * SECOND


def revoke_many(authority: Authority, count: int, *, now: int, months: int = 0) -> int:
    """Has an authority revoke keys that nobody has, spread over the months before; how many are on its list then."""
    trust, register = authority.trust(now=now), authority._register
    for month in range(months + 1):
        at = now - (months - month) * _MONTH
        known = revocation._kept(authority.revocations(now=at).until, at)
        share = range(count * month // (months + 1), count * (month + 1) // (months + 1))
        register._sign({**known, **{i.to_bytes(8, "big"): (at, at) for i in share}}, trust, at)
    return len(authority.revocations(now=now).until)
