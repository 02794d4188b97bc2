# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.rotation: who gets a credential for another key, and a state folder that is never half."""

import contextlib
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh import files
from ganglion.mesh.credential import CredentialError, subject
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Peer
from ganglion.mesh.rotation import Former, prepare, question, reissue, settle
from support.mesh import HOUR, NOW, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def peer(site: Site) -> Peer:
    """The node as the gateway knows it."""
    gateway, node = site.member("gateway", role="gateway"), site.member("fridge")
    node.credential = site.authority.issue(
        node.member.identity.public, name="fridge", roles=["node"], tags=["kitchen"], now=NOW
    )
    received = gateway.hears(node.birth())
    assert received is not None
    assert received.peer is not None
    return received.peer


def asked(site: Site, peer: Peer, new: Identity, **changes: Any) -> bytes:
    params = {**question(site.authority.mesh_id, peer.node_id, new), **changes}
    return reissue(site.authority, params, peer, now=NOW, lifetime=24 * HOUR)


def test_the_new_key_has_the_name_and_the_tags_of_the_old_and_says_whose_it_was(site: Site, peer: Peer) -> None:
    new = Identity.create()
    held = site.authority.trust(now=NOW).verify(asked(site, peer, new))
    assert (held.public, held.name, held.tags, held.roles) == (new.public, "fridge", ("kitchen",), ("node",))
    assert held.former == peer.node_id
    assert site.authority.holds(peer.node_id, now=NOW), "the old one holds until the new one was heard"
    assert asked(site, peer, new), "a lost answer is asked for again"


def test_a_key_that_has_not_signed_for_itself_gets_nothing(site: Site, peer: Peer) -> None:
    new, other = Identity.create(), Identity.create()
    mesh = site.authority.mesh_id
    for proof in (
        question(mesh, peer.node_id, other)["proof"],
        question(mesh, other.node_id, new)["proof"],
        question("a" * 13, peer.node_id, new)["proof"],
        b"",
        None,
    ):
        with pytest.raises(InvalidError, match="has not signed"):
            asked(site, peer, new, proof=proof)
    for key in (None, {}, {1: 1, -1: 6, -2: b"short"}):
        with pytest.raises(InvalidError, match=r"params\.key"):
            asked(site, peer, new, key=key)
    with pytest.raises(InvalidError):
        asked(site, peer, new, key={1: 1, -1: 6, -2: bytes(32)})


def test_a_key_that_was_replaced_or_revoked_is_not_replaced_again(site: Site, peer: Peer) -> None:
    new = Identity.create()
    site.authority.revoke(new.node_id, now=NOW)
    with pytest.raises(RefusedError):
        asked(site, peer, new)
    site.authority.supersede(peer.node_id, now=NOW)
    with pytest.raises(RefusedError, match="replaced already"):
        asked(site, peer, Identity.create())


def test_a_key_is_not_replaced_by_itself(site: Site, peer: Peer, tmp_path: Path) -> None:
    identity = Identity.create()
    own = site.member("x", identity=identity)
    gateway = site.member("gateway", role="gateway")
    received = gateway.hears(own.birth())
    assert received is not None
    assert received.peer is not None
    with pytest.raises(RefusedError, match="by itself"):
        asked(site, received.peer, identity)


# The state folder


class PowerCutError(BaseException):
    """What comes after does not happen."""


class Disk:
    """Cuts the power before the n-th change of the disk."""

    def __init__(self, patch: pytest.MonkeyPatch, cut: int) -> None:
        self._left = cut
        for name in ("write", "rename", "remove"):
            patch.setattr(files, name, self._counted(getattr(files, name)))

    def _counted(self, change: Callable[..., None]) -> Callable[..., None]:
        def counted(*args: Any, **named: Any) -> None:
            if self._left == 0:
                raise PowerCutError
            self._left -= 1
            change(*args, **named)

        return counted


def test_a_power_cut_at_any_write_leaves_a_key_with_the_credential_that_is_for_it(
    site: Site, peer: Peer, tmp_path: Path
) -> None:
    old, new = Identity.create(), Identity.create()
    trust = site.authority.trust(now=NOW)
    first = site.authority.issue(old.public, name="fridge", roles=["node"], now=NOW)
    second = site.authority.issue(new.public, name="fridge", roles=["node"], now=NOW, former=old.node_id)
    seen = set()
    for cut, again in itertools.product(range(9), range(4)):
        state = tmp_path / "node"
        shutil.rmtree(state, ignore_errors=True)
        old.save(state / "identity")
        files.write(state / "credential.cwt", first)
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, cut)
            try:
                new.save(state / "identity.next")
                Former(node_id=old.node_id, epoch=1, topic="t", birth=b"b").save(state / "former.cbor")
                files.write(state / "credential.next", second)
                settle(state)
            except PowerCutError:
                pass
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, again)  # and a second time, while it finds its way
            with contextlib.suppress(PowerCutError):
                settle(state)
        settle(state)
        identity = Identity.load(state / "identity")
        held = trust.verify((state / "credential.cwt").read_bytes())
        assert held.public == identity.public
        assert not (state / "credential.next").exists()
        former = Former.load(state / "former.cbor")
        if identity.public == new.public:
            assert former is not None
            assert former.node_id == old.node_id
            assert not (state / "identity.next").exists()
        seen.add((identity.public == new.public, (state / "identity.next").exists()))
    assert seen == {(False, False), (False, True), (True, False)}


def test_a_credential_for_neither_key_is_thrown_away(site: Site, tmp_path: Path) -> None:
    Identity.create().save(tmp_path / "identity")
    other = site.authority.issue(Identity.create().public, name="x", roles=["node"], now=NOW)
    for data in (other, b"damaged", other[:-70]):
        files.write(tmp_path / "credential.next", data)
        settle(tmp_path)
        assert not (tmp_path / "credential.next").exists()
        assert not (tmp_path / "credential.cwt").exists()


def test_a_damaged_new_key_keeps_nobody_from_starting(site: Site, tmp_path: Path) -> None:
    old, new = Identity.create(), Identity.create()
    old.save(tmp_path / "identity")
    files.write(tmp_path / "identity.next", b"damaged")
    files.write(tmp_path / "credential.next", site.authority.issue(new.public, name="x", roles=["node"], now=NOW))
    settle(tmp_path)
    assert Identity.load(tmp_path / "identity").public == old.public


def test_a_new_key_is_prepared_once_and_not_before_the_last_rotation_is_over(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        prepare(tmp_path)
    identity = Identity.create()
    identity.save(tmp_path / "identity")
    files.write(tmp_path / "credential.cwt", b"")
    assert prepare(tmp_path).public == prepare(tmp_path).public != identity.public
    Former(node_id="a" * 26, epoch=1, topic="t", birth=b"").save(tmp_path / "former.cbor")
    with pytest.raises(RefusedError, match="still on their way"):
        prepare(tmp_path)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x84\x61a\x01\x61t\x40", b"\xff"])
def test_a_damaged_memory_of_the_key_before_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "former.cbor").write_bytes(data)
    assert Former.load(tmp_path / "former.cbor") is None


def test_whom_a_credential_is_about_is_read_without_believing_it(site: Site) -> None:
    key = Identity.create()
    assert subject(site.authority.issue(key.public, name="x", roles=["node"], now=NOW)) == key.public
    for data in (b"", b"\xa0", site.authority.revocations(now=NOW).data):
        with pytest.raises(CredentialError):
            subject(data)
