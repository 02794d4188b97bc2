# SPDX-License-Identifier: GPL-3.0-or-later
"""What a full member of the mesh says, and how it is sealed: its half of `member.Member`, without I/O."""

from ganglion_micro import cbor, cose, gl1, saying, serving
from ganglion_micro.saying import Again

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_micro.authority import Authority

    #: What is to be published: topic, payload, QoS, whether it is retained.
    Said = tuple[str, bytes, int, bool]

#: Bytes of the payload of an event or an answer, as a leaf's.
MAX_SIZE = 1024
#: Events that wait until a gateway has stored them; questions of ours.
EVENTS = 16
QUESTIONS = 8
#: Milliseconds until something is said again, and at most.
AGAIN_MS = (2000, 32000)

#: Nanoseconds that a gateway has for an answer.
_TIME = 30000000000


class Voice:
    """The voice of one boot.

    Args:
        authority: Whom it speaks to.
        signer: Has `public`, `sign(message)` and `cost`, the milliseconds that the last signature took.
        epoch: Boots, uint32: one more than at any before, and on the flash already.
        nonce: Of this boot, 8 random bytes.

    Attributes:
        now: Nanoseconds since the Unix epoch by the gateway's clock; 0 before it has said.
        node: The node's id, 26 letters.
        frame: Readings that wait.
        will: Topic and payload of its death.
    """

    def __init__(self, authority: "Authority", signer: "Any", epoch: int, nonce: bytes) -> None:
        self.now = self._ms = 0  # the latter since the boot
        self.frame = saying.Frame()
        self._authority = authority
        self._signer = signer
        self._epoch = epoch
        self._nonce = nonce
        thumbprint = cose.thumbprint(signer.public)
        self._kid, self.node = thumbprint[:8], gl1.node_id(thumbprint)
        self._aad = gl1.aad(authority.mesh)
        self._seqs = [0, 0]
        self._count = 0
        self._methods: "dict[str, Callable[[dict[str, Any]], Any]]" = {"methods": self._list}
        self._done = saying.Done()
        self._asked: "list[tuple[str, Callable[[dict[str, Any]], None]]]" = []
        self._questions: "list[Any]" = []
        self._events: "list[saying.Event]" = []
        self.will = (self._topic(gl1.DEATH), self._sealed(gl1.DEATH, {"epoch": epoch}))

    @property
    def _at(self) -> int:
        """The time as others may be told, and judged by; 0 where it is in doubt."""
        return 0 if self._authority.doubted else self.now

    def serve(self, method: str, handler: "Callable[[dict[str, Any]], Any]") -> None:
        """Serves a method to gateways; see `serving.answered`."""
        self._methods[method] = handler

    def _list(self, params: "dict[str, Any]") -> "dict[str, Any]":
        """The method `methods`, as every member has it."""
        return {"methods": [{"name": name, "summary": "", "reads": False} for name in sorted(self._methods)]}

    def readings(self, values: "list[tuple[str, Any]]") -> None:
        """Has (stream, number) pairs sent in the next frame. Raises: CBORError, one has no place in CBOR."""
        for stream, value in values:
            self.frame.add(stream, self.now, value, self._ms)

    def event(self, cls: str, topic: str, value: "Any") -> bool:
        """Has an event sent until a gateway has stored it; False where too many wait, and it is not taken.

        Raises:
            CBORError: it has no encoding, or is too large for one message.
        """
        body: "dict[str, Any]" = {"class": cls, "topic": topic, "value": value}
        if self.now:
            body["timestamp"] = self.now
        if len(cbor.encode(body)) > MAX_SIZE:
            raise cbor.CBORError("an event of a board has {} bytes at most".format(MAX_SIZE))
        if len(self._events) >= EVENTS:
            return False
        self._events.append(saying.Event(body, Again(*AGAIN_MS)))
        return True

    @property
    def waiting(self) -> int:
        """Events that no gateway has stored yet."""
        return len(self._events)

    def question(
        self, method: str, params: "dict[str, Any]", then: "Callable[[dict[str, Any]], None]", ns: int = _TIME
    ) -> bool:
        """Has the gateway asked when it is its turn; `then` gets the answer, once, if there ever is one.

        Args:
            ns: Nanoseconds that the gateway has for the answer.

        Returns:
            Whether it is taken; False where too many wait.

        Raises:
            CBORError: it has no encoding, or is too large for one message.
        """
        if len(cbor.encode(params)) > MAX_SIZE:
            raise cbor.CBORError("a question of a board has {} bytes at most".format(MAX_SIZE))
        if len(self._questions) >= QUESTIONS:
            return False
        self._questions.append((method, params, then, ns))
        return True

    def ask(
        self, method: str, params: "dict[str, Any]", then: "Callable[[dict[str, Any]], None]", ns: int = _TIME
    ) -> "Said | None":
        """Asks the gateway now; what is to be published, where there is one. See `question`."""
        gateway = self._authority.gateway
        if gateway is None:
            return None
        self._count += 1
        identity = "{}-{}-{}".format(self.node[:8], self._epoch, self._count)
        self._asked = self._asked[1 - QUESTIONS :] + [(identity, then)]
        body: "dict[str, Any]" = {"id": identity, "method": method, "params": params}
        body.update(nonce=gateway.nonce, deadline=self._at + ns)
        return self._said(gl1.REQUEST, body, gateway.certificate.node)

    def _event(self, event: saying.Event) -> "Said":
        if not event.sealed:
            event.sealed = self._sealed(gl1.EVENT, event.body)
            event.seq = self._seqs[1]
        return self._topic(gl1.EVENT, name=event.body["class"]), event.sealed, 1, False

    def _answer(self, node: str, body: "dict[str, Any]") -> "Said":
        def seal(said: "dict[str, Any]") -> bytes:
            if len(cbor.encode(said)) > MAX_SIZE:
                raise cbor.CBORError("more than {} bytes".format(MAX_SIZE))
            return self._sealed(gl1.REPLY, said, gl1.kid_of(node))

        if "ok" in body:  # it is an answer already
            payload = seal(body)
        else:
            payload = serving.answered(self._methods, body, seal)
            self._done.end(body["id"], payload)
        return self._topic(gl1.REPLY, node), payload, 1, False

    def _said(self, kind: int, body: "Any", node: str = "", qos: int = 1) -> "Said":
        payload = self._sealed(kind, body, gl1.kid_of(node) if node else None)
        return self._topic(kind, node), payload, qos, kind == gl1.BIRTH

    def _topic(self, kind: int, node: str = "", name: str = "") -> str:
        return gl1.topic(self._authority.text, kind, self.node, node, name)

    def _sealed(self, kind: int, body: "Any", to: "bytes | None" = None) -> bytes:
        strict = kind in gl1.CLASS_C
        seq = 0
        if kind != gl1.DEATH:
            which = 0 if strict else 1
            seq = self._seqs[which] = self._seqs[which] + 1
        # Who judges times judges those of commands alone; of the rest it is better to be early than of 1970
        ts = self._at or (0 if strict else self._authority.floor)
        message = gl1.MSG(kind, to, self._epoch, seq, ts, body)
        return cose.sign1(message.pack(), self._kid, self._aad, self._signer.sign)
