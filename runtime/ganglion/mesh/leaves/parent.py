# SPDX-License-Identifier: GPL-3.0-or-later
"""A parent of leaves without I/O: bytes and time in, effects out. It opens no socket, reads no clock, writes no file.

The order of checks (design: E4): size, deterministic CBOR, the link's bucket, known leaf, tag, window, the leaf's own
bucket. What cannot be believed is dropped and counted by cause. Nothing is held against a leaf before its tag holds.

A leaf is believed once its birth has named the nonce of this boot of the parent, so a parent that restarts needs to
remember of each leaf nothing but the highest epoch. How the two come to that is told in `ganglion_micro.leaf`.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from ganglion.errors import InvalidError, NotFoundError, UnreachableError
from ganglion.mesh.leaves import said
from ganglion.mesh.leaves.effects import Answered, Changed, Effect, Happened, Keep, Read, Send, Way
from ganglion.mesh.leaves.kept import BURST, RATE, STREAMS, Boot, Kept, begun
from ganglion.mesh.overlay.bucket import Bucket
from ganglion.mesh.standing import Cause, DropError
from ganglion.units import SECOND
from ganglion_micro import cbor, gl1, mac0
from ganglion_micro.leaf import MAX_SIZE
from ganglion_micro.leaf_key import LeafKey
from ganglion_micro.replay import FRESH

_log = logging.getLogger(__name__)

#: A leaf says something every 10 s; one that has missed two of these and a half is away.
SILENCE = 25 * SECOND
#: Messages a second before anyone is known to have sent them, and at once: each costs a hash.
_LINK_RATE, _LINK_BURST = 2000.0, 4000.0


class Entry(NamedTuple):
    """What the disk knows of a leaf.

    Attributes:
        name: A level of a topic.
        key: Shared with it.
        epoch: The highest that it was born in; 0 for none.
    """

    name: str
    key: LeafKey
    epoch: int


class Parent:
    """Opens what leaves say and seals what is said to them.

    Args:
        mesh: The mesh's id, 8 bytes.
        epoch: Boots of this parent, on the disk already.
        nonce: Of this boot, 8 random bytes.
        now: Nanoseconds since the Unix epoch.

    Attributes:
        leaves: By key id.
        rejected: What was dropped, by cause.
    """

    def __init__(self, *, mesh: bytes, epoch: int, nonce: bytes, now: int) -> None:
        self._mesh = mesh
        self._epoch = epoch
        self._nonce = nonce
        self._seq = 0
        self._link = Bucket(_LINK_RATE, _LINK_BURST, now)
        self._asked: dict[str, bytes] = {}
        self.leaves: dict[bytes, Kept] = {}
        self.rejected: Counter[Cause] = Counter()

    def know(self, entries: Mapping[bytes, Entry], now: int) -> list[Effect]:
        """These are the leaves from now on, where they are this mesh's. One that is not is refused at once."""
        entries = {kid: entry for kid, entry in entries.items() if entry.key.mesh == self._mesh}
        gone = [kid for kid, kept in self.leaves.items() if kid not in entries or entries[kid].name != kept.name]
        new = {kid: entry for kid, entry in entries.items() if kid not in self.leaves or kid in gone}
        for kid in gone:
            del self.leaves[kid]
        for kid, entry in new.items():
            bucket = Bucket(RATE, BURST, now)
            self.leaves[kid] = Kept(name=entry.name, key=entry.key, epoch=entry.epoch, bucket=bucket)
        ended = [identity for identity, kid in self._asked.items() if kid in gone]
        answers: list[Effect] = [self._unknown(identity, "it is no leaf of this node any more") for identity in ended]
        return [*answers, Changed()] if gone or new else answers

    def find(self, name: str) -> Kept:
        """A leaf by its name.

        Raises:
            NotFoundError: there is none.
        """
        for kept in self.leaves.values():
            if kept.name == name:
                return kept
        names = ", ".join(sorted(kept.name for kept in self.leaves.values())) or "none"
        raise NotFoundError(f"no leaf of this node is called {name!r}; known are {names}")

    # Hearing

    def take(self, data: bytes, way: Way, now: int) -> list[Effect]:
        """What follows from a message, whatever it is."""
        try:
            return self._take(data, way, now)
        except DropError as drop:
            self.rejected[drop.cause] += 1
            _log.debug("Dropped of a leaf (%s): %s", drop.cause.value, drop)
            return []

    def _take(self, data: bytes, way: Way, now: int) -> list[Effect]:
        kept, msg = self._open(data, now)
        boot = kept.boot if msg.epoch == kept.epoch else None
        if msg.kind == gl1.BIRTH:
            return self._birth(kept, boot, msg, way, now)
        if msg.kind == gl1.HELLO and boot is None:
            return self._hello(kept, msg, way, now)  # it says nothing but that there is somebody to be asked for more
        if boot is None:
            raise DropError(Cause.STALE, f"{kept.name} was not born in its epoch {msg.epoch} to this boot")
        self._once(boot, msg)
        self._allow(kept, now)
        if msg.kind == gl1.HELLO:
            effects = self._hello(kept, msg, way, now)
        elif msg.kind == gl1.BATCH:
            effects = self._batch(kept, msg, now)
        elif msg.kind == gl1.EVENT:
            effects = self._event(kept, boot, msg, way, now)
        elif msg.kind == gl1.REPLY:
            effects = self._reply(kept, msg)
        else:
            raise DropError(Cause.UNKNOWN_KIND, f"kind {msg.kind} is none of a leaf's")
        return [*self._heard(kept, way, now), *effects]

    def _open(self, data: bytes, now: int) -> tuple[Kept, gl1.MSG]:
        if len(data) > MAX_SIZE:
            raise DropError(Cause.MALFORMED, f"{len(data)} bytes, and a leaf says {MAX_SIZE} at most")
        try:
            message = mac0.parse(data)
            msg = gl1.unpack(message.payload)
        except cbor.CBORError as error:
            raise DropError(Cause.MALFORMED, str(error)) from None
        if message.alg != mac0.HMAC_256_64:
            raise DropError(Cause.MALFORMED, "a leaf's algorithm is HMAC 256/64")
        if not self._link.take(now):
            raise DropError(Cause.LIMITED, f"more than {_LINK_RATE:g} messages a second")
        kept = self.leaves.get(message.kid)
        if kept is None:
            raise DropError(Cause.UNENROLLED, f"{message.kid.hex()} is no leaf of this node")
        if not message.holds(kept.key.key, kept.key.up):
            raise DropError(Cause.FORGED, f"the tag is not that of {kept.name} in this mesh")
        if msg.dst is not None:
            raise DropError(Cause.MISADDRESSED, f"{kept.name} speaks to somebody else")
        if not msg.seq:
            raise DropError(Cause.MALFORMED, "sequence 0 is for a death")
        if msg.epoch < kept.epoch:
            raise DropError(Cause.STALE, f"{kept.name} was born in epoch {kept.epoch}, and this is of {msg.epoch}")
        return kept, msg

    def _once(self, boot: Boot, msg: gl1.MSG) -> None:
        if not boot.window.add(msg.epoch, msg.seq):
            raise DropError(Cause.REPLAYED, f"{msg.epoch}/{msg.seq} was seen, or is too old to tell")

    def _allow(self, kept: Kept, now: int) -> None:
        if not kept.bucket.take(now):
            raise DropError(Cause.LIMITED, f"more than {RATE:g} messages a second of {kept.name}")

    def _heard(self, kept: Kept, way: Way, now: int) -> list[Effect]:
        kept.way, kept.heard = way, now
        if kept.online:
            return []
        kept.online, kept.since = True, now
        return [Changed()]

    def _hello(self, kept: Kept, msg: gl1.MSG, way: Way, now: int) -> list[Effect]:
        nonce = said.nonce(msg.body, "nonce")
        return [Send(way, self._seal(kept, gl1.HELLO, {"nonce": self._nonce, "leaf": nonce, "seq": msg.seq}, now))]

    def _birth(self, kept: Kept, boot: Boot | None, msg: gl1.MSG, way: Way, now: int) -> list[Effect]:
        nonce, parent = said.nonce(msg.body, "nonce"), said.nonce(msg.body, "parent")
        if msg.body.get("epoch") != msg.epoch:
            raise DropError(Cause.MALFORMED, "a birth has the epoch of its envelope")
        if parent != self._nonce:
            raise DropError(Cause.STALE, f"{kept.name} was born to an earlier boot of this node")
        self._allow(kept, now)
        effects: list[Effect] = []
        if boot is None:
            if msg.epoch > kept.epoch:
                effects.append(Keep(kept.key.kid, msg.epoch))
            kept.epoch = msg.epoch
            over = [identity for identity, kid in self._asked.items() if kid == kept.key.kid]
            effects += [self._unknown(identity, f"{kept.name} has restarted since it was asked") for identity in over]
            kept.boot = Boot(nonce=nonce, about=msg.body, window=begun(msg.epoch, msg.seq))
            if not kept.online:
                kept.since = now
            kept.online, kept.way, kept.heard = True, way, now
            effects.append(Changed())
        else:
            if nonce != boot.nonce:
                raise DropError(Cause.STALE, f"{kept.name} has counted two boots as one")
            self._once(boot, msg)
            effects += self._heard(kept, way, now)
        return [*effects, self._store(kept, way, [0], now)]

    def _batch(self, kept: Kept, msg: gl1.MSG, now: int) -> list[Effect]:
        found = said.readings(msg.body, now)
        streams = kept.streams | {stream for stream, _, _ in found}
        if len(streams) > STREAMS:
            raise DropError(Cause.LIMITED, f"{kept.name} has {STREAMS} streams, and that is the limit")
        kept.streams = streams
        return [Read(kept.name, stream, value, timestamp) for stream, timestamp, value in found]

    def _event(self, kept: Kept, boot: Boot, msg: gl1.MSG, way: Way, now: int) -> list[Effect]:
        cls, topic, value, timestamp, number = said.event(msg.body, now)
        if boot.numbers.add(number) != FRESH:
            self.rejected[Cause.REPLAYED] += 1
            return [] if number in boot.unsaved else [self._store(kept, way, [number], now)]
        boot.unsaved.add(number)
        return [Happened(kept.name, cls, topic, value, timestamp, kept.key.kid, msg.epoch, number)]

    def _reply(self, kept: Kept, msg: gl1.MSG) -> list[Effect]:
        identity = said.answer(msg.body)
        if self._asked.get(identity) != kept.key.kid:
            raise DropError(Cause.STALE, f"{kept.name} answers what nobody waits for")
        return [Answered(identity, msg.body)]

    def stored(self, event: Happened, now: int) -> list[Effect]:
        """An event is safe: its leaf is told, if that boot of it goes on."""
        kept = self.leaves.get(event.kid)
        if kept is None or kept.boot is None or kept.epoch != event.epoch or kept.way is None:
            return []
        kept.boot.unsaved.discard(event.number)
        return [self._store(kept, kept.way, [event.number], now)]

    def failed(self, event: Happened) -> None:
        """An event could not be kept: it is taken when its leaf sends it again."""
        kept = self.leaves.get(event.kid)
        if kept is not None and kept.boot is not None and kept.epoch == event.epoch:
            kept.boot.unsaved.discard(event.number)
            kept.boot.numbers.discard(event.number)

    def silence(self, now: int) -> list[Effect]:
        """Time has passed: who has not been heard for long is away."""
        away = [kept for kept in self.leaves.values() if kept.online and now - kept.heard > SILENCE]
        for kept in away:
            kept.online, kept.since = False, kept.heard
        return [Changed()] if away else []

    # Saying

    def ask(self, name: str, identity: str, method: str, params: dict[str, Any], now: int) -> Send:
        """A request, to be sent again as it is until it is answered or `forget` is called.

        Args:
            identity: New for each request.

        Raises:
            NotFoundError: there is no such leaf.
            UnreachableError: it is away.
            InvalidError: the parameters have no place in a message to a leaf.
        """
        kept = self.find(name)
        if kept.boot is None or kept.way is None or not kept.online:
            raise UnreachableError(f"the leaf {name} is away: look whether it has power, then ask again")
        body = {"id": identity, "method": method, "params": params, "nonce": kept.boot.nonce}
        try:
            data = self._seal(kept, gl1.REQUEST, body, now)
        except cbor.CBORError as unfit:
            raise InvalidError(f"the request {method!r} cannot be sent to a leaf: {unfit}") from None
        self._asked[identity] = kept.key.kid
        return Send(kept.way, data)

    def forget(self, identity: str) -> None:
        """Nobody waits for this answer any more."""
        self._asked.pop(identity, None)

    def _store(self, kept: Kept, way: Way, numbers: list[int], now: int) -> Send:
        return Send(way, self._seal(kept, gl1.REPLY, {"stored": [[kept.epoch, each] for each in numbers]}, now))

    def _seal(self, kept: Kept, kind: int, body: Any, now: int) -> bytes:
        self._seq += 1
        payload = gl1.MSG(kind, kept.key.kid, self._epoch, self._seq, now, body).pack()
        data = mac0.mac0(payload, kept.key.kid, kept.key.down, kept.key.key)
        if len(data) > MAX_SIZE:
            raise cbor.CBORError(f"{len(data)} bytes, and a leaf takes {MAX_SIZE}")
        return data

    def _unknown(self, identity: str, why: str) -> Answered:
        error = {"code": "unreachable", "message": f"{why}; whether it was done is unknown"}
        return Answered(identity, {"id": identity, "ok": False, "error": error})
