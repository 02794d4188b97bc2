# SPDX-License-Identifier: GPL-3.0-or-later
"""Boards that QEMU emulates, each with a real MicroPython and its UART on a pty or a TCP port.

`microbit` is Debian's firmware of 2017, MicroPython 1.9.2 with 9 kB of heap: the oldest that is about. `cortex-m3` is
the MicroPython 1.25 of Debian 13, compiled once from its source package by zig: with raw-paste mode and littlefs.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion_tools.micropython import unpacked
from ganglion_tools.once import missing

MICROBIT = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
#: Run in the Cortex-M3's raw REPL, mounts a disk in memory, empty at first: it has no flash, and a soft reset unmounts.
DISK = """\
import uctypes, vfs
class Disk:
    memory = uctypes.bytearray_at(0x200000, 256 * 512)
    def readblocks(self, n, buffer, offset=0):
        buffer[:] = self.memory[n * 512 + offset : n * 512 + offset + len(buffer)]
    def writeblocks(self, n, data, offset=0):
        self.memory[n * 512 + offset : n * 512 + offset + len(data)] = data
    def ioctl(self, what, _):
        return {4: 256, 5: 512, 6: 0}.get(what)
disk = Disk()
try:
    vfs.mount(disk, "/")
except OSError:
    vfs.VfsLfs2.mkfs(disk)
    vfs.mount(disk, "/")
"""
_PARTS = Path(__file__).parent / "mps2"


@contextmanager
def board(kind: str, cache: Path, *, port: int | None = None, options: Sequence[str] = ()) -> Iterator[str]:
    """Boots a board, and has the name of its serial port for `ganglion.device`.

    Args:
        kind: `microbit` or `cortex-m3`.
        cache: The folder in which what is compiled is kept.
        port: Of 127.0.0.1, on which its UART listens, for one at a time; a pty where none is given.
        options: More for QEMU.

    Raises:
        GanglionError: QEMU, the firmware or what compiles it is missing.
    """
    if shutil.which("qemu-system-arm") is None:
        raise GanglionError("the boards are emulated by QEMU: apt-get install qemu-system-arm")
    if kind == "microbit":
        if not MICROBIT.exists():
            raise GanglionError(f"there is no {MICROBIT}: apt-get install firmware-microbit-micropython")
        machine = ["-machine", "microbit", "-device", f"loader,file={MICROBIT}"]
    else:
        elf = firmware(cache / "micropython-cortex-m3") / "firmware.elf"
        machine = ["-machine", "mps2-an385", "-semihosting", "-kernel", str(elf)]
    line = "pty" if port is None else f"tcp:127.0.0.1:{port},server=on,wait=off"
    command = ["qemu-system-arm", *machine, "-display", "none", "-monitor", "none", "-serial", line, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as qemu:  # noqa: S603
        try:
            yield _pty(qemu) if port is None else _listening(qemu, port)
        finally:
            qemu.kill()


def firmware(folder: Path) -> Path:
    """The folder with `firmware.elf` for the Cortex-M3, which is compiled where it is not there: 20 s of one core.

    Raises:
        GanglionError: the source could not be fetched or compiled.
    """
    with missing(folder) as wanted:
        if wanted:
            _bring(folder)
    return folder


def _bring(folder: Path) -> None:
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        raise GanglionError("zig compiles MicroPython here: pip install ziglang")
    with unpacked(folder) as (source, tree):
        _compile(source, tree / "firmware.elf", Path(found.origin).parent)


def _compile(source: Path, elf: Path, zig: Path) -> None:
    port, library = source / "ports" / "qemu", zig / "lib"
    runtime = source / "libcompiler_rt.a"
    target = ["-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3", "-O", "ReleaseSmall"]
    # clang calls what divides 64 bits and the like, and zig has it in its library.
    _do([str(zig / "zig"), "build-lib", str(library / "compiler_rt.zig"), *target, f"-femit-bin={runtime}"], source)
    options = [f"BOARD_DIR={_PARTS}", f"HERE={_PARTS}", "BOARD=MPS2", "FROZEN_MANIFEST="]
    tools = [f"ZIG={zig / 'zig'}", f"LIBRARY={library}", f"PYTHON={sys.executable}"]
    _do(["make", f"-j{os.cpu_count() or 1}", *options, *tools, "objects"], port)
    objects = sorted(map(str, (port / "build-MPS2").rglob("*.o")))
    linker = [str(zig / "zig"), "ld.lld", "--gc-sections", "-T", str(_PARTS / "mps2.ld"), "-o", str(elf)]
    _do([*linker, *objects, str(runtime)], source)


def _do(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")  # noqa: S603
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise GanglionError(f"MicroPython could not be compiled: {Path(command[0]).name} said:\n{words}")


def _pty(qemu: subprocess.Popen[str]) -> str:
    assert qemu.stdout is not None
    said = qemu.stdout.readline()  # char device redirected to /dev/pts/3 (label serial0)
    name = next((word for word in said.split() if word.startswith("/dev/")), None)
    if name is None:
        raise GanglionError(f"QEMU did not start: it said {said!r}")
    return name


def _listening(qemu: subprocess.Popen[str], port: int) -> str:
    while qemu.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"socket://127.0.0.1:{port}"
    raise GanglionError(f"QEMU did not start: is port {port} taken?")
