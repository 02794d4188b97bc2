# SPDX-License-Identifier: GPL-3.0-or-later
"""The .deb on a Debian with systemd: installed, enabled, joined, upgraded, hung, removed and purged."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion_tools.package import build, deb, native
from ganglion_tools.package.contents import LIBRARY
from ganglion_tools.package.library import library
from ganglion_tools.package.target import zig_target
from ganglion_tools.package.version import version
from support.brokers import nats_broker
from support.debian import Debian, machine
from support.gateway import process
from support.waiting import until, until_answered

ROOT = Path(__file__).parents[2]
#: What docs/packages.md has an operator do.
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / "packages.md").read_text(), re.DOTALL | re.MULTILINE)[1]
CONFIG = """
[node]
name = "attic"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.host]
kind = "system"
"""
PUMP = """
[node]
name = "cellar"
scripts = ["pump.yaml"]
[actuator.pump]
driver = "file"
path = "/var/lib/ganglion/pump"
"""
SCRIPT = """
version: "2.2"
dialect: edge/1
name: pump
triggers: [{id: begin, start: true, run: pump}]
protocols:
  - name: pump
    steps:
      - {id: fill, action: actuate, actuator: pump, value: true}
      - {id: done, action: end}
"""

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap and systemd-nspawn need root"),
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package under its own name, and a later one, `next.deb`."""
    folder = tmp_path_factory.mktemp("packages")
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    build("deb", arch, folder)
    core = native.compile(ROOT, zig_target("deb", arch))
    later = replace(version(ROOT), release="9.0.0")
    (folder / "next.deb").write_bytes(deb.build(library(ROOT, LIBRARY, core), arch, later))
    return folder


@pytest.fixture
def debian(packages: Path, tmp_path: Path) -> Iterator[Debian]:
    """A machine that has both in `/mnt/packages`."""
    with machine(tmp_path, {"packages": packages}) as debian:
        yield debian


def install(debian: Debian, package: str = "ganglion_*.deb") -> None:
    debian.run("sh", "-c", f"dpkg -i /mnt/packages/{package}")


def pid(debian: Debian) -> int:
    return int(debian.shows("ganglion", "MainPID"))


def test_nothing_starts_and_nothing_has_a_key_before_somebody_says_so(debian: Debian) -> None:
    install(debian)
    assert debian.run("systemctl", "is-enabled", "ganglion", code=1).strip() == "disabled"
    assert debian.run("systemctl", "is-active", "ganglion", code=3).strip() == "inactive"
    assert debian.run("ls", "/var/lib/ganglion") == ""
    assert debian.run("stat", "-c", "%a %U %G", "/etc/ganglion", "/var/lib/ganglion").splitlines() == [
        "750 root ganglion",
        "700 ganglion ganglion",
    ]
    told = json.loads(debian.run("ganglion", "doctor", "--json"))
    assert (told["backend"], told["problems"]) == ("native", [])


async def test_a_node_joins_and_answers_and_an_upgrade_keeps_its_configuration_and_its_key(
    debian: Debian, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nats_broker(tmp_path) as broker, process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        key = (await gateway.http.post("/api/v1/enrol-keys", json={"uses": 1})).json()["key"]
        for command in COMMANDS.splitlines():
            if "nano" in command:
                debian.write("/etc/ganglion/node.toml", CONFIG.format(broker=broker.url))
                debian.write("/etc/ganglion/enrol.key", key, mode="0640")
                debian.run("chgrp", "ganglion", "/etc/ganglion/enrol.key")
            else:
                shown = debian.run("sh", "-c", f"cd /mnt/packages && {command.removeprefix('sudo ')}")
        assert "Active: active (running)" in shown  # Type=notify: it has said so before the third command ended
        assert debian.shows("ganglion", "StatusText").startswith("runs, and has ")

        async def answers() -> bool:
            return await asyncio.to_thread(main, ["call", "attic", "bus.statistics"]) == 0

        await until_answered(answers)
        assert "sensor/host" in capsys.readouterr().out
        first = pid(debian)
        status = debian.run("cat", f"/proc/{first}/status")
        assert "CapBnd:\t0000000000000000\n" in status
        assert "NoNewPrivs:\t1\n" in status
        assert "Seccomp:\t2\n" in status
        debian.run("systemctl", "reload", "ganglion")
        assert pid(debian) == first

        install(debian, "next.deb")
        assert debian.run("dpkg-query", "-W", "-f", "${Version}", "ganglion").startswith("9.0.0")
        assert 'name = "attic"' in debian.run("cat", "/etc/ganglion/node.toml")
        assert pid(debian) not in (0, first)
        await until_answered(answers)  # the enrol key was for one use: the node has kept its own


async def test_a_node_that_hangs_is_killed_and_leaves_its_actuators_safe_until_it_is_started_anew(
    debian: Debian,
) -> None:
    """The unit has systemd kill the node alone, so that its watchdog goes on."""
    install(debian)
    debian.write("/etc/ganglion/node.toml", PUMP)
    debian.write("/etc/ganglion/pump.yaml", SCRIPT)
    debian.run("mkdir", "-p", "/run/systemd/system/ganglion.service.d")
    debian.write("/run/systemd/system/ganglion.service.d/soon.conf", "[Service]\nWatchdogSec=3s\nRestartSec=1h\n")
    debian.run("systemctl", "daemon-reload")
    debian.run("systemctl", "start", "ganglion")
    await until(lambda: debian.run("cat", "/var/lib/ganglion/pump") == "1\n")
    debian.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", "ganglion")
    await until(lambda: debian.shows("ganglion", "SubState") == "auto-restart")
    assert debian.shows("ganglion", "Result") == "watchdog"
    await until(lambda: debian.run("cat", "/var/lib/ganglion/pump") == "0\n")
    debian.run("systemctl", "restart", "ganglion")  # else it comes in an hour
    await until(lambda: debian.run("cat", "/var/lib/ganglion/pump") == "1\n")
    # It knows of its end what systemd saw, and keeps it for the gateway
    assert '"kind": "watchdog"' in debian.run("sh", "-c", "cat /var/lib/ganglion/crashes/*.json")


def test_what_is_removed_leaves_what_is_the_operators_and_what_is_purged_nothing(debian: Debian) -> None:
    install(debian)
    debian.run("systemctl", "enable", "--now", "ganglion")
    debian.run("dpkg", "--remove", "ganglion")
    assert debian.run("systemctl", "is-active", "ganglion", code=3).strip() == "inactive"
    assert debian.run("ls", "/etc/ganglion").split() == ["node.toml"]
    debian.run("test", "-d", "/var/lib/ganglion")
    debian.run("test", "!", "-e", "/usr/lib/ganglion")
    install(debian, "next.deb")
    assert debian.run("systemctl", "is-enabled", "ganglion").strip() == "enabled"

    debian.run("dpkg", "--purge", "ganglion")
    for gone in ("/var/lib/ganglion", "/usr/lib/ganglion", "/etc/ganglion"):
        debian.run("test", "!", "-e", gone)
    assert "ganglion" not in debian.run("ls", "/etc/systemd/system/multi-user.target.wants")


def test_a_run_that_is_killed_leaves_no_machine_behind(tmp_path: Path) -> None:
    """A machine that stays has its share of what the kernel allows, such as watches on files."""
    program = (
        "import pathlib, sys, time\nfrom support.debian import machine\n"
        "with machine(pathlib.Path(sys.argv[1]), {}) as debian: print(debian.leader, flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        leader = Path(f"/proc/{run.stdout.readline().strip()}/root")
        assert leader.exists()
        run.kill()
    asyncio.run(until(lambda: not leader.exists()))
