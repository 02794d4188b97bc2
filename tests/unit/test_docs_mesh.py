# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mesh.md, "Looking into a message": every command in it is run, and prints what the page shows."""

import re
import shlex
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion.mesh import verdict
from ganglion_micro import cbor

PAGE = (Path(__file__).parents[2] / "docs" / "mesh.md").read_text()
SECTION = PAGE.partition("## Looking into a message\n")[2].partition("\n## ")[0]
#: Each command with what the page says it prints.
COMMANDS = re.findall(
    r"^```sh\n(ganglion [^\n]*)\n```\n\n```(?:text|json)\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE
)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = re.findall(r"^```hex\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    (tmp_path / "alert.hex").write_text(text)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_a_command_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str], command: str, output: str) -> None:
    program, *words = shlex.split(command)
    assert program == "ganglion"
    assert main(words) == (1 if output.startswith("valid    no") else 0)
    assert capsys.readouterr().out == output


def test_no_command_is_left_out() -> None:
    assert len(COMMANDS) == SECTION.count("```sh") > 2


def test_the_limits_are_those_of_the_code() -> None:
    assert f"| {verdict.MAX_SIZE // 2**20} MiB, {cbor.MAX_SIZE // 1024} KiB of it headers | 64 KiB |" in SECTION
