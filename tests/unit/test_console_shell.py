# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of what is typed into a shell: all that it took, and nothing that nobody was shown."""

import asyncio
import os
import termios
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion.errors import RefusedError
from ganglion.node.console.shell import Shell

PID = 77


class Terminal:
    """A shell without a process on a real terminal.

    Attributes:
        front: The process group that has the terminal.
        lines: What is kept.
    """

    def __init__(self) -> None:
        self.front = PID
        self.lines: list[str] = []
        self.ours, self.theirs = os.openpty()

    def shell(self) -> Shell:
        child: Any = SimpleNamespace(pid=PID, wait=asyncio.Event().wait)
        return Shell(child, self.ours, lambda: None, 0)

    def mode(self, *flags: int) -> None:
        """The terminal has these local flags alone."""
        now = termios.tcgetattr(self.theirs)
        now[3] = sum(flags)
        termios.tcsetattr(self.theirs, termios.TCSANOW, now)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal()
    monkeypatch.setattr(os, "tcgetpgrp", lambda terminal: made.front)
    yield made
    os.close(made.theirs)
    os.close(made.ours)


async def test_what_the_terminal_does_not_show_is_hidden_but_for_a_shell_that_edits_its_line(
    terminal: Terminal,
) -> None:
    shell = terminal.shell()
    for flags, front, kept in (
        ((termios.ICANON, termios.ECHO), PID, "word"),
        ((termios.ICANON, termios.ECHO), 88, "word"),
        ((termios.ICANON,), PID, "(hidden)"),
        ((), PID, "word"),
        ((), 88, "(hidden)"),  # ssh, in which sudo asks for a password over there
    ):
        terminal.mode(*flags)
        terminal.front = front
        shell.write(b"word\r", terminal.lines.extend)
        assert terminal.lines.pop() == kept
    shell._read_no_more()
    shell._ending.cancel()


async def test_lines_that_were_taken_are_kept_though_the_rest_is_not(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = terminal.shell()
    write, room = os.write, [9]

    def full(file: int, data: bytes) -> int:
        if not room:
            raise BlockingIOError
        return write(file, data[: room.pop()])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RefusedError, match="does not read"):
        shell.write(b"rm a\rrm b\rrm c\r", terminal.lines.extend)
    assert terminal.lines == ["rm a"]
    room.append(1)
    monkeypatch.setattr(os, "write", write)
    shell.write(b"\r", terminal.lines.extend)
    assert terminal.lines == ["rm a", "rm b"]
    shell._read_no_more()
    shell._ending.cancel()


async def test_secrets_that_are_shown_are_hidden_in_what_is_kept_over_writes_and_lines(terminal: Terminal) -> None:
    shell = terminal.shell()
    for piece in (
        b"export TOKEN=hun",
        b"ter7\rcurl -H 'Authorization: Bea",
        b"rer hunter7hunter7'\rX=gt_hun\\\r",
        b"ter7 ls\r",
    ):
        shell.write(piece, terminal.lines.extend)
    assert terminal.lines == [
        *("export TOKEN=(hidden)", "curl -H 'Authorization: Bearer (hidden)", "(hidden)", "(hidden) ls")
    ]
    shell._read_no_more()
    shell._ending.cancel()
