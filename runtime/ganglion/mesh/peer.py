# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member knows of another one, and the messages that pass between them."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ganglion.mesh.credential import GATEWAY, Credential
from ganglion.mesh.standing import Cause, DropError
from ganglion_micro import gl1
from ganglion_micro.replay import FRESH, SEEN, Idempotent, Strict


@dataclass(slots=True, kw_only=True, eq=False)
class Peer:
    """A member that has proved itself by a birth.

    Attributes:
        credential: As verified up to the root.
        epoch: Of its last birth.
        nonce: Of that boot, 8 bytes: a request to it must name it.
        born: Timestamp of that birth, by its own clock.
        died: Epoch and timestamp of its last death: what it sealed before says nothing of its being there.
        policy: Version of the policy that it goes by, as that birth says; None where it says nothing.
        silent: A request to it had no answer, and it has said nothing since.
    """

    credential: Credential
    epoch: int
    nonce: bytes
    born: int
    _birth_seq: int
    policy: int | None = None
    died: tuple[int, int] = (0, 0)
    silent: bool = False
    _strict: Strict = field(default_factory=Strict)
    _idempotent: Idempotent = field(default_factory=Idempotent)

    @property
    def kid(self) -> bytes:
        """Key id, 8 bytes."""
        return self.credential.kid

    @property
    def node_id(self) -> str:
        """26 letters."""
        return self.credential.node_id

    @property
    def name(self) -> str:
        """What the authority calls it."""
        return self.credential.name

    @property
    def is_gateway(self) -> bool:
        """Whether it speaks for the mesh's server."""
        return GATEWAY in self.credential.roles

    def counts(self, msg: gl1.MSG) -> bool:
        """Counts a message of it whose signature holds; whether it is an event that was counted before.

        Raises:
            DropError: anything else that was counted before, is of an earlier boot, or is too old to tell.
        """
        kind = msg.kind
        if kind in gl1.CLASS_C:
            if msg.epoch < self.epoch:
                raise DropError(Cause.STALE, "of an earlier boot of its sender")
            if not self._strict.add(msg.epoch, msg.seq):
                raise DropError(Cause.REPLAYED, f"{msg.epoch}/{msg.seq} was seen, or is too old to tell")
            return False
        if kind == gl1.DEATH:
            if msg.epoch < self.epoch or msg.seq != 0:
                raise DropError(Cause.STALE, f"the death of epoch {msg.epoch}, and {self.epoch} was born")
            self.died = max(self.died, (msg.epoch, msg.ts))
            return False
        if msg.seq == 0:
            raise DropError(Cause.MALFORMED, "sequence 0 is for a death")
        told = self._idempotent.add(msg.epoch, msg.seq)
        if kind == gl1.EVENT:
            return told == SEEN
        if told != FRESH:
            raise DropError(Cause.REPLAYED, f"{msg.epoch}/{msg.seq} was seen, or is too old to tell")
        if msg.epoch < self.epoch:
            raise DropError(Cause.STALE, "readings of an earlier boot")
        return False


class Sealed(NamedTuple):
    """A message ready to be published.

    Attributes:
        to: The receiver's key id, for kinds that have one.
    """

    topic: str
    payload: bytes
    epoch: int
    seq: int
    to: bytes | None = None


class Received(NamedTuple):
    """A message that may be believed.

    Attributes:
        kind: `gl1` number.
        node_id: Who signed it.
        peer: The same with its credential; None for an ENROL, which nobody vouches for yet, and where a member shares
            state whose birth was not heard.
        body: What it says. Of a stale request only its id, so that it can be answered and not obeyed.
        epoch: With `seq` and the kind's class, the message's identity.
        seq: See there.
        timestamp: When the sender says it was sealed.
        repeated: A birth or an event that was seen before: answer it again, do not act on it again.
        retained: The broker kept it; it says nothing of the sender being there now.
        stale: A request that was meant for an earlier boot of this member.
        posthumous: Its sender died after sealing it. Topics overtake one another on a broker with several queues.
        group: The group that it was sealed for; "" where it was for no group.
        alone: It was sealed for this member alone.
    """

    kind: int
    node_id: str
    peer: Peer | None
    body: Any
    epoch: int
    seq: int
    timestamp: int
    repeated: bool = False
    retained: bool = False
    stale: bool = False
    posthumous: bool = False
    group: str = ""
    alone: bool = False
