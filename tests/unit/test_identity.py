# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.identity, mesh.epoch, mesh.files: what must be on the disk, whole and private."""

import stat
from pathlib import Path

import pytest

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh import crypto, files
from ganglion.mesh.epoch import next_epoch
from ganglion.mesh.identity import Identity
from ganglion_micro import cbor, cose


def test_an_identity_is_made_once_and_loaded_after(tmp_path: Path) -> None:
    made = Identity.load_or_create(tmp_path / "state" / "identity")
    again = Identity.load_or_create(tmp_path / "state" / "identity")
    assert (again.public, again.node_id, again.kid) == (made.public, made.node_id, made.kid)
    assert Identity.create().public != made.public


def test_the_file_is_its_owners_alone_and_so_is_the_folder(tmp_path: Path) -> None:
    Identity.load_or_create(tmp_path / "state" / "identity")
    assert stat.S_IMODE((tmp_path / "state" / "identity").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_names_follow_from_the_key() -> None:
    who = Identity(bytes(32))
    assert who.thumbprint == cose.thumbprint(who.public)
    assert who.kid == who.thumbprint[:8]
    assert len(who.node_id) == 26


def test_a_signature_of_it_verifies() -> None:
    who = Identity.create()
    assert crypto.verify(b"message", who.sign(b"message"), who.public)
    assert not crypto.verify(b"another", who.sign(b"message"), who.public)


def test_the_seed_is_in_no_text_of_it() -> None:
    seed = bytes(range(32))
    assert seed.hex() not in repr(Identity(seed))


@pytest.mark.parametrize("data", [b"", b"nonsense", cbor.encode({1: 1}), cbor.encode([]), cbor.encode({-4: b"short"})])
def test_a_file_that_holds_no_identity_is_named_and_never_replaced(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "identity"
    path.write_bytes(data)
    with pytest.raises(InvalidError, match=r"identity: this is no identity"):
        Identity.load_or_create(path)
    assert path.read_bytes() == data


def test_a_seed_that_does_not_make_the_public_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    path.write_bytes(cbor.encode({**cose.key(Identity.create().public), -4: bytes(32)}))
    with pytest.raises(InvalidError):
        Identity.load(path)


def test_a_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="ganglion id new"):
        Identity.load(tmp_path / "identity")


def test_the_epoch_counts_boots(tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    assert [next_epoch(path, lost=1) for _ in range(3)] == [1, 2, 3]


def test_a_lost_epoch_goes_on_above_all_that_were(tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    path.write_bytes(b"\x00\x00")
    assert next_epoch(path, lost=1_767_225_600) == 1_767_225_600
    assert next_epoch(path, lost=5) == 1_767_225_601


def test_the_last_epoch_is_not_wrapped_around(tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    path.write_bytes(b"4294967295\n")
    with pytest.raises(InvalidError, match="enrol anew"):
        next_epoch(path, lost=1)
    assert path.read_bytes() == b"4294967295\n"


def test_a_file_is_replaced_whole_and_no_draft_is_left(tmp_path: Path) -> None:
    files.write(tmp_path / "x", b"one")
    files.write(tmp_path / "x", b"two")
    assert files.read(tmp_path / "x") == b"two"
    assert files.read(tmp_path / "y") is None
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
