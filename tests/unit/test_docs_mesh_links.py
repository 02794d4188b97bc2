# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mesh.md, "Without a broker": every configuration in it is one, and the gateway takes what it says."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from ganglion.config import load
from ganglion.mesh.links.spec import LinkSpec, parse
from ganglion_gateway import command

PAGE = (Path(__file__).parents[2] / "docs" / "mesh.md").read_text()
SECTION = PAGE.partition("## Without a broker\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("text", re.findall(r"^```toml\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE))
def test_a_configuration_on_the_page_is_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "node.toml"
    file.write_text('[node]\nname = "fridge"\n' + text)
    mesh = load(file).mesh
    assert mesh is not None
    assert LinkSpec() in [parse(link) for link in mesh.links]


@pytest.mark.parametrize(
    ("words", "links"),
    [
        (re.findall(r"`ganglion gateway (--link lan [^`]*)`", SECTION)[0], 2),
        ("--link none", None),
        ("", 1),
    ],
)
def test_a_gateway_takes_links_as_the_page_says(words: str, links: int | None) -> None:
    parser = argparse.ArgumentParser()
    command.arguments(parser, argparse.ArgumentParser(add_help=False))
    found = command.settings(parser.parse_args(shlex.split(words))).links
    assert (found if found is None else len(found)) == links
