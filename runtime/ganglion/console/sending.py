# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of this machine sent to the MicroPython at a port that a console has open."""

from collections.abc import Callable
from pathlib import Path

from ganglion.device.content import Progress
from ganglion.device.files import Files, Written
from ganglion.device.port import Port
from ganglion.device.session import Session
from ganglion.errors import GanglionError, InvalidError, unread

#: Seconds in which a device has to be in raw mode: it runs, and answers at once or not at all.
_WITHIN = 5.0


class StoppedError(GanglionError):
    """Somebody pressed a key for it."""


def content(path: str) -> bytes:
    """What a file has.

    Raises:
        InvalidError: it cannot be read.
    """
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise InvalidError(unread(error), where=path) from None


def send(port: Port, path: str, progress: Progress, is_stopped: Callable[[], bool]) -> Written:
    """Has the device have the file, in the folder that it is in. What runs there is stopped, its REPL waits at the end.

    Args:
        port: It; it stays open.
        path: Of this machine.
        progress: Is told how far it is.
        is_stopped: Is asked now and then whether to go on; what has been sent is gone on with the next time.

    Raises:
        InvalidError: there is no such file.
        UnreachableError: there is no raw REPL, or the port is gone.
        StoppedError: it was not to go on.
        GanglionError: it did not arrive.
    """
    data = content(path)

    def told(done: int, total: int) -> None:
        if is_stopped():
            raise StoppedError(f"stopped after {done} of {total} bytes: sent again, it goes on from there")
        progress(done, total)

    session = Session(port, within=_WITHIN)
    session.enter()
    try:
        return Files(session).write(Path(path).name, data, told)
    finally:
        session.hand_back()
