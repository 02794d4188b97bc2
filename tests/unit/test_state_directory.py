# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may be an author, by credentials that anybody may bring; and the bodies in which they and hellos come."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.credential import CredentialError
from ganglion.mesh.floor import Floor
from ganglion.mesh.identity import Identity
from ganglion.mesh.standing import Standing
from ganglion.mesh.state import message, wire
from ganglion.mesh.state.directory import Directory
from ganglion.mesh.state.message import Hello, Vouch
from ganglion_micro import cbor
from support.mesh import HOUR, NOW, Site


class Case:
    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.standing = Standing(Floor())
        self.standing.trust = self.site.authority.trust(now=NOW)
        self.directory = Directory(self.standing)

    def credential(self, identity: Identity, role: str = "node", *, later: int = 0) -> bytes:
        return self.site.authority.issue(
            identity.public, name="fridge", roles=[role], now=NOW + later, lifetime=24 * HOUR
        )


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_an_author_is_who_the_authority_has_signed_also_when_its_time_is_over(case: Case) -> None:
    identity = Identity.create()
    assert case.directory.key_of(identity.kid) is None
    assert case.directory.take(case.credential(identity))
    assert case.directory.key_of(identity.kid) == identity.public
    assert not case.directory.take(case.credential(identity, later=HOUR)), "no new author"
    found = case.directory.find(identity.kid)
    assert found is not None
    assert found.issued == NOW + HOUR
    assert not case.directory.take(case.credential(identity)), "an older one"
    assert case.directory.find(identity.kid) == found


def test_who_is_revoked_is_no_author(case: Case) -> None:
    identity = Identity.create()
    case.directory.take(case.credential(identity))
    case.standing.revocations = case.site.authority.revoke(case.directory.find(identity.kid).node_id, now=NOW)  # type: ignore[union-attr]
    assert case.directory.key_of(identity.kid) is None


def test_a_credential_of_another_mesh_is_refused(case: Case, tmp_path: Path) -> None:
    other = Case(tmp_path / "other")
    with pytest.raises(CredentialError):
        case.directory.take(other.credential(Identity.create()))
    with pytest.raises(CredentialError):
        case.directory.take(b"\x00")


def test_a_node_writes_what_is_shared_and_a_gateway_all(case: Case) -> None:
    node, gateway = Identity.create(), Identity.create()
    case.directory.take(case.credential(node))
    case.directory.take(case.credential(gateway, "gateway"))
    assert case.directory.may_write(node.node_id, "shared/x")
    assert not case.directory.may_write(node.node_id, "policy/x")
    assert case.directory.may_write(gateway.node_id, "policy/x")
    assert not case.directory.may_write(Identity.create().node_id, "shared/x")


def test_only_authors_go_to_the_disk_and_what_was_kept_is_verified_when_it_is_used(case: Case) -> None:
    author, talker = Identity.create(), Identity.create()
    for each in (author, talker):
        case.directory.take(case.credential(each))
    kept = case.directory.take_unsaved([author.kid])
    assert list(kept) == [author.kid]
    again = Directory(case.standing)
    again.restore({kid: data for kid, data in kept.items() if data} | {talker.kid: b"damaged"})
    assert again.key_of(author.kid) == author.public
    assert again.key_of(talker.kid) is None
    case.directory.keep_only([])
    assert case.directory.take_unsaved([]) == {author.kid: None}


def test_pages_of_credentials_stay_small_and_have_all_of_them() -> None:
    credentials = [bytes([number]) * 400 for number in range(100)]
    pages = message.vouch(credentials)
    assert all(len(cbor.encode(page)) <= wire.PAGE + 10 for page in pages)
    parsed = [message.parse(page) for page in pages]
    assert [each for page in parsed if isinstance(page, Vouch) for each in page.credentials] == credentials
    assert message.vouch([]) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 8) | st.binary(max_size=20) | st.just(bytes(16)),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


@given(VALUES | st.tuples(st.sampled_from([5, 6]), VALUES, VALUES).map(list) | st.tuples(st.just(6), VALUES).map(list))
def test_whatever_comes_is_a_message_or_is_refused(body: Any) -> None:
    try:
        found = message.parse(body)
    except wire.WireError:
        assert body[0] in (5, 6)
        return
    if isinstance(found, Hello):
        assert found.body() == body
    elif isinstance(found, Vouch):
        assert [6, found.credentials] == body
