# SPDX-License-Identifier: GPL-3.0-or-later
"""flash.host: what a package is, as its own tool would read it, and what a node's configuration becomes."""

import tempfile
import tomllib
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion import config
from ganglion.board import boards
from ganglion.errors import InvalidError, NotFoundError
from ganglion.flash.host import node_file, package
from support import linux_host


def test_every_board_of_ssh_gets_a_configuration_that_a_node_reads(tmp_path: Path) -> None:
    for each in boards():
        if each.flashing.method != "ssh":
            continue
        text = node_file.new(each, node_file.wanted("fridge", 'mqtt://b/?account="x"', has_key=True))
        path = tmp_path / "node.toml"
        path.write_text(text)
        read = config.load(path)
        assert (read.node.name, read.node.board, read.sensors) == ("fridge", each.name, each.sensor)
        assert node_file.changed(text, node_file.wanted("fridge", None, has_key=True), "x") == text


MINE = """# mine
[mqtt]
broker = "mqtt://old"   # of the cellar

[node]  # who
scripts = ["a.yaml"]
name = "cellar"

[sensor.x]
kind = "system"
"""


def test_what_a_person_wrote_stays_beside_what_is_changed() -> None:
    text = node_file.changed(MINE, node_file.wanted("fridge", "mqtt://new", has_key=True), "x")
    expected = tomllib.loads(MINE)
    expected["node"]["name"], expected["mqtt"]["broker"] = "fridge", "mqtt://new"
    assert tomllib.loads(text) == expected | {"mesh": {"enrol_key_file": "enrol.key"}}
    assert text.startswith("# mine\n[mqtt]\n")
    assert node_file.changed('[node]\nboard = "sim"\n', {("node", "name"): "a"}, "x") == (
        '[node]\nname = "a"\nboard = "sim"\n'
    )


@pytest.mark.parametrize("text", ['node = {name = "a"}\n', 'node.name = "a"\n', '[node]\nname = """\na"""\n'])
def test_what_only_a_person_can_change_is_left_to_one(text: str) -> None:
    with pytest.raises(InvalidError, match=r"x: cannot be changed from here: set node\.name there by hand$"):
        node_file.changed(text, {("node", "name"): "fridge"}, "x")
    with pytest.raises(InvalidError, match="is no TOML"):
        node_file.changed("[", {("node", "name"): "fridge"}, "x")


def test_packages_are_read_as_their_own_tools_read_them(tmp_path: Path) -> None:
    made = package.read(linux_host.deb(tmp_path, "1.2~git3", architecture="arm64"))
    assert (made.form, made.version, made.architecture, made.installed_bytes) == ("deb", "1.2~git3", "arm64", 8192)
    made = package.read(linux_host.ipk(tmp_path, "7", program=""))
    assert (made.form, made.version, made.architecture, made.installed_bytes) == ("ipk", "7", "mipsel_24kc", 9000)
    (tmp_path / "g.apk").write_bytes(b"ADBd....")
    assert package.read(tmp_path / "g.apk").form == "apk"


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    good = linux_host.deb(tmp_path).read_bytes()
    bad = {
        "a.deb": good[:100],
        "b.ipk": b"\x1f\x8b\x08",
        "c.deb": b"!<arch>\nx",
        "d.txt": good,
        "e.apk": good,
        "f.deb": b"",
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidError, match=name.replace(".", r"\.")):
            package.read(tmp_path / name)
    with pytest.raises(NotFoundError, match="ganglion package"):
        package.read(tmp_path / "none.deb")


@cache
def good() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return linux_host.deb(Path(folder)).read_bytes()


@given(st.integers(0, 10_000), st.integers(0, 8), st.binary(max_size=8))
def test_a_damaged_package_is_refused_or_read(at: int, out: int, into: bytes) -> None:
    at %= len(good())
    with tempfile.NamedTemporaryFile(suffix=".deb") as file:
        file.write(good()[:at] + into + good()[at + out :])
        file.flush()
        with suppress(InvalidError):
            package.read(Path(file.name))
