# SPDX-License-Identifier: GPL-3.0-or-later
"""A real MicroPython for tests: the unix port that Debian 13 carries, run on any Debian with libraries of its own.

It is fetched once with apt, from the mirror that this machine uses and under Debian's signature, into `.cache`; no
root is needed, and nothing is installed. Run as a script, this fetches it and says what is there.
"""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "micropython"
#: What the interpreter is linked to comes along: it wants a newer libc than Debian 12 has.
PACKAGES = ["micropython", "libc6", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7"]
KEYRINGS = [f"/usr/share/keyrings/debian-archive-keyring.{ending}" for ending in ("gpg", "pgp")]


def run(
    script: Path, *arguments: str | Path, heap: str = "256k", timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs a script under MicroPython, with `ganglion_micro` to be imported and so many bytes of heap.

    Raises:
        RuntimeError: there is no MicroPython here, and none could be fetched.
    """
    path = os.pathsep.join(["", ".frozen", str(ROOT / "firmware"), str(ROOT / "tests")])
    return subprocess.run(
        [*interpreter(), "-X", f"heapsize={heap}", script, *arguments],
        env={"MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def interpreter() -> list[str | Path]:
    """The command that starts MicroPython.

    Raises:
        RuntimeError: it is not in the cache and could not be fetched.
    """
    if not CACHE.is_dir():
        fetch()
    (loader,) = CACHE.glob("usr/lib*/ld-linux-*.so.*")
    (libraries,) = CACHE.glob("usr/lib/*-linux-gnu*")
    return [loader, "--library-path", libraries, CACHE / "usr" / "bin" / "micropython"]


def fetch() -> None:
    """Brings MicroPython into the cache, whole or not at all.

    Raises:
        RuntimeError: apt could not; the message has its last words.
    """
    keyring = next((path for path in KEYRINGS if Path(path).exists()), None)
    if keyring is None:
        raise RuntimeError("MicroPython for the tests comes from Debian: apt-get install debian-archive-keyring")
    CACHE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as name:
        scratch = Path(name)
        for folder in ("lists/partial", "cache/archives/partial", "deb", "tree"):
            (scratch / folder).mkdir(parents=True)
        (scratch / "sources.list").write_text(f"deb [signed-by={keyring}] {mirror()} trixie main\n")
        options = {
            "Dir::Etc::sourcelist": scratch / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": scratch / "lists",
            "Dir::Cache": scratch / "cache",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",  # files stay this user's own, whoever it is
        }
        apt = ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        _do([*apt, "update"], scratch)
        _do([*apt, "download", *PACKAGES], scratch / "deb")
        for package in (scratch / "deb").iterdir():
            _do(["dpkg", "-x", str(package), str(scratch / "tree")], scratch)
        try:
            (scratch / "tree").rename(CACHE)
        except OSError:
            if not CACHE.is_dir():  # else another run has brought it meanwhile
                raise


def mirror() -> str:
    """The URL of Debian's archive in this machine's own apt sources.

    Raises:
        RuntimeError: it has none, or is not a Debian.
    """
    if shutil.which("apt-get") is None:
        raise RuntimeError("MicroPython for the tests is fetched by apt-get, and this machine has none")
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    targets = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(SITE)", "Created-By: Packages"]
    for line in _do(targets, ROOT).splitlines():
        if line.startswith(f"{release} main "):
            return line.split(maxsplit=2)[2]
    raise RuntimeError(f"apt's sources here have no archive with `{release} main` to fetch MicroPython beside")


def _do(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True)
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise RuntimeError(f"MicroPython for the tests could not be fetched: {' '.join(command[:1])} said:\n{words}")
    return done.stdout


if __name__ == "__main__":
    print(*interpreter())
