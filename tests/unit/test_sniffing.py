# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion mesh sniff` says of what passes: whatever it is, and never more than it can know."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.cli import mesh_sniff
from ganglion.mesh.overlay import frame, signed
from ganglion.mesh.sniffing import INVALID, UNKNOWN, VALID, Sniffer
from ganglion_micro import cbor, cose, gl1, mac0
from support.mesh import NOW, Enrolled, Site

FIELDS = ["time", "where", "kind", "from", "to", "epoch", "seq", "size", "signature", "retained", "note"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def fridge(site: Site) -> Enrolled:
    return site.member("fridge")


def bundle(site: Site) -> tuple[str, bytes]:
    return gl1.bundle_topic(site.authority.mesh_id), site.authority.bundle(now=NOW)


def heard(sniffer: Sniffer, *messages: tuple[str, bytes]) -> list[dict[str, Any]]:
    said = [sniffer.message(topic, payload, now=NOW) for topic, payload in messages]
    for one in said:
        shown(one)
    return said


def shown(document: dict[str, Any]) -> str:
    """Its line, of which no terminal obeys a letter."""
    assert list(document) == FIELDS
    json.dumps(document)
    text = mesh_sniff.text(document)
    assert text.isprintable()
    return text


def said(sealed: Any) -> tuple[str, bytes]:
    return sealed.topic, sealed.payload


def test_a_signature_is_judged_by_bundle_and_birth(site: Site, fridge: Enrolled) -> None:
    event = fridge.event(41)
    before, root, _, after = heard(Sniffer(), said(event), bundle(site), said(fridge.birth()), said(event))
    assert (before["signature"], before["from"]) == (UNKNOWN, fridge.member.identity.kid.hex())
    assert (root["kind"], root["signature"]) == ("bundle", VALID)
    assert (after["kind"], after["from"], after["signature"]) == ("event", "fridge", VALID)
    assert (after["epoch"], after["seq"], after["size"]) == (event.epoch, event.seq, len(event.payload))
    assert "41" not in str({**after, "time": 0, "size": 0, "from": ""}), "no body is shown"


def test_a_birth_may_come_before_the_bundle(site: Site, fridge: Enrolled) -> None:
    birth, _, event = heard(Sniffer(), said(fridge.birth()), bundle(site), said(fridge.event()))
    assert birth["signature"] == UNKNOWN
    assert (event["from"], event["signature"]) == ("fridge", VALID)


def test_what_was_altered_or_is_anothers_is_false(site: Site, fridge: Enrolled, tmp_path: Path) -> None:
    event = fridge.event()
    altered = event.payload[:-1] + bytes([event.payload[-1] ^ 1])
    _, _, forged = heard(Sniffer(), bundle(site), said(fridge.birth()), (event.topic, altered))
    assert forged["signature"] == INVALID
    other = Site(tmp_path)
    stranger = other.member("thief")
    topic = gl1.topic(site.authority.mesh_id, gl1.BIRTH, stranger.member.identity.node_id)
    sniffer = Sniffer()
    _, birth = heard(sniffer, bundle(site), (topic, stranger.birth().payload))
    assert (birth["signature"], birth["from"]) == (UNKNOWN, stranger.member.identity.kid.hex())
    (false,) = heard(sniffer, (bundle(site)[0], other.authority.bundle(now=NOW)))
    assert false["signature"] == INVALID


def test_a_request_names_its_receiver_and_an_enrolment_its_own_key(site: Site, fridge: Enrolled) -> None:
    gateway = site.member("gateway", role="gateway")
    sniffer = Sniffer()
    *_, request = heard(
        sniffer, bundle(site), said(fridge.birth()), said(gateway.birth()), said(gateway.request(fridge))
    )
    assert (request["kind"], request["from"], request["to"]) == ("request", "gateway", "fridge")
    new = site.member("new").member
    enrol = new.seal(gl1.ENROL, {"key": cose.key(new.identity.public)}, now=NOW)
    (asked,) = heard(sniffer, said(enrol))
    assert (asked["kind"], asked["signature"], asked["note"]) == ("enrol", VALID, "no member yet")


def test_a_revocation_list_is_the_authoritys(site: Site) -> None:
    topic = gl1.revoked_topic(site.authority.mesh_id)
    _, listed = heard(Sniffer(), bundle(site), (topic, site.authority.revocations(now=NOW).data))
    assert (listed["kind"], listed["from"], listed["signature"]) == ("revocation", "authority", VALID)


def test_what_is_encrypted_or_of_a_leaf_is_called_so(site: Site, fridge: Enrolled) -> None:
    sealed = cbor.Tag(16, [b"", {}, b"secret"])
    topic = f"gl1/{site.authority.mesh_id}/n/{fridge.member.identity.node_id}/d/x"
    message = gl1.MSG(gl1.DATA, None, 1, 1, NOW, sealed)
    aad = gl1.aad(gl1.from_base32(site.authority.mesh_id))
    signed_ = cose.sign1(message.pack(), fridge.member.identity.kid, aad, fridge.member.identity.sign)
    leaf = mac0.mac0(gl1.MSG(gl1.EVENT, None, 1, 9, NOW, {}).pack(), bytes(8), aad, bytes(32))
    _, _, closed, of_leaf = heard(Sniffer(), bundle(site), said(fridge.birth()), (topic, signed_), (topic, leaf))
    assert (closed["note"], closed["signature"]) == ("encrypted", VALID)
    assert (of_leaf["kind"], of_leaf["seq"], of_leaf["signature"]) == ("event", 9, UNKNOWN)


def test_frames_of_a_hop_show_their_heads(site: Site, fridge: Enrolled) -> None:
    kid, mesh = fridge.member.identity.kid, site.authority.mesh_id
    sniffer = Sniffer()
    heard(sniffer, bundle(site))
    head = frame.head(frame.ALIVE, 1, 0, 2, kid, 77)
    alive = frame.pack(head, [(b"ab", bytes(8)), (b"cd", bytes(8))], b"")
    document = sniffer.datagram(mesh, "lan/eth0", alive, now=NOW)
    assert (document["kind"], document["from"], document["seq"]) == ("hop alive", kid.hex(), 77)
    assert (document["to"], document["note"], document["signature"]) == ("2 neighbours", "ttl 1", UNKNOWN)

    body = signed.hello(bytes(range(32)), fridge.credential)
    message = gl1.MSG(gl1.HELLO, None, 3, 5, NOW, body)
    aad = gl1.aad(gl1.from_base32(mesh))
    data = cose.sign1(message.pack(), kid, aad, fridge.member.identity.sign)
    hello = frame.pack(frame.head(frame.HELLO, 1, 0, 0, kid, 78), [], data)
    document = sniffer.datagram(mesh, "lan/eth0", hello, now=NOW)
    assert (document["kind"], document["from"]) == ("hop hello", "fridge")
    assert (document["epoch"], document["seq"], document["signature"]) == (3, 5, VALID)
    (again,) = heard(sniffer, (f"gl1/{mesh}/l/_", alive))
    assert (again["kind"], again["from"]) == ("hop alive", "fridge"), "the same frames pass on a broker"


def test_what_is_none_is_called_malformed(site: Site) -> None:
    mesh = site.authority.mesh_id
    for topic, payload, kind in (
        (f"gl1/{mesh}/n/x/birth", b"\xd2nonsense", "malformed"),
        (f"gl1/{mesh}/n/x/birth", b"", "removed"),
        (f"gl1/{mesh}/l/_", b"\x01", "malformed"),
        (f"gl1/{mesh}/c/bundle", b"\x01", "bundle"),
        ("gl1/else/n/x/birth", b"x", "foreign"),
        ("zigbee2mqtt/\x1b[2J", b"x", "foreign"),
    ):
        (one,) = heard(Sniffer(), (topic, payload))
        assert one["kind"] == kind, topic


@pytest.mark.untraced
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_nothing_that_passes_is_an_error(site: Site, fridge: Enrolled, data: st.DataObject) -> None:
    mesh = site.authority.mesh_id
    sniffer = Sniffer()
    parts = st.sampled_from(["n/x/birth", "c/bundle", "c/revoked", "l/_", "n//q", "n/q", "", "n/x/enrol", "e"])
    topics = st.one_of(parts.map(lambda part: f"gl1/{mesh}/{part}"), st.text(max_size=40))
    values = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40), st.text()),
        lambda inner: st.one_of(st.lists(inner, max_size=7), st.dictionaries(st.text(max_size=9), inner, max_size=4)),
        max_leaves=12,
    )
    kid, sign = fridge.member.identity.kid, fridge.member.identity.sign
    signed_ = values.map(lambda value: cose.sign1(cbor.encode(value), kid, b"", sign))
    messages = st.tuples(st.integers(0, 20), values).map(
        lambda made: cose.sign1(gl1.MSG(made[0], None, 1, 1, 1, made[1]).pack(), kid, b"", sign)
    )
    births = st.sampled_from([fridge.birth().payload, fridge.event().payload, bundle(site)[1]])
    cut = st.tuples(births, st.integers(0, 400), st.binary(max_size=3)).map(lambda c: c[0][: c[1]] + c[2])
    payloads = st.one_of(st.binary(max_size=120), values.map(cbor.encode), signed_, messages, births, cut)
    for _ in range(4):
        if data.draw(st.booleans()):
            shown(sniffer.message(data.draw(topics), data.draw(payloads), now=NOW))
        else:
            body = data.draw(payloads)
            kinds = st.integers(0, 255)
            head = frame.head(data.draw(kinds), 1, data.draw(st.integers(0, 2)), data.draw(st.integers(0, 3)), kid, 1)
            shown(sniffer.datagram(mesh, "lan/x", head + body, now=NOW))
