# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a member judges what others tell it: events that they say and readings that they send, by the policy.

A gateway judges all of it, and a node, which answers nothing, what it hears in its groups. At a gateway an event that a
rule is against, or that no rule allows, is refused to its sender, which drops it: it would be refused again, and others
wait behind it. A policy that was deleted decides on no event: none is taken, none is answered, and each waits in its
spool for a policy. Readings are telemetry and dropped either way; a frame of which nothing is left still shows that its
sender lives.
"""

from collections.abc import Callable

from ganglion.mesh.member import Cause, Member, Received, Sealed
from ganglion.mesh.rights import Rights
from ganglion_micro import gl1

#: Events that one answer refuses.
_BATCH = 512


class Screening:
    """That of one member.

    Args:
        member: Seals, and counts what is refused.
        rights: Judges.
        publish: Sends an answer, at QoS 0: a lost one costs a copy. None for a node.
    """

    def __init__(self, member: Member, rights: Rights, *, publish: Callable[[Sealed], None] | None = None) -> None:
        self._member = member
        self._rights = rights
        self._publish = publish
        self._refused: dict[str, list[tuple[int, int]]] = {}

    def takes(self, event: Received) -> bool:
        """Whether an EVENT's sender may say it; who may not hears so with the next `answer`."""
        if event.peer is None:
            return False
        decision = self._rights.judge(event.peer.credential, "say", event.body["class"])
        if decision.allowed:
            return True
        self._member.reject(Cause.UNAUTHORISED, f"{event.node_id} said {event.body['class']}: {decision.reason}")
        if self._publish is not None and self._rights.policy.rules:
            self._refused.setdefault(event.node_id, []).append((event.epoch, event.seq))
        return False

    def readings(self, frame: Received) -> Received:
        """A BATCH with those readings that its sender may send."""
        peer, body = frame.peer, frame.body
        if peer is None or type(body) is not list:
            return frame
        judge, credential = self._rights.judge, peer.credential
        taken = [
            reading
            for reading in body
            if type(reading) is not list
            or not reading
            or type(reading[0]) is not str
            or judge(credential, "send", reading[0]).allowed
        ]
        if len(taken) == len(body):
            return frame
        self._member.reject(
            Cause.UNAUTHORISED, f"{frame.node_id} sent {len(body) - len(taken)} readings that it may not"
        )
        return frame._replace(body=taken)

    def heard(self, received: Received) -> Received | None:
        """What may be acted on of a message to a group; None where nothing may."""
        if received.kind == gl1.EVENT:
            return received if self.takes(received) else None
        kept = self.readings(received)
        return None if kept.body == [] else kept

    def answer(self, now: int) -> None:
        """Tells the senders what was refused since the last answer."""
        refused, self._refused = self._refused, {}
        if self._publish is None:
            return
        for node, keys in refused.items():
            for i in range(0, len(keys), _BATCH):
                body = {"stored": [], "refused": keys[i : i + _BATCH]}
                self._publish(self._member.seal(gl1.REPLY, body, now=now, to=self._member.now_called(node)))
