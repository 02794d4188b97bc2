# SPDX-License-Identifier: GPL-3.0-or-later
"""One signed write of one author, and its encoding.

An entry is a COSE_Sign1 of the mesh's one shape over

    [what, dot, stamp, over, ? value]

`what` names the place: [0, key] a register, [1, key, element] an element of a set, [2, key] one author's part of a
counter, [3] the author's checkpoint. Without a value it is a removal. `dot` numbers the author's writes, `stamp` is a
hybrid logical time, and `over` says which writes of others it replaces: of each author the last one that was seen in
this place. An author's own earlier write in the same place is replaced without being named.

A checkpoint bounds what has to be remembered: of all that its author wrote before it, only the dots listed in its
value still count, as [skip, run, skip, run, ...] from 0 upwards. What it does not list stays removed, for everyone and
for ever, also where the removal itself is forgotten.

Signatures are bound to the mesh and to this use by the external data `aad(mesh)`: no entry is a GL1 message, nor the
other way round.
"""

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ganglion.mesh import crypto
from ganglion.mesh.identity import Identity
from ganglion_micro import cbor, cose

REGISTER = 0
SET = 1
COUNTER = 2
CHECKPOINT = 3

#: UTF-8 bytes of a key.
KEY_BYTES = 256
#: Encoded bytes of an element of a set.
ELEMENT_BYTES = 1024
#: Encoded bytes of a value. Over UDP on a LAN, where a message is eight packets at most, 4 KiB pass and 32 do not.
VALUE_BYTES = 32768
#: Authors that one entry may replace.
OVER = 256
#: Bytes of an entry: the four above and the signature. With the envelope around it, it stays below a message's 64 KiB.
ENTRY_BYTES = 40960
#: Bytes of an entry's id.
ID = 12

_NOTHING: Mapping[bytes, int] = {}


class EntryError(cbor.CBORError):
    """The bytes are no entry."""


class Entry:
    """A write, taken apart.

    Attributes:
        data: The whole as signed.
        kid: Its author, 8 bytes.
        dot: Above every dot that its author gave before.
        stamp: Hybrid logical time.
        kind: `REGISTER`, `SET`, `COUNTER` or `CHECKPOINT`.
        slot: The place, encoded.
        over: Of each author, the last dot in this place that it replaces.
        present: Whether it has a value; else it is a removal.
        id: 2 bytes of the place's hash, 10 of the data's: entries of one place sort together.
    """

    __slots__ = ("data", "dot", "id", "kid", "kind", "over", "present", "slot", "stamp")

    def __init__(
        self, data: bytes, kid: bytes, slot: bytes, dot: int, stamp: int, over: Mapping[bytes, int], present: bool
    ) -> None:
        self.data = data
        self.kid = kid
        self.slot = slot
        self.dot = dot
        self.stamp = stamp
        self.over = over or _NOTHING
        self.present = present
        self.kind = slot[1]
        place = slot if self.kind != CHECKPOINT else slot + kid
        self.id = sha256(place).digest()[:2] + sha256(data).digest()[: ID - 2]

    def __repr__(self) -> str:
        return f"<Entry {self.what} of {self.kid.hex()}, {self.dot}>"

    @property
    def what(self) -> list[Any]:
        """Kind, key and element."""
        what: list[Any] = cbor.decode(self.slot)
        return what

    @property
    def key(self) -> str:
        """The key; "" of a checkpoint."""
        return self.what[1] if self.kind != CHECKPOINT else ""

    @property
    def value(self) -> Any:
        """The value; None of a removal."""
        return cbor.decode(cose.parse(self.data).payload)[4] if self.present else None

    @property
    def rank(self) -> tuple[int, bytes, bytes]:
        """What decides between entries that do not know of one another: the stamp, then the author."""
        return (self.stamp, self.kid, self.data)

    def replaces(self, other: "Entry") -> bool:
        """Whether this write leaves nothing of another in the same place.

        Also the stamp has to be later. It always is where authors are honest, and where they are not there is still no
        circle of writes that replace one another.
        """
        if self.stamp <= other.stamp:
            return False
        return other.dot < self.dot if other.kid == self.kid else other.dot <= self.over.get(other.kid, -1)

    def signed_by(self, public: bytes, aad: bytes) -> bool:
        """Whether the signature holds."""
        message = cose.parse(self.data)
        return crypto.verify(message.signed(aad), message.signature, public)


class Checkpoint:
    """The dots of an author that still count before one of its dots.

    Args:
        entry: A checkpoint.
    """

    __slots__ = ("_ends", "_starts", "dot")

    def __init__(self, entry: Entry) -> None:
        self.dot = entry.dot
        self._starts = array("Q")
        self._ends = array("Q")
        at = 0
        runs = entry.value
        for skip, run in zip(runs[::2], runs[1::2], strict=True):
            at += skip
            self._starts.append(at)
            at += run
            self._ends.append(at)

    def removed(self, dot: int) -> bool:
        """Whether a write of the author counts no more."""
        if dot >= self.dot:
            return False
        at = bisect_right(self._starts, dot) - 1
        return at < 0 or dot >= self._ends[at]


def runs(dots: list[int]) -> list[int]:
    """The value of a checkpoint that lists these dots, which are sorted."""
    value: list[int] = []
    end = 0
    for dot in dots:
        if value and dot == end:
            value[-1] += 1
        else:
            value += [dot - end, 1]
        end = dot + 1
    return value


def aad(mesh: bytes) -> bytes:
    """What binds entries to a mesh of this id, 8 bytes, without a byte on the wire (RFC 9052 section 4.3)."""
    return cbor.encode(["gl1-crdt", mesh])


def sign(
    identity: Identity, aad: bytes, what: list[Any], dot: int, stamp: int, over: Mapping[bytes, int], *value: Any
) -> Entry:
    """A new entry, without a value a removal.

    Raises:
        EntryError: a part of it is not allowed; the message says which.
        CBORError: the value has no deterministic encoding.
    """
    for part in value:
        if what[0] == REGISTER and (size := len(cbor.encode(part))) > VALUE_BYTES:
            raise EntryError(
                f"a value of {size} bytes, and {VALUE_BYTES} is the limit: keep a name or a hash of it here"
            )
    return parse(cose.sign1(cbor.encode([what, dot, stamp, dict(over), *value]), identity.kid, aad, identity.sign))


def parse(data: Any) -> Entry:
    """Takes an entry apart. Whether its signature holds is the next question.

    Raises:
        EntryError: it has another shape, or is larger than `ENTRY_BYTES`.
        CBORError: it is not deterministic CBOR, or no COSE_Sign1 as the mesh has it.
    """
    if type(data) is not bytes:
        raise EntryError("an entry is a byte string")
    if len(data) > ENTRY_BYTES:
        raise EntryError(f"an entry of {len(data)} bytes, and {ENTRY_BYTES} is the limit")
    message = cose.parse(data)
    fields = cbor.decode(message.payload)
    if type(fields) is not list or not 4 <= len(fields) <= 5:
        raise EntryError("an entry is an array of 4 or 5")
    what, dot, stamp, over, *value = fields
    if not _unsigned(dot) or not _unsigned(stamp) or not dot:
        raise EntryError("dot and stamp are unsigned integers, and a dot is not 0")
    if type(over) is not dict or len(over) > OVER or message.kid in over:
        raise EntryError(f"what an entry replaces is a map of {OVER} authors at most, without its own")
    if not all(type(kid) is bytes and len(kid) == cose.KID_SIZE and _unsigned(last) for kid, last in over.items()):
        raise EntryError("what an entry replaces is a dot for each key id")
    kind = _place(what)
    for part in value:
        _value(kind, part, dot)
    if kind == CHECKPOINT and (over or not value):
        raise EntryError("a checkpoint replaces nothing of others, and has a value")
    return Entry(data, message.kid, cbor.encode(what), dot, stamp, over, bool(value))


def _unsigned(number: Any) -> bool:
    return type(number) is int and number >= 0


def _place(what: Any) -> int:
    """The kind of a place."""
    if type(what) is list and what and type(kind := what[0]) is int:
        if kind == CHECKPOINT and len(what) == 1:
            return kind
        if len(what) == (3 if kind == SET else 2) and REGISTER <= kind <= COUNTER:
            key = what[1]
            if type(key) is not str or not 0 < len(key.encode()) <= KEY_BYTES:
                raise EntryError(f"a key is text of 1 to {KEY_BYTES} bytes")
            if kind == SET and (size := len(cbor.encode(what[2]))) > ELEMENT_BYTES:
                raise EntryError(f"an element of {size} bytes, and {ELEMENT_BYTES} is the limit")
            return kind
    raise EntryError("a place that is no register, element, counter or checkpoint")


def _value(kind: int, value: Any, dot: int) -> None:
    if kind == SET and value is not True:
        raise EntryError("an element is there or not: its value is true")
    if kind == COUNTER and not (type(value) is list and len(value) == 2 and all(_unsigned(part) for part in value)):
        raise EntryError("a counter's value is what was added and what was taken away")
    if kind == CHECKPOINT:
        sound = type(value) is list and not len(value) % 2 and all(_unsigned(part) for part in value)
        if not sound or not all(value[1::2]) or not all(value[2::2]) or sum(value) > dot:
            raise EntryError("a checkpoint lists runs of dots before its own")
