# SPDX-License-Identifier: GPL-3.0-or-later
"""How a board gets into its mesh and stays there: its enrolment, and the renewal of its credential, without I/O."""

from ganglion_micro import gl1
from ganglion_micro.certificate import DropError, read
from ganglion_micro.saying import Again
from ganglion_micro.voice import Voice

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_micro.authority import Authority
    from ganglion_micro.certificate import Certificate
    from ganglion_micro.enrol import EnrolKey
    from ganglion_micro.voice import Said

#: Milliseconds until an enrolment or a renewal is asked for again, and at most.
ENROL_MS = (5000, 300000)
#: Bytes of other statements that a gateway may put beside a credential.
ROOM = 2048

_CREDENTIAL = "credential"


class Applicant(Voice):
    """One boot of a board that is a member, or asks to be one.

    Args:
        authority, signer, epoch, nonce: See `Voice`.
        name: What it wants to be called.
        key: The enrol key; None where it has none any more.
        kept, keep: As `Authority` has them.
        log: Gets a level and a line.
        random: So many random bytes.

    Attributes:
        credential: The issuer's word for this key; None before.
        heard: Messages of gateways that were believed, and are of this boot.
    """

    def __init__(
        self,
        authority: "Authority",
        signer: "Any",
        epoch: int,
        nonce: bytes,
        name: str,
        key: "EnrolKey | None",
        kept: "Callable[[str], bytes | None]",
        keep: "Callable[[str, bytes], None]",
        log: "Callable[[str, str], None]",
        random: "Callable[[int], bytes]",
    ) -> None:
        super().__init__(authority, signer, epoch, nonce)
        self._name = name
        self._key = key
        self._keep = keep
        self._log = log
        self._random = random
        self._enrolling, self._renewing = Again(*ENROL_MS), Again(*ENROL_MS)
        self._enrol_nonce = b""
        self.credential: "Certificate | None" = None
        self.heard = self._quiet = 0  # the latter in milliseconds since one was
        self._needs = False  # whether it was said that it needs an enrol key
        try:
            found = read(kept(_CREDENTIAL) or b"", authority.text)
            if found.kid == self._kid:  # else the key is another since
                self._vouched(found)
        except DropError:
            pass  # none, or a damaged one: another is asked for

    def _hears(self, at: int) -> None:
        """A gateway speaks to this boot: it is there."""
        self.heard += 1
        self._quiet = 0
        if not self.now:
            self.frame.settle(at, self._ms)
        self.now = max(self.now, at)

    def _tells(self, at: int) -> None:
        """A gateway answers what was asked just now: this is the time, whatever was said before."""
        self.now = 0
        self._hears(at)
        self._authority.settle(at)

    def _renew(self, ms: int) -> "Said | None":
        """The question for the next credential, where it is time for that: at two thirds of the time of this one."""
        credential = self.credential
        if credential is None:
            return None
        renewal = credential.starts + (credential.expires - credential.starts) * 2 // 3
        if self.now < renewal or not self._renewing.is_due(ms, self._random(1)[0]):
            return None
        return self.ask("credential.renew", {}, self._renewed)

    @property
    def _is_over(self) -> bool:
        """Whether there is no credential, or its time is over by all that those who are believed have said."""
        found = self.credential
        return found is None or 0 < found.expires <= max(self.now, self._authority.floor)

    def _lacks(self) -> bool:
        """Whether an enrol key is missed, which is said once."""
        if self._key is None and not self._needs:
            self._needs = True
            self._log("error", "no credential, or its time is over: give this board an enrol key")
        return self._key is None

    def _enrol(self, ms: int) -> "Said | None":
        """An ENROL, where it is time for one."""
        issuer = self._authority.issuer
        if self._lacks() or self._key is None or issuer is None or self._authority.gateway is None:
            return None
        if not self._enrolling.is_due(ms, self._random(1)[0]):
            return None
        self._enrol_nonce = self._random(16)
        body = self._key.ask(self._authority.text, issuer.public, self._signer.public, self._name, self._enrol_nonce)
        body["room"] = ROOM
        self._authority.doubt()  # where the time was wrong, a gateway would not believe this either
        return self._said(gl1.ENROL, body)

    def _enrolled(self, body: "dict[str, Any]", ms: int) -> "bytes":
        """The answer to our ENROL: the list of the revoked that came with it; empty where there is none.

        Raises:
            DropError: it is none that is believed.
        """
        if not self._enrol_nonce or body.get("nonce") != self._enrol_nonce:
            raise DropError("stale")
        self._enrol_nonce = b""
        if body.get("ok") is not True:
            error = body.get("error")
            self._enrolling.anew(ms + ENROL_MS[1], True)
            self._log("error", "the mesh refuses this board: {}".format(error and error.get("message")))
            return b""
        self._accepted(body.get("credential"))
        listed = body.get("revoked")
        return listed if type(listed) is bytes else b""

    def _renewed(self, body: "dict[str, Any]") -> None:
        if body.get("ok") is True:
            self._accepted(body.get("result"))
            self._renewing.anew()

    def _accepted(self, data: "Any") -> None:
        """Takes the issuer's word for this key, which holds from now on. Raises: DropError, it is not."""
        if type(data) is not bytes:
            raise DropError("malformed")
        found = self._authority.certified(data)
        if found.kid != self._kid:
            raise DropError("forged")
        self._keep(_CREDENTIAL, data)
        self._vouched(found)
        self._log("info", "a member of the mesh {} as {}".format(self._authority.text, self.node))

    def _vouched(self, credential: "Certificate") -> None:
        self.credential = credential
        self._authority.vouched = credential.starts
