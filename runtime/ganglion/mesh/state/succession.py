# SPDX-License-Identifier: GPL-3.0-or-later
"""A member that has taken another key signs again what it wrote under the one before, which will not count for ever."""

from ganglion.mesh.credential import Credential
from ganglion.mesh.state.effects import Outcome
from ganglion.mesh.state.entry import REGISTER, SET
from ganglion.mesh.state.replica import Replica
from ganglion_micro import gl1


def inherit(replica: Replica, credential: Credential | None, now: int) -> Outcome:
    """Writes values and members of sets anew, those under the old node id under the new one; nothing the second time.

    Args:
        credential: The member's own; it names the key before.
    """
    outcome = Outcome()
    if credential is None or not credential.former:
        return outcome
    former = gl1.kid_of(credential.former)
    for kind, key, element, reading in replica.places():
        if reading.kid != former:
            continue
        key = key.replace(credential.former, credential.node_id)
        if kind == REGISTER:
            outcome.merge(replica.set(key, reading.value, now=now))
        elif kind == SET:
            outcome.merge(replica.add(key, element, now=now))
    return outcome
