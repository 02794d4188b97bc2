# SPDX-License-Identifier: GPL-3.0-or-later
"""flash --host: whom it trusts, who lets it in, and what a machine may say without any harm."""

import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import asyncssh
import pytest

from ganglion.errors import RefusedError
from ganglion.flash.host import address
from ganglion.flash.host.login import Access, connect
from support import linux_host
from support.host_shell import STAYS, Shell, own_home
from support.linux_host import Host

pytestmark = pytest.mark.skipif(not linux_host.may(), reason="only root may make a machine out of namespaces")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with linux_host.debian(tmp_path / "host") as machine:
        yield machine


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, host, own_home(tmp_path / "home", monkeypatch), linux_host.deb(tmp_path, program=STAYS))


def test_a_machine_that_is_not_known_is_not_logged_in_to(shell: Shell) -> None:
    known = shell.home / ".ssh" / "known_hosts"
    known.write_text("# nobody")
    asked = ("--dry-run", *shell.first)
    code, said, _ = shell.flash(*asked)
    assert code == 4
    assert f"is not known: {shell.host.fingerprint} (ssh-ed25519)" in said["error"]
    assert said["error"].endswith(f"then say --host-key {shell.host.fingerprint}")

    code, said, _ = shell.flash(*asked, "--host-key", "SHA256:" + "a" * 43)
    assert code == 4
    assert f"is {shell.host.fingerprint} (ssh-ed25519), not SHA256:aaa" in said["error"]
    assert known.read_text() == "# nobody"

    assert shell.flash(*asked, "--host-key", shell.host.fingerprint)[0] == 0
    name, kind, key = known.read_text().splitlines()[1].split()
    assert (name, f"{kind} {key}") == (f"[127.0.0.1]:{shell.host.port}", " ".join(shell.host.public.split()[:2]))
    assert shell.flash(*asked)[0] == 0


def test_a_machine_whose_key_has_changed_is_not_logged_in_to(shell: Shell) -> None:
    shell.knows(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode())
    before = (shell.home / ".ssh" / "known_hosts").read_text()
    for words in ((), ("--host-key", shell.host.fingerprint)):
        code, said, _ = shell.flash(*words)
        assert code == 4
        assert f"has changed: it is {shell.host.fingerprint} now" in said["error"]
        assert f"ssh-keygen -R '[127.0.0.1]:{shell.host.port}'" in said["error"]
    assert (shell.home / ".ssh" / "known_hosts").read_text() == before


def test_who_may_not_log_in_or_become_root_is_told_how(shell: Shell) -> None:
    code, said, _ = shell.flash(user="guest")
    assert code == 4
    assert "guest may not become root on guest@127.0.0.1" in said["error"]
    assert "NOPASSWD" in said["error"]
    stranger = shell.home / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    shell.host.identity = stranger
    code, said, _ = shell.flash(user="guest")
    assert (code, "lets nobody in by what was tried: name your key with --identity" in said["error"]) == (4, True)
    shell.host.identity = shell.home / "nothing"
    assert shell.flash()[0] == 3
    stranger.write_text("no key")
    shell.host.identity = stranger
    assert shell.flash()[:1] == (1,)


async def test_a_password_is_asked_for_where_no_key_lets_one_in(shell: Shell) -> None:
    asked = []

    async def types(what: str) -> str:
        asked.append(what)
        return "let me in" if len(asked) > 1 else "something else"

    where = address.parse(f"guest@127.0.0.1:{shell.port}")
    access = Access(host_key=shell.host.fingerprint, ask=types)
    with pytest.raises(RefusedError, match="lets nobody in"):
        await connect(where, access)
    async with await connect(where, access) as remote:
        assert (await remote.run("id -un", plain=True)).text == "guest\n"
    assert asked == [f"password of {where}"] * 2


def test_a_person_at_a_terminal_is_asked_for_the_key_and_the_password(shell: Shell) -> None:
    known = shell.home / ".ssh" / "known_hosts"
    known.unlink()
    where = f"guest@127.0.0.1:{shell.port}"
    command = [sys.executable, "-m", "ganglion", "flash", "generic-x86-64", "--host", where, "--package", shell.package]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ours, theirs = pty.openpty()
    with open(ours, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        said = ""
        try:
            for words, answer in (
                ("Type yes to trust it from now on: ", "yes"),
                (f"password of {where}: ", "let me in"),
            ):
                said = answered(terminal, said, words)
                terminal.write(f"{answer}\n".encode())
            said = answered(terminal, said, "may not become root")
            assert process.wait(60) == 4
        finally:
            process.kill()
            process.wait()
    assert shell.host.fingerprint in said
    assert "let me in" not in said
    assert "\x1b" not in said
    assert " ".join(shell.host.public.split()[:2]) in known.read_text()


def answered(terminal: IO[bytes], said: str, words: str) -> str:
    """All that was said, once these words were."""
    deadline = time.monotonic() + 60
    while words not in said:
        assert select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], said
        said += os.read(terminal.fileno(), 4096).decode()
    return said


def test_a_machine_that_says_anything_neither_hangs_nor_reaches_the_terminal(shell: Shell) -> None:
    os_release = shell.host.path("/etc/os-release")
    os_release.unlink()
    os_release.write_text('PRETTY_NAME="\x1b]0;owned\x07\x1b[2JOS"\nID="x' + "y" * 100_000 + '"\n')
    asked = ("--dry-run", *shell.first)
    code, said, told = shell.flash(*asked)  # which looks for escapes in all that is shown
    assert code == 0, told
    assert said["machine"]["system"] == "\N{REPLACEMENT CHARACTER}]0;owned\N{REPLACEMENT CHARACTER}" * 1 + (
        "\N{REPLACEMENT CHARACTER}[2JOS"
    )
    talks = shell.host.path("/bin/talks")
    talks.write_text("#!/bin/sh\nexec yes this is not what was asked for\n")
    talks.chmod(0o755)
    passwd = shell.host.path("/etc/passwd")
    passwd.write_text(re.sub(r"(?m)^(pi:.*:)/bin/sh$", r"\1/bin/talks", passwd.read_text()))
    code, said, _ = shell.flash(*asked, user="pi")
    assert (code, "said more than 262144 bytes" in said["error"]) == (1, True)


def test_a_machine_that_is_not_there_is_said_to_be_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        shell.port = silent.getsockname()[1]
        code, said, _ = shell.flash()
        assert (code, "nothing listens on 127.0.0.1, port" in said["error"]) == (5, True)
        silent.listen()
        monkeypatch.setattr("ganglion.flash.host.login.CONNECT", 0.2)
        code, said, _ = shell.flash()
        assert (code, "did not answer within" in said["error"]) == (5, True)
    (shell.home / ".ssh" / "known_hosts").write_text("[")
    code, said, _ = shell.flash()
    assert (code, "known_hosts: Invalid known hosts entry" in said["error"]) == (1, True)
