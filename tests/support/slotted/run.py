# SPDX-License-Identifier: GPL-3.0-or-later
"""A board under the unix port: a file system of MicroPython on a flash that is a file, and `main.py` out of that.

run.py IMAGE lfs|fat format FOLDER   puts the files of a folder on a new one
run.py IMAGE lfs|fat boot CUT CAUSE ROM
                                     one boot; SIGKILL in the write number CUT of the flash, which is half done; CAUSE
                                     is what the boot before ended by; ROM is the place for a ROMFS, in IMAGE.rom:
                                     `none`, a `block` device as on an RP2 or an ESP32, or memory `mapped` as elsewhere
"""

import os
import sys

import ffi
import machine
import vfs

image, kind, verb = sys.argv[1:4]
_libc = ffi.open("libc.so.6")
_kill, _getpid = _libc.func("i", "kill", "ii"), _libc.func("i", "getpid", "")
SIZE, COUNT = {"lfs": (4096, 64), "fat": (512, 512)}[kind]


class Block:
    """A flash in a file."""

    def __init__(self, path, cut):
        self.file = open(path, "r+b")  # noqa: SIM115 - as long as the process
        self.cut = cut
        self.writes = 0

    def readblocks(self, n, buf, offset=0):
        self.file.seek(n * SIZE + offset)
        self.file.readinto(buf)

    def writeblocks(self, n, buf, offset=0):
        self.file.seek(n * SIZE + offset)
        if self.writes == self.cut:
            self.file.write(bytes(buf)[: len(buf) // 2])
            _kill(_getpid(), 9)
        self.writes += 1
        self.file.write(buf)

    def ioctl(self, op, arg):
        if op == 4:
            return COUNT
        if op == 5:
            return SIZE
        if op == 6:
            self.writeblocks(arg, b"\xff" * SIZE)
        return 0


class Rom(bytearray):
    """The part of the flash for a ROMFS: it can be read in place, and a block that is erased can be written."""

    BLOCK = 4096

    def open(self, path, flash):
        self.file = open(path, "r+b")  # noqa: SIM115 - as long as the process
        self.file.readinto(self)
        self.flash = flash

    def writeblocks(self, n, buf, offset=0):
        at = n * self.BLOCK + offset
        half = len(buf) // 2
        assert self[at : at + len(buf)] == b"\xff" * len(buf), "it was not erased"
        self[at : at + len(buf)] = buf
        self.file.seek(at)
        if self.flash.writes == self.flash.cut:
            self.file.write(bytes(buf)[:half])
            _kill(_getpid(), 9)
        self.flash.writes += 1
        self.file.write(buf)

    def ioctl(self, op, arg):
        if op == 4:
            return len(self) // self.BLOCK
        if op == 5:
            return self.BLOCK
        if op == 6:
            self[arg * self.BLOCK : (arg + 1) * self.BLOCK] = b"\xff" * self.BLOCK
            self.writeblocks(arg, b"\xff" * self.BLOCK)
        return 0


class Vfs:
    """MicroPython's `vfs`, with such a place."""

    VfsRom, mount, umount = vfs.VfsRom, staticmethod(vfs.mount), staticmethod(vfs.umount)

    def __init__(self, kind, rom):
        self.kind = kind
        self.rom = rom

    def rom_ioctl(self, op, number, *more):
        assert number == 0
        if op == 2:
            return self.rom if self.kind == "block" else memoryview(self.rom)
        assert self.kind == "mapped"
        if op == 3:
            for n in range((more[0] + self.rom.BLOCK - 1) // self.rom.BLOCK):
                self.rom.ioctl(6, n)
            return 16
        if op == 4:
            self.rom.writeblocks(0, more[1], more[0])
        return 0


def put(source, folder):
    for name in os.listdir(source):
        if os.stat(source + "/" + name)[0] & 0x4000:
            os.mkdir(folder + "/" + name)
            put(source + "/" + name, folder + "/" + name)
        else:
            with open(source + "/" + name, "rb") as old, open(folder + "/" + name, "wb") as new:
                while data := old.read(4096):
                    new.write(data)


def boot():
    machine.cause = int(sys.argv[5])
    machine.at_reset.append(lambda: print("writes", block.writes))
    if sys.argv[6] != "none":
        rom = Rom(128 * 1024)
        rom.open(image + ".rom", block)
        sys.modules["vfs"] = Vfs(sys.argv[6], rom)
    os.umount("/")
    os.mount(vfs.VfsLfs2(block) if kind == "lfs" else vfs.VfsFat(block), "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen"]
    from ganglion_agent import boot

    boot.RESCUE_MS = 50
    with open("main.py") as main:
        code = main.read()
    exec(code, {})
    print("console")


if verb == "format":
    for name, size in ((image, COUNT * SIZE), (image + ".rom", 128 * 1024)):
        with open(name, "wb") as file:
            for _ in range(size // SIZE):
                file.write(b"\xff" * SIZE)
    block = Block(image, -1)
    files = vfs.VfsLfs2 if kind == "lfs" else vfs.VfsFat
    files.mkfs(block)
    os.mount(files(block), "/flash")
    put(sys.argv[4], "/flash")
    os.umount("/flash")
else:
    block = Block(image, int(sys.argv[4]))
    boot()
