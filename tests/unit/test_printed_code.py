# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrol keys on paper: what is drawn is read again, and what cannot be says why."""

from pathlib import Path
from random import Random

import pytest
from PIL import Image

from ganglion.cli import code
from ganglion.cli.main import main
from ganglion.errors import InvalidError, NotFoundError, UnreachableError, UsageError

KEY = "gk1_" + "abcdefghijklmnopqrstuvwxyz234567" * 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_what_is_drawn_is_read_again(tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"key{suffix}"
    code.write(KEY, picture)
    assert code.read(str(picture)) == KEY


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    picture = tmp_path / "key.png"
    for _ in range(2):
        code.write(KEY, picture)
        assert picture.stat().st_mode & 0o777 == 0o600
        picture.chmod(0o644)
        picture.write_bytes(bytes(100_000))
    code.write(KEY, picture)
    assert picture.stat().st_size < 100_000
    assert code.read(str(picture)) == KEY


@pytest.mark.parametrize(("name", "ends"), [("key.txt", 2), ("nowhere/key.png", 1)])
def test_no_key_is_made_that_cannot_be_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, ends: int
) -> None:
    (tmp_path / "token").write_text("t" * 40)
    gateway = ["--gateway", "http://127.0.0.1:1", "--token-file", str(tmp_path / "token")]
    assert main(["enrol-key", "create", "--code", str(tmp_path / name), *gateway]) == ends, "nobody is asked"
    assert str(tmp_path / name) in capsys.readouterr().err


def test_any_key_can_be_read(tmp_path: Path) -> None:
    letters = Random(1)
    for _ in range(40):
        key = "gk1_" + "".join(letters.choices("abcdefghijklmnopqrstuvwxyz234567", k=53))
        code.write(key, tmp_path / "key.png")
        assert code.read(str(tmp_path / "key.png")) == key


def test_it_has_the_white_edge_that_readers_need(tmp_path: Path) -> None:
    code.write(KEY, tmp_path / "key.png")
    with Image.open(tmp_path / "key.png") as drawn:
        edge = 4 * 8
        assert drawn.width == drawn.height
        assert drawn.convert("L").crop((0, 0, drawn.width, edge)).getextrema() == (255, 255)
        assert drawn.convert("L").getpixel((edge, edge)) == 0


def test_what_cannot_be_read_or_written_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (200, 200), 255).save(tmp_path / "white.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG")
    with pytest.raises(NotFoundError, match="no code can be read in it"):
        code.read(str(tmp_path / "white.png"))
    with pytest.raises(NotFoundError, match=r"none\.png does not exist; a camera is named as in v4l2:/dev/video0"):
        code.read(str(tmp_path / "none.png"))
    with pytest.raises(InvalidError, match=r"torn\.png is damaged, or no picture"):
        code.read(str(tmp_path / "torn.png"))
    with pytest.raises(UsageError, match="is no kind of picture"):
        code.write(KEY, tmp_path / "key.txt")
    with pytest.raises(InvalidError, match="cannot be written"):
        code.write(KEY, tmp_path / "nowhere" / "key.png")
    with pytest.raises(UnreachableError, match=r"^there is no /dev/video99: is it plugged in"):
        code.read("v4l2:/dev/video99")
    monkeypatch.setattr(code, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'ganglion\[opencv\]'"):
        code.read("white.png")
