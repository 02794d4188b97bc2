# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a message belongs: the one topic that its kind, sender, receiver and class give. Pure."""

from collections.abc import Sequence

from ganglion.mesh.standing import Cause, DropError
from ganglion_micro import gl1

#: Kinds that are for one member.
_DIRECTED = (gl1.REQUEST, gl1.REPLY, gl1.KEY, gl1.CREDENTIAL)


def check(
    topic: str | None,
    msg: gl1.MSG,
    *,
    mesh: str,
    sender: str,
    receivers: Sequence[tuple[bytes, str]],
    gateway: bool,
) -> None:
    """Returns where a message is in its place.

    Args:
        topic: On which it came; None where neighbours brought it, who know no topics.
        mesh: The mesh's id as text.
        sender: The node id of who signed it.
        receivers: This member's key id and node id, and perhaps those before its key was rotated.
        gateway: Whether this member is the gateway.

    Raises:
        DropError: it is not.
    """
    kind, dst = msg.kind, msg.dst
    if type(dst) is str:
        _check_group(topic, msg, mesh, sender)
        return
    kid, receiver = receivers[0]
    name = ""
    if kind == gl1.EVENT:
        said = msg.body.get("class") if type(msg.body) is dict else None
        if not gl1.level(said):
            raise DropError(Cause.MALFORMED, "an event is a map with a class")
        name = str(said)
    elif kind in (gl1.REPLY, gl1.CREDENTIAL):
        # What was sent before this member's key was rotated is acknowledged to the key that signed it
        kid, receiver = next((own for own in receivers if own[0] == dst), receivers[0])
    elif kind not in (gl1.BATCH, gl1.DEATH, gl1.REQUEST, gl1.KEY) or (kind == gl1.KEY and gateway):
        raise DropError(Cause.UNKNOWN_KIND, f"kind {kind} is not for this member")
    expected = gl1.topic(mesh, kind, sender, receiver, name)
    if topic != expected and (topic is not None or kind == gl1.DEATH):  # a will is the broker's to say
        raise DropError(Cause.MISADDRESSED, f"kind {kind} from {sender} belongs on {expected}")
    if dst != (kid if kind in _DIRECTED else None):
        raise DropError(Cause.MISADDRESSED, f"kind {kind} from {sender} is for another")


def _check_group(topic: str | None, msg: gl1.MSG, mesh: str, sender: str) -> None:
    """The same for a message to a group. What class an event is of, it says only to who can open it."""
    group = msg.dst if gl1.level(msg.dst) else ""
    if topic is None and group and msg.kind in (gl1.EVENT, gl1.BATCH):
        return
    name = "" if topic is None else topic.rpartition("/")[2]
    if not (group and gl1.level(name) and topic == gl1.group_topic(mesh, msg.kind, sender, str(group), name)):
        raise DropError(Cause.MISADDRESSED, f"kind {msg.kind} of {sender} to a group, on another topic")
