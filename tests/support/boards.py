# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulated boards with a real MicroPython, ready for their files, and ports on which something goes wrong."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import serial
from serial.rfc2217 import PortManager

from ganglion.device.port import Port, open_port
from ganglion.device.session import Session
from ganglion.errors import UnreachableError
from ganglion_tools.emulated_board import DISK, board
from support import one_client

CACHE = Path(__file__).parents[2] / ".cache"


#: A disk for the whole agent: 512 KiB, in blocks of what a flash erases at once.
LARGE = (
    DISK.replace("256 * 512", "128 * 4096").replace("n * 512", "n * 4096").replace("4: 256, 5: 512", "4: 128, 5: 4096")
)


@contextmanager
def booted(kind: str, *, port: int | None = None, disk: str = DISK) -> Iterator[str]:
    """A board with a file system: the name of its serial port."""
    with board(kind, CACHE, port=port) as name:
        if kind == "cortex-m3":
            mounted(name, disk)
        yield name


class Deaf(Port):
    """A port that is open, whose cable comes out once so many bytes came through it."""

    def __init__(self, name: str, count: int) -> None:
        port = open_port(name)
        super().__init__(name, port.serial)
        self._left = count

    def read(self, timeout: float) -> bytes:
        data = super().read(timeout)
        self._left -= len(data)
        if self._left < 0:
            raise UnreachableError("the cable is out")
        return data


def mounted(port: str, disk: str = DISK, *, erased: bool = False) -> None:
    """Mounts the disk of the Cortex-M3 again, after a soft reset; with nothing on it where that is asked for."""
    with Session(open_port(port)) as session:
        session.execute(disk + ('vfs.umount("/")\nvfs.VfsLfs2.mkfs(disk)\nvfs.mount(disk, "/")\n' if erased else ""))


class Spoilt(Port):
    """A port that is open, through which what is sent goes otherwise."""

    def __init__(self, name: str, spoil: Callable[[bytes], bytes]) -> None:
        port = open_port(name)
        super().__init__(name, port.serial)
        self._spoil = spoil

    def write(self, data: bytes) -> None:
        super().write(self._spoil(data))


def cut_after(count: int) -> Callable[[bytes], bytes]:
    """A cable that comes out once so many bytes went through it."""
    left = count

    def spoil(data: bytes) -> bytes:
        nonlocal left
        left -= len(data)
        if left < 0:
            raise UnreachableError("the cable is out")
        return data

    return spoil


def rfc2217(name: str) -> AbstractContextManager[str]:
    """Serves a serial port to one client, by pyserial's own side of RFC 2217; the URL of that."""

    def serve(near: socket.socket, over: threading.Event) -> None:
        with serial.serial_for_url(name, timeout=0) as port:
            near.settimeout(0.005)
            manager = PortManager(port, SimpleNamespace(write=near.sendall))
            while not over.is_set():
                with suppress(TimeoutError):
                    port.write(b"".join(manager.filter(near.recv(4096))))
                while said := port.read(1):
                    near.sendall(b"".join(manager.escape(said)))

    return one_client.rfc2217(serve)
