# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/boards.md: its commands run, its own board is right, and the rest is what the files say."""

import re
import shlex
from pathlib import Path

import pytest

from ganglion.board import boards, load
from ganglion.board.page import page
from ganglion.cli.main import main
from ganglion.config import load as load_config
from ganglion.errors import InvalidError
from ganglion.node import Node

PAGE = (Path(__file__).parents[2] / "docs" / "boards.md").read_text()
((OWN),) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]


def test_the_part_that_is_made_is_what_the_files_say() -> None:
    _, head, made = PAGE.partition("## The boards\n")
    assert head + made == page(boards()), "replace what begins with `## The boards` by `ganglion boards docs`"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greenhouse.toml").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(command)
    assert (program, main(words)) == ("ganglion", 0)


def test_a_node_takes_the_board_of_a_file(tmp_path: Path) -> None:
    own = (Path(__file__).parents[2] / "boards" / "generic-x86-64.toml").read_text()
    (tmp_path / "greenhouse.toml").write_text(own.replace('name = "generic-x86-64"', 'name = "greenhouse"'))
    file = tmp_path / "node.toml"
    file.write_text('[node]\nname = "g"\nboard = "greenhouse.toml"\n')
    node = Node(load_config(file), tmp_path / "state")
    assert node._birth()["board"] == load(tmp_path / "greenhouse.toml").name == "greenhouse"


@pytest.mark.parametrize("name", ["pico-w", "greenhouse.toml"])
def test_a_node_is_not_on_a_board_that_runs_micropython(name: str, tmp_path: Path) -> None:
    (tmp_path / "greenhouse.toml").write_text(OWN)
    (tmp_path / "node.toml").write_text(f'[node]\nname = "g"\nboard = "{name}"\n')
    with pytest.raises(
        InvalidError, match=rf"node\.toml: node\.board: {name} runs micropython, and this node Python on"
    ):
        Node(load_config(tmp_path / "node.toml"), tmp_path / "state")
