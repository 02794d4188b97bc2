# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.enrol: both halves against each other, and every way to be refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.mesh.enrol import Applicant, EnrolKey, Enroller
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause, Received
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.mesh import NOW, Enrolled, Keys, Site


@dataclass
class Desk:
    """A gateway that enrols, and a node that is not enrolled."""

    site: Site
    keys: Keys
    enroller: Enroller
    gateway: Enrolled
    node: Enrolled
    trust: Trust

    def applicant(self, key: EnrolKey, name: str = "fridge") -> Applicant:
        return Applicant(key, self.node.member.identity, name)

    async def answer(self, body: dict[str, Any]) -> Received:
        """What the node hears of the gateway after it published this ENROL."""
        sealed = self.node.member.seal(gl1.ENROL, body, now=self.site.now)
        received = self.gateway.hears(sealed)
        assert received is not None
        answer = await self.enroller.answer(received, self.site.now)
        back = self.gateway.member.seal(gl1.CREDENTIAL, answer, now=self.site.now, to=received.node_id)
        heard = self.node.hears(back)
        assert heard is not None
        return heard


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    site = Site(tmp_path)
    keys = Keys(site.authority)
    gateway, node = site.member("gateway", role="gateway"), site.member("nobody")
    assert node.hears(gateway.birth())
    return Desk(site, keys, Enroller(site.authority, keys), gateway, node, site.authority.trust(now=NOW))


async def test_a_key_makes_a_member_in_one_round(desk: Desk) -> None:
    key = desk.keys.create(tags=("kitchen",))
    applicant = desk.applicant(key)
    held = applicant.take(await desk.answer(applicant.ask(desk.trust)), desk.trust)
    assert held is not None
    assert (held.name, held.roles, held.tags) == ("fridge", ("node",), ("kitchen",))
    assert held.node_id == desk.node.member.identity.node_id
    assert desk.keys.uses[key.key_id] == 0


def test_the_text_of_a_key_comes_back_and_names_the_mesh(desk: Desk) -> None:
    key = EnrolKey.create(desk.site.authority)
    assert EnrolKey.parse(f"  {key.text.upper()}\n") == key
    assert (len(key.text), key.text[:4], key.mesh_id) == (57, "gk1_", desk.site.authority.mesh_id)


def test_a_key_shows_its_secret_in_its_text_alone(desk: Desk) -> None:
    key = EnrolKey.create(desk.site.authority)
    assert key.secret.hex() not in repr(key)
    assert key.secret not in key.mac_key + key.key_id
    assert gl1.base32(key.secret)[:20] not in repr(key)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-1],
        lambda t: t + "a",
        lambda t: t[4:],
        lambda t: "gk2_" + t[4:],
        lambda t: "",
        lambda t: t.replace("a", "1") + "1",
    ],
)
def test_a_text_that_is_no_key_is_refused_without_repeating_it(desk: Desk, change: Any) -> None:
    text = change(EnrolKey.create(desk.site.authority).text)
    with pytest.raises(InvalidError, match="copy it whole") as caught:
        EnrolKey.parse(text)
    assert text == "" or text not in str(caught.value)


async def refusal(desk: Desk, key: EnrolKey) -> str:
    applicant = desk.applicant(key)
    with pytest.raises(RefusedError) as caught:
        applicant.take(await desk.answer(applicant.ask(desk.trust)), desk.trust)
    return str(caught.value)


async def test_an_unknown_key_is_refused_with_the_remedy(desk: Desk) -> None:
    key = EnrolKey.create(desk.site.authority)
    said = await refusal(desk, key)
    assert said.startswith(f"the enrol key {key.key_id.hex()} is unknown here")
    assert "ganglion enrol-key create" in said


async def test_a_revoked_key_is_refused(desk: Desk) -> None:
    key = desk.keys.create()
    desk.keys.revoke(key)
    assert "was revoked" in await refusal(desk, key)


async def test_an_expired_key_is_refused(desk: Desk) -> None:
    assert "has expired" in await refusal(desk, desk.keys.create(expires=NOW))


async def test_a_key_serves_as_many_nodes_as_it_has_uses(desk: Desk) -> None:
    key = desk.keys.create(uses=2)
    for _ in range(2):
        desk.node = desk.site.member("nobody")
        assert desk.node.hears(desk.gateway.birth())
        applicant = desk.applicant(key)
        assert applicant.take(await desk.answer(applicant.ask(desk.trust)), desk.trust)
    desk.node = desk.site.member("nobody")
    assert desk.node.hears(desk.gateway.birth())
    assert "is used up" in await refusal(desk, key)


async def test_a_node_whose_answer_was_lost_asks_again_on_the_same_use(desk: Desk) -> None:
    key = desk.keys.create()
    applicant = desk.applicant(key)
    lost = await desk.answer(applicant.ask(desk.trust))
    again = await desk.answer(applicant.ask(desk.trust))
    assert applicant.take(lost, desk.trust) is None  # it answers an older question
    assert applicant.take(again, desk.trust) is not None


@pytest.mark.parametrize("field", ["name", "nonce", "mac"])
async def test_a_request_that_was_altered_does_not_prove_the_key(desk: Desk, field: str) -> None:
    applicant = desk.applicant(desk.keys.create())
    body = applicant.ask(desk.trust)
    body[field] = {"name": "someone", "nonce": bytes(16), "mac": bytes(32)}[field]
    heard = await desk.answer(body)
    assert "does not hold the enrol key" in heard.body["error"]["message"]
    assert desk.keys.uses[body["key_id"]] == 1


async def test_a_proof_taken_from_another_node_does_not_hold(desk: Desk) -> None:
    body = desk.applicant(desk.keys.create()).ask(desk.trust)
    desk.node = desk.site.member("thief")
    assert desk.node.hears(desk.gateway.birth())
    body["key"] = {1: 1, -1: 6, -2: desk.node.member.identity.public}
    assert "does not hold" in (await desk.answer(body)).body["error"]["message"]


async def test_a_key_of_another_mesh_does_not_hold_here(desk: Desk, tmp_path: Path) -> None:
    other = Authority.open(tmp_path / "other", now=NOW)
    key = desk.keys.create()
    stranger = EnrolKey(pin=other.root_thumbprint[:16], secret=key.secret)
    applicant = Applicant(stranger, desk.node.member.identity, "fridge")
    body = applicant.ask(other.trust(now=NOW))
    assert "does not hold" in (await desk.answer(body)).body["error"]["message"]


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\x1b[31m", 7])
async def test_a_name_that_cannot_be_shown_is_refused(desk: Desk, name: Any) -> None:
    applicant = desk.applicant(desk.keys.create(), name)
    assert "printable" in (await desk.answer(applicant.ask(desk.trust))).body["error"]["message"]


async def test_anothers_credential_is_not_taken(desk: Desk) -> None:
    applicant = desk.applicant(desk.keys.create())
    body = applicant.ask(desk.trust)
    other = desk.site.authority.issue(Identity.create().public, name="x", roles=["node"], now=NOW)
    answer = {"nonce": body["nonce"], "ok": True, "credential": other}
    heard = desk.node.hears(
        desk.gateway.member.seal(gl1.CREDENTIAL, answer, now=NOW, to=desk.node.member.identity.node_id)
    )
    assert heard is not None
    with pytest.raises(RefusedError, match="another node's"):
        applicant.take(heard, desk.trust)


async def test_a_member_that_is_no_gateway_admits_nobody(desk: Desk) -> None:
    applicant = desk.applicant(desk.keys.create())
    peer = desk.site.member("peer")
    assert desk.node.hears(peer.birth())
    answer = {"nonce": applicant.ask(desk.trust)["nonce"], "ok": False, "error": {"code": "refused", "message": "no"}}
    heard = desk.node.hears(peer.member.seal(gl1.CREDENTIAL, answer, now=NOW, to=desk.node.member.identity.node_id))
    assert heard is not None
    assert applicant.take(heard, desk.trust) is None


async def test_a_credential_that_no_authority_signed_is_not_taken(desk: Desk) -> None:
    applicant = desk.applicant(desk.keys.create())
    answer = {"nonce": applicant.ask(desk.trust)["nonce"], "ok": True, "credential": b"junk"}
    heard = desk.node.hears(
        desk.gateway.member.seal(gl1.CREDENTIAL, answer, now=NOW, to=desk.node.member.identity.node_id)
    )
    assert heard is not None
    with pytest.raises(CredentialError):
        applicant.take(heard, desk.trust)


def test_an_enrolment_is_heard_by_a_gateway_alone(desk: Desk) -> None:
    sealed = desk.node.member.seal(gl1.ENROL, desk.applicant(desk.keys.create()).ask(desk.trust), now=NOW)
    node = desk.site.member("other")
    assert node.hears(sealed) is None
    assert node.member.rejected[Cause.UNKNOWN_KIND] == 1


def test_an_enrolment_is_dropped_when_copied_moved_forged_or_old(desk: Desk) -> None:
    member = desk.gateway.member
    sealed = desk.node.member.seal(gl1.ENROL, desk.applicant(desk.keys.create()).ask(desk.trust), now=NOW)
    assert desk.gateway.hears(sealed)
    assert desk.gateway.hears(sealed) is None
    assert member.rejected == {Cause.REPLAYED: 1}
    moved = sealed.topic.replace(desk.node.member.identity.node_id, Identity.create().node_id)
    assert desk.gateway.hears(sealed, topic=moved) is None
    assert member.rejected[Cause.MISADDRESSED] == 1
    thief = Identity.create()
    body = {"key": {1: 1, -1: 6, -2: thief.public}}
    assert desk.gateway.hears(desk.node.member.seal(gl1.ENROL, body, now=NOW)) is None
    assert member.rejected[Cause.FORGED] == 1
    old = desk.node.member.seal(gl1.ENROL, desk.applicant(desk.keys.create()).ask(desk.trust), now=NOW - 400 * SECOND)
    assert desk.gateway.hears(old) is None
    assert member.rejected[Cause.STALE] == 1
