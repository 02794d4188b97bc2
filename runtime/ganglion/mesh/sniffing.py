# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes on a mesh, in words, for whoever looks on: messages of a broker and frames of a LAN, without a key.

Whether a signature holds can be said of members whose credential was heard together with the bundle of their mesh; of
everybody else nothing is said. No body is shown, and what is encrypted stays so. Nothing that comes is an error here.
"""

from typing import Any

from ganglion.mesh import crypto
from ganglion.mesh.credential import Credential, CredentialError, Trust, subject
from ganglion.mesh.overlay import frame, signed
from ganglion_micro import cbor, cose, gl1, mac0

#: Names of the kinds of messages, by number (`gl1`), and of frames (`frame`).
KINDS = (
    *("hello", "birth", "death", "data", "event", "request", "reply", "delta", "crdt", "config", "key", "enrol"),
    *("credential", "revocation", "batch", "manifest"),
)
FRAMES = (
    *("frame 0", "hello", "alive", "update", "ack", "request", "want", "record", "unicast", "flood", "scout"),
    *("summary", "pull"),
)
#: What is said of a signature.
VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"
#: Credentials that are remembered.
_KNOWN = 16384
#: Tag of COSE_Encrypt0 (RFC 9052 section 5.2).
_ENCRYPTED = 16

Document = dict[str, Any]


class Sniffer:
    """What was heard so far, to judge by what comes next."""

    def __init__(self) -> None:
        self._trusts: dict[str, Trust] = {}
        self._shown: dict[tuple[str, bytes], bytes] = {}
        self._believed: dict[tuple[str, bytes], Credential] = {}

    def message(self, topic: str, payload: bytes, *, now: int, retained: bool = False) -> Document:
        """A message of a broker.

        Args:
            now: When it came, in nanoseconds since the Unix epoch.
            retained: Whether the broker had kept it.
        """
        document = _document(now, topic, len(payload), retained=retained)
        root, mesh, rest = (*topic.split("/", 2), "", "")[:3]
        if not payload:
            return document | {"kind": "removed"}
        if root != "gl1" or not _is_mesh(mesh):
            return document | {"kind": "foreign"}
        try:
            if rest == "c/bundle":
                return document | self._bundle(mesh, payload)
            if rest.startswith("l/"):
                return document | self._frame(mesh, payload)
            said = self._message(mesh, payload)
        except (cbor.CBORError, frame.FrameError) as error:
            return document | _malformed(error)
        if said["to"] is None and rest.startswith("n/") and rest[rest.rfind("/") :] in ("/q", "/r", "/credential"):
            said["to"] = rest.split("/")[1]  # a topic says it in full, the message may not
        return document | said

    def datagram(self, mesh: str, link: str, data: bytes, *, now: int) -> Document:
        """A frame of a LAN; `link` says where it was heard."""
        document = _document(now, link, len(data), retained=False)
        try:
            return document | self._frame(mesh, data)
        except (cbor.CBORError, frame.FrameError) as error:
            return document | _malformed(error)

    # Messages

    def _bundle(self, mesh: str, data: bytes) -> Document:
        try:
            self._trusts[mesh] = Trust.read(data, pin=gl1.from_base32(mesh))
        except CredentialError as error:
            return {"kind": "bundle", "signature": INVALID, "note": str(error)}
        return {"kind": "bundle", "signature": VALID}

    def _message(self, mesh: str, data: bytes) -> Document:
        if data[:1] == b"\xd1":
            leaf = mac0.parse(data)
            return self._said(mesh, leaf.kid, gl1.unpack(leaf.payload), UNKNOWN) | {"note": "of a leaf, under a MAC"}
        message = cose.parse(data)
        msg = gl1.unpack(message.payload)
        note = ""
        if msg.kind == gl1.ENROL:
            public, note = _newcomer(msg.body, message.kid), "no member yet"
        else:
            if msg.kind == gl1.BIRTH and type(msg.body) is dict:
                self._learn(mesh, msg.body.get("credential"))
            elif msg.kind == gl1.HELLO:
                self._learn(mesh, signed.credential(msg.body))
            public = self._public(mesh, message.kid)
        signature = UNKNOWN
        if public is not None:
            held = crypto.verify(message.signed(gl1.aad(gl1.from_base32(mesh))), message.signature, public)
            signature = VALID if held else INVALID
        if isinstance(msg.body, cbor.Tag) and msg.body.number == _ENCRYPTED:
            note = "encrypted"
        return self._said(mesh, message.kid, msg, signature) | ({"note": note} if note else {})

    def _said(self, mesh: str, kid: bytes, msg: gl1.MSG, signature: str) -> Document:
        kind = KINDS[msg.kind] if msg.kind < len(KINDS) else f"kind {msg.kind}"
        to = msg.dst if isinstance(msg.dst, str) else None if msg.dst is None else self._called(mesh, msg.dst)
        sender = self._called(mesh, kid)
        return {"kind": kind, "from": sender, "to": to, "epoch": msg.epoch, "seq": msg.seq, "signature": signature}

    def _learn(self, mesh: str, data: Any) -> None:
        """A credential was shown. Under a trust only one that holds replaces what is known."""
        if type(data) is not bytes or not data:
            return
        try:
            kid = cose.kid(subject(data))
        except CredentialError:
            return
        if mesh not in self._trusts:
            _keep(self._shown, (mesh, kid), data)
        elif (known := self._believed.get((mesh, kid))) is None or known.data != data:
            self._believe(mesh, kid, data)

    def _believe(self, mesh: str, kid: bytes, data: bytes) -> None:
        try:
            credential = self._trusts[mesh].verify(data)
        except CredentialError:
            return
        if credential.kid == kid:
            _keep(self._believed, (mesh, kid), credential)

    def _credential(self, mesh: str, kid: bytes) -> Credential | None:
        if mesh in self._trusts and (data := self._shown.pop((mesh, kid), None)) is not None:
            self._believe(mesh, kid, data)
        return self._believed.get((mesh, kid))

    def _public(self, mesh: str, kid: bytes) -> bytes | None:
        trust = self._trusts.get(mesh)
        if trust is not None and trust.issuer.kid == kid:
            return trust.issuer.public
        credential = self._credential(mesh, kid)
        return None if credential is None else credential.public

    def _called(self, mesh: str, kid: bytes) -> str:
        """A member's name, or its key id in hexadecimal."""
        trust = self._trusts.get(mesh)
        if trust is not None and trust.issuer.kid == kid:
            return "authority"
        credential = self._credential(mesh, kid)
        return kid.hex() if credential is None else credential.name

    # Frames

    def _frame(self, mesh: str, data: bytes) -> Document:
        got = frame.parse(data)
        kind = FRAMES[got.kind] if got.kind < len(FRAMES) else f"frame {got.kind}"
        document: Document = {"kind": f"hop {kind}", "from": self._called(mesh, got.sender), "seq": got.counter}
        if got.kind == frame.HELLO and not got.tags:
            said = self._message(mesh, got.body)
            shown = {name: said[name] for name in ("from", "epoch", "seq", "signature")}
            return document | shown if said["kind"] == "hello" else document | {"signature": INVALID}
        # The MAC is between two neighbours: who looks on can tell nothing of it
        receivers = f"{len(got.tags)} neighbour" + ("" if len(got.tags) == 1 else "s")
        piece = ", a fragment" if got.flags & frame.FRAGMENT else ""
        return document | {"to": receivers, "note": f"ttl {got.ttl}{piece}", "signature": UNKNOWN}


def _document(now: int, where: str, size: int, *, retained: bool) -> Document:
    return {
        "time": now,
        "where": where,
        "kind": "",
        "from": None,
        "to": None,
        "epoch": None,
        "seq": None,
        "size": size,
        "signature": None,
        "retained": retained,
        "note": "",
    }


def _malformed(error: Exception) -> Document:
    return {"kind": "malformed", "note": str(error)[:200]}


def _is_mesh(text: str) -> bool:
    try:
        return len(gl1.from_base32(text)) == 8
    except ValueError:
        return False


def _newcomer(body: Any, kid: bytes) -> bytes | None:
    """The key that an enrolment brings itself."""
    public = cose.public(body.get("key") if type(body) is dict else None)
    return public if cose.kid(public) == kid and crypto.acceptable(public) else None


def _keep(table: dict[tuple[str, bytes], Any], key: tuple[str, bytes], value: Any) -> None:
    table.pop(key, None)
    if len(table) >= _KNOWN:
        del table[next(iter(table))]
    table[key] = value
