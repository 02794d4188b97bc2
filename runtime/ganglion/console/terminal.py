# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's terminal: every key as it is pressed, and its modes as they were when that ends, however it ends."""

import asyncio
import contextlib
import os
import signal
import termios
import threading
from collections.abc import Coroutine, Iterator
from types import FrameType
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

#: Bytes that a terminal of Linux gathers to a line.
_HALF = 4096


@contextlib.contextmanager
def keys_as_pressed(descriptor: int) -> Iterator[None]:
    """Until the block ends, keys are neither echoed nor gathered to lines, and none is a signal.

    What is printed goes on as before: a LF alone begins a line, for devices that say no CR.
    """
    mode = termios.tcgetattr(descriptor)
    mode[0] &= ~(termios.IGNBRK | termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
    mode[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    with _mode(descriptor, mode):
        yield


@contextlib.contextmanager
def lines_ended_by(descriptor: int, key: bytes) -> Iterator[None]:
    """Until the block ends, a key ends a line as Enter does, so that it is seen at once.

    Ctrl-C leaves what was typed of a line, for `half_line`.
    """
    mode = termios.tcgetattr(descriptor)
    mode[3] |= termios.NOFLSH
    mode[6][termios.VEOL] = key
    with _mode(descriptor, mode):
        yield


def half_line(descriptor: int) -> bytes:
    """What was typed of a line, in a terminal that gathers lines; it is taken out, and shown no more."""
    mode = termios.tcgetattr(descriptor)
    mode[3] &= ~(termios.ICANON | termios.ECHO)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 0, 0
    before = termios.tcgetattr(descriptor)
    termios.tcsetattr(descriptor, termios.TCSANOW, mode)
    try:
        return os.read(descriptor, _HALF)
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


@contextlib.contextmanager
def _mode(descriptor: int, mode: list[Any]) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    try:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal itself may be gone
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Until the block ends, SIGTERM and SIGHUP end the program through it, so that what it changed is put back.

    Only the main thread hears signals: in another one they end the program as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def cancelled_by_signals(work: Coroutine[Any, Any, T]) -> T:
    """Awaits it; SIGTERM and SIGHUP cancel it, as Ctrl-C does, and nothing beside it, as what it lives by.

    Only the main thread hears signals: in another one they end the program as ever.

    Raises:
        SystemExit: such a signal has come, and the work has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        return await work
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    heard: list[int] = []

    def cancel(number: int) -> None:
        heard.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, cancel, number)
    try:
        return await work
    except asyncio.CancelledError:
        if heard:
            raise SystemExit(128 + heard[0]) from None
        raise
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
