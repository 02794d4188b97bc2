# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.leaves.leaves and [leaves]: what a node says of its leaves, and what of its configuration is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganglion.config import load
from ganglion.errors import InvalidError
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion.mesh.leaves.leaves import Leaves
from ganglion.mesh.leaves.parent import Entry
from ganglion.node import Node
from ganglion_micro import cbor, gl1
from ganglion_micro.leaf import Leaf
from ganglion_micro.leaf_key import LeafKey
from support.leaves import MESH, forge
from support.mesh import NOW, Site

HEAD = '[node]\nname = "barn"\n[mqtt]\nbroker = "mqtt://127.0.0.1:1"\n'


async def _saved() -> None:
    pass


def _leaves(folder: Path, on_event: Callable[[str, dict[str, Any]], object], mesh: str = gl1.base32(MESH)) -> Leaves:
    return Leaves(
        state=folder,
        mesh=mesh,
        epoch=1,
        clock=lambda: NOW,
        on_reading=lambda read: None,
        on_event=on_event,
        saved=_saved,
        on_changed=lambda: None,
        host="127.0.0.1",
        port=1,
    )


def test_a_birth_has_room_for_leaves_that_say_too_much_of_themselves(tmp_path: Path) -> None:
    leaves = _leaves(tmp_path, lambda cls, body: None)
    parent = leaves.parent
    keys = {f"{'n' * 30}{i}": LeafKey(MESH, bytes([i]) * 32) for i in range(64)}
    parent.know({key.kid: Entry(name, key, 0) for name, key in keys.items()}, NOW)
    for i, key in enumerate(keys.values()):
        said = {"methods": ["m" * 20] * 20, "units": {f"s{j}": "u" for j in range(32)}}
        body = {"nonce": bytes(8), "epoch": 1, "parent": parent._nonce, **said}
        parent.take(forge(key, gl1.BIRTH, body), lambda data: None, NOW)
        if i == 3:
            assert len(leaves.inventory()[next(iter(keys))]["methods"]) == 20
            assert len(leaves.sensors()) == 4 * 32
    assert not parent.rejected
    assert len(cbor.encode([leaves.inventory(), leaves.sensors()])) < 32 * 1024
    assert {said["online"] for said in leaves.inventory().values()} == {True}
    assert len(leaves.inventory()) == 64


async def test_an_event_that_could_not_be_kept_is_taken_when_it_comes_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trust = Site(tmp_path / "site").authority.trust(now=NOW)
    (tmp_path / "bundle.cbor").write_bytes(trust.data)
    leaf = Leaf(LeafFolder(tmp_path).add("garden", now=NOW), 1, bytes(8))
    tries: list[Any] = []

    def on_event(cls: str, body: dict[str, Any]) -> None:
        tries.append(body["value"])
        if len(tries) == 1:
            raise InvalidError("the event cannot be kept: No space left on device", where=cls)

    leaves = _leaves(tmp_path, on_event, trust.mesh)
    leaf.event("alert", "door", "open")
    said = leaf.advance(0)
    for _ in range(60):
        answers: list[bytes] = []
        for data in said:
            leaves.hear(data, answers.append)
        for event in leaves._unsaved:
            leaves._do(leaves.parent.stored(event, NOW))
        leaves._unsaved.clear()
        said = [each for answer in answers for each in leaf.receive(answer)] + leaf.advance(1000)
    assert tries == ["open", "open"]
    assert not leaf.waiting, "it is acknowledged"
    assert "No space left" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[leaves]\nport = 0\n", "leaves: port is 1 to 65535"),
        ("[leaves]\nprot = 1\n", 'leaves.prot: unknown key; did you mean "port"'),
    ],
)
def test_a_table_that_is_wrong_is_said_to_be(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(HEAD + text)
    with pytest.raises(InvalidError, match=message):
        load(path)


def test_leaves_need_a_parent_in_a_mesh(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(HEAD + "[leaves]\n")
    with pytest.raises(InvalidError, match=r"leaves: leaves need a parent that is in a mesh: write \[mesh\], too"):
        Node(load(path), tmp_path / "state")
