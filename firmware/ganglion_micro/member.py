# SPDX-License-Identifier: GPL-3.0-or-later
"""A full member of the mesh without I/O: a device with a key of its own, which speaks with gateways over a broker.

Nothing here sends, sleeps or reads a clock. `advance` is told how much time has passed and returns what is to be
published, `receive` is given what came. One `advance` verifies or makes one signature, or both of a request, as either
takes a board without native Ed25519 about a second. It hears and says in turns, so that no flood keeps it silent.

    member   ENROL          by the enrol key, until a gateway answers
    gateway  CREDENTIAL     the issuer's word for this key
    member   BIRTH          on each connection, under a new sequence, and after it
    member   REQUEST ping   until it is answered: then a gateway knows this boot, and this is the time
    member   EVENT, BATCH   an event again and again until it is stored; readings in frames, one signature for many
    gateway  REQUEST        names this boot; done at most once, and answered as often as it comes
"""

from ganglion_micro import gl1
from ganglion_micro.applicant import Applicant
from ganglion_micro.certificate import DropError
from ganglion_micro.saying import Again
from ganglion_micro.serving import is_request, no
from ganglion_micro.voice import AGAIN_MS

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_micro.authority import Authority, Gateway
    from ganglion_micro.enrol import EnrolKey
    from ganglion_micro.voice import Said

#: Messages that wait to be looked at; statements that wait for the issuer's key, or for the time.
INBOX = 8
EARLY = 6
#: Milliseconds between two frames, at least and at most; between two readings of the uptime.
FRAME_MS = (100, 10000)
BEAT_MS = 10000
#: Milliseconds without a word of a gateway after which one is asked; how often without an answer.
QUIET_MS = 10000
UNANSWERED = 3
#: Frames may take one in so many of the milliseconds that there are; questions as much.
SHARE = 10
#: Letters of a request's id.
ID = 64

_ASK = "ping"
_UPTIME = "system/uptime"


class Member(Applicant):
    """One board in one boot.

    Args:
        authority: Whom it believes.
        about: Of the birth: `name` that it wants, `board`, `sw`, `caps`.
        signer, epoch, nonce, key, kept, keep, log, random: See `Applicant`.

    Attributes:
        up: Whether there is a connection.
        joined: Whether a gateway knows this boot.
        refused: What was not believed, by cause.
        filters: What it has to hear.
    """

    def __init__(
        self,
        authority: "Authority",
        signer: "Any",
        epoch: int,
        nonce: bytes,
        about: "dict[str, Any]",
        key: "EnrolKey | None",
        kept: "Callable[[str], bytes | None]",
        keep: "Callable[[str, bytes], None]",
        log: "Callable[[str, str], None]",
        random: "Callable[[int], bytes]",
    ) -> None:
        super().__init__(authority, signer, epoch, nonce, about["name"], key, kept, keep, log, random)
        self.up = self.joined = False
        self.refused: "dict[str, int]" = {}
        self._about = about
        self._beat = self._unanswered = 0
        self._inbox: "list[tuple[str, bytes]]" = []
        self._early: "list[tuple[str, bytes]]" = []
        self._ready: "list[Said]" = []
        self._due: "list[tuple[str, dict[str, Any]]]" = []
        self._born = self._listened = False
        self._bearing = Again(*AGAIN_MS)
        self._gateway_nonce = b""
        self._own = "gl1/{}/n/{}/".format(authority.text, self.node)
        mesh = authority.text
        common = [gl1.bundle_topic(mesh), gl1.revoked_topic(mesh), gl1.gateway_topic(mesh, "+")]
        self._lists = (common[1], gl1.gateway_topic(mesh, gl1.ALL))
        self.filters = common + [self._own + last for last in ("credential", "q", "r", "death")]

    def connected(self, up: bool) -> None:
        """There is a connection, or none any more: what was said on the last one is said anew."""
        self.up = up
        self._inbox, self._ready = [], []
        self._away()
        for event in self._events:
            event.again.anew()

    def _away(self, at: int = 0) -> None:
        """No gateway may know this boot."""
        self.joined = self._born = False
        self._quiet = self._unanswered = 0
        self._bearing.anew(at)

    def advance(self, ms: int) -> "list[Said]":
        """What is to be published, now that so many milliseconds have passed since the last call."""
        self._ms += ms
        self._quiet += ms
        if self.now:
            self.now += ms * 1000000
        if not self.up:
            return []
        said = None
        if self._listened or not self._inbox:
            self._listened = False
            said = self._next()
        if said is not None:
            self._ready.append(said)
        elif self._inbox:
            self._listened = True
            topic, payload = self._inbox.pop(0)
            try:
                self._take(topic, payload)
            except DropError as drop:
                cause = drop.args[0]
                self.refused[cause] = self.refused.get(cause, 0) + 1
                if cause in ("expired", "revoked") and not topic.startswith(self._own):
                    self._early = self._early[1 - EARLY :] + [(topic, payload)]  # it is retained: nobody says it anew
        out, self._ready = self._ready, []
        return out

    def _next(self) -> "Said | None":
        """What is to be said first; one signature."""
        if self._due:
            node, body = self._due.pop(0)
            return self._answer(node, body)
        credential, gateway = self.credential, self._authority.gateway
        if credential is None or (self._is_over and not self._lacks()):  # else perhaps it is earlier than was said
            return self._enrol(self._ms)
        if not self._born:
            if gateway is None or not self._bearing.is_due(self._ms, self._random(1)[0]):
                return None
            self._born = True
            birth = dict(self._about)
            birth.update(name=credential.name, nonce=self._nonce, epoch=self._epoch, credential=credential.data)
            return self._said(gl1.BIRTH, birth)
        cost = self._signer.cost
        if self._quiet >= max(QUIET_MS, 3 * SHARE * cost) or not (self.joined or self._unanswered):
            if self._unanswered >= (UNANSWERED if self.joined else 1):
                self._away(self._bearing.at)
                self._authority.doubt()  # perhaps a clock was set, and what either says is too old for the other
                self._again()
                return None
            self._unanswered += 1
            self._quiet = 0
            return self.ask(_ASK, {}, self._met)
        if not self.joined:
            return None
        if self._questions:
            return self.ask(*self._questions.pop(0))
        for event in self._events:
            if event.again.is_due(self._ms):
                return self._event(event)
        if self._ms >= self._beat:
            self._beat = self._ms + BEAT_MS
            self.frame.add(_UPTIME, self.now, self._ms / 1000)
        readings = self.frame.take(self._ms, min(max(SHARE * cost, FRAME_MS[0]), FRAME_MS[1]))
        if readings:
            return self._said(gl1.BATCH, readings, qos=0)
        return self._renew(self._ms)

    # Hearing

    @property
    def is_busy(self) -> bool:
        """Whether nothing more is to be handed in until the next `advance`."""
        return len(self._inbox) >= INBOX

    def receive(self, said: "tuple[str, bytes]") -> "list[Said]":
        """Takes a message, to be looked at later: its topic and payload."""
        self._inbox.append(said)
        return []

    def _take(self, topic: str, payload: bytes) -> None:
        """A message. Raises: DropError, it is not believed."""
        authority = self._authority
        if topic == gl1.bundle_topic(authority.text):
            authority.bundle(payload, self._at)
            self._again()
        elif not topic.startswith(self._own):
            if authority.issuer is None:
                self._early = self._early[1 - EARLY :] + [(topic, payload)]
            elif topic in self._lists:
                is_newer = authority.listed(payload, self._kid)
                if authority.out and not self._needs:
                    self._needs = True
                    self._log(
                        "error", "the mesh says no: this key was revoked: remove mesh and identity, and enrol anew"
                    )
                if is_newer:
                    self._again()  # perhaps the birth of a gateway that the list before did not know
            else:
                authority.birth(topic, payload, self._at)
                self._met_gateway()
        elif topic == self._own + "death":
            if payload != self.will[1]:
                raise DropError("forged")
            self._away(self._ms + 1000)  # an earlier connection of ours has ended, or somebody says so
        else:
            sender, msg = authority.open(self._kid, payload, self._at)
            if topic != self._topic(msg.kind, self.node):
                raise DropError("misaddressed")
            if type(msg.body) is not dict:
                raise DropError("malformed")
            if msg.kind == gl1.REQUEST:
                self._requested(sender, msg)
            elif msg.kind == gl1.REPLY:
                self._replied(msg)
            else:
                listed = self._enrolled(msg.body, self._ms)
                self._tells(msg.ts)  # it has repeated a number that is of now
                if listed:
                    self._inbox.append((self._lists[0], listed))

    def _again(self) -> None:
        early, self._early = self._early, []
        self._inbox += early

    def _met_gateway(self) -> None:
        """A gateway was born; where it has restarted, it may not know us."""
        gateway = self._authority.gateway
        nonce = gateway.nonce if gateway is not None else b""
        if nonce != self._gateway_nonce:
            self._gateway_nonce = nonce
            self._away()

    def _requested(self, sender: "Gateway", msg: gl1.MSG) -> None:
        body = msg.body
        identity, node = body.get("id"), sender.certificate.node
        if type(identity) is not str or len(identity) > ID:
            raise DropError("malformed")
        if body.get("nonce") != self._nonce:
            said = no(identity, "stale", "an earlier boot of this board was asked: ask again")
            said.update(nonce=self._nonce, up=self._ms)
            self._due.append((node, said))
            raise DropError("stale")
        if self._authority.doubted:  # nobody knows how long it was kept back
            raise DropError("stale")
        self._hears(msg.ts)
        known, answer = self._done.find(identity)
        if known:
            if answer is None:
                self._due.append((node, no(identity, "failed", "it was done, and its answer is not kept any more")))
            elif answer:
                self._ready.append((self._topic(gl1.REPLY, node), answer, 1, False))
            return
        deadline = body.get("deadline")
        if body.get("cancel") is True:
            self._done.begin(identity)
            self._due.append((node, no(identity, "cancelled", "it was cancelled before it came")))
        elif not is_request(body) or type(deadline) is not int:
            raise DropError("malformed")
        elif deadline < self.now:
            self._due.append((node, no(identity, "unreachable", "its time was over when it came")))
        else:
            self._done.begin(identity)
            self._due.append((node, body))

    def _replied(self, msg: gl1.MSG) -> None:
        body = msg.body
        if "stored" in body:
            keys = [tuple(key) for key in (body["stored"], body.get("refused", [])) for key in key if type(key) is list]
            if [key for key in keys if key[:1] == (self._epoch,)]:
                self._hears(msg.ts)
            self._events = [each for each in self._events if (self._epoch, each.seq) not in keys or not each.sealed]
            if body.get("refused"):
                self._log("warning", "the policy refuses an event of this board")
            return
        for asked in self._asked:
            if asked[0] == body.get("id"):
                if asked is self._asked[-1]:
                    self._tells(msg.ts)
                elif not self._authority.doubted:
                    self._hears(msg.ts)
                self._asked.remove(asked)
                credential = self.credential
                asked[1](body)
                if self.credential is not credential:
                    self._away()  # others are to see the new one
                return

    def _met(self, body: "dict[str, Any]") -> None:
        """The gateway has answered: it knows this boot, unless it has none of itself that we know."""
        error = body.get("error")
        if type(error) is dict and error.get("code") == "stale":
            return
        self._unanswered = 0
        if not self.joined:
            self.joined = True
            self._bearing.anew()
            for event in self._events:
                event.again.anew()
