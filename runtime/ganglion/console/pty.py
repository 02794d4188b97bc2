# SPDX-License-Identifier: GPL-3.0-or-later
"""A pty at a path of one's choice, through which programs of this machine use a port as if it were theirs."""

import contextlib
import errno
import os
import select
import termios
import tty
from pathlib import Path

from ganglion.errors import InvalidError, RefusedError
from ganglion.linux.holders import holders

_READ = 1024
#: Bytes that wait for a program which does not read; what comes beyond them is lost, as on a port that nobody reads.
_WAITING = 1 << 16
_SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[:1] == "B" and name[1:].isdecimal()}


class Pty:
    """One, from its making to `close`. A program that opens it is a guest; one at a time is meant.

    Args:
        path: Where a link to it is put; one that leads nowhere is replaced.

    Raises:
        RefusedError: something is there already.
        InvalidError: nothing can be put there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._near, far = os.openpty()
        try:
            tty.setraw(far)
            self._name = os.ttyname(far)
            os.chmod(self._name, 0o600)
            os.set_blocking(self._near, False)
            self._link()
        except BaseException:
            os.close(self._near)
            raise
        finally:
            os.close(far)  # from now on it is told whether somebody has it open
        self._poll = select.poll()
        self._poll.register(self._near, select.POLLIN)
        self._waiting = bytearray()
        self._speed = termios.tcgetattr(self._near)[5]  # as termios codes it
        self.speed = 0  # as it was set last, bits a second

    def __str__(self) -> str:
        who = " and ".join(map(str, holders(self._name)))
        return f"{who} at {self.path}" if who else self.path

    def fileno(self) -> int:
        """What is waited for."""
        return self._near

    @property
    def is_open(self) -> bool:
        """Whether a program has it open."""
        return not any(event & select.POLLHUP for _, event in self._poll.poll(0))

    @property
    def wanted_speed(self) -> int | None:
        """The bits a second that its program has set since `set_speed`; None if none, or one without a name."""
        code = termios.tcgetattr(self._near)[5]
        return None if code == self._speed else _SPEEDS.get(code)

    def set_speed(self, baud: int) -> None:
        """Has its program see this speed, if it has a name."""
        mode = termios.tcgetattr(self._near)
        mode[4] = mode[5] = next((code for code, speed in _SPEEDS.items() if speed == baud), mode[5])
        termios.tcsetattr(self._near, termios.TCSANOW, mode)
        self._speed, self.speed = mode[5], baud

    def read(self) -> bytes | None:
        """What the program has written; b"" where it has not, None once no program has it open."""
        try:
            return os.read(self._near, _READ)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return None

    def send(self, data: bytes) -> None:
        """Has the program read this; nobody does where no program has it open."""
        if not self.is_open:
            self._waiting.clear()
            return
        self._waiting += data[: _WAITING - len(self._waiting)]
        self.flush()

    @property
    def has_waiting(self) -> bool:
        """Whether something waits for the program to read."""
        return bool(self._waiting)

    def flush(self) -> None:
        """Goes on with what waits."""
        with contextlib.suppress(BlockingIOError):
            while self._waiting:
                del self._waiting[: os.write(self._near, self._waiting)]

    def close(self) -> None:
        """It is gone, and its link with it."""
        with contextlib.suppress(OSError):
            if os.readlink(self.path) == self._name:
                os.unlink(self.path)
        os.close(self._near)

    def _link(self) -> None:
        path = Path(self.path)
        try:
            if path.is_symlink() and not path.exists():
                path.unlink()  # of one that was killed
            path.symlink_to(self._name)
        except FileExistsError:
            raise RefusedError(f"{self.path} is there already: name another path for the pty") from None
        except OSError as error:
            raise InvalidError(f"no pty can be put there: {error.strerror}", where=self.path) from None
