# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/flashing-hosts.md: its commands run as they stand, but for addresses, on a Debian and a router of loopback."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from ganglion.cli.main import main
from support import linux_host
from support.host_shell import STAYS, own_home
from support.linux_host import Host

pytestmark = pytest.mark.skipif(not linux_host.may(), reason="only root may make a machine out of namespaces")

PAGE = (linux_host.ROOT / "docs" / "flashing-hosts.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = own_home(tmp_path / "here", monkeypatch)
    monkeypatch.chdir(folder)
    return folder


def typed(command: str, host: Host, here: Path, *more: str) -> list[str]:
    """The words of a command, for this machine, whose key is known and lets one in by a key of the usual name."""
    (here / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{host.port} {host.public}\n")
    shutil.copy(host.identity, here / ".ssh" / "id_ed25519")
    program, *words = shlex.split(re.sub(r"@192\.0\.2\.[0-9]+", f"@127.0.0.1:{host.port}", command, count=1))
    assert program == "ganglion"
    return [*words, *more]


def test_a_pi_is_looked_at_and_flashed_and_found_as_it_should_be(
    tmp_path: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = linux_host.deb(tmp_path, program=STAYS)
    commands = [line for line in COMMANDS if " flash pi " in line]
    said = []
    with linux_host.debian(tmp_path / "host") as host:
        for command in commands:
            # No Pi: what is installed is for this machine's processor
            words = typed(command.replace("flash pi", "flash generic-x86-64"), host, here, "--package", str(package))
            assert main(words) == 0, capsys.readouterr().err
            said.append(capsys.readouterr().out)
        where = f"pi@127.0.0.1:{host.port}"
    dry, done, again = said
    assert dry.splitlines() == [
        f"{where} would be a generic-x86-64 called fridge",
        f"would  install ganglion 1.0 (amd64, {package.stat().st_size // 1024} KiB)",
        "would  write /etc/ganglion/node.toml",
        "would  give it the enrol key, which is removed when it has joined",
        "would  start the service, now and whenever the machine does",
    ]
    assert done == f"fridge runs on {where} and has joined\nnext: ganglion devices list\n"
    assert again.startswith(f"fridge on {where} is as it should be: nothing was changed")


def test_a_router_is_flashed(tmp_path: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    linux_host.ipk(tmp_path, program=STAYS).rename(here / "ganglion.ipk")
    (command,) = [line for line in COMMANDS if " flash openwrt " in line]
    with linux_host.openwrt(tmp_path / "host") as host:
        assert main(typed(command, host, here)) == 0
    assert "and has joined" in capsys.readouterr().out


def test_the_page_says_what_the_program_says() -> None:
    source = "".join(path.read_text() for path in (linux_host.ROOT / "runtime/ganglion/flash/host").glob("*.py"))
    for said in re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE):
        for part in said.replace("armhf", "").split("…"):
            assert part.strip() in source, part
