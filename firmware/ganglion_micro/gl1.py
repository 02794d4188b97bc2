# SPDX-License-Identifier: GPL-3.0-or-later
"""GL1, the one envelope of the mesh: what is inside the signature, and which topic it belongs on.

The signed payload is MSG = [version, kind, destination, epoch, sequence, timestamp, body] in deterministic CBOR, bound
to its mesh by the external data `aad(mesh)`. The whole in CDDL is in gl1.cddl. Kinds and what becomes of their
bodies are listed there too; here a body is any value.
"""

from ganglion_micro import cbor

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

VERSION = 1

HELLO = 0
BIRTH = 1
DEATH = 2
DATA = 3
EVENT = 4
REQUEST = 5
REPLY = 6
DELTA = 7
CRDT = 8
CONFIG = 9
KEY = 10
ENROL = 11
CREDENTIAL = 12
REVOCATION = 13
BATCH = 14
MANIFEST = 15

#: Kinds whose replay would do harm: strict window, fresh timestamp. They have a sequence of their own.
CLASS_C = frozenset((REQUEST, REPLY, DELTA, CONFIG, KEY, ENROL, CREDENTIAL, REVOCATION, MANIFEST))

#: In the place of a gateway's id, in the topic of its birth: the list of the gateways whose keys hold.
ALL = "all"

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class MSG:
    """What is signed.

    Attributes:
        kind: One of the numbers above; others are relayed, never processed.
        dst: None for whom it concerns, 8 bytes of a key id, or a group's name.
        epoch: Boots of the sender, uint32.
        seq: Counts from 1 in each epoch and class; 0 is for the death alone.
        ts: Nanoseconds since the Unix epoch, by the sender's clock.
        body: Any CBOR value.
    """

    __slots__ = ("body", "dst", "epoch", "kind", "seq", "ts")

    def __init__(self, kind: int, dst: "bytes | str | None", epoch: int, seq: int, ts: int, body: "Any") -> None:
        self.kind = kind
        self.dst = dst
        self.epoch = epoch
        self.seq = seq
        self.ts = ts
        self.body = body

    def pack(self) -> bytes:
        """The payload to be signed.

        Raises:
            CBORError: the body has no deterministic encoding, or is too large or too deep.
        """
        return cbor.encode(self.fields())

    def fields(self) -> "list[Any]":
        """The array that the payload encodes."""
        return [VERSION, self.kind, self.dst, self.epoch, self.seq, self.ts, self.body]


def unpack(payload: bytes) -> MSG:
    """The message in a payload.

    Raises:
        CBORError: it is not deterministic CBOR, or no MSG of this version.
    """
    return message(cbor.decode(payload))


def message(fields: "Any") -> MSG:
    """The message in a payload that is decoded already.

    Raises:
        CBORError: it is no MSG of this version.
    """
    if type(fields) is not list or len(fields) != 7:
        raise cbor.CBORError("a MSG is an array of 7")
    version, kind, dst, epoch, seq, ts, body = fields
    if type(version) is not int or version != VERSION:
        raise cbor.CBORError(f"version {version!r} of GL1, and only {VERSION} is known")
    for number in (kind, epoch, seq, ts):
        if type(number) is not int or number < 0:
            raise cbor.CBORError("kind, epoch, sequence and timestamp are unsigned integers")
    if epoch > 0xFFFFFFFF:
        raise cbor.CBORError("an epoch is 32 bits")
    if dst is not None and not (type(dst) is bytes and len(dst) == 8) and type(dst) is not str:
        raise cbor.CBORError("a destination is null, a key id or a group's name")
    return MSG(kind, dst, epoch, seq, ts, body)


def aad(mesh: bytes) -> bytes:
    """What binds a signature to a mesh without a byte on the wire (RFC 9052 section 4.3).

    Args:
        mesh: The mesh's id, 8 bytes.
    """
    return cbor.encode(["gl1", mesh])


def level(name: "Any") -> bool:
    """Whether a name may be one level of a topic: 1 to 32 of a-z A-Z 0-9 _ - (no `.`, NATS reads it as a separator)."""
    if type(name) is not str or not 0 < len(name) <= 32:
        return False
    for letter in name:
        if not ("a" <= letter <= "z" or "A" <= letter <= "Z" or "0" <= letter <= "9" or letter in "_-"):
            return False
    return True


#: What ends the topic of a kind, behind its receiver. A credential is not among the replies: who has yet to join may
#: read it, and no more; CRDT is for everyone, or what one has asked for.
_TO = {REPLY: "r", REQUEST: "q", CREDENTIAL: "credential", KEY: "key", CRDT: "sync"}
#: The same, behind the sender.
_OF = {BATCH: "d/batch", CRDT: "s", BIRTH: "birth", DEATH: "death", ENROL: "enrol"}


def topic(mesh: str, kind: int, node: str, to: str = "", name: str = "") -> str:
    """The one topic on which a message may arrive; "" where its kind has none.

    Args:
        mesh: The mesh's id as text.
        node: The sender's node id.
        to: The receiver's node id, for the kinds that have one.
        name: The stream of DATA, the class of an EVENT.
    """
    if kind == EVENT:
        return f"gl1/{mesh}/n/{node}/e/{name}"
    if kind in _TO and (to or kind != CRDT):
        return f"gl1/{mesh}/n/{to}/{_TO[kind]}"
    if kind == DATA:
        return f"gl1/{mesh}/n/{node}/d/{name}"
    return f"gl1/{mesh}/n/{node}/{_OF[kind]}" if kind in _OF else ""


def group_topic(mesh: str, kind: int, node: str, group: str, name: str = "") -> str:
    """The one topic on which a message to a group may arrive; "" where its kind goes to none.

    Args:
        node: The sender's node id.
        name: The class of an EVENT.
    """
    if kind == BATCH:
        return f"gl1/{mesh}/g/{group}/{node}/d/batch"
    if kind == EVENT:
        return f"gl1/{mesh}/g/{group}/{node}/e/{name}"
    return ""


def gateway_topic(mesh: str, node: str) -> str:
    """Where a gateway's birth is retained a second time, so that nodes need not hear every node's birth."""
    return f"gl1/{mesh}/c/gateway/{node}"


def bundle_topic(mesh: str) -> str:
    """Where the root key and the issuer's credential are retained."""
    return f"gl1/{mesh}/c/bundle"


def revoked_topic(mesh: str) -> str:
    """Where the list of revoked keys is retained."""
    return f"gl1/{mesh}/c/revoked"


def beacon_topic(mesh: str) -> str:
    """Where a gateway says every few seconds that it is there."""
    return f"gl1/{mesh}/c/beacon"


def config_topic(mesh: str, what: str) -> str:
    """Where a document that holds for the whole mesh is retained: `policy`, `limits`."""
    return f"gl1/{mesh}/c/{what}"


def base32(data: bytes) -> str:
    """Lower case, no padding (RFC 4648 section 6): fit for a topic, and the same on every file system."""
    bits = 8 * len(data)
    count = (bits + 4) // 5
    number = int.from_bytes(data, "big") << (5 * count - bits)
    return "".join([_ALPHABET[number >> shift & 31] for shift in range(5 * (count - 1), -1, -5)])


def from_base32(text: str) -> bytes:
    """The bytes of `base32`.

    Raises:
        ValueError: a letter that is none of it, or bits that no byte fills.
    """
    number = 0
    for letter in text:
        value = _ALPHABET.find(letter)
        if value < 0:
            raise ValueError(f"{letter!r} is no letter of base32")
        number = number << 5 | value
    bits = 5 * len(text)
    spare = bits % 8
    if spare > 4 or number & ((1 << spare) - 1):
        raise ValueError("base32 that is cut short")
    return (number >> spare).to_bytes(bits // 8, "big")


def node_id(thumbprint: bytes) -> str:
    """A node's name in topics: the first 16 bytes of its key's thumbprint, 26 letters."""
    return base32(thumbprint[:16])


def is_node_id(text: str) -> bool:
    """Whether a text is the id of a node, of whichever."""
    try:
        return len(from_base32(text)) == 16
    except ValueError:
        return False


def kid_of(node: str) -> bytes:
    """The key id that a node id begins with.

    Raises:
        ValueError: it is no node id.
    """
    data = from_base32(node)
    if len(data) != 16:
        raise ValueError(f"{node!r} is no node id: 26 letters of base32")
    return data[:8]
