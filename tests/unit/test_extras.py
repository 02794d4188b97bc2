# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing is named with the command that brings it to where this Ganglion is installed."""

import re
import sys
from pathlib import Path

import pytest

from ganglion import extras
from ganglion.cli.main import main
from ganglion_tools.package.contents import LIBRARY, common

CONTROL = Path(__file__).parents[2] / "tools" / "ganglion_tools" / "package" / "files" / "debian" / "control"
IS_THERE = extras.is_there
VENV = "python3 -m venv ganglion && ganglion/bin/pip install 'ganglion[{}]'"

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def fresh(monkeypatch):
    """Each test is an installation of its own, on a machine that has nothing but what every node needs."""
    monkeypatch.setattr(extras, "is_there", lambda module: module in ("smbus2", "cbor2", "cronsim", "nacl", "yaml"))
    extras.package.cache_clear()
    yield
    extras.package.cache_clear()


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """Puts the library's folder of a package on the path, as its `ganglion` does."""

    def put(kind: str, arch: str) -> None:
        (mark,) = [entry for entry in common(kind, arch) if entry.path == f"{LIBRARY}/{extras.MARK}"]
        (tmp_path / extras.MARK).write_bytes(mark.data)
        monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])

    return put


def test_in_a_clone_and_with_pip_it_is_pip():
    assert extras.package() == ""
    assert extras.remedy("serial", "serial") == "pip install 'ganglion[serial]'"
    assert extras.remedy("gateway,tools") == "pip install 'ganglion[gateway,tools]'"


@pytest.mark.parametrize(
    ("kind", "arch", "serial", "lines"),
    [
        ("deb", "arm64", "apt install python3-serial", "apt install python3-libgpiod (2.1 or later: Debian 13 has it)"),
        ("ipk", "mipsel_24kc", "opkg install python3-pyserial", "opkg install python3-gpiod"),
        ("apk", "mipsel_24kc", "apk add python3-pyserial", "apk add python3-gpiod"),
    ],
)
def test_in_a_package_it_is_one_of_the_system(packaged, kind, arch, serial, lines):
    packaged(kind, arch)
    assert extras.package() == kind
    assert extras.remedy("serial", "serial") == serial
    assert extras.remedy("i2c") == lines
    both = f"{serial}; for pymodbus a Ganglion beside this package: {VENV.format('serial')}"
    assert extras.remedy("serial") == both


def test_what_no_package_has_is_an_environment_of_its_own(packaged):
    packaged("deb", "amd64")
    assert extras.remedy("vision") == f"for PIL a Ganglion beside this package: {VENV.format('vision')}"


def test_what_is_said_on_debian_is_what_the_package_suggests():
    suggested = re.search(r"^Suggests: (.*)$", CONTROL.read_text(), re.MULTILINE)
    names = {part.split(" ")[0] for part in suggested[1].split(", ")}
    assert set(extras._OF_SYSTEM["deb"][1].values()) == names


def test_commands_say_it(packaged, capsys):
    packaged("deb", "amd64")
    for words in (["ports"], ["files", "/dev/ttyUSB0", "ls"], ["console", "/dev/ttyUSB0"]):
        assert main(words) == 2
        assert capsys.readouterr().err.endswith(" needs more than is installed: apt install python3-serial\n")
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^spi +no: apt install python3-spidev$", shown, re.MULTILINE), shown
    assert re.search(r"^i2c +no gpiod: apt install python3-libgpiod ", shown, re.MULTILINE), shown


def test_gpiod_of_the_other_api_is_none(tmp_path, monkeypatch):
    """Debian 12 has gpiod 1: a module of that name, where 2 is a package."""
    (tmp_path / "gpiod.py").write_text("Chip = None\n")
    monkeypatch.delitem(sys.modules, "gpiod", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert IS_THERE("json")
    assert not IS_THERE("gpiod")
