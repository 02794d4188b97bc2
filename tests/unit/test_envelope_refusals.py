# SPDX-License-Identifier: GPL-3.0-or-later
"""The mandatory refusals of the envelope, in the order and the words of the design's list (E2), each with its cause.

A row makes what an attacker sends; the table says for which cause a member drops it. After each row an honest message
still comes through, so nothing was held against the sender that was claimed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh import credential
from ganglion.mesh.authority import Authority
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause, Member, Sealed
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1
from ganglion_micro.replay import SIZE
from support.mesh import HOUR, NOW, Enrolled, Site

#: Order of the base point (RFC 8032 section 5.1).
ORDER = 2**252 + 27742317777372353535851937790883648493


class Stage:
    """A gateway and two nodes that know one another, and what an attacker may do to their messages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = Site(folder)
        self.gateway = self.site.member("gateway", role="gateway")
        self.node = self.site.member("fridge")
        self.other = self.site.member("room")
        everyone = (self.gateway, self.node, self.other)
        for one in everyone:
            for born in everyone:
                if born is not one:
                    assert one.hears(born.birth())

    def event(self) -> Sealed:
        return self.node.event(8.5)

    def signed(
        self,
        protected: Any = None,
        unprotected: Any = None,
        *,
        payload: bytes | None = None,
        sent: Any = ...,
        tag: int = 18,
        who: Enrolled | None = None,
    ) -> Sealed:
        """An event in another shape, whose signature holds for what it says.

        Args:
            payload: What is signed; default: an event.
            sent: What stands in its place in the message; default: the same.
        """
        event, identity = self.event(), (who or self.node).member.identity
        body = cose.parse(event.payload).payload if payload is None else payload
        header = cbor.encode({1: -19, 4: identity.kid} if protected is None else protected)
        signature = identity.sign(cose.sig_structure(header, gl1.aad(self.site.authority.mesh), body))
        parts = [header, unprotected or {}, body if sent is ... else sent, signature]
        return event._replace(payload=cbor.encode(cbor.Tag(tag, parts)))

    def born(self, identity: Identity, cwt: bytes, sign: Callable[[bytes], bytes] | None = None) -> Sealed:
        """A birth with this credential."""
        body = {"name": "x", "nonce": bytes(8), "epoch": 1, "credential": cwt}
        payload = gl1.MSG(gl1.BIRTH, None, 1, 1, NOW, body).pack()
        data = cose.sign1(payload, identity.kid, gl1.aad(self.site.authority.mesh), sign or identity.sign)
        return Sealed(gl1.topic(self.site.authority.mesh_id, gl1.BIRTH, identity.node_id), data, 1, 1)


Attempts = Iterator[tuple[Enrolled, Sealed]]


def bit_flip(stage: Stage) -> Attempts:
    sealed = stage.event()
    for at in range(8 * len(sealed.payload)):
        damaged = bytearray(sealed.payload)
        damaged[at // 8] ^= 1 << at % 8
        yield stage.gateway, sealed._replace(payload=bytes(damaged))


def swapped_kid(stage: Stage) -> Attempts:
    payload = stage.event().payload.replace(stage.node.member.identity.kid, stage.other.member.identity.kid, 1)
    yield stage.gateway, stage.other.event()._replace(payload=payload)


def wrong_mesh_aad(stage: Stage) -> Attempts:
    mesh = Authority.open(stage.folder / "b", now=NOW).mesh_id
    sealed = Member(stage.node.member.identity, mesh=mesh, epoch=1).seal(
        gl1.EVENT, {"class": "alert"}, now=NOW, name="alert"
    )
    yield stage.gateway, sealed._replace(topic=stage.event().topic)


def another_algorithm(stage: Stage) -> Attempts:
    kid = stage.node.member.identity.kid
    for protected in ({1: 0, 4: kid}, {1: -8, 4: kid}, {1: -7, 4: kid}, {4: kid}):
        yield stage.gateway, stage.signed(protected)


def alg_in_unprotected(stage: Stage) -> Attempts:
    kid = stage.node.member.identity.kid
    yield stage.gateway, stage.signed({4: kid}, {1: -19})
    yield stage.gateway, stage.signed({1: -19, 4: kid}, {1: -19})
    yield stage.gateway, stage.signed({}, {1: -19, 4: kid})


def extra_unprotected_header(stage: Stage) -> Attempts:
    yield stage.gateway, stage.signed(unprotected={5: b"iv"})
    yield stage.gateway, stage.signed(unprotected={4: stage.node.member.identity.kid})


def non_canonical(stage: Stage) -> Attempts:
    good = gl1.MSG(gl1.EVENT, None, 1, 900, NOW, {"class": "alert", "a": 1}).pack()
    longer = good.replace(b"\x61a\x01", b"\x61a\x18\x01")
    unsorted = good.replace(b"\xa2\x61a\x01\x65class\x65alert", b"\xa2\x65class\x65alert\x61a\x01")
    for other in (longer, unsorted, good + b"\x00"):
        assert other != good
        yield stage.gateway, stage.signed(payload=good, sent=other)  # signed as it should be, sent otherwise
        yield stage.gateway, stage.signed(payload=other)
    sealed = stage.event()
    for frame in (sealed.payload.replace(b"\xd2", b"\xd8\x12", 1), b"\xd2\x9f" + sealed.payload[2:] + b"\xff"):
        yield stage.gateway, sealed._replace(payload=frame)


def detached_payload(stage: Stage) -> Attempts:
    yield stage.gateway, stage.signed(sent=None)


def another_tag(stage: Stage) -> Attempts:
    for tag in (17, 98):
        yield stage.gateway, stage.signed(tag=tag)
    sealed = stage.event()
    yield stage.gateway, sealed._replace(payload=sealed.payload[1:])


def topic_and_dst(stage: Stage) -> Attempts:
    event, kid = stage.event(), stage.gateway.member.identity.kid
    yield stage.gateway, event._replace(topic=stage.other.event().topic)
    yield stage.gateway, event._replace(topic=event.topic.replace("e/alert", "e/episode"))
    yield stage.gateway, event._replace(topic=event.topic.replace("e/alert", "d/batch"))
    directed = gl1.MSG(gl1.EVENT, kid, 1, 901, NOW, {"class": "alert"}).pack()
    yield stage.gateway, stage.signed(payload=directed)
    request = stage.gateway.request(stage.node)
    here, there = (one.member.identity.node_id for one in (stage.node, stage.other))
    yield stage.other, request._replace(topic=request.topic.replace(here, there))


def expired(stage: Stage) -> Attempts:
    stage.site.now += 24 * HOUR
    yield stage.gateway, stage.event()
    yield stage.gateway, stage.node.birth()


def revoked(stage: Stage) -> Attempts:
    thief = stage.site.member("thief")
    assert stage.gateway.hears(thief.birth())
    listed = stage.site.authority.revoke(thief.member.identity.node_id, now=NOW)
    stage.gateway.member.standing.revocations = listed
    yield stage.gateway, thief.event(1)
    yield stage.gateway, thief.birth()


def not_yet_valid(stage: Stage) -> Attempts:
    stage.site.now = NOW + HOUR
    born = stage.site.member("early").birth()
    stage.site.now = NOW
    yield stage.gateway, born


def unenrolled(stage: Stage) -> Attempts:
    yield stage.gateway, stage.site.member("stranger").event()


def another_meshs_credential(stage: Stage) -> Attempts:
    identity, here = Identity.create(), stage.site.authority.mesh_id
    other = Authority.open(stage.folder / "b", now=NOW)
    issuer = Identity.load(stage.folder / "authority" / "issuer")
    claims: Any = {"public": identity.public, "name": "x", "roles": ["node"], "tags": [], "now": NOW, "lifetime": HOUR}
    assert other.mesh_id != here
    # What this mesh's issuer signed for another mesh: a signature that holds, and no right here.
    yield stage.gateway, stage.born(identity, credential.issue(issuer, mesh=other.mesh_id, **claims))


def another_issuers_credential(stage: Stage) -> Attempts:
    identity = Identity.create()
    other = Authority.open(stage.folder / "b", now=NOW)
    yield stage.gateway, stage.born(identity, other.issue(identity.public, name="x", roles=["node"], now=NOW))


def self_signed_credential(stage: Stage) -> Attempts:
    identity, mesh = Identity.create(), stage.site.authority.mesh_id
    for role in ("node", "gateway", "issuer"):
        own = credential.issue(
            identity, mesh=mesh, public=identity.public, name="x", roles=[role], tags=[], now=NOW, lifetime=HOUR
        )
        yield stage.gateway, stage.born(identity, own)


def s_not_below_the_order(stage: Stage) -> Attempts:
    sealed = stage.event()
    s = int.from_bytes(sealed.payload[-32:], "little") + ORDER
    yield stage.gateway, sealed._replace(payload=sealed.payload[:-32] + s.to_bytes(32, "little"))


def small_order_key(stage: Stage) -> Attempts:
    """Under the point of order 1, R = that point and S = 0 sign everything. An issuer that was deceived vouches."""
    identity, mesh = Identity.create(), stage.site.authority.mesh_id
    identity.public = b"\x01" + bytes(31)
    identity.thumbprint = cose.thumbprint(identity.public)
    identity.kid, identity.node_id = identity.thumbprint[:8], gl1.node_id(identity.thumbprint)
    everything = identity.public + bytes(32)
    issuer = Identity.load(stage.folder / "authority" / "issuer")
    second = NOW // SECOND
    claims = {
        1: mesh,
        2: f"spiffe://{mesh}/{identity.node_id}",
        4: second + 60,
        5: second,
        6: second,
        7: bytes(16),
        8: {1: cose.key(identity.public)},
        "name": "x",
        "roles": ["node"],
        "tags": [],
    }
    vouched = cose.sign1(cbor.encode(claims), issuer.kid, b"", issuer.sign)
    yield stage.gateway, stage.born(identity, vouched, lambda signed: everything)
    body = {"key": cose.key(identity.public)}
    payload = gl1.MSG(gl1.ENROL, None, 1, 1, NOW, body).pack()
    data = cose.sign1(payload, identity.kid, gl1.aad(stage.site.authority.mesh), lambda signed: everything)
    yield stage.gateway, Sealed(gl1.topic(mesh, gl1.ENROL, identity.node_id), data, 1, 1)


def replay_in_the_window(stage: Stage) -> Attempts:
    for who, sealed in (
        (stage.node, stage.gateway.request(stage.node)),
        (stage.gateway, stage.node.frame(["a", 1, 2])),
    ):
        assert who.hears(sealed)
        yield who, sealed
    # With a signature of its own, so that only the window knows it.
    frame = stage.node.frame(["a", NOW, 1])
    assert stage.gateway.hears(frame)
    again = gl1.MSG(gl1.BATCH, None, 1, frame.seq, NOW, [["a", NOW, 2]]).pack()
    yield stage.gateway, frame._replace(payload=stage.signed(payload=again).payload)


def replay_below_the_window(stage: Stage) -> Attempts:
    request, frame = stage.gateway.request(stage.node), stage.node.frame()
    for _ in range(SIZE):
        later = stage.gateway.request(stage.node), stage.node.frame()
    assert stage.node.hears(later[0])
    assert stage.gateway.hears(later[1])
    yield stage.node, request
    yield stage.gateway, frame


def older_epoch(stage: Stage) -> Attempts:
    request, frame, birth = stage.gateway.request(stage.node), stage.node.frame(), stage.node.birth()
    for before, other in ((stage.gateway, stage.node), (stage.node, stage.gateway)):
        rebooted = stage.site.member(
            before.name, identity=before.member.identity, epoch=2, credential=before.credential
        )
        assert other.hears(rebooted.birth())
    yield stage.node, request
    yield stage.gateway, frame
    yield stage.gateway, birth


def over_the_limit(stage: Stage) -> Attempts:
    sealed = stage.event()
    yield stage.gateway, sealed._replace(payload=bytes(65 * 1024 + 1))
    # One byte over it, in the very shape that is taken.
    start, size = sealed.payload[:17], cbor.MAX_SIZE + 1 - 17 - 3 - 66
    whole = start + b"\x59" + size.to_bytes(2, "big") + bytes(size) + b"\x58\x40" + bytes(64)
    assert len(whole) == 65537
    yield stage.gateway, sealed._replace(payload=whole)


def depth_17(stage: Stage) -> Attempts:
    payload = cbor.encode([1, gl1.BATCH, None, 1, 902, NOW, 0])[:-1] + b"\x81" * 16 + b"\x00"
    yield stage.gateway, stage.signed(payload=payload)._replace(topic=stage.node.frame().topic)


def duplicate_key(stage: Stage) -> Attempts:
    good = gl1.MSG(gl1.EVENT, None, 1, 903, NOW, {"class": "alert", "a": 1}).pack()
    yield stage.gateway, stage.signed(payload=good.replace(b"\xa2\x61a\x01", b"\xa3\x61a\x01\x61a\x01"))


def signed_again(stage: Stage) -> Attempts:
    """A ciphertext that another member has signed: in the place of the first one it is not believed."""
    secret = cbor.Tag(16, [cbor.encode({1: 24}), {}, b"ciphertext"])
    body = {"class": "alert", "value": secret}
    first = stage.node.member.seal(gl1.EVENT, body, now=NOW, name="alert")
    taken = cose.parse(first.payload).payload
    yield stage.gateway, stage.signed(payload=taken, who=stage.other)._replace(topic=first.topic)


#: What an altered message is found out by before its signature is looked at, and by that.
ALTERED = {Cause.MALFORMED, Cause.UNENROLLED, Cause.UNKNOWN_KIND, Cause.MISADDRESSED, Cause.FORGED}
#: The list of the design, with what a member counts each as.
TABLE: list[tuple[str, Callable[[Stage], Attempts], set[Cause]]] = [
    ("bit-flip in every byte of a message", bit_flip, ALTERED),
    ("swapped kid", swapped_kid, {Cause.FORGED}),
    ("wrong mesh aad", wrong_mesh_aad, {Cause.FORGED}),
    ("alg 0/-8/-7/none", another_algorithm, {Cause.MALFORMED}),
    ("alg in unprotected", alg_in_unprotected, {Cause.MALFORMED}),
    ("extra unprotected header", extra_unprotected_header, {Cause.MALFORMED}),
    ("non-canonical re-encoding of the same MSG", non_canonical, {Cause.MALFORMED}),
    ("detached (nil) payload", detached_payload, {Cause.MALFORMED}),
    ("tag 17/98 instead of 18", another_tag, {Cause.MALFORMED}),
    ("topic/dst mismatch", topic_and_dst, {Cause.MISADDRESSED}),
    ("expired signer", expired, {Cause.EXPIRED}),
    ("not-yet-valid signer", not_yet_valid, {Cause.EXPIRED}),
    ("revoked signer", revoked, {Cause.REVOKED}),
    ("unenrolled signer", unenrolled, {Cause.UNENROLLED}),
    ("credential for another mesh", another_meshs_credential, {Cause.WRONG_MESH}),
    ("credential of another mesh's issuer", another_issuers_credential, {Cause.FORGED}),
    ("self-signed credential", self_signed_credential, {Cause.FORGED}),
    ("S >= L", s_not_below_the_order, {Cause.FORGED}),
    ("small-order public key", small_order_key, {Cause.FORGED}),
    ("replay in window", replay_in_the_window, {Cause.REPLAYED}),
    ("replay below window", replay_below_the_window, {Cause.REPLAYED}),
    ("older epoch", older_epoch, {Cause.STALE}),
    ("65 KiB + 1", over_the_limit, {Cause.MALFORMED}),
    ("depth 17", depth_17, {Cause.MALFORMED}),
    ("duplicate map key", duplicate_key, {Cause.MALFORMED}),
    ("ciphertext re-signed by another member", signed_again, {Cause.MISADDRESSED}),
]


@pytest.mark.parametrize(("attempts", "causes"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_it_is_refused_and_counted(tmp_path: Path, attempts: Callable[[Stage], Attempts], causes: set[Cause]) -> None:
    stage = Stage(tmp_path)
    tried = 0
    for who, sealed in attempts(stage):
        who.member.rejected.clear()
        assert who.hears(sealed) is None, f"attempt {tried}: {sealed}"
        assert list(who.member.rejected.values()) == [1], f"attempt {tried}: {who.member.rejected}"
        assert who.member.rejected.keys() <= causes, f"attempt {tried}: {who.member.rejected}"
        tried += 1
    assert tried
    stage.site.now = NOW
    assert stage.gateway.hears(stage.other.event())
    assert stage.gateway.hears(stage.event())
    assert stage.other.hears(stage.gateway.request(stage.other, identity="r2"))


def test_a_command_with_a_stale_boot_nonce_is_answered_counted_and_not_obeyed(tmp_path: Path) -> None:
    """The one of the list that is not dropped whole: its id alone is left, so that it can be refused with a reason."""
    stage = Stage(tmp_path)
    received = stage.node.hears(stage.gateway.request(stage.node, nonce=bytes(8)))
    assert received is not None
    assert (received.stale, received.body) == (True, {"id": "r1"})
    assert stage.node.member.rejected == {Cause.STALE: 1}


def test_a_ciphertext_that_was_signed_again_is_its_new_signers_and_nobody_elses(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    taken = cose.parse(stage.event().payload).payload
    sealed = stage.signed(payload=taken, who=stage.other)
    received = stage.gateway.hears(sealed, topic=stage.other.event().topic)
    assert received is not None
    assert received.node_id == stage.other.member.identity.node_id
