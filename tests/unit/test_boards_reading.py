# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of boards as anybody may have written them: read and checked, or refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.board import boards, load
from ganglion.board.check import problems
from ganglion.board.lines import line_of
from ganglion.board.model import Board
from ganglion.board.reading import parse
from ganglion.errors import InvalidError, NotFoundError

ROOT = Path(__file__).parents[2]
PICO = (ROOT / "boards" / "pico-w.toml").read_text()
PI = (ROOT / "boards" / "raspberry-pi-4.toml").read_text()
DEVKIT = (ROOT / "boards" / "esp32-devkit.toml").read_text()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


KEYS = st.sampled_from(list(Board.__dataclass_fields__)) | st.text(max_size=6)


def toml(value: Any) -> str:
    """A value as TOML; None is left to whoever reads it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool | int) else str(value)


@given(
    st.text()
    | st.dictionaries(KEYS, VALUES).map(
        lambda table: "\n".join(f"{json.dumps(k)} = {toml(v)}" for k, v in table.items())
    )
)
def test_no_text_does_worse_than_an_invalid_error(text: str) -> None:
    try:
        parse(text, "x.toml")
    except InvalidError as error:
        assert str(error).startswith("x.toml")


@given(st.data())
def test_a_damaged_board_is_read_and_checked_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([PICO, PI, DEVKIT]))
    lines = text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = data.draw(
        st.sampled_from(["", lines[at][:-1], "[pin]", f"x{lines[at]}", lines[at].replace("=", "= -")])
    )
    try:
        problems(parse("\n".join(lines), "x.toml"), boards()[:3])
    except InvalidError as error:
        assert str(error).startswith("x.toml")


@given(st.text(), st.text())
def test_looking_for_a_line_never_fails(text: str, key: str) -> None:
    found = line_of(text, key)
    assert found is None or 1 <= found <= len(text.splitlines())


def test_a_line_is_found_in_tables_lists_of_them_and_dotted_keys() -> None:
    text = 'a = """\n[b]\nc = 1\n"""\n[[u]]\nid = 1\n[[u]]\nid = 2\n[b]\nc.d = {e = 1}\n[b."x y"]\nz = 1\n'
    assert line_of(text, "u[1].id") == 8
    assert line_of(text, "b.c.d.e") == 10
    assert line_of(text, "b.nothing") == 9
    assert line_of(text, "b.x y.z") == 12
    assert line_of(text, "nothing") is None


def test_a_file_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    with pytest.raises(NotFoundError, match="ganglion boards list"):
        load(file)
    file.write_bytes(b"# one\nname = '\xff'\n")
    with pytest.raises(InvalidError, match=r"x\.toml:2: this line is not UTF-8"):
        load(file)
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(InvalidError, match="at most 262144 bytes"):
        load(file)
    with pytest.raises(InvalidError, match="cannot be read"):
        load(tmp_path)
