# SPDX-License-Identifier: GPL-3.0-or-later
"""A small emulated machine with Debian's kernel, in which a program of the tests meets real drivers.

The kernel of the machine that runs the tests may have none of them. This one has, as modules: vivid is a camera, uhid a
device that a program plays. Its disk is this machine's, which it can only read.
"""

import compileall
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ganglion_tools.once import missing

ROOT = Path(__file__).parents[2]
_CACHE = ROOT / ".cache" / "kernel"
#: What brings the disk, in the order of need.
_DISK = ["virtio_pci", "9pnet_virtio", "9p"]

_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc none /proc
cd /modules
while read -r module arguments; do /bin/busybox insmod $module $arguments; done <order
cd /
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro root /disk
/bin/busybox mount -t proc none /disk/proc
/bin/busybox mount -t sysfs none /disk/sys
/bin/busybox mount -t devtmpfs none /disk/dev
/bin/busybox mount -t tmpfs none /disk/run
/bin/busybox cp /program /disk/run/program
/bin/busybox chroot /disk /bin/sh /run/program >/disk/dev/ttyS1 2>&1
/bin/busybox echo "exit $?" >/disk/dev/ttyS1
/bin/busybox poweroff -f
"""


def run(*programs: str, modules: Sequence[str], timeout: float = 300) -> list[Any]:
    """What programs printed, a JSON document each, in a machine with these modules of the kernel.

    Args:
        programs: Names of Python's modules, run one after the other by the interpreter that runs the tests, as root,
            with `$TMPDIR` to write into.
        modules: Of the kernel, each with the arguments it is loaded with: `vivid n_devs=1`.
        timeout: In seconds; the machine is emulated, and slow.

    Raises:
        AssertionError: one failed; the message has all they said.
    """
    debians = kernel()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("runtime", "firmware", "tools", "tests/support"):
            # The machine can write no bytecode, and to compile takes it as long as all the rest
            compileall.compile_dir(ROOT / each, quiet=2)
        path = os.pathsep.join(str(ROOT / each) for each in ("runtime", "firmware", "tools", "tests"))
        shell = [
            "set -e",
            f"export PYTHONPATH={path} TMPDIR=/run",
            *(f"{sys.executable} -m {each}" for each in programs),
            "",
        ]
        files = {
            "init": _INIT.encode(),
            "bin/busybox": Path("/bin/busybox").read_bytes(),
            "program": "\n".join(shell).encode(),
        }
        order: dict[str, str] = {}
        for words in (*_DISK, *modules):
            wanted, _, arguments = words.partition(" ")
            for module in _needed(debians, wanted):
                order.setdefault(module.name, arguments if module.stem == wanted else "")
                files[f"modules/{module.name}"] = module.read_bytes()
        files["modules/order"] = "".join(f"{name} {arguments}\n" for name, arguments in order.items()).encode()
        (folder / "initrd").write_bytes(gzip.compress(_archive(files), compresslevel=1))
        process = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", "768"),
                *("-display", "none", "-no-reboot", "-nic", "none", "-device", "virtio-rng-pci"),
                *("-kernel", debians / "vmlinuz", "-initrd", folder / "initrd"),
                *("-append", "console=ttyS0 loglevel=4 panic=-1"),
                *("-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"),
                *("-device", "virtio-9p-pci,fsdev=root,mount_tag=root"),
                *("-serial", f"file:{folder / 'console'}", "-serial", f"file:{folder / 'said'}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _, complaint = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            _, complaint = process.communicate()
            complaint += f"it did not end within {timeout} s"
        said = (folder / "said").read_text(errors="replace")
        console = (folder / "console").read_text(errors="replace")
    lines = said.splitlines()
    assert lines[-1:] == ["exit 0"], f"{complaint}\n{console[-2000:]}\n{said}"
    return [json.loads(line) for line in lines[:-1]]


def kernel() -> Path:
    """A folder with `vmlinuz` and `lib/modules`: of the newest kernel that this machine's apt has."""
    with missing(_CACHE) as wanted:
        if wanted:
            with tempfile.TemporaryDirectory(dir=_CACHE.parent) as name:
                scratch = Path(name)
                told = _said(["apt-cache", "depends", "linux-image-amd64"], scratch)
                package = next(word for word in told.split() if word.startswith("linux-image-") and word[12].isdigit())
                _said(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], scratch)
                (file,) = scratch.glob("*.deb")
                _said(["dpkg", "-x", str(file), "tree"], scratch)
                (image,) = (scratch / "tree/boot").glob("vmlinuz-*")
                image.rename(scratch / "tree" / "vmlinuz")
                (scratch / "tree").rename(_CACHE)
    return _CACHE


def _needed(kernel: Path, wanted: str) -> Iterator[Path]:
    """The files of a module and of what it depends on, that first; none where it is built in."""
    (folder,) = (kernel / "lib/modules").iterdir()
    found = {path.stem.replace("-", "_"): path for path in folder.rglob("*.ko")}
    path = found.get(wanted.replace("-", "_"))
    if path is None:
        assert f"/{wanted}.ko" in (folder / "modules.builtin").read_text(), f"the kernel has no module {wanted}"
        return
    data = path.read_bytes()
    begin = data.index(b"\0depends=") + len(b"\0depends=")
    for other in filter(None, data[begin : data.index(b"\0", begin)].decode().split(",")):
        yield from _needed(kernel, other)
    yield path


def _archive(files: dict[str, bytes]) -> bytes:
    """A cpio archive in the form that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format)."""
    folders = ("bin", "dev", "disk", "modules", "proc")
    entries = [*((name, 0o40755, b"") for name in folders), *((name, 0o100755, data) for name, data in files.items())]
    made = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        made += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        made += bytes(-len(made) % 4) + data
        made += bytes(-len(made) % 4)
    return bytes(made)


def _said(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout
