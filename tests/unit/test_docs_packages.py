# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/packages.md: its commands are those that there are, and what it says of files is so."""

import re
import shlex
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion_tools.package import building, native
from ganglion_tools.package.library import VENDORED
from ganglion_tools.package.native import Native
from ganglion_tools.package.target import examples, zig_target

ROOT = Path(__file__).parents[2]
FILES = ROOT / "tools" / "ganglion_tools" / "package" / "files"
PAGE = (ROOT / "docs" / "packages.md").read_text()
FIRST, SECOND, SIGNED = (
    block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
)
TEXT = " ".join(PAGE.split())


@pytest.mark.parametrize("command", [*FIRST, SIGNED[-1]])
def test_a_package_is_built_as_the_page_says(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All but the compiling, which test_package.py does: it takes ten seconds a target."""
    compiled = []

    def compile(root: Path, target: str) -> Native:
        compiled.append((root, target))
        return Native(core=b"\x7fELF", watchdog=b"\x7fELF")

    monkeypatch.setattr(native, "compile", compile)
    monkeypatch.chdir(tmp_path)
    for made in SIGNED[:-1] if command == SIGNED[-1] else ():
        subprocess.run(shlex.split(made), check=True, capture_output=True)
    program, *words = shlex.split(command)
    assert (program, main(words)) == ("ganglion", 0)
    assert compiled == [(building._ROOT, zig_target(words[1], words[3]))]
    said = capsys.readouterr().out
    assert "ganglion" in said
    (made,) = (tmp_path / "dist" if "dist" in words else tmp_path).iterdir()
    assert made.name.endswith("tar.gz" if words[1] == "tar" else words[1])
    if command == SIGNED[-1]:
        assert f"apk add {made.name}, once you.rsa.pub is in /etc/apk/keys" in said
        with tarfile.open(fileobj=BytesIO(made.read_bytes())) as archive:
            assert archive.getnames()[:2] == [".SIGN.RSA256.you.rsa.pub", ".PKGINFO"]


def test_the_architectures_and_what_comes_along_are_those_of_the_code() -> None:
    table = PAGE.partition("\n| Kind | ")[2].partition("\n\n")[0]
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    for kind in ("deb", "tar"):
        assert all(f"`{arch}`" in rows[kind] for arch in examples(kind))
    assert f"{', '.join(VENDORED[:-1])} and {VENDORED[-1]} come along" in TEXT


def test_the_options_of_a_router_are_those_of_its_script_and_its_configuration() -> None:
    named = TEXT.partition("has the options ")[2].partition(", and may have")[0]
    options = set(re.findall(r"`(\w+)`", named))
    script = (FILES / "openwrt" / "ganglion.init").read_text()
    read = set(re.findall(r"config_get(?:_bool)? \w+ \"\$section\" (\w+)", script))
    read |= set(re.findall(r"config_list_foreach \"\$section\" (\w+)", script))
    assert options | {"enabled"} == read
    assert read == set(re.findall(r"(?:option|list) (\w+) ", (FILES / "openwrt" / "ganglion.config").read_text()))


def test_the_groups_of_the_service_are_those_of_the_installation() -> None:
    (groups,) = re.findall(r"for group in (.*); do", (FILES / "debian" / "postinst").read_text())
    named = re.findall(r"`(\w+)`", TEXT.partition("who is in the groups ")[2].partition(", without")[0])
    assert named == groups.split()
