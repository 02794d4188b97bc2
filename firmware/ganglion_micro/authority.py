# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a full member of the mesh obeys: the gateways that the issuer certifies, which the root certifies, which is
pinned; but nobody who was revoked, and nobody twice. Without I/O.

What was verified is handed to `keep` and comes back at the next boot, where it is believed as it is: a board takes long
over a signature. So no restart makes it forget which boot of a gateway was the last, or who was revoked.
"""

from ganglion_micro import cbor, cose, gl1
from ganglion_micro.certificate import SECOND, Certificate, DropError, read
from ganglion_micro.listed import Listed
from ganglion_micro.replay import Strict

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable

    from ganglion_micro.certificate import Verify

#: Nanoseconds that a command may be older or newer than now, and a credential's time may be ahead.
FRESHNESS = 300 * SECOND
#: Nanoseconds after which a list of the revoked says too little for commands to be obeyed.
MAX_STALE = 30 * 86400 * SECOND
#: Bytes of a pin.
PIN = 16
#: Gateways that are known at a time.
GATEWAYS = 4
#: Signatures by which a copy is known without being verified again.
SEEN = 8

_PIN, _BUNDLE, _REVOKED, _HOLDS, _GATEWAYS = "pin", "bundle", "revoked", "holds", "gateways"


class Gateway:
    """One gateway.

    Attributes:
        epoch: Its boots.
        nonce: Of the boot that was heard of; empty where that was not this boot of ours.
    """

    def __init__(self, certificate: Certificate, epoch: int) -> None:
        self.certificate = certificate
        self.epoch = epoch
        self.nonce = b""
        self.born = 0
        self.seq = 0
        self.birth = b""
        self.window = Strict()


class Authority:
    """What one board knows of its mesh.

    Args:
        pin: The first bytes of the thumbprint of the mesh's root key, 16 of them; empty to go by what is kept.
        kept: What an earlier boot has kept under a name; None where there is nothing.
        keep: Keeps something under a name.

    Raises:
        ValueError: there is neither pin nor bundle, so anybody's mesh would be believed; or what is kept is of another
            mesh, or damaged.

    Attributes:
        mesh: The mesh's id, 8 bytes; `text` is the same in letters.
        issuer: Who certifies; None until the bundle was heard.
        floor: Nanoseconds since the Unix epoch: the earliest that it can be.
        vouched: When the issuer has last said that this board is a member: it counts where no list was heard.
        doubted: Whether no time of ours judges anybody, until a gateway has answered a question of now.
        out: Whether the issuer has said of a key that was asked for that it is revoked.
    """

    def __init__(
        self,
        pin: bytes,
        verify: "Verify",
        kept: "Callable[[str], bytes | None]",
        keep: "Callable[[str, bytes], None]",
    ) -> None:
        self._verify = verify
        self._keep = keep
        self.issuer: "Certificate | None" = None
        self.floor = self.vouched = 0
        self.doubted = self.out = False
        self._bundle = kept(_BUNDLE) or b""
        self._gateways: "dict[bytes, Gateway]" = {}
        self._listed = Listed()
        self._seen: "list[bytes]" = []
        try:
            fields = cbor.decode(self._bundle) if self._bundle else {}
            root = cose.thumbprint(cose.public(fields["root"]))[:PIN] if fields else b""
            self._pin = pin or kept(_PIN) or root
            self.mesh = self._pin[:8]
            self.text = gl1.base32(self.mesh)
            if fields and root == self._pin:
                self.issuer = read(fields["issuer"], self.text)
                self.floor = self.issuer.starts
            for name in (_REVOKED, _HOLDS):
                data = kept(name)
                if data:
                    self._list(gl1.unpack(cose.parse(data).payload))
        except (DropError, TypeError, LookupError, ValueError):
            raise ValueError("what is kept is damaged") from None
        if not self._pin:
            raise ValueError("nothing is kept of a mesh")
        if root and root != self._pin:
            raise ValueError("what is kept is of another mesh")
        if kept(_PIN) != self._pin:
            keep(_PIN, self._pin)
        self._aad = gl1.aad(self.mesh)
        try:
            for credential, epoch in cbor.decode(kept(_GATEWAYS) or b"\x80"):
                certificate = read(credential, self.text)
                self._gateways[certificate.kid] = Gateway(certificate, epoch)
        except (DropError, TypeError, ValueError):
            self._gateways = {}  # they say themselves who they are

    @property
    def gateway(self) -> "Gateway | None":
        """The gateway that was born last, of those that were heard of in this boot and are not revoked."""
        found = None
        for each in self._gateways.values():
            there = each.nonce and not self._is_revoked(each.certificate, 0)
            if there and (found is None or each.born > found.born):
                found = each
        return found

    def certified(self, data: bytes) -> Certificate:
        """The claims of a credential that the issuer has signed.

        Raises:
            DropError: it has not, or says nothing of this mesh.
        """
        if self.issuer is None:
            raise DropError("unenrolled")
        return read(data, self.text, self.issuer.public, self._verify)

    def doubt(self) -> None:
        """No gateway answers: what they have said of the time holds no more than after a restart."""
        self.settle(0)
        self.doubted = True

    def settle(self, at: int) -> None:
        """A gateway answers what was asked just now: it is so late, and no later than the authority has signed."""
        self.doubted = False
        self.floor = max(0 if self.issuer is None else self.issuer.starts, self._listed.order[1], at)

    # What everybody may hear

    def bundle(self, data: bytes, now: int) -> None:
        """Root and issuer, from anybody. Raises: DropError."""
        if data == self._bundle:
            return
        try:
            fields = cbor.decode(data)
            root, issuer = cose.public(fields["root"]), fields["issuer"]
        except (TypeError, LookupError, ValueError) as error:
            raise DropError("malformed") from error
        if cose.thumbprint(root)[:PIN] != self._pin:
            raise DropError("wrong_mesh")
        found = read(issuer, self.text, root, self._verify)
        if "issuer" not in found.roles:
            raise DropError("forged")
        self._in_time(found, now)
        if self.issuer is not None and found.starts < self.issuer.starts:
            raise DropError("stale")
        self.issuer = found
        self._proves(found.starts)
        self._bundle = data
        self._keep(_BUNDLE, data)

    def listed(self, data: bytes, kid: bytes) -> bool:
        """The list of the revoked, or of the gateways that are not, from anybody; whether it is a newer one.

        Args:
            kid: Our key, which is looked for in an older one, too: that of the gateways may have come before.

        Raises:
            DropError: it is not believed.
        """
        message, msg = self._parsed(data)
        if msg.kind != gl1.REVOCATION or self.issuer is None:
            raise DropError("malformed")
        newer = (msg.seq, msg.ts) > self._listed.order
        named = kid in data
        if not (newer or named):
            return False
        if message.kid != self.issuer.kid or not self._holds(self.issuer.public, message):
            raise DropError("forged")
        if named:
            self.out = True
        if not newer:
            return False
        self._list(msg)
        # Each in a file of its own: an earlier version of this code, to which an update may go back, knows the one only
        self._keep(_REVOKED if type(msg.body) is list else _HOLDS, data)
        return True

    def _list(self, msg: gl1.MSG) -> None:
        if (msg.seq, msg.ts) > self._listed.order:
            self._listed.take(msg)
            self._proves(msg.ts)

    def birth(self, topic: str, data: bytes, now: int) -> None:
        """The birth of a gateway, from anybody. Raises: DropError."""
        for each in self._gateways.values():
            if data == each.birth:
                return
        message, msg = self._parsed(data)
        body = msg.body
        if msg.kind != gl1.BIRTH or type(body) is not dict or body.get("epoch") != msg.epoch or msg.dst or not msg.seq:
            raise DropError("malformed")
        nonce, credential = body.get("nonce"), body.get("credential")
        if type(nonce) is not bytes or len(nonce) != 8 or type(credential) is not bytes:
            raise DropError("malformed")
        known = self._gateways.get(message.kid)
        same = known is not None and known.certificate.data == credential
        found = known.certificate if known is not None and same else self.certified(credential)
        if found.kid != message.kid or not self._holds(found.public, message):
            raise DropError("forged")
        if "gateway" not in found.roles:
            raise DropError("unauthorised")
        if topic != gl1.gateway_topic(self.text, found.node):
            raise DropError("misaddressed")
        self._may(found, now)
        if known is None:
            known = Gateway(found, 0)
            if len(self._gateways) >= GATEWAYS:
                oldest = min(self._gateways.values(), key=lambda each: each.born)
                del self._gateways[oldest.certificate.kid]
            self._gateways[found.kid] = known
        elif (msg.epoch, msg.seq) < (known.epoch, known.seq):
            raise DropError("stale")
        changed = not same or msg.epoch != known.epoch
        known.certificate, known.epoch, known.seq, known.nonce = found, msg.epoch, msg.seq, nonce
        known.born, known.birth = msg.ts, data
        self._proves(msg.ts)
        if changed:
            kept = [[each.certificate.data, each.epoch] for each in self._gateways.values()]
            self._keep(_GATEWAYS, cbor.encode(kept))

    # What is for this board

    def open(self, kid: bytes, data: bytes, now: int) -> "tuple[Gateway, gl1.MSG]":
        """Who has said what, of a message that a gateway has sealed for this key; none is believed twice.

        Args:
            now: Nanoseconds since the Unix epoch; 0 where nobody has said.

        Raises:
            DropError: it is not believed.
        """
        message, msg = self._parsed(data)
        sender = self._gateways.get(message.kid)
        if sender is None or not sender.nonce:
            raise DropError("unenrolled")
        if msg.dst != kid:
            raise DropError("misaddressed")
        mark = message.signature[:8]
        if mark in self._seen:
            raise DropError("replayed")
        if not self._holds(sender.certificate.public, message):
            raise DropError("forged")
        self._seen = self._seen[1 - SEEN :] + [mark]
        if msg.epoch < sender.epoch:
            raise DropError("stale")
        if not sender.window.add(msg.epoch, msg.seq):
            raise DropError("replayed")
        if not self.doubted and (msg.ts + FRESHNESS < self.floor or (now and abs(msg.ts - now) > FRESHNESS)):
            raise DropError("stale")
        told = self._listed.order[1] or self.vouched
        if told and max(now, self.floor) - told > MAX_STALE:
            raise DropError("stale")  # the broker may keep back who was revoked
        self._may(sender.certificate, now)
        self._proves(msg.ts)
        return sender, msg

    def _parsed(self, data: bytes) -> "tuple[cose.Sign1, gl1.MSG]":
        try:
            message = cose.parse(data)
            return message, gl1.unpack(message.payload)
        except cbor.CBORError as error:
            raise DropError("malformed") from error

    def _holds(self, public: bytes, message: cose.Sign1) -> bool:
        return self._verify(public, message.signature, message.signed(self._aad))

    def _may(self, certificate: Certificate, now: int) -> None:
        if self._is_revoked(certificate, now):
            raise DropError("revoked")
        self._in_time(certificate, now)
        if self.issuer is not None:
            self._in_time(self.issuer, now)

    def _is_revoked(self, certificate: Certificate, now: int) -> bool:
        return self._listed.refuses(certificate, max(now, self.floor))

    def _in_time(self, certificate: Certificate, now: int) -> None:
        least = max(now, self.floor)
        if least >= certificate.expires or (now and now < certificate.starts - FRESHNESS):
            raise DropError("expired")

    def _proves(self, at: int) -> None:
        """Somebody who is believed has said that it is so late."""
        self.floor = max(self.floor, at)
