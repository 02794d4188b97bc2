# SPDX-License-Identifier: GPL-3.0-or-later
"""A real MicroPython: the unix port that Debian 13 carries, run on any Debian with libraries of its own.

It is fetched once with apt, from the mirror that this machine uses and under Debian's signature, into a folder; no
root is needed, and nothing is installed. That of `i386` has the pointers of a microcontroller, of 32 bits. So is the
source package, with what its authors test it with.
"""

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion.firmware.interpreter import command
from ganglion_tools.once import missing

#: What the interpreter is linked to comes along: it wants a newer libc than Debian 12 has.
PACKAGES = ["micropython", "libc6", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7"]
#: What is kept of the source package.
SOURCES = ["tests", "examples", "lib/micropython-lib"]
KEYRINGS = [f"/usr/share/keyrings/debian-archive-keyring.{ending}" for ending in ("gpg", "pgp")]


def interpreter(folder: Path, architecture: str = "") -> list[str]:
    """The command that starts MicroPython.

    Args:
        folder: Where it is, or is brought to.
        architecture: As Debian calls it; empty for this machine's.

    Raises:
        GanglionError: it is not there and could not be fetched.
    """
    with missing(folder) as wanted:
        if wanted:
            _fetch(folder, architecture)
    return command(folder)


def source(folder: Path) -> Path:
    """The folder with MicroPython's own tests, examples and libraries in Python, of the version of `interpreter`.

    Args:
        folder: Where they are, or are brought to: `tests`, `examples`, `lib`, and `version`.

    Raises:
        GanglionError: they are not there and could not be fetched.
    """
    with missing(folder) as wanted:
        if wanted:
            with unpacked(folder) as (package, tree):
                (tree / "version").write_text(package.name.rpartition("-")[2] + "\n")
                for name in SOURCES:
                    (tree / name).parent.mkdir(parents=True, exist_ok=True)
                    (package / name).rename(tree / name)
    return folder


@contextmanager
def unpacked(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The source package of MicroPython, and an empty folder: what is put there becomes `folder` at the end.

    Raises:
        GanglionError: it could not be fetched.
    """
    with _apt(folder, "deb-src") as (scratch, apt):
        _do([*apt, "source", PACKAGES[0]], scratch / "deb")
        (package,) = (each for each in (scratch / "deb").iterdir() if each.is_dir())
        yield package, scratch / "tree"


def _fetch(folder: Path, architecture: str = "") -> None:
    """Brings MicroPython into the folder, whole or not at all.

    Raises:
        GanglionError: apt could not; the message has its last words.
    """
    with _apt(folder, "deb", architecture) as (scratch, apt):
        _do([*apt, "download", *PACKAGES], scratch / "deb")
        for package in (scratch / "deb").iterdir():
            _do(["dpkg", "-x", str(package), str(scratch / "tree")], scratch)


@contextmanager
def _apt(folder: Path, kind: str, architecture: str = "") -> Iterator[tuple[Path, list[str]]]:
    """A scratch folder, and apt with Debian 13's archive there. What `tree` in it has at the end becomes the folder.

    Args:
        folder: Which.
        kind: Of packages, as apt's sources call them: `deb` or `deb-src`.
        architecture: As Debian calls it; empty for this machine's.

    Raises:
        GanglionError: apt has no archive to fetch from.
    """
    keyring = next((path for path in KEYRINGS if Path(path).exists()), None)
    if keyring is None:
        raise GanglionError("MicroPython comes from Debian: apt-get install debian-archive-keyring")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        scratch = Path(name).absolute()
        for each in ("lists/partial", "cache/archives/partial", "deb", "tree"):
            (scratch / each).mkdir(parents=True)
        (scratch / "sources.list").write_text(f"{kind} [signed-by={keyring}] {_mirror()} trixie main\n")
        options = {
            "Dir::Etc::sourcelist": scratch / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": scratch / "lists",
            "Dir::Cache": scratch / "cache",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",  # files stay this user's own, whoever it is
        }
        if architecture:
            options |= {"APT::Architecture": architecture, "APT::Architectures": architecture}
        apt = ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        _do([*apt, "update"], scratch)
        yield scratch, apt
        (scratch / "tree").rename(folder)


def _mirror() -> str:
    """The URL of Debian's archive in this machine's own apt sources.

    Raises:
        GanglionError: it has none, or is not a Debian.
    """
    if shutil.which("apt-get") is None:
        raise GanglionError("MicroPython is fetched by apt-get, and this machine has none")
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    targets = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(SITE)", "Created-By: Packages"]
    for line in _do(targets, Path("/")).splitlines():
        if line.startswith(f"{release} main "):
            return line.split(maxsplit=2)[2]
    raise GanglionError(f"apt's sources here have no archive with `{release} main` to fetch MicroPython beside")


def _do(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise GanglionError(f"MicroPython could not be fetched: {' '.join(command[:1])} said:\n{words}")
    return done.stdout
