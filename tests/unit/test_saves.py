# SPDX-License-Identifier: GPL-3.0-or-later
"""cli.saves: each save comes once, whatever the editor does; time is an argument."""

import os
import shutil
from pathlib import Path

import pytest

from ganglion.cli.saves import LOOK, Saves
from ganglion.errors import NotFoundError


class Edited:
    """A file in a folder, watched by a clock that this moves."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "edited" / "it.yaml"
        self.file.parent.mkdir()
        self.file.write_bytes(b"one")
        self._now = 0.0
        self._ticks = 0
        self.saves = Saves(self.file, lambda: self._now)
        assert self.saves.first() == b"one"

    def write(self, data: bytes) -> None:
        """Truncates and writes, at a time of its own: file systems have coarse clocks."""
        self.file.write_bytes(data)
        self._ticks += 1
        os.utime(self.file, ns=(self._ticks, self._ticks))

    def within(self, seconds: float) -> list[bytes]:
        """What comes in so many seconds."""
        found = []
        for _ in range(round(seconds / LOOK)):
            self._now += LOOK
            if (data := self.saves.look()) is not None:
                found.append(data)
        return found


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    return Edited(tmp_path)


def test_nothing_comes_while_nothing_is_saved(edited: Edited) -> None:
    assert edited.within(5) == []


def test_a_save_by_rename_comes_once_and_soon(edited: Edited) -> None:
    made = edited.file.with_suffix(".new")
    made.write_bytes(b"two")
    made.replace(edited.file)
    assert edited.within(0.5) == [b"two"]
    assert edited.within(5) == []


def test_of_truncate_and_write_nothing_comes_but_the_whole(edited: Edited) -> None:
    edited.write(b"")
    assert edited.within(0.5) == []
    edited.write(b"tw")
    assert edited.within(0.1) == []
    edited.write(b"two")
    assert edited.within(1) == [b"two"]


def test_a_file_that_is_saved_twice_comes_once(edited: Edited) -> None:
    edited.write(b"two")
    assert edited.within(0.5) == [b"two"]
    edited.write(b"two")
    assert edited.within(3) == []


def test_the_same_saved_later_comes_again(edited: Edited) -> None:
    for _ in range(2):
        edited.within(2)
        edited.write(b"one")
        assert edited.within(2) == [b"one"]


def test_a_file_that_is_emptied_comes_empty(edited: Edited) -> None:
    edited.write(b"")
    assert edited.within(2) == [b""]


def test_a_folder_that_vanishes_is_waited_for(edited: Edited) -> None:
    shutil.rmtree(edited.file.parent)
    assert edited.within(5) == []
    edited.file.parent.mkdir()
    edited.file.mkdir()
    assert edited.within(5) == []
    edited.file.rmdir()
    edited.write(b"two")
    assert edited.within(1) == [b"two"]


def test_a_file_that_is_not_there_at_the_start_is_said(tmp_path: Path) -> None:
    for name in ("none", "."):
        with pytest.raises(NotFoundError, match="there is no such file"):
            Saves(tmp_path / name).first()
