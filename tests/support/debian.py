# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with Debian that begins anew each time: debootstrap's tree, read-only, and systemd in a container on it.

    with machine(tmp_path, {"packages": folder}) as debian: debian.run("dpkg", "-i", "/mnt/packages/x.deb")

The network is this machine's, so what listens on 127.0.0.1 here is there too. Needs root.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ganglion_tools.once import missing

_CACHE = Path(__file__).parents[2] / ".cache"
#: Beside what is required of every Debian: what a node's package depends on, as apt would bring it, and sshd.
_INCLUDED = (
    "python3",
    "python3-nacl",
    "python3-yaml",
    "python3-cffi-backend",
    "systemd",
    "systemd-sysv",
    "openssh-server",
)
#: Seconds: to fetch and configure it once, and to start.
_LONGEST, _PATIENCE = 900, 120


class Debian:
    """A machine that runs.

    Attributes:
        leader: The process id of its systemd, as it is here.
    """

    def __init__(self, leader: int) -> None:
        self.leader = leader
        self._enter = ["nsenter", "--target", str(leader), "--mount", "--uts", "--ipc", "--pid", "--root", "--wd"]

    def run(self, *words: str, code: int | None = 0) -> str:
        """What a command prints, as root; its exit code must be `code`, if that is given."""
        # The locale and the folders are its own, not this machine's.
        environment = [
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
        ]
        done = subprocess.run(
            [*self._enter, *environment, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )
        assert code in (None, done.returncode), f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str, *, mode: str = "0644") -> None:
        """Has a file say this."""
        words = ["sh", "-c", 'umask 077; cat >"$0" && chmod "$1" "$0"', path, mode]
        subprocess.run([*self._enter, *words], input=text, text=True, check=True, timeout=60)

    def shows(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", unit, "--property", name, "--value").strip()


@contextmanager
def machine(folder: Path, shared: Mapping[str, Path]) -> Iterator[Debian]:
    """One that has started, until the block ends; nothing of it is kept.

    Args:
        folder: For what it says while it starts.
        shared: Name -> a folder of this machine, which it has as `/mnt/<name>` and may not change.
    """
    # nspawn's death does not end what it started. That of the first process of a PID name space ends all in it, and so
    # does ours: a run that is killed leaves no machine behind.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += ["systemd-nspawn", "--quiet", "--boot", f"--directory={tree()}"]
    command += ["--volatile=overlay", "--link-journal=no"]
    command += ["--register=no", "--keep-unit", f"--machine=ganglion-test-{os.getpid()}"]
    command += [f"--bind-ro={path}:/mnt/{name}" for name, path in shared.items()]
    log = folder / "boot.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield _started(process, log)
    finally:
        process.kill()
        process.wait(_PATIENCE)


def _started(process: "subprocess.Popen[bytes]", log: Path) -> Debian:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        for child in (each for nspawn in _children(process.pid) for each in _children(nspawn)):
            debian = Debian(child)
            try:
                state = debian.run("systemctl", "is-system-running", code=None).strip()
            except (OSError, subprocess.SubprocessError):
                continue
            if state in ("running", "degraded"):
                return debian
        time.sleep(0.2)
    raise AssertionError(f"the machine did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has ended meanwhile
        return []


def tree() -> Path:
    """The tree, made once: of the release that this machine has, from where its apt gets it."""
    told = Path("/etc/os-release").read_text()
    found = re.search(r"^VERSION_CODENAME=(\w+)$", told, re.MULTILINE)
    assert found, "this machine says no name of a release"
    folder = _CACHE / f"debian-{found[1]}-{zlib.crc32(' '.join(_INCLUDED).encode()):08x}"
    with missing(folder) as wanted:
        if wanted:
            _bootstrap(found[1], folder)
    return folder


def _bootstrap(release: str, tree: Path) -> None:
    mirrors = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {release}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert mirrors, f"apt has no list of {release}: apt-get update"
    with tempfile.TemporaryDirectory(dir=_CACHE, prefix="debian-", ignore_cleanup_errors=True) as name:
        fresh = Path(name) / "root"
        words = ["--variant=minbase", f"--include={','.join(_INCLUDED)}", release, str(fresh), mirrors[0]]
        # In a name space of its own, so that none of what it mounts is there when the folder is emptied.
        command = ["unshare", "--mount", "debootstrap", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        # The network is this machine's: nothing there is to listen unless a test asks for it
        (fresh / "etc/systemd/system/multi-user.target.wants/ssh.service").unlink()
        for part in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"):
            shutil.rmtree(fresh / part)
            (fresh / part).mkdir()
        fresh.rename(tree)
