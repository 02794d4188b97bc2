# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.signed_config and mesh.rights: who may sign a policy, that nobody goes back, and what it lets others do here."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh import revocation
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import Credential, CredentialError, Trust
from ganglion.mesh.identity import Identity
from ganglion.mesh.policy import DEFAULT, MEMBERSHIP, Policy, read
from ganglion.mesh.rights import Rights
from ganglion.mesh.signed_config import POLICIES, KeptConfig
from ganglion.mesh.statement import MisplacedError
from ganglion.units import SECOND
from ganglion_micro import cose, gl1
from support.mesh import HOUR, NOW, Site

RULES = read(
    {"rules": [{"name": "r", "who": "tag:kitchen", "may": "call", "what": "x*", "params": {"a": [1, 0.1, "ї"]}}]}
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def trust(site: Site) -> Trust:
    return site.authority.trust(now=NOW)


def issuer(site: Site) -> Identity:
    return Identity.load(site.folder / "authority" / "issuer")


def made(site: Site, rules: Policy = RULES, *, version: int = 7) -> bytes:
    return POLICIES.sign(issuer(site), site.authority.mesh, rules, version=version, now=NOW)


def test_a_policy_comes_back_as_it_was_signed(site: Site, trust: Trust) -> None:
    signed = POLICIES.read(made(site), trust)
    assert (signed.version, signed.issued) == (7, NOW)
    assert signed.config == Policy(7, RULES.rules)


def test_a_bit_flipped_in_any_byte_is_refused(site: Site, trust: Trust) -> None:
    data = made(site)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(CredentialError):
            POLICIES.read(bytes(damaged), trust)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_without_another_error(data: bytes) -> None:
    with pytest.raises(CredentialError):
        POLICIES.read(data, TRUST)


@pytest.fixture(scope="module", autouse=True)
def _trust(tmp_path_factory: pytest.TempPathFactory) -> None:
    global TRUST
    TRUST = Authority.open(tmp_path_factory.mktemp("authority"), now=NOW).trust(now=NOW)


@pytest.mark.parametrize(
    ("kind", "dst", "seq", "body"),
    [
        (gl1.REVOCATION, None, 7, {"policy": []}),
        (gl1.CONFIG, b"12345678", 7, {"policy": []}),
        (gl1.CONFIG, None, 0, {"policy": []}),
        (gl1.CONFIG, None, 1 << 32, {"policy": []}),
        (gl1.CONFIG, None, 7, []),
        (gl1.CONFIG, None, 7, {}),
        (gl1.CONFIG, None, 7, {"policy": [], "more": 1}),
        (gl1.CONFIG, None, 7, {"policy": {}}),
        (gl1.CONFIG, None, 7, {"policy": [{"name": "r"}]}),
    ],
    ids=str,
)
def test_what_the_issuer_signed_for_something_else_is_no_policy(
    site: Site, trust: Trust, kind: int, dst: bytes | None, seq: int, body: object
) -> None:
    key = issuer(site)
    message = gl1.MSG(kind, dst, 0, seq, NOW, body).pack()
    with pytest.raises(CredentialError):
        POLICIES.read(cose.sign1(message, key.kid, gl1.aad(site.authority.mesh), key.sign), trust)


def test_a_policy_of_a_member_of_the_root_or_of_another_mesh_is_refused(
    site: Site, trust: Trust, tmp_path: Path
) -> None:
    other = Site(tmp_path / "b")
    root = Identity.load(site.folder / "authority" / "root")
    for data in (
        POLICIES.sign(Identity.create(), site.authority.mesh, RULES, version=9, now=NOW),
        POLICIES.sign(root, site.authority.mesh, RULES, version=9, now=NOW),
        POLICIES.sign(issuer(site), other.authority.mesh, RULES, version=9, now=NOW),
        made(other),
    ):
        with pytest.raises(CredentialError):
            POLICIES.read(data, trust)


def test_neither_statement_stands_for_the_other(site: Site, trust: Trust) -> None:
    with pytest.raises(MisplacedError, match="in the place of the policy"):
        POLICIES.read(site.authority.revocations(now=NOW).data, trust)
    with pytest.raises(MisplacedError, match="in the place of the revocation list"):
        revocation.read(made(site), trust)


def test_versions_rise_whatever_the_clock_does_and_survive_a_restart(site: Site) -> None:
    assert site.authority.config(POLICIES, now=NOW) is None
    versions = [
        site.authority.set_config(POLICIES, RULES, now=now).version for now in (NOW, NOW, NOW - HOUR, NOW + HOUR)
    ]
    assert versions == sorted(set(versions))
    assert versions[0] == NOW // SECOND
    again = Authority.open(site.folder / "authority", now=NOW).config(POLICIES, now=NOW)
    assert again is not None
    assert (again.version, again.config.rules) == (versions[-1], RULES.rules)


def test_two_policies_of_one_second_end_in_the_same_one_on_all_sides(site: Site, trust: Trust, tmp_path: Path) -> None:
    """Each gateway takes the other's or has its own heard again, and not both for ever; so does who only listens."""
    shutil.copytree(site.folder / "authority", tmp_path / "other")
    one, other = site.authority, Authority.open(tmp_path / "other", now=NOW)
    both = [one.set_config(POLICIES, RULES, now=NOW), other.set_config(POLICIES, DEFAULT, now=NOW)]
    assert both[0].version == both[1].version
    took = [one.take_config(POLICIES, both[1].data, now=NOW), other.take_config(POLICIES, both[0].data, now=NOW)]
    assert sorted(took) == [False, True]
    ended = one.config(POLICIES, now=NOW)
    assert ended is not None
    assert ended == other.config(POLICIES, now=NOW)
    assert not one.take_config(POLICIES, ended.data, now=NOW)
    for order in (both, both[::-1]):
        kept = KeptConfig(tmp_path / order[0].data[-8:].hex(), POLICIES)
        for policy in order:
            kept.take(policy.data, trust)
        assert kept.newest == ended


def test_a_damaged_file_of_the_authority_is_not_begun_anew_in_silence(site: Site) -> None:
    data = site.authority.set_config(POLICIES, RULES, now=NOW).data
    (site.folder / "authority" / "policy").write_bytes(data[:-1])
    with pytest.raises(RefusedError, match="restore it from a backup"):
        Authority.open(site.folder / "authority", now=NOW).config(POLICIES, now=NOW)


def test_a_member_keeps_the_newest_and_never_goes_back(site: Site, trust: Trust, tmp_path: Path) -> None:
    kept = KeptConfig(tmp_path / "policy.cbor", POLICIES)
    assert kept.config is DEFAULT
    assert kept.take(made(site), trust)
    for rules, version in ((RULES, 7), (DEFAULT, 6)):
        assert not kept.take(made(site, rules, version=version), trust)
    with pytest.raises(CredentialError):
        kept.take(b"", trust)
    again = KeptConfig(tmp_path / "policy.cbor", POLICIES)
    again.load(trust)
    assert again.config == Policy(7, RULES.rules)
    assert again.take(made(site, Policy(0, ()), version=8), trust)
    assert again.config == Policy(8, ()), "a policy that was deleted is one"


@pytest.mark.parametrize("value", ["\ud800", "x" * 70000])
def test_what_a_message_cannot_say_is_no_policy(site: Site, value: str) -> None:
    rules = read({"rules": [{"name": "r", "who": "*", "may": "call", "what": "x", "params": {"a": value}}]})
    with pytest.raises(InvalidError, match="it cannot be signed"):
        made(site, rules)


# Rights


def credential(site: Site, name: str, role: str = "node", *tags: str) -> Credential:
    data = site.authority.issue(Identity.create().public, name=name, roles=[role], tags=tags, now=NOW)
    return site.authority.trust(now=NOW).verify(data)


def test_rights_are_those_of_roles_tags_and_the_newest_credential(site: Site) -> None:
    here = credential(site, "lamp")
    changes: list[None] = []
    rights = Rights(lambda: here, clock=lambda: NOW, changed=lambda: changes.append(None))
    node, gateway = credential(site, "panel"), credential(site, "gateway", "gateway")
    assert (rights.is_signed, rights.judge(gateway, "call", "x").allowed) == (False, True)
    assert not rights.judge(node, "call", "x").allowed
    rights.adopt(Policy(3, RULES.rules))
    assert (rights.is_signed, len(changes)) == (True, 1)
    assert not rights.judge(gateway, "call", "x").allowed
    tagged = site.authority.issue(node.public, name="panel", roles=["node"], tags=["kitchen"], now=NOW)
    renewed = site.authority.trust(now=NOW).verify(tagged)
    assert rights.judge(renewed, "call", "x1", {"a": "ї"}).allowed
    assert not rights.judge(renewed, "call", "x1", {"a": 2}).allowed
    assert rights.might(renewed, "call", "x1")
    assert not rights.judge(node, "call", "x1", {"a": 1}).allowed, "the one before had no tag"


def test_a_member_without_a_credential_judges_by_what_is_for_everybody(site: Site) -> None:
    rights = Rights(lambda: None, clock=lambda: NOW)
    rights.adopt(
        read({"version": 1, "rules": [{"name": "r", "who": "*", "may": "call", "what": "x", "at": "role:node"}]})
    )
    assert not rights.judge(credential(site, "a"), "call", "x").allowed
    rights.adopt(read({"version": 2, "rules": [{"name": "r", "who": "*", "may": "call", "what": "x"}]}))
    assert rights.judge(credential(site, "a"), "call", "x").allowed


@pytest.mark.parametrize("method", sorted(MEMBERSHIP))
def test_no_policy_keeps_a_member_from_staying_one(site: Site, method: str) -> None:
    gateway, node = credential(site, "gateway", "gateway"), credential(site, "a")
    deny = read({"version": 1, "rules": [{"name": "no", "who": "*", "may": "call", "what": "*", "deny": True}]})
    for policy in (deny, Policy(2, ())):
        rights = Rights(lambda: gateway, clock=lambda: NOW)
        rights.adopt(policy)
        assert rights.judge(node, "call", method).allowed
        elsewhere = Rights(lambda: node, clock=lambda: NOW)
        elsewhere.adopt(policy)
        assert not elsewhere.judge(gateway, "call", method).allowed, "only a gateway has it"


def test_a_decision_that_was_made_is_made_without_its_rules(site: Site) -> None:
    """Judged again, no rule is looked at: a list that says what happens to it stands for the rules."""
    policy = Policy(1, RULES.rules + DEFAULT.rules)
    here, node = credential(site, "gateway", "gateway"), credential(site, "a")
    rights = Rights(lambda: here, clock=lambda: NOW)
    rights.policy = policy
    first = rights.judge(node, "say", "alert")
    policy.rules = ()
    assert rights.judge(node, "say", "alert") is first
    assert not rights.judge(node, "say", "note").allowed
