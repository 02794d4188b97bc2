# SPDX-License-Identifier: GPL-3.0-or-later
"""A board under the unix port: a file system of MicroPython on a flash that is a file, and `main.py` out of that.

run.py IMAGE lfs|fat format FOLDER   puts the files of a folder on a new one
run.py IMAGE lfs|fat boot CUT CAUSE  one boot; SIGKILL in the write number CUT of the flash, which is half done;
                                     CAUSE is what the boot before ended by
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


def put(source, folder):
    for name in os.listdir(source):
        if os.stat(source + "/" + name)[0] & 0x4000:
            os.mkdir(folder + "/" + name)
            put(source + "/" + name, folder + "/" + name)
        else:
            with open(source + "/" + name, "rb") as old, open(folder + "/" + name, "wb") as new:
                new.write(old.read())


def boot():
    machine.cause = int(sys.argv[5])
    machine.at_reset.append(lambda: print("writes", block.writes))
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
    with open(image, "wb") as file:
        for _ in range(COUNT):
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
