# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/api.md: each command is run against a gateway, in order, and none fails."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion.cli import logins
from ganglion.cli.main import main
from ganglion_gateway.access.bearer import ACCESS
from ganglion_gateway.access.permissions import ROLES, SCOPES, Role
from ganglion_gateway.stream.channels import CHANNELS
from support.gateway import process

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]


async def test_every_command_is_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("GANGLION_TOKEN", raising=False)
    async with process(tmp_path / "gateway") as gateway:
        first = gateway.ready["first_login"]
        assert first["user"] == "admin"
        (tmp_path / "one-time").write_text(first["password"] + "\n")
        (tmp_path / "mine").write_text("a quiet green heron\n")
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        assert len(COMMANDS) >= 9
        for command in COMMANDS:
            program, *words = shlex.split(command.replace("$GANGLION_GATEWAY", gateway.url))
            assert program == "ganglion"
            assert await asyncio.to_thread(main, words) == 0, (command, capsys.readouterr())
            if "--end" not in words:
                # The next command finds the access token over, and has it fetched anew
                file = logins.path()
                file.write_text(re.sub(r'"expires": [\d.]+', '"expires": 0', file.read_text()))
                assert file.stat().st_mode & 0o077 == 0
        assert first["password"] not in gateway.log.read_text()
        assert await asyncio.to_thread(main, ["users", "list"]) == 4  # logged out
    shown = capsys.readouterr()
    assert "a quiet green heron" not in shown.out + shown.err


async def test_the_program_runs(tmp_path: Path) -> None:
    [program] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    async with process(tmp_path / "gateway") as gateway:
        known = {**os.environ, "GANGLION_GATEWAY": gateway.url, "GANGLION_TOKEN": gateway.token}
        environment = {**known, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = [sys.executable, "-c", program]
        done = await asyncio.to_thread(subprocess.run, run, env=environment, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    key, mesh = done.stdout.split()
    assert (len(key), mesh) == (16, gateway.ready["mesh"])


def test_the_roles_of_the_page_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert set(rows) == {role.value for role in Role}
    told: set[str] = set()
    for role in Role:
        told |= set(re.findall(r"`(\w+)`", rows[role.value]))
        assert told == ROLES[role]
    assert told == set(SCOPES)


def test_the_channels_of_the_page_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([\w/<>]+/[\w/<>]+)` \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    told = [(channel.replace("<", "").replace(">", ""), scope, about) for channel, scope, about in rows]
    assert told == [(f"{name}/{kind.shape}", kind.scope, kind.about) for name, kind in CHANNELS.items()]


def test_the_times_of_the_page_are_those_of_the_code() -> None:
    assert f"holds for {ACCESS // 60} minutes" in PAGE
