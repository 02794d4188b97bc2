# SPDX-License-Identifier: GPL-3.0-or-later
"""A board's files as a full member: the enrol key goes when nothing else is missed, and what is lost is said."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ganglion_agent import flash
from ganglion_agent.full import Full
from ganglion_agent.section import ConfigError, Section
from support.micro_member import World


class Board:
    """The files of a board in a folder, and a world whose enrol key it has."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder / "world").join()
        self.folder = folder
        self.log: list[str] = []
        assert self.world.key is not None
        (folder / "enrol.key").write_text(self.world.key.text)

    def boot(self) -> Full:
        """Reads the files as the agent does."""
        full = Full(Section("agent.json", {"broker": "mqtt://192.0.2.20"}), f"{self.folder}/", "none")
        device = SimpleNamespace(
            log=lambda level, line: self.log.append(f"{level} {line}"), hurry=lambda: None, units={}
        )
        full.joins(device, 1, {"name": "garden", "board": "pico", "sw": "1"})  # type: ignore[arg-type]
        return full

    def keeps(self, full: Full, *names: str) -> None:
        """Something is verified, and kept."""
        for name in names:
            full._keep(name, self.world.kept[name])

    @property
    def has_key(self) -> bool:
        return (self.folder / "enrol.key").exists()


def test_the_enrol_key_goes_when_all_is_kept_without_which_the_mesh_is_not_known_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, replace = Board(tmp_path), flash.replace
    full = board.boot()

    def fails(path: str, data: bytes) -> None:
        if path.endswith("/bundle"):
            raise OSError(28, "no space")
        replace(path, data)

    monkeypatch.setattr(flash, "replace", fails)
    board.keeps(full, "bundle", "gateways", "credential")
    assert board.has_key
    assert board.log[-1] == "error mesh/bundle cannot be kept: [Errno 28] no space"
    monkeypatch.undo()
    full = board.boot()
    board.keeps(full, "bundle")
    assert not board.has_key
    board.boot()


def test_a_board_without_pin_and_bundle_believes_nobody(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.keeps(board.boot(), "bundle", "credential")
    (tmp_path / "mesh" / "bundle").unlink()
    assert board.boot().authority.text == board.world.site.authority.mesh_id  # type: ignore[union-attr]
    (tmp_path / "mesh" / "pin").unlink()
    with pytest.raises(
        ConfigError, match="nothing is kept of a mesh: remove that folder and give the board an enrol key"
    ):
        board.boot()


def test_a_credential_that_is_damaged_is_asked_for_anew(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.keeps(board.boot(), "bundle", "credential")
    (tmp_path / "mesh" / "credential").write_bytes(board.world.kept["credential"][:40])
    board.boot()
