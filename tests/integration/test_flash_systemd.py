# SPDX-License-Identifier: GPL-3.0-or-later
"""flash --host on a Debian with systemd: the real package, unit, journal and apt, by a real sshd."""

import asyncio
import json
import os
import platform
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ganglion.cli.main import main
from ganglion_tools.broker import free_port
from support.brokers import nats_broker
from support.debian import Debian, machine
from support.gateway import process
from support.waiting import until_answered

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap and systemd-nspawn need root"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="there is a board of this kind for x86-64 alone"),
]


async def logged_in(debian: Debian, identity: Path) -> tuple[int, str]:
    """Has its sshd listen on loopback; the port and the fingerprint of its key."""
    port = free_port()
    debian.write("/root/.ssh/authorized_keys", identity.with_suffix(".pub").read_text(), mode="0600")
    debian.run("systemd-run", "--quiet", "--unit=sshd-test", "--property=RuntimeDirectory=sshd", "/usr/sbin/sshd", "-D",
               "-o", f"ListenAddress=127.0.0.1:{port}", "-p", str(port))  # fmt: skip

    async def listens() -> bool:
        return await asyncio.to_thread(debian.run, "systemctl", "is-active", "sshd-test", code=None) == "active\n"

    await until_answered(listens, what="sshd runs")
    key = debian.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub")
    return port, asyncssh.import_public_key(key).get_fingerprint()


async def test_a_debian_becomes_a_node_and_comes_back_from_a_change_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(Path.home() / ".cache" / "zig"))  # else all is compiled anew
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    identity = tmp_path / "identity"
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(identity)
    key.write_public_key(identity.with_suffix(".pub"))

    async def flash(*words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, ["flash", "generic-x86-64", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    with machine(tmp_path, {}) as debian:
        port, fingerprint = await logged_in(debian, identity)
        async with (
            nats_broker(tmp_path / "broker") as broker,
            process(tmp_path / "gateway", broker.url) as gateway,
        ):
            there = ("--host", f"root@127.0.0.1:{port}", "--identity", str(identity), "--host-key", fingerprint)
            mesh = ("--gateway", gateway.url, "--token-file", str(tmp_path / "gateway" / "token"))
            code, said = await flash(*there, *mesh, "--name", "attic", "--broker", broker.url)
            assert code == 0, said
            assert (said["name"], said["changed"]) == ("attic", True)
            assert debian.run("systemctl", "is-enabled", "ganglion").strip() == "enabled"
            assert debian.run("stat", "-c", "%a %U %G", "/etc/ganglion/node.toml").strip() == "640 root ganglion"
            assert "enrol.key" not in debian.run("ls", "/etc/ganglion")
            before = debian.shows("ganglion", "InvocationID")

            code, again = await flash(*there, *mesh)
            assert (code, again["changed"], again["sent"]) == (0, False, 0), again
            assert debian.shows("ganglion", "InvocationID") == before

            # A person writes something that no node takes, and only then the name is changed: the log says what it was
            debian.run("sh", "-c", "printf '[sensor.bad]\\nkind = \"nothing\"\\n' >>/etc/ganglion/node.toml")
            code, said = await flash(*there, "--name", "cellar")
            assert code == 1
            assert "the node ended on root@127.0.0.1" in said["error"]
            assert "nothing" in said["error"]
            assert 'name = "attic"' in debian.run("cat", "/etc/ganglion/node.toml")
