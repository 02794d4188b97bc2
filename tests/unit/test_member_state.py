# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of replicated state (GL1 kind 8) as a member opens them: of who brings a credential, and nobody else."""

from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause, Sealed
from ganglion.mesh.standing import Standing
from ganglion_micro import gl1
from support.mesh import HOUR, Enrolled, Site

HELLO = [5, bytes(16), False]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def node(site: Site) -> Enrolled:
    return site.member("fridge")


@pytest.fixture
def other(site: Site) -> Enrolled:
    return site.member("room")


def said(by: Enrolled, to: Enrolled | None = None, *, body: Any = None) -> Sealed:
    body = [by.credential, HELLO] if body is None else body
    return by.member.seal(gl1.CRDT, body, now=by.site.now, to="" if to is None else to.member.identity.node_id)


def dropped(by: Enrolled, sealed: Sealed, *, topic: str = "") -> Cause | None:
    before = by.member.rejected.copy()
    assert by.hears(sealed, topic=topic) is None
    new = by.member.rejected - before
    return next(iter(new), None)


def test_it_is_believed_of_a_member_whose_birth_nobody_heard(node: Enrolled, other: Enrolled) -> None:
    for sealed in (said(node), said(node, other)):
        received = other.hears(sealed)
        assert received is not None
        assert (received.kind, received.node_id) == (gl1.CRDT, node.member.identity.node_id)
        assert received.body == [node.credential, HELLO]
        assert dropped(other, sealed) is None, "a copy, of neighbours or the broker, is no attack"
    by_neighbours = other.member.open(None, said(node).payload, now=other.site.now)
    assert by_neighbours is not None


def test_a_copy_that_was_altered_on_the_way_is_none(node: Enrolled, other: Enrolled) -> None:
    """Its signature is that of what was heard before, and it is not what was signed."""
    sealed = said(node)
    assert other.hears(sealed) is not None
    body = sealed.payload.index(HELLO[1])
    altered = sealed.payload[:body] + b"\x01" + sealed.payload[body + 1 :]
    assert dropped(other, sealed._replace(payload=altered)) is Cause.FORGED
    assert dropped(other, sealed) is None


def test_it_has_one_topic_and_one_receiver(site: Site, node: Enrolled, other: Enrolled) -> None:
    third = site.member("hall")
    everyone, to_other = said(node), said(node, other)
    assert everyone.topic.endswith(f"/n/{node.member.identity.node_id}/s")
    assert to_other.topic.endswith(f"/n/{other.member.identity.node_id}/sync")
    assert dropped(third, to_other) is Cause.MISADDRESSED
    assert dropped(third, to_other, topic=everyone.topic) is Cause.MISADDRESSED
    assert dropped(other, everyone, topic=to_other.topic) is Cause.MISADDRESSED
    assert dropped(other, everyone, topic=said(third).topic) is Cause.MISADDRESSED


def test_another_credential_is_not_enough(site: Site, node: Enrolled, other: Enrolled, tmp_path: Path) -> None:
    third = site.member("hall")
    assert dropped(other, said(node, body=[third.credential, HELLO])) is Cause.FORGED
    stranger = Site(tmp_path / "other").member("fridge", identity=node.member.identity)
    assert dropped(other, said(node, body=[stranger.credential, HELLO])) is Cause.FORGED
    sealed = said(node)
    assert (
        dropped(other, sealed._replace(payload=sealed.payload[:-1] + bytes([sealed.payload[-1] ^ 1]))) is Cause.FORGED
    )


@pytest.mark.parametrize("body", [None, [], {}, [b"", HELLO, 0], [1, HELLO], [b"no credential", HELLO]])
def test_another_shape_is_dropped(node: Enrolled, other: Enrolled, body: Any) -> None:
    sealed = node.member.seal(gl1.CRDT, body, now=node.site.now)
    assert dropped(other, sealed) in (Cause.MALFORMED, Cause.FORGED)


def test_who_was_revoked_or_has_run_out_is_not_believed(site: Site, node: Enrolled, other: Enrolled) -> None:
    late = said(node)
    site.now += 25 * HOUR
    assert dropped(other, late) is Cause.EXPIRED
    site.now -= 25 * HOUR
    other.member.enforce(site.authority.revoke(node.member.identity.node_id, now=site.now))
    assert dropped(other, said(node)) is Cause.REVOKED


def test_without_a_root_nobody_is_believed(site: Site, node: Enrolled) -> None:
    from ganglion.mesh.floor import Floor
    from ganglion.mesh.member import Member

    newcomer = Member(Identity.create(), mesh=site.authority.mesh_id, epoch=1, standing=Standing(Floor()))
    sealed = said(node)
    assert newcomer.open(sealed.topic, sealed.payload, now=site.now) is None
    assert newcomer.rejected == {Cause.UNENROLLED: 1}
