# SPDX-License-Identifier: GPL-3.0-or-later
"""A board as a full member against a gateway of the runtime, without I/O: what each believes, and what it does not."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.mesh.authority import Authority
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_agent.full import Full
from ganglion_agent.prompts import Prompts
from ganglion_micro import cbor, cose, gl1
from ganglion_micro.enrol import EnrolKey
from ganglion_micro.member import INBOX
from ganglion_micro.saying import ANSWERS, TIMELESS
from ganglion_micro.voice import EVENTS
from support.mesh import HOUR
from support.micro_member import Signer, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def member(world: World) -> World:
    return world.join()


def refused(world: World, topic: str, payload: bytes) -> str:
    """The one cause for which the board does not believe a message; it obeys nothing."""
    before, calls = dict(world.board.refused), len(world.calls)
    world.board.receive((topic, payload))
    world.go(60)
    assert len(world.calls) == calls
    [cause] = [cause for cause, count in world.board.refused.items() if count != before.get(cause, 0)]
    return cause


# What works


def test_a_board_enrols_is_born_and_has_the_time(world: World) -> None:
    world.join()
    assert world.log == [f"info a member of the mesh {world.site.authority.mesh_id} as {world.signer.node_id}"]
    kinds = [one.kind for one in world.heard]
    assert kinds[:3] == [gl1.ENROL, gl1.BIRTH, gl1.REQUEST]
    assert world.kept.keys() == {"pin", "bundle", "holds", "gateways", "credential"}
    assert abs(world.board.now - world.site.now) < SECOND
    birth = world.of(gl1.BIRTH)[0]
    assert (birth.body["name"], birth.body["board"]) == ("garden", "pico")
    assert not world.board.refused
    assert not world.gateway.member.rejected


def test_a_restart_enrols_nobody_and_verifies_what_it_has_not_verified_before(member: World) -> None:
    member.heard.clear()
    member.key = None
    member.signer.verified = 0
    member.boot()
    member.connect()
    member.go(3000)
    assert member.board.joined
    assert [one.kind for one in member.heard[:2]] == [gl1.BIRTH, gl1.REQUEST]
    assert member.of(gl1.BIRTH)[0].epoch == 2
    assert member.signer.verified == 2, "the gateway's birth and its answer"


def test_readings_go_in_frames_by_what_a_signature_costs(member: World) -> None:
    for cost, most in ((0, 12), (1000, 2)):
        member.signer.cost = cost
        before, made = len(member.of(gl1.BATCH)), member.signer.made
        for i in range(10):
            member.board.readings([("soil", i)])
            member.go(1000)
        member.go(10000)
        batches = member.of(gl1.BATCH)[before:]
        assert [reading[2] for batch in batches for reading in batch.body if reading[0] == "soil"] == list(range(10))
        assert 0 < len(batches) <= most + 1
        assert member.signer.made - made <= len(batches) + 2
    assert [reading[0] for batch in batches for reading in batch.body].count("system/uptime") >= 1


def test_of_readings_that_are_too_many_for_a_frame_the_newest_are_sent(member: World) -> None:
    member.signer.cost = 1000
    member.board.readings([("soil", i) for i in range(200)])
    member.go(11000)
    values = [reading[2] for reading in member.of(gl1.BATCH)[-1].body if reading[0] == "soil"]
    assert values == list(range(200 - len(values), 200))
    assert member.board.frame.dropped == 200 - len(values) > 0


def test_a_reading_from_before_the_time_is_of_when_it_was_taken(world: World) -> None:
    world.board.connected(False)
    for i in range(TIMELESS + 2):
        world.board.readings([("soil", i)])
        world.go(1000)
    began = world.site.now - (TIMELESS + 2) * SECOND
    world.join()
    world.go(11000)
    found = [each for batch in world.of(gl1.BATCH) for each in batch.body if each[0] == "soil"]
    assert [each[2] for each in found] == list(range(2, TIMELESS + 2))
    assert all(abs(each[1] - began - each[2] * SECOND) < SECOND for each in found)
    assert world.board.frame.dropped == 2


def test_an_event_is_the_same_until_it_is_stored(member: World) -> None:
    member.stores = False
    assert member.board.event("alert", "alert/dry", 7)
    member.go(20000)
    copies = [said for said in member.said if said[0].endswith("/e/alert")]
    assert len(copies) >= 3
    assert len(set(copies)) == 1
    assert member.board.waiting == 1
    member.stores = True
    member.go(40000)
    assert member.board.waiting == 0
    assert len({(one.epoch, one.seq) for one in member.of(gl1.EVENT)}) == 1


def test_events_wait_for_a_gateway_and_too_many_are_not_taken(world: World) -> None:
    assert all(world.board.event("alert", "alert/dry", i) for i in range(EVENTS))
    assert not world.board.event("alert", "alert/dry", "one too many")
    with pytest.raises(cbor.CBORError, match="1024 bytes"):
        world.board.event("alert", "alert/dry", "x" * 1024)
    world.join()
    world.go(5000)
    assert [one.body["value"] for one in world.of(gl1.EVENT)] == list(range(EVENTS))


def test_a_request_is_done_once_and_a_copy_is_answered_from_memory(member: World) -> None:
    member.ask()
    member.go(100)
    assert member.replies() == [{"id": "r1", "ok": True, "result": 1}]
    member.ask()  # asked again, sealed anew, as a caller does that has heard nothing
    member.go(100)
    assert len(member.calls) == 1
    assert member.replies()[-1] == member.replies()[0]
    member.ask("r2", method="nothing")
    member.ask("r3", deadline=member.site.now - SECOND)
    member.tell(gl1.REQUEST, {"id": "r4", "cancel": True, "nonce": member.of(gl1.BIRTH)[-1].body["nonce"]})
    member.go(400)
    member.ask("r4")
    member.ask("r5", nonce=bytes(8))
    member.go(400)
    codes = [member.replies(each)[0]["error"]["code"] for each in ("r2", "r3", "r4", "r5")]
    assert codes == ["not_found", "unreachable", "cancelled", "stale"]
    assert member.replies("r5")[0]["nonce"] == member.of(gl1.BIRTH)[-1].body["nonce"]
    assert len(member.calls) == 1
    assert [each["name"] for each in _methods(member)] == ["led", "methods"]


def test_a_copy_of_a_request_that_waits_is_no_word_that_it_was_done(member: World) -> None:
    member.board._done.begin("waits")
    for i in range(ANSWERS + 1):
        member.board._done.begin(f"r{i}")
        member.board._done.end(f"r{i}", b"an answer")
    assert member.board._done.find("waits") == (True, b"")
    assert member.board._done.find("r0") == (True, None)
    member.ask("waits")
    member.go(100)
    assert member.replies("waits") == [], "it is answered when it is done"


def _methods(world: World) -> list:
    world.ask("m", method="methods", params={})
    world.go(100)
    return world.replies("m")[0]["result"]["methods"]


def test_a_gateway_that_restarts_is_told_of_the_board_again(member: World) -> None:
    births = len(member.of(gl1.BIRTH))
    member.gateway = member.site.member("gateway", role="gateway", epoch=2, identity=member.gateway.member.identity)
    member.board.receive(
        (
            gl1.gateway_topic(member.site.authority.mesh_id, member.gateway.member.identity.node_id),
            member.gateway.birth().payload,
        )
    )
    member.go(5000)
    assert len(member.of(gl1.BIRTH)) == births + 1
    assert member.board.joined


def test_a_silent_gateway_is_asked_and_the_birth_is_said_again(member: World) -> None:
    member.answers = False
    births, asked = len(member.of(gl1.BIRTH)), len(member.of(gl1.REQUEST))
    member.go(60000)
    assert len(member.of(gl1.REQUEST)) - asked >= 3
    assert not member.board.joined
    assert len(member.of(gl1.BIRTH)) > births
    member.answers = True
    member.go(40000)
    assert member.board.joined


@pytest.mark.parametrize("hours", [1, 20])
def test_the_clock_of_the_gateway_may_be_set(member: World, hours: int) -> None:
    for step in (hours, -hours):
        member.site.now += step * HOUR
        member.gateway = member.site.member(
            "gateway", role="gateway", epoch=member.gateway.member.epoch + 1, identity=member.gateway.member.identity
        )
        member.connect()
        member.go(120000)
        assert member.board.joined, (step, member.board.refused)
        assert abs(member.board.now - member.site.now) < SECOND
        member.ask(f"r{step}")
        member.go(100)
        assert member.replies(f"r{step}")[0]["ok"]


def test_a_clock_that_is_set_while_the_gateway_stays_is_learnt(member: World) -> None:
    for step in (HOUR, -HOUR):
        member.site.now += step
        member.go(120000)
        assert member.board.joined
        assert abs(member.board.now - member.site.now) < SECOND


@pytest.mark.parametrize("has_key", [True, False])
def test_a_year_that_a_gateway_was_ahead_does_not_end_a_credential(member: World, has_key: bool) -> None:
    if not has_key:
        member.key = None
        member.boot()
        member.join()
    member.board.now += 365 * 24 * HOUR
    member.board._authority.floor = member.board.now
    member.go(200000)
    assert member.board.joined
    assert abs(member.board.now - member.site.now) < SECOND


def test_a_request_that_was_kept_back_is_not_obeyed_while_nobody_knows_the_time(member: World) -> None:
    topic, payload = member.ask("late")
    member.board._inbox.clear()
    member.answers = False
    member.go(60000)
    assert not member.board.joined
    assert refused(member, topic, payload) == "stale"
    member.answers = True
    member.go(60000)
    assert member.board.joined
    member.ask("now")
    member.go(100)
    assert member.replies("now")[0]["ok"]


def test_what_is_not_of_this_boot_is_no_sign_of_a_gateway(member: World) -> None:
    heard = member.board.heard
    member.ask("wrong", nonce=bytes(8))
    member.tell(gl1.REPLY, {"id": "unknown", "ok": True, "result": {}})
    member.tell(gl1.REPLY, {"stored": [[77, 1]]})
    member.go(400)
    assert member.board.heard == heard
    member.ask("right")
    member.go(100)
    assert member.board.heard == heard + 1


def test_a_question_of_a_script_goes_to_the_gateways_model(member: World) -> None:
    prompts, got = Prompts(member.board, Full.asks), []
    effect = SimpleNamespace(prompt="Why?", schema={"cause": {}}, ns=20 * SECOND, tokens=50, preset=None)
    member.results["prompt"] = {"value": {"cause": "night"}, "model": "m", "tokens": {"prompt": 3, "completion": 4}}
    prompts.ask(effect, 0, got.append)
    member.go(200)
    assert got == [[{"cause": "night"}, "m", 7]]
    asked = member.of(gl1.REQUEST)[-1].body
    assert asked["params"] == {
        "prompt": "Why?", "schema": {"cause": {}}, "seconds": 20.0, "max_tokens": 50, "run": "board/1"
    }  # fmt: skip
    assert 0 < asked["deadline"] - member.site.now <= 20 * SECOND
    member.results["prompt"] = "nothing like an answer"
    prompts.ask(effect, 0, got.append)
    member.go(200)
    assert (got[1].reason, got[1].message) == ("unreachable", "the gateway gave no answer")
    effect.prompt = "x" * 1024
    prompts.ask(effect, 0, got.append)
    assert got[2].reason == "invalid"
    member.answers = False
    effect.prompt = "Why?"
    prompts.ask(effect, 0, got.append)
    member.go(200)
    prompts.advance(60 * SECOND)
    assert (got[3].reason, len(got)) == ("unreachable", 4)


def test_whoever_says_that_we_are_dead_is_told_otherwise(member: World) -> None:
    births = len(member.of(gl1.BIRTH))
    topic, payload = member.board.will
    member.board.receive((topic, payload))
    member.go(5000)
    assert len(member.of(gl1.BIRTH)) == births + 1
    assert member.board.joined
    assert refused(member, topic, payload[:-1] + bytes((payload[-1] ^ 1,))) == "forged"


def test_the_credential_is_renewed_in_time(member: World) -> None:
    credential = member.board.credential
    assert credential is not None
    member.site.now += (credential.expires - credential.starts) * 3 // 4
    member.gateway = member.site.member("gateway", role="gateway", epoch=2, identity=member.gateway.member.identity)
    member.board.connected(False)
    member.board.now = 0
    member.join()
    member.go(20000)
    assert member.board.credential is not None
    assert member.board.credential.expires > credential.expires
    assert member.kept["credential"] == member.board.credential.data
    assert member.board.joined


# What is not believed


def test_a_bit_flipped_in_any_byte_of_a_request_is_refused(member: World) -> None:
    topic, payload = member.ask()
    member.board._inbox.clear()  # it is not to come itself
    for at in range(len(payload)):
        damaged = bytearray(payload)
        damaged[at] ^= 1 << at % 8
        member.board.receive((topic, bytes(damaged)))
        member.go(20)
    assert member.calls == []
    assert sum(member.board.refused.values()) == len(payload)
    member.board.receive((topic, payload))
    member.go(100)
    assert len(member.calls) == 1


def test_a_stranger_who_floods_does_not_keep_a_board_silent(member: World) -> None:
    topic, payload = member.ask("forged")
    member.board._inbox.clear()
    batches = len(member.of(gl1.BATCH))
    for i in range(1000):
        member.board.receive((topic, payload[:-4] + i.to_bytes(4, "big")))
        if i % 4 == 0 and not member.board.is_busy:
            member.ask(f"r{i}")
        member.board.readings([("soil", i)])
        member.go(20)
        while len(member.board._inbox) > INBOX:  # what is behind them waits at the broker
            member.board._inbox.pop()
        assert len(member.board._due) <= 2
    assert member.board.refused["forged"] > 400
    assert len(member.of(gl1.BATCH)) > batches + 50
    assert member.board.joined
    assert len(member.calls) > 2


def test_a_request_is_refused_again_in_this_boot_and_in_the_next(member: World) -> None:
    topic, payload = member.ask()
    member.go(100)
    assert refused(member, topic, payload) == "replayed"
    member.boot()
    member.join()
    assert refused(member, topic, payload) == "stale"


def test_who_is_no_gateway_is_not_obeyed(member: World) -> None:
    node = member.site.member("thief")
    sealed = node.member.seal(gl1.REQUEST, {"id": "x"}, now=member.site.now, to=member.signer.node_id)
    assert refused(member, sealed.topic, sealed.payload) == "unenrolled"
    birth = node.birth()
    mesh = member.site.authority.mesh_id
    assert refused(member, gl1.gateway_topic(mesh, node.member.identity.node_id), birth.payload) == "unauthorised"
    gateway = gl1.gateway_topic(mesh, member.gateway.member.identity.node_id)
    assert refused(member, gateway, birth.payload) == "unauthorised"
    other = member.site.member("gateway 2", role="gateway")
    assert refused(member, gateway, other.birth().payload) == "misaddressed"


def test_an_old_boot_of_a_gateway_is_refused_after_a_restart_too(member: World) -> None:
    identity = member.gateway.member.identity
    old = member.gateway.birth()
    member.gateway = member.site.member("gateway", role="gateway", epoch=2, identity=identity)
    member.boot()
    member.join()
    member.boot()
    member.board.connected(True)
    assert refused(member, gl1.gateway_topic(member.site.authority.mesh_id, identity.node_id), old.payload) == "stale"


def test_a_revoked_gateway_is_refused_after_a_restart_too(member: World) -> None:
    authority, node = member.site.authority, member.gateway.member.identity.node_id
    old = authority.revocations(now=member.site.now).data
    authority.revoke(node, now=member.site.now)
    member.board.receive((gl1.revoked_topic(authority.mesh_id), authority.revocations(now=member.site.now).data))
    member.go(40)
    topic, payload = member.ask("r9")
    member.board._inbox.clear()
    assert refused(member, topic, payload) == "revoked"
    member.board.receive((gl1.revoked_topic(authority.mesh_id), old))
    member.go(40)
    member.boot()
    member.board.connected(True)
    assert refused(member, gl1.gateway_topic(authority.mesh_id, node), member.gateway.birth().payload) == "revoked"


@pytest.mark.parametrize("away", [False, True], ids=["there", "off meanwhile"])
def test_a_board_that_was_revoked_says_so_once_and_what_to_do_whichever_list_comes_first(
    member: World, away: bool
) -> None:
    authority, mesh = member.site.authority, member.site.authority.mesh_id
    said = "error the mesh says no: this key was revoked: remove mesh and identity, and enrol anew"
    forger = Authority.open(member.site.folder / "forger", now=member.site.now)
    forger.revoke(member.signer.node_id, now=member.site.now)
    forged = forger.revocations(now=member.site.now).data
    assert refused(member, gl1.revoked_topic(mesh), forged) == "forged"
    authority.revoke("a" * 26, now=member.site.now)
    lists = [
        (gl1.gateway_topic(mesh, gl1.ALL), lambda: authority.gateways(now=member.site.now).data),
        (gl1.revoked_topic(mesh), lambda: authority.revocations(now=member.site.now).data),
    ]
    for topic, data in lists:
        member.board.receive((topic, data()))
    member.go(100)
    assert said not in member.log
    authority.revoke(member.signer.node_id, now=member.site.now)
    for _ in range(2):
        if away:
            member.boot()
            member.connect()
        else:
            for topic, data in lists:
                member.board.receive((topic, data()))
        member.go(1000)
    assert member.log.count(said) == (2 if away else 1), "once a boot"


@pytest.mark.parametrize("revoked", [True, False])
def test_a_key_that_a_revoked_gateway_has_rotated_into_is_refused_too(member: World, revoked: bool) -> None:
    authority, former = member.site.authority, member.gateway.member.identity.node_id
    successor = Identity.create()
    credential = authority.issue(
        successor.public, name="gateway", roles=["gateway"], now=member.site.now, lifetime=24 * HOUR, former=former
    )
    (authority.revoke if revoked else authority.supersede)(former, now=member.site.now)
    member.board.receive((gl1.revoked_topic(authority.mesh_id), authority.revocations(now=member.site.now).data))
    member.go(40)
    new = member.site.member("gateway", role="gateway", identity=successor, credential=credential)
    topic = gl1.gateway_topic(authority.mesh_id, successor.node_id)
    if revoked:
        assert refused(member, topic, new.birth().payload) == "revoked"
    else:
        member.board.receive((topic, new.birth().payload))
        member.go(40)
        assert not member.board.refused
    member.boot()  # what is kept says the same
    member.board.connected(True)
    member.board.receive((topic, new.birth().payload))
    member.go(40)
    assert member.board.refused == ({"revoked": 1} if revoked else {})


def test_what_is_too_old_or_too_new_is_refused(member: World) -> None:
    for ahead in (-301, 301):
        now = member.site.now
        member.site.now += ahead * SECOND
        topic, payload = member.ask(f"r{ahead}")
        member.board._inbox.clear()
        member.site.now = now
        assert refused(member, topic, payload) == "stale"
    member.site.now += 25 * HOUR
    member.board.now = member.site.now
    topic, payload = member.ask("late")
    member.board._inbox.clear()
    assert refused(member, topic, payload) == "expired"


def test_without_a_new_list_for_long_nothing_is_obeyed_whatever_else_the_issuer_says(member: World) -> None:
    member.site.now += 31 * 24 * HOUR
    member.gateway = member.site.member("gateway", role="gateway", epoch=2, identity=member.gateway.member.identity)
    member.board.now, member.board._authority.vouched = member.site.now, member.site.now - HOUR
    topic = gl1.gateway_topic(member.site.authority.mesh_id, member.gateway.member.identity.node_id)
    member.board.receive((topic, member.gateway.birth().payload))
    member.go(40)
    topic, payload = member.ask("r9")
    member.board._inbox.clear()
    assert refused(member, topic, payload) == "stale"


def test_a_list_and_a_bundle_are_the_authoritys(member: World, tmp_path: Path) -> None:
    mesh, now = member.site.authority.mesh_id, member.site.now
    other = Authority.open(tmp_path / "other", now=now)
    assert refused(member, gl1.bundle_topic(mesh), other.bundle(now=now)) == "wrong_mesh"
    assert refused(member, gl1.bundle_topic(mesh), b"x") == "malformed"
    other.revoke(member.gateway.member.identity.node_id, now=now)
    theirs = other.revocations(now=now + 400 * 24 * HOUR).data
    assert refused(member, gl1.revoked_topic(mesh), theirs) == "forged"
    assert refused(member, gl1.revoked_topic(mesh), member.gateway.birth().payload) == "malformed"


def test_an_enrolment_is_answered_by_the_gateway_and_for_this_question(world: World) -> None:
    world.answers = False
    world.connect()
    world.go(1000)
    [asked] = world.of(gl1.ENROL)
    thief = world.site.member("thief")
    for nonce, who in ((bytes(16), None), (asked.body["nonce"], thief)):
        world.tell(gl1.CREDENTIAL, {"nonce": nonce, "ok": True, "credential": thief.credential}, who)
        world.go(100)
    world.tell(gl1.CREDENTIAL, {"nonce": asked.body["nonce"], "ok": True, "credential": thief.credential})
    world.go(100)
    assert world.board.refused == {"stale": 1, "unenrolled": 1, "forged": 1}
    assert world.board.credential is None
    world.go(20000)
    asked = world.of(gl1.ENROL)[-1]
    world.tell(gl1.CREDENTIAL, {"nonce": asked.body["nonce"], "ok": False, "error": {"message": "it is used up"}})
    world.go(100)
    assert world.log == ["error the mesh refuses this board: it is used up"]
    count = len(world.of(gl1.ENROL))
    world.go(140000)
    assert len(world.of(gl1.ENROL)) == count, "it asks again seldom"


def test_what_is_kept_of_another_mesh_is_said(member: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    other.kept = {}
    other.key, key = other.key, other.key
    assert key is not None
    from ganglion_micro.authority import Authority as Known

    with pytest.raises(ValueError, match="of another mesh"):
        Known(key.pin, member.signer.verify, member.kept.get, member.kept.__setitem__)


def test_a_board_that_has_lost_the_bundle_believes_no_other_mesh(member: World, tmp_path: Path) -> None:
    other = Authority.open(tmp_path / "other", now=member.site.now)
    member.key = None
    del member.kept["bundle"]
    member.boot()
    member.board.connected(True)
    mesh = member.site.authority.mesh_id
    assert refused(member, gl1.bundle_topic(mesh), other.bundle(now=member.site.now)) == "wrong_mesh"
    member.join()
    assert member.kept["bundle"] == member.site.authority.bundle(now=member.site.now)
    assert not member.of(gl1.ENROL)[1:], "with the credential that it has"
    for name in ("pin", "bundle"):
        del member.kept[name]
    with pytest.raises(ValueError, match="nothing is kept of a mesh"):
        member.boot()


@pytest.mark.parametrize("name", ["pin", "bundle", "gateways", "holds", "credential"])
def test_what_is_kept_and_damaged_is_said_or_heard_anew(member: World, name: str) -> None:
    whole = member.kept[name]
    for damaged in (b"", whole[:-1], whole[: len(whole) // 2], b"\x81\x01", b"\xf6", b"\xff"):
        member.kept[name] = damaged
        try:
            member.boot()
        except ValueError as error:
            assert name in ("pin", "bundle", "holds")
            assert str(error) in ("what is kept is damaged", "what is kept is of another mesh")
        else:
            assert damaged == b"" or name in ("gateways", "credential", "bundle")
            member.join()
            assert member.board.joined
        member.kept[name] = whole


def test_a_credential_of_another_key_is_none(member: World) -> None:
    member.signer = Signer()
    member.key = None
    member.boot()
    member.connect()
    member.go(1000)
    assert member.board.credential is None
    assert member.log[-1] == "error no credential, or its time is over: give this board an enrol key"
    member.key = member._keys.create()
    member.boot()
    member.join()


def test_a_credential_whose_time_is_over_is_asked_for_anew(member: World) -> None:
    assert member.board.credential is not None
    member.site.now = member.board.credential.expires + HOUR
    member.gateway = member.site.member("gateway", role="gateway", epoch=2, identity=member.gateway.member.identity)
    member.key = member._keys.create()
    member.boot()
    member.join()
    assert member.board.credential.expires > member.site.now


@pytest.mark.parametrize("text", ["", "gk1_", "lf1_aaaa", "gk1_" + "a" * 53 + "b", "gk2_" + "a" * 53, "gk1_ä"])
def test_what_is_no_enrol_key_is_said_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="this is no enrol key: it begins with gk1_ and has 53 letters more"):
        EnrolKey(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.sampled_from(["c/bundle", "c/revoked", "c/gateway/x", "n/{}/q", "n/{}/r", "n/{}/credential", "n/{}/death", "x"]),
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.integers(0, 20) | st.binary(max_size=16) | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=7)
                | st.dictionaries(
                    st.sampled_from(["id", "nonce", "root", "issuer", "stored", "epoch", "credential", "ok"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
    ),
    st.integers(0, 15),
)
def test_anything_is_refused_without_an_error(member: World, last: str, body: object, kind: int) -> None:
    topic = f"gl1/{member.site.authority.mesh_id}/{last.format(member.signer.node_id)}"
    if isinstance(body, bytes):
        member.board.receive((topic, body))
        member.board.receive((topic, cbor.encode(body)))
    else:  # the gateway itself may be of another version
        identity = member.gateway.member.identity
        seq = member.gateway.member._seq_c = member.gateway.member._seq_c + 1
        message = gl1.MSG(kind, gl1.kid_of(member.signer.node_id), 1, seq, member.site.now, body)
        aad = gl1.aad(member.site.authority.mesh)
        member.board.receive((topic, cose.sign1(message.pack(), identity.kid, aad, identity.sign)))
    calls = len(member.calls)
    member.go(100)
    assert len(member.calls) == calls
