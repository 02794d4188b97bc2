# SPDX-License-Identifier: GPL-3.0-or-later
"""`micropython`: `const`, the decorators of its compilers, `schedule`, and what tells of memory."""

import signal as _signal
import sys as _sys
from collections.abc import Callable
from typing import Any, TypeVar

from ganglion.shims.interrupts import INTERRUPTS as _INTERRUPTS
from ganglion.shims.viper import viper as viper

_Value = TypeVar("_Value")
_level = 0
_heap_locks = 0


def const(value: _Value) -> _Value:
    """The value itself."""
    return value


def bytecode(function: _Value) -> _Value:
    """The function itself."""
    return function


def native(function: _Value) -> _Value:
    """The function itself: nothing is compiled here."""
    return function


def _assembler(function: Callable[..., Any]) -> Callable[..., Any]:
    raise NotImplementedError(f"{function.__name__}: assembler of a microcontroller does not run on CPython")


asm_thumb = asm_xtensa = asm_rv32 = _assembler


def opt_level(level: int | None = None) -> int | None:
    """Without an argument the level that was set; it changes nothing."""
    global _level
    if level is None:
        return _level
    _level = int(level)
    return None


def schedule(function: Callable[[Any], object], argument: Any) -> None:
    """Has `function(argument)` called on the main thread soon, when no other such call runs.

    Raises:
        RuntimeError: too many wait already.
    """
    _INTERRUPTS.attach()
    _INTERRUPTS.schedule(function, argument)


def alloc_emergency_exception_buf(size: int) -> None:
    """Nothing: there is memory for exceptions."""


def mem_info(verbose: object = None) -> None:
    """Prints how many blocks CPython's allocator has handed out."""
    print(f"mem: {_sys.getallocatedblocks()} blocks")


def qstr_info(verbose: object = None) -> None:
    """Prints nothing of use: CPython keeps its strings otherwise."""
    print("qstr pool: n_pool=0, n_qstr=0, n_str_data_bytes=0, n_total_bytes=0")


def stack_use() -> int:
    """How many calls deep the script is."""
    depth, frame = 0, _sys._getframe(1)
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    return depth


def heap_lock() -> int:
    """Counts; memory can be had all the same."""
    global _heap_locks
    _heap_locks += 1
    return _heap_locks


def heap_unlock() -> int:
    """Counts back."""
    global _heap_locks
    _heap_locks -= 1
    return _heap_locks


def heap_locked() -> int:
    return _heap_locks


def kbd_intr(char: int) -> None:
    """-1: Ctrl-C does nothing. 3: it is a KeyboardInterrupt again. A terminal sends no other."""
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN if char < 0 else _signal.default_int_handler)


class RingIO:
    """Bytes between one who writes and one who reads, of which so many fit."""

    def __init__(self, size: int | bytearray) -> None:
        self._size = size if isinstance(size, int) else len(size) - 1
        self._data = bytearray()

    def __repr__(self) -> str:
        return "<RingIO>"

    def any(self) -> int:
        return len(self._data)

    def read(self, count: int = -1) -> bytes:
        end = len(self._data) if count < 0 else count
        data = bytes(self._data[:end])
        del self._data[:end]
        return data

    def readline(self, count: int = -1) -> bytes:
        end = self._data.find(b"\n") + 1 or len(self._data)
        return self.read(end if count < 0 else min(end, count))

    def readinto(self, buffer: bytearray, count: int = -1) -> int:
        data = self.read(len(buffer) if count < 0 else min(count, len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: bytes) -> int:
        """How many bytes had room."""
        taken = bytes(data)[: self._size - len(self._data)]
        self._data += taken
        return len(taken)

    def ioctl(self, request: int, events: int) -> int:
        """For `select.poll`: it can be read where there is something, and written where there is room."""
        if request != 3:
            return -1
        return events & (bool(self._data) | 4 * (len(self._data) < self._size))

    def close(self) -> None:
        """Nothing to close."""
