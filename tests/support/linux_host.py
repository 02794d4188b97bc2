# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux machines to log in to by SSH, on loopback: Debian with a real sshd, and a router's busybox with dropbear.

Each is a root file system of its own, of which nothing stays. What it cannot have (systemd, procd, opkg) is in
`host_tools/`, each in its own file.
"""

import gzip
import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from ganglion_tools.broker import free_port

ROOT = Path(__file__).parents[2]
TOOLS = Path(__file__).parent / "host_tools"
#: Seconds that a machine has to start.
_PATIENCE = 60.0


class Host:
    """A machine that runs.

    Attributes:
        port: Where its SSH server listens, on 127.0.0.1.
        root: Its root file system, as this process sees it.
        identity: A private key that it lets in.
        fingerprint: Of its own key.
        public: That key, as known_hosts has it.
    """

    def __init__(self, port: int, root: Path, identity: Path, public: str, log: Path) -> None:
        self.port = port
        self.root = root
        self.identity = identity
        self.public = public
        self.fingerprint = asyncssh.import_public_key(public).get_fingerprint()
        self._log = log

    def path(self, name: str) -> Path:
        """A file of it by its absolute name."""
        return self.root / name.lstrip("/")

    @property
    def log(self) -> str:
        """What its SSH server said."""
        return self._log.read_text(errors="replace")


@contextmanager
def debian(folder: Path) -> Iterator[Host]:
    """This machine's own Debian, where `root`, `pi` (may sudo) and `guest` (may not; password `let me in`) log in."""
    port = free_port()
    identity, authorized = _identity(folder)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"], check=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", folder / "rsa"], check=True)
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey /etc/ssh/rsa\nHostKey /etc/ssh/host\n"
        "AuthorizedKeysFile /etc/ssh/authorized_keys\n"
        "UsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication yes\nPidFile none\n"
        "Banner /etc/ssh/banner\n"
    )
    # What no terminal may see comes before every login
    (folder / "banner").write_bytes(b"\x1b]0;owned\x07\x1b[2JWelcome!\n" * 20)
    authorized.rename(folder / "authorized_keys")
    work = folder / "machine"
    work.mkdir()
    visible = {str(ROOT), sys.prefix, sys.base_prefix} - {"/usr"}
    command: list[object] = ["sh", TOOLS / "debian.sh", folder, work, TOOLS, *sorted(visible)]
    public = (folder / "host.pub").read_text()
    with _running(command, port, folder / "sshd.log") as seen:
        yield Host(port, seen / str(work / "root").lstrip("/"), identity, public, folder / "sshd.log")


@contextmanager
def openwrt(folder: Path) -> Iterator[Host]:
    """A router: busybox, dropbear without SFTP, opkg; only root."""
    port = free_port()
    identity, authorized = _identity(folder)
    work = folder / "machine"
    work.mkdir()
    command: list[object] = ["sh", TOOLS / "openwrt.sh", work, TOOLS, port, authorized]
    with _running(command, port, folder / "dropbear.log") as seen:
        said = subprocess.run(
            ["ssh-keyscan", "-t", "ed25519", "-p", str(port), "127.0.0.1"], check=True, capture_output=True, text=True
        )
        public = said.stdout.split(" ", 1)[1]
        yield Host(port, seen / str(work).lstrip("/"), identity, public, folder / "dropbear.log")


def deb(folder: Path, version: str = "1.0", *, architecture: str = "", program: str = "") -> Path:
    """A package of Ganglion for Debian, which runs this tree; or `program` in its place."""
    tree = folder / f"deb-{version}-{architecture}"
    shutil.rmtree(tree, ignore_errors=True)
    architecture = architecture or subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    paths = ":".join(str(ROOT / each) for each in ("runtime", "gateway", "firmware", "tools"))
    program = program or (
        f'export PYTHONPATH={paths} PYTHONDONTWRITEBYTECODE=1\nexec {sys.executable} -m ganglion "$@"\n'
    )
    _write(tree / "usr/bin/ganglion", f"#!/bin/sh\n# {version}\n{program}", 0o755)
    command = "/usr/bin/ganglion node run /etc/ganglion/node.toml --state /var/lib/ganglion"
    _write(tree / "lib/systemd/system/ganglion.service", f"[Service]\nExecStart={command}\n")
    control = f"Package: ganglion\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: nobody\n"
    _write(tree / "DEBIAN/control", f"{control}Installed-Size: 8\nDescription: for tests\n")
    target = folder / f"ganglion_{version}_{architecture}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, target], check=True, stdout=subprocess.DEVNULL
    )
    return target


def ipk(folder: Path, version: str = "1.0", *, program: str, ballast: bytes = b"") -> Path:
    """A package for OpenWrt; `program` is a shell's, for a router that has no Python."""
    service = (
        "USE_PROCD=1\nSTART=95\nstart_service() {\n procd_open_instance\n"
        " procd_set_param command /usr/bin/ganglion node run /etc/ganglion/node.toml --state /etc/ganglion/state\n"
        " procd_close_instance\n}\n"
    )
    data = {
        "./usr/bin/ganglion": (f"#!/bin/sh\n# {version}\n{program}".encode(), 0o755),
        "./etc/init.d/ganglion": (f"#!/bin/sh /etc/rc.common\n{service}".encode(), 0o755),
        "./usr/share/ganglion/ballast": (ballast, 0o644),
    }
    control = f"Package: ganglion\nVersion: {version}\nArchitecture: mipsel_24kc\nInstalled-Size: 9000\n".encode()
    target = folder / f"ganglion_{version}_mipsel_24kc.ipk"
    target.write_bytes(
        _tar(
            {
                "./debian-binary": (b"2.0\n", 0o644),
                "./control.tar.gz": (_tar({"./control": (control, 0o644)}), 0o644),
                "./data.tar.gz": (_tar(data), 0o644),
            }
        )
    )
    return target


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, (data, mode) in files.items():
            header = tarfile.TarInfo(name)
            header.size, header.mode = len(data), mode
            archive.addfile(header, io.BytesIO(data))
    return gzip.compress(made.getvalue(), 1)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _identity(folder: Path) -> tuple[Path, Path]:
    """A private key, and the file that lets it in."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = folder / "identity"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", identity], check=True)
    return identity, folder / "identity.pub"


@contextmanager
def _running(command: list[object], port: int, log: Path) -> Iterator[Path]:
    """Runs a command in namespaces of its own until the block ends; the files as it sees them, when it listens."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            with socket.socket() as one:
                one.settimeout(1)
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"nobody listens: {log.read_text()}"
            time.sleep(0.02)
        first = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        yield Path(f"/proc/{first}/root")
    finally:
        process.kill()
        process.wait()


def may() -> bool:
    """Whether such machines can be made here: only root may mount and be any user."""
    return os.geteuid() == 0
