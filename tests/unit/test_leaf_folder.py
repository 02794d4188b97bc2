# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.leaves.folder and `ganglion leaf`: what a node keeps of its leaves, and that nobody else can read it."""

import json
import logging
import stat
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.credential import Trust
from ganglion.mesh.leaves.folder import MOST, LeafFolder
from ganglion_micro import gl1, leaf_key, update_key
from support.mesh import NOW, Site


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of a node that is in a mesh."""
    site = Site(tmp_path / "site")
    folder = tmp_path / "xdg" / "ganglion" / "nodes" / "barn"
    folder.mkdir(parents=True)
    (folder / "bundle.cbor").write_bytes(site.authority.bundle(now=NOW))
    (folder / "mesh").write_text(site.authority.mesh_id)
    return folder


@pytest.fixture
def leaves(state: Path) -> LeafFolder:
    return LeafFolder(state)


def test_a_leaf_is_kept_and_its_key_is_for_its_owner_alone(state: Path, leaves: LeafFolder) -> None:
    key = leaves.add("garden", now=NOW)
    assert gl1.base32(key.mesh) == (state / "mesh").read_text()
    assert leaves.all()["garden"].entry.key.key == key.key
    leaves.keep(key.kid, 7)
    assert leaves.all()["garden"].entry.epoch == 7
    files = [*state.glob("leaves/*"), *state.glob("leaf-epochs/*")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]
    assert {stat.S_IMODE((state / name).stat().st_mode) for name in ("leaves", "leaf-epochs")} == {0o700}
    assert leaves.add("shed", now=NOW).key != key.key


def test_what_changes_is_news_once(leaves: LeafFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaves.news() == {}
    assert leaves.news() is None
    first = leaves.add("garden", now=NOW)
    assert set(leaves.news() or {}) == {first.kid}
    second = leaves.add("shed", now=NOW)  # in the same tick of the file system's clock, perhaps
    assert set(leaves.news() or {}) == {first.kid, second.kid}
    leaves.remove("garden")
    assert set(leaves.news() or {}) == {second.kid}
    monkeypatch.setattr("ganglion.mesh.leaves.folder._GRAIN", -(10**18))
    assert leaves.news() is not None
    assert leaves.news() is None


def test_a_key_that_was_removed_is_gone_and_the_name_is_free(state: Path, leaves: LeafFolder) -> None:
    key = leaves.add("garden", now=NOW)
    leaves.keep(key.kid, 3)
    leaves.remove("garden")
    assert [*state.glob("leaves/*"), *state.glob("leaf-epochs/*")] == []
    assert leaves.add("garden", now=NOW).key != key.key
    assert leaves.all()["garden"].entry.epoch == 0


def test_a_damaged_file_is_said_and_the_others_are_believed(
    state: Path, leaves: LeafFolder, caplog: pytest.LogCaptureFixture
) -> None:
    key = leaves.add("garden", now=NOW)
    for name, data in (
        ("a", b""),
        ("b", b"\xa0"),
        ("c", b"\xff"),
        ("d", (state / "leaves/garden.cbor").read_bytes()[:-1]),
    ):
        (state / "leaves" / f"{name}.cbor").write_bytes(data)
    with caplog.at_level(logging.ERROR):
        assert set(leaves.news() or {}) == {key.kid}
    assert caplog.text.count("is no file of a leaf") == 4
    (state / "leaves" / "e.cbor").mkdir()
    assert set(leaves.news() or {}) == {key.kid}
    assert "e.cbor: cannot be read: Is a directory" in caplog.text
    with pytest.raises(InvalidError, match=r"a\.cbor: is no file of a leaf: remove it and add the leaf again"):
        leaves.all()


def test_what_cannot_be_is_refused(tmp_path: Path, leaves: LeafFolder) -> None:
    for name in ("", "a/b", "..", "x" * 33, "ї", "a b"):
        with pytest.raises(InvalidError, match="a leaf's name is 1 to 32 of"):
            leaves.add(name, now=NOW)
    leaves.add("garden", now=NOW)
    with pytest.raises(RefusedError, match="garden is a leaf of this node already, and its key is not shown again"):
        leaves.add("garden", now=NOW)
    with pytest.raises(NotFoundError, match="no leaf of this node is called 'shed'"):
        leaves.remove("shed")
    with pytest.raises(NotFoundError, match="of no node that has joined a mesh: start the node once"):
        LeafFolder(tmp_path / "elsewhere").add("garden", now=NOW)
    for i in range(MOST - 1):
        leaves.add(f"leaf{i}", now=NOW)
    with pytest.raises(RefusedError, match=f"this node has {MOST} leaves"):
        leaves.add("one-more", now=NOW)


def test_the_command_finds_the_only_node_and_shows_a_key_once(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state.parents[2]))
    assert main(["leaf", "list"]) == 0
    assert "has no leaf; `ganglion leaf add NAME` lets one in" in capsys.readouterr().out
    assert main(["leaf", "add", "garden", "--json"]) == 0
    added = json.loads(capsys.readouterr().out)
    key = leaf_key.parse(added["key"])
    assert (added["name"], added["id"]) == ("garden", gl1.base32(key.kid))
    issuer = Trust.read((state / "bundle.cbor").read_bytes(), pin=key.mesh).issuer.public
    assert update_key.parse(added["updates"]) == issuer
    assert leaf_key.parse(f"{added['key']}\n{added['updates']}\n").kid == key.kid
    assert main(["leaf", "list", "--json"]) == 0
    out = capsys.readouterr().out
    assert [(leaf["name"], leaf["id"], leaf["boots"]) for leaf in json.loads(out)["leaves"]] == [
        ("garden", added["id"], 0)
    ]
    assert added["key"] not in out
    assert key.key.hex() not in out
    assert main(["leaf", "add", "garden", "--json"]) == 4
    assert main(["leaf", "remove", "shed"]) == 3
    assert main(["leaf", "remove", "garden"]) == 0
    assert "its node refuses it at once" in capsys.readouterr().out
    (state.parent / "house").mkdir()
    assert main(["leaf", "list"]) == 2
    assert "2 nodes keep their state in" in capsys.readouterr().err
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "nothing"))
    assert main(["leaf", "list"]) == 3
    assert main(["leaf", "add", "garden", "--state", str(state)]) == 0


def test_a_key_goes_into_a_new_file_for_its_owner_alone(
    state: Path, leaves: LeafFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "leaf.key"
    words = ["--state", str(state), "--out", str(file)]
    assert main(["leaf", "add", "garden", *words, "--json"]) == 0
    said = capsys.readouterr().out
    added = json.loads(said)
    assert (added["file"], "key" in added, "lf1_" in said) == (str(file), False, False)
    assert file.stat().st_mode & 0o777 == 0o600
    assert leaf_key.parse(file.read_text()).kid == gl1.from_base32(added["id"])
    assert file.read_text().splitlines()[1] == added["updates"]
    assert main(["leaf", "add", "shed", *words]) == 4
    assert f"{file} is there already, and a key is not replaced" in capsys.readouterr().err
    assert list(leaves.all()) == ["garden"], "there is no leaf whose key nobody has"
