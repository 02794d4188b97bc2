# SPDX-License-Identifier: GPL-3.0-or-later
"""A leaf without I/O: a device that cannot sign, and says what it has to say to its parent under a key of the two.

Nothing here sends, sleeps or reads a clock. `advance` is told how much time has passed and returns what is to be sent,
`receive` is given what came and returns the same. The way between the two is the caller's: UDP, a serial line.

    leaf    HELLO {nonce}                       every 10 s, and while it looks for its parent
    parent  HELLO {nonce, leaf, seq}            names that HELLO, the last one: it is new, and so is its time
    leaf    BIRTH {nonce, epoch, parent, ...}   names the nonce of this boot of the parent: it is new, too
    parent  REPLY {stored: [[epoch, n]]}        events that are safe with the parent, by their numbers; 0 is the birth

One sequence is for all that a leaf says, and its parent takes nothing twice (design: E4). An event has a number
besides, under which it comes again, sealed anew, until its parent has stored it. A request is done at most once: it
names this boot, its sequence is taken once, and a copy of the last few is answered from memory.
"""

from ganglion_micro import cbor, gl1, mac0, serving
from ganglion_micro.replay import Strict

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_micro.leaf_key import LeafKey

#: Bytes of the largest message between a leaf and its parent: whole in one datagram on every network.
MAX_SIZE = 1024
#: Bytes of a boot's nonce.
NONCE_SIZE = 8
#: Events that wait until the parent has stored them.
EVENTS = 16
#: Answers that are kept for copies of their requests.
ANSWERS = 4
#: Milliseconds between two HELLOs to a parent that is there, and the first of those to one that is looked for.
HELLO_MS = 10000
SEEK_MS = 1000
#: HELLOs without an answer after which the parent is taken to be away.
UNANSWERED = 3
#: Milliseconds until an event is sent again, doubled each time up to the second figure.
AGAIN_MS = (2000, 32000)
#: Nanoseconds that a request may be older or newer than what the parent has said of the time.
FRESHNESS = 300 * 1000000000

#: Bytes around the body of a message.
_AROUND = 64


class _RefusedError(Exception):
    """A message is not believed; the argument is the cause, as `ganglion.mesh.standing.Cause` calls it."""


class _Event:
    """One that waits to be stored."""

    __slots__ = ("body", "due", "wait")

    def __init__(self, body: "dict[str, Any]") -> None:
        self.body = body
        self.again()

    def again(self) -> None:
        """It is to be sent at once."""
        self.due = self.wait = 0


class Leaf:
    """One leaf in one boot.

    Args:
        key: Shared with its parent.
        epoch: Boots of this leaf, uint32: one more than at any boot before, and on the flash already.
        nonce: Of this boot, 8 random bytes.
        about: For people: `board`, `sw`, and `units` by stream.

    Attributes:
        joined: Whether the parent has this boot of the leaf.
        now: Nanoseconds since the Unix epoch by the parent's clock; 0 before it has said.
        heard: Messages that were believed, and are no copies: whoever repeats an old one is no parent.
        refused: What was not believed, by cause.
        is_busy: Never: what comes is looked at at once.
    """

    is_busy = False

    def __init__(self, key: "LeafKey", epoch: int, nonce: bytes, about: "dict[str, Any] | None" = None) -> None:
        if len(nonce) != NONCE_SIZE or not 0 < epoch <= 0xFFFFFFFF:
            raise ValueError("a boot has a nonce of 8 bytes and an epoch from 1 to 2^32 - 1")
        self.joined = False
        self.now = self.heard = 0
        self.refused: "dict[str, int]" = {}
        self._key = key
        self._epoch = epoch
        self._nonce = nonce
        self._about = about or {}
        self._methods: "dict[str, Callable[[dict[str, Any]], Any]]" = {}
        self._seq = self._number = self._hello = 0
        self._parent = b""
        self._window = Strict()
        self._events: "list[_Event]" = []
        self._answers: "list[tuple[int, int, bytes]]" = []
        self._due = 0
        self._unanswered = 0
        self._pause = SEEK_MS // 2

    def serve(self, method: str, handler: "Callable[[dict[str, Any]], Any]") -> None:
        """Serves a method; before the first `advance`, as the birth names them.

        Args:
            handler: Gets the parameters; what it returns is the answer, a ValueError says that they are wrong, a
                `serving.RefusalError` that it will not.
        """
        self._methods[method] = handler

    # Saying

    def readings(self, values: "list[tuple[str, Any]]") -> "bytes | None":
        """A message with (stream, number) pairs, to be sent now; None while there is no parent to hear it.

        Raises:
            CBORError: a value has no place in CBOR, or they are too many for one message.
        """
        if not self.joined:
            return None
        return self._seal(gl1.BATCH, [[stream, self.now, value] for stream, value in values])

    def event(self, cls: str, topic: str, value: "Any") -> bool:
        """Has an event sent until the parent has stored it; False where too many wait, and it is not taken.

        Args:
            cls: A level of a topic: `alert`.

        Raises:
            CBORError: it has no encoding, or is too large for one message.
        """
        body = {"class": cls, "topic": topic, "value": value, "timestamp": self.now, "n": self._number + 1}
        _fits(len(cbor.encode(body)) + _AROUND)
        if len(self._events) >= EVENTS:
            return False
        self._number += 1
        self._events.append(_Event(body))
        return True

    @property
    def waiting(self) -> int:
        """Events that the parent has not stored yet."""
        return len(self._events)

    def advance(self, ms: int) -> "list[bytes]":
        """What is to be sent, now that so many milliseconds have passed since the last call."""
        if self.now:
            self.now += ms * 1000000
        out = []
        self._due -= ms
        if self.joined:
            for event in self._events:
                event.due -= ms
                if event.due <= 0:
                    if event.wait:
                        self._due = 0  # it was not stored in time: perhaps the parent has restarted
                    event.wait = min(2 * event.wait, AGAIN_MS[1]) or AGAIN_MS[0]
                    event.due = event.wait
                    out.append(self._seal(gl1.EVENT, event.body))
        if self._due <= 0:
            if self.joined and self._unanswered >= UNANSWERED:
                self.joined = False
                self._pause = SEEK_MS // 2
            self._unanswered += 1
            self._pause = HELLO_MS if self.joined else min(2 * self._pause, HELLO_MS)
            self._due = self._pause
            out.append(self._seal(gl1.HELLO, {"nonce": self._nonce}))
            self._hello = self._seq
        return out

    def _seal(self, kind: int, body: "Any") -> bytes:
        self._seq += 1
        payload = gl1.MSG(kind, None, self._epoch, self._seq, self.now, body).pack()
        data = mac0.mac0(payload, self._key.kid, self._key.up, self._key.key)
        _fits(len(data))
        return data

    # Hearing

    def receive(self, data: bytes) -> "list[bytes]":
        """What is to be sent because of what came; whatever it was, nothing is raised."""
        try:
            return self._take(data)
        except _RefusedError as refused:
            cause = refused.args[0]
            self.refused[cause] = self.refused.get(cause, 0) + 1
            return []

    def _take(self, data: bytes) -> "list[bytes]":
        msg = self._open(data)
        body = msg.body
        if msg.dst != self._key.kid:
            raise _RefusedError("misaddressed")
        if type(body) is not dict:
            raise _RefusedError("malformed")
        if msg.kind == gl1.HELLO:
            return self._met(msg, body)
        if msg.kind == gl1.REQUEST:
            return self._asked(msg, body)
        if msg.kind == gl1.REPLY:
            return self._stored(msg, body)
        raise _RefusedError("unknown_kind")

    def _open(self, data: bytes) -> gl1.MSG:
        if len(data) > MAX_SIZE:
            raise _RefusedError("malformed")
        try:
            message = mac0.parse(data)
            msg = gl1.unpack(message.payload)
        except cbor.CBORError as error:
            raise _RefusedError("malformed") from error
        if message.alg != mac0.HMAC_256_64:
            raise _RefusedError("malformed")
        if message.kid != self._key.kid:
            raise _RefusedError("unenrolled")
        if not message.holds(self._key.key, self._key.down):
            raise _RefusedError("forged")
        return msg

    def _once(self, msg: gl1.MSG) -> None:
        if msg.epoch < self._window.epoch:
            raise _RefusedError("stale")
        if not self._window.add(msg.epoch, msg.seq):
            raise _RefusedError("replayed")
        self.heard += 1

    def _met(self, msg: gl1.MSG, body: "dict[str, Any]") -> "list[bytes]":
        """The parent's HELLO: it is there, and this is the time."""
        parent = body.get("nonce")
        if body.get("leaf") != self._nonce or body.get("seq") != self._hello:
            raise _RefusedError("stale")
        if type(parent) is not bytes or len(parent) != NONCE_SIZE:
            raise _RefusedError("malformed")
        self._once(msg)
        self.now = msg.ts
        self._unanswered = 0
        if self.joined and parent == self._parent:
            return []
        self.joined = False
        self._parent = parent
        self._pause = SEEK_MS // 2
        self._due = min(self._due, SEEK_MS)
        said = {"nonce": self._nonce, "epoch": self._epoch, "parent": parent, "methods": sorted(self._methods)}
        for name in self._about:
            said[name] = self._about[name]
        return [self._seal(gl1.BIRTH, said)]

    def _stored(self, msg: gl1.MSG, body: "dict[str, Any]") -> "list[bytes]":
        """What the parent has: the birth, or events."""
        keys = body.get("stored")
        if type(keys) is not list:
            raise _RefusedError("malformed")
        numbers = []
        for key in keys:
            if type(key) is not list or len(key) != 2:
                raise _RefusedError("malformed")
            if key[0] != self._epoch:
                raise _RefusedError("stale")
            numbers.append(key[1])
        self._once(msg)
        if 0 in numbers and not self.joined:
            self.joined = True
            self._due = HELLO_MS
            for event in self._events:
                event.again()
        self._events = [event for event in self._events if event.body["n"] not in numbers]
        return []

    def _asked(self, msg: gl1.MSG, body: "dict[str, Any]") -> "list[bytes]":
        """A request: done once, answered as often as it comes."""
        if body.get("nonce") != self._nonce:
            raise _RefusedError("stale")
        if self.now and abs(msg.ts - self.now) > FRESHNESS:
            raise _RefusedError("stale")
        for epoch, seq, answer in self._answers:
            if (epoch, seq) == (msg.epoch, msg.seq):
                return [answer]
        self._once(msg)
        if not serving.is_request(body):
            raise _RefusedError("malformed")
        answer = serving.answered(self._methods, body, lambda said: self._seal(gl1.REPLY, said))
        self._answers.append((msg.epoch, msg.seq, answer))
        self._answers = self._answers[-ANSWERS:]
        return [answer]


def _fits(size: int) -> None:
    if size > MAX_SIZE:
        raise cbor.CBORError("{} bytes, and a message of a leaf has 1024 at most".format(size))
