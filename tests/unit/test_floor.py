# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.floor and mesh.standing: what there is proof of, and what a wrong clock may not decide."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh import files
from ganglion.mesh.floor import TOLERANCE, WRITE, Floor, FloorFile
from ganglion.mesh.member import Cause
from ganglion.mesh.revocation import MAX_STALE
from ganglion.mesh.standing import DropError, Standing
from ganglion.units import SECOND
from support.mesh import HOUR, NOW, Enrolled, Site

DAY = 24 * HOUR


class Monotonic:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


def test_the_floor_only_rises() -> None:
    floor = Floor(NOW)
    for at in (NOW - 1, NOW + 5, NOW + 2):
        floor.prove(at)
    assert floor.at == NOW + 5
    assert [floor.least(NOW), floor.least(NOW + 9)] == [NOW + 5, NOW + 9]
    assert not floor.wrong(NOW + 5 - TOLERANCE)
    assert floor.wrong(NOW + 4 - TOLERANCE)


def test_a_clock_by_which_the_own_credential_is_long_over_is_wrong_until_the_floor_is_that_late() -> None:
    floor = Floor(NOW)
    assert not floor.wrong(NOW + 365 * DAY)
    floor.end = NOW + 30 * DAY
    assert [floor.wrong(NOW + 31 * DAY - 1), floor.wrong(NOW + 31 * DAY)] == [False, True]
    assert [floor.least(NOW + 31 * DAY - 1), floor.least(NOW + 365 * DAY)] == [NOW + 31 * DAY - 1, NOW]
    floor.prove(NOW + 31 * DAY)
    assert not floor.wrong(NOW + 32 * DAY)
    assert floor.least(NOW + 32 * DAY) == NOW + 32 * DAY


def test_where_the_clock_is_wrong_time_goes_on_from_the_floor_as_the_monotonic_clock_counts(tmp_path: Path) -> None:
    monotonic = Monotonic()
    kept = FloorFile(tmp_path / "floor", monotonic=monotonic)
    kept.floor.prove(NOW)
    kept.floor.end = NOW + 30 * DAY
    for offset in (365 * DAY, -365 * DAY):
        clock = kept.over(lambda offset=offset: NOW + offset)  # type: ignore[misc]
        before = clock()
        monotonic.now += HOUR
        assert clock() == before + HOUR
    right = NOW + 20 * DAY
    assert kept.over(lambda: right)() == right


def test_it_outlives_the_process_and_rises_by_what_the_monotonic_clock_counted(tmp_path: Path) -> None:
    monotonic = Monotonic()
    kept = FloorFile(tmp_path / "floor", monotonic=monotonic)
    assert kept.floor.at == 0
    kept.floor.prove(NOW)
    kept.advance()
    monotonic.now += HOUR
    kept.close()
    assert FloorFile(tmp_path / "floor", monotonic=Monotonic()).floor.at == NOW + HOUR


def test_time_without_any_proof_proves_nothing(tmp_path: Path) -> None:
    monotonic = Monotonic()
    kept = FloorFile(tmp_path / "floor", monotonic=monotonic)
    monotonic.now += HOUR
    kept.close()
    assert kept.floor.at == 0
    assert not (tmp_path / "floor").exists()


def test_the_disk_is_written_once_in_ten_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(files, "write", lambda path, data: written.append(data))
    monotonic = Monotonic()
    kept = FloorFile(tmp_path / "floor", monotonic=monotonic)
    for second in range(3 * 600):
        kept.floor.prove(NOW + second * SECOND)
        kept.advance()
        monotonic.now += SECOND
    assert WRITE == 600 * SECOND
    assert len(written) == 3


@pytest.mark.parametrize("data", [b"", b"soon", b"-5", b"\xff"])
def test_a_damaged_file_is_no_proof(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "floor").write_bytes(data)
    assert FloorFile(tmp_path / "floor").floor.at == 0


def test_a_disk_that_is_full_does_not_end_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    kept = FloorFile(tmp_path / "floor")
    kept.floor.prove(NOW)
    monkeypatch.setattr(files, "write", full)
    kept.close()
    assert "No space left" in caplog.text


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 10**12)), max_size=20))
def test_no_order_of_proofs_and_time_takes_it_back(steps: list[tuple[int, int]]) -> None:
    monotonic = Monotonic()
    kept = FloorFile(Path("/nowhere/floor"), monotonic=monotonic)
    kept._write = lambda now: None  # type: ignore[method-assign]
    last = 0
    for proof, passed in steps:
        kept.floor.prove(proof)
        kept.advance()
        monotonic.now += passed
        kept.advance()
        assert kept.floor.at >= max(last, proof)
        last = kept.floor.at


# What members make of it


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def node(site: Site) -> Enrolled:
    return site.member("fridge")


@pytest.fixture
def gateway(site: Site, node: Enrolled) -> Enrolled:
    gateway = site.member("gateway", role="gateway")
    assert node.hears(gateway.birth())
    assert gateway.hears(node.birth())
    return gateway


def test_what_a_gateway_signs_says_what_time_it_is_and_what_a_node_signs_does_not(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    site.now += HOUR
    other = site.member("room")
    other.credential = site.authority.issue(other.member.identity.public, name="room", roles=["node"], now=NOW)
    assert node.hears(other.birth())
    assert node.member.standing.floor.at == NOW
    assert node.hears(gateway.request(node))
    assert node.member.standing.floor.at == NOW + HOUR


def test_a_gateway_that_signs_past_its_own_credential_proves_nothing(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    wrong = gateway.member.seal(1, {**gateway_body(gateway)}, now=NOW + 1000 * DAY)
    assert node.hears(wrong)
    assert node.member.standing.floor.at == NOW


def gateway_body(who: Enrolled) -> dict[str, object]:
    member = who.member
    return {"name": who.name, "nonce": member.nonce, "epoch": member.epoch, "credential": who.credential}


def test_an_expired_credential_is_not_revived_by_setting_the_clock_back(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    old = site.member("old")
    site.now += 25 * HOUR
    fresh = site.member("gateway", role="gateway", identity=gateway.member.identity, epoch=2)
    assert node.hears(fresh.birth())
    site.now = NOW
    assert node.hears(old.birth()) is None
    assert node.member.rejected == {Cause.EXPIRED: 1}


def test_a_command_is_obeyed_when_the_clock_is_a_year_behind_and_an_old_one_is_not(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    old = gateway.request(node)
    site.now += HOUR
    assert node.hears(gateway.request(node))
    new = gateway.request(node)
    behind = NOW - 365 * DAY
    assert node.member.open(new.topic, new.payload, now=behind) is not None
    assert node.member.open(old.topic, old.payload, now=behind) is None
    assert node.member.rejected == {Cause.STALE: 1}


def test_commands_are_refused_on_a_list_that_is_too_old_and_data_are_not(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    node.member.enforce(site.authority.revocations(now=NOW))
    for who in (node, gateway):
        who.credential = site.authority.issue(
            who.member.identity.public, name=who.name, roles=["gateway"], now=NOW, lifetime=80 * DAY
        )
    again = site.member(
        "gateway", role="gateway", identity=gateway.member.identity, epoch=2, credential=gateway.credential
    )
    site.now += MAX_STALE
    assert node.hears(again.birth())
    assert node.hears(again.request(node))
    site.now += 1
    assert node.hears(again.request(node)) is None
    assert node.member.rejected == {Cause.STALE: 1}
    assert node.hears(again.event())


def test_without_any_list_the_credential_says_from_when_to_count() -> None:
    standing = Standing(Floor(), max_stale=10 * DAY)
    standing.informed(NOW + 1000 * DAY)  # nobody has vouched for anything yet
    standing.vouched = NOW
    standing.informed(NOW + 10 * DAY)
    with pytest.raises(DropError, match="no revocation list for 10 days"):
        standing.informed(NOW + 10 * DAY + 1)
    standing.informed(5 * SECOND)  # a clock that was never set
