# SPDX-License-Identifier: GPL-3.0-or-later
"""A login shell on a pty, read as fast as somebody far away takes it: what waits is bounded, and a program that says
more waits, as it would for a slow terminal.
"""

import asyncio
import fcntl
import os
import pwd
import signal
import struct
import sys
import termios
from collections.abc import Callable
from contextlib import suppress

from ganglion.errors import GanglionError, RefusedError
from ganglion.redacted import HIDDEN, Entered

#: Bytes that wait for who looks; bytes read at once; bytes that one message brings.
WAITING = 32 * 1024
_PIECE = 4096
MOST_INPUT = 4096
#: Seconds that a shell has to end when its terminal is gone.
_GRACE = 2.0
#: A session of its own with the terminal as its own; `exec` keeps the process.
_START = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], ['-' + sys.argv[2]])"
)


class Shell:
    """One shell, of the user that the node runs as. Made by `open_shell`.

    Args:
        child: The process.
        terminal: Our end of its terminal; closed with it.
        changed: Called when there is something to read, or it has ended.
        taken: Bytes that were read before, of earlier ones.

    Attributes:
        code: The exit code, once it has ended.
    """

    def __init__(
        self, child: asyncio.subprocess.Process, terminal: int, changed: Callable[[], None], taken: int
    ) -> None:
        self._child = child
        self._terminal = terminal
        self._changed = changed
        self._waiting = bytearray()
        self._taken = taken
        self._reads = False
        self._line = ""
        self._entered = Entered()
        self.code: int | None = None
        os.set_blocking(terminal, False)
        self._read_on()
        self._ending = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        code = await self._child.wait()
        while self._terminal >= 0 and len(self._waiting) < 2 * WAITING and self._read():
            pass  # what it said last
        self._hang_up()
        end_session(self._child.pid)
        self.code = code
        self._changed()

    def _read_on(self) -> None:
        if not self._reads and self._terminal >= 0 and len(self._waiting) < WAITING:
            self._reads = True
            asyncio.get_running_loop().add_reader(self._terminal, self._read)

    def _read_no_more(self) -> None:
        if self._reads:
            self._reads = False
            asyncio.get_running_loop().remove_reader(self._terminal)

    def _read(self) -> bool:
        """Whether something was there."""
        try:
            data = os.read(self._terminal, _PIECE)
        except BlockingIOError:
            return False
        except OSError:  # EIO: nobody has the other end any more
            data = b""
        if not data:
            self._read_no_more()
            return False
        self._waiting += data
        if len(self._waiting) >= WAITING:
            self._read_no_more()
        self._changed()
        return True

    def take(self, seen: int, room: int) -> tuple[bytes, int]:
        """What was said from the byte `seen` on, which counts those before as read; and the number of the byte after.

        Args:
            room: Bytes at most.
        """
        done = min(max(seen - self._taken, 0), len(self._waiting))
        del self._waiting[:done]
        self._taken += done
        self._read_on()
        data = bytes(self._waiting[:room])
        return data, self._taken + len(data)

    @property
    def is_read(self) -> bool:
        """Whether it has ended and nothing waits."""
        return self.code is not None and not self._waiting

    def write(self, data: bytes, typed: Callable[[list[str]], None]) -> None:
        """Types something.

        Args:
            typed: Gets the lines that end in what the shell has taken, as they may be kept, also where it does not take
                the rest: what is not echoed is a password.

        Raises:
            RefusedError: it is too much, the shell does not read, or it has ended.
        """
        if len(data) > MOST_INPUT:
            raise RefusedError(f"{MOST_INPUT} bytes at once are the most")
        if self._terminal < 0:
            raise RefusedError("the shell has ended")
        hidden, taken = self._is_hidden(), 0
        try:
            while taken < len(data):
                taken += os.write(self._terminal, data[taken:])
        except BlockingIOError:
            raise RefusedError("what runs in the shell does not read: end it by Ctrl-C") from None
        except OSError:
            raise RefusedError("the shell has ended") from None
        finally:
            if lines := self._lines(data[:taken], hidden):
                typed(lines)

    def _is_hidden(self) -> bool:
        """Whether nobody sees what is typed, as far as it can be known: no echo, but by a shell that edits its line.

        What runs in it without an echo of the terminal's, as `ssh` does, may ask for a password somewhere else.
        """
        with suppress(termios.error, OSError):
            local = termios.tcgetattr(self._terminal)[3]
            if local & termios.ECHO:
                return False
            return bool(local & termios.ICANON) or os.tcgetpgrp(self._terminal) != self._child.pid
        return True

    def _lines(self, data: bytes, hidden: bool) -> list[str]:
        lines = []
        for letter in data.decode("utf-8", "replace"):
            if letter in "\r\n":
                lines.append(HIDDEN if hidden else self._entered.line(self._line))
                self._line = ""
            elif len(self._line) < 1000 and not hidden:
                self._line += letter
        return lines

    def resize(self, columns: int, rows: int) -> None:
        """The window has this size now."""
        if self._terminal >= 0:
            resize(self._terminal, columns, rows)

    def _hang_up(self) -> None:
        if self._terminal >= 0:
            self._read_no_more()
            os.close(self._terminal)
            self._terminal = -1

    async def close(self) -> None:
        """Hangs up, as a modem would; what does not end by that is killed."""
        for sign in (signal.SIGHUP, signal.SIGKILL):
            if self._child.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._child.pid, sign)
            self._hang_up()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._ending), _GRACE)
                return


def end_session(leader: int) -> None:
    """Hangs up on what a shell has left behind in the background; what must go on ignores that, as by `nohup`."""
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError):
                if os.getsid(int(name)) == leader:
                    os.kill(int(name), signal.SIGHUP)


def resize(terminal: int, columns: int, rows: int) -> None:
    """Says the size of the window to a terminal."""
    with suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def open_shell(columns: int, rows: int, changed: Callable[[], None], taken: int = 0) -> Shell:
    """Starts the login shell of the user that this process is; it gets nothing of our environment, which has secrets.

    Raises:
        GanglionError: it cannot be started.
    """
    try:
        user = pwd.getpwuid(os.getuid())
        name, home, program = user.pw_name, user.pw_dir, user.pw_shell or "/bin/sh"
    except KeyError:
        name, home, program = str(os.getuid()), "/", "/bin/sh"
    home = home if os.access(home, os.X_OK) else "/"
    environment = {
        "HOME": home,
        "USER": name,
        "LOGNAME": name,
        "SHELL": program,
        "TERM": "xterm-256color",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    ours, theirs = os.openpty()
    try:
        resize(ours, columns, rows)
        child = await asyncio.create_subprocess_exec(
            *[sys.executable, "-I", "-S", "-c", _START, program, os.path.basename(program)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=home,
            start_new_session=True,
        )
    except OSError as error:
        os.close(ours)
        raise GanglionError(f"the shell {program} does not start: {error.strerror}") from None
    finally:
        os.close(theirs)
    return Shell(child, ours, changed, taken)
