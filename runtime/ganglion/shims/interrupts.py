# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft interrupts: callbacks that run on the main thread between two of its steps, one after another, never nested.

Who is on another thread wakes the main one by a real-time signal, whose handler Python runs at such a point, also in
the middle of a sleep. The signal's number is high, so that a host program's own are left alone.
"""

import _thread
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

#: Callbacks that wait at most; MicroPython's ports have 4 to 8.
DEPTH = 8
_SIGNAL: Any = signal.SIGRTMAX - 3  # a number between the named ones


class SoftInterrupts:
    """The queue. `held` is what `machine.disable_irq` sets."""

    def __init__(self) -> None:
        self.held = False
        self.count = 0  # callbacks that ran
        self._waiting: deque[tuple[Callable[[Any], object], Any]] = deque()
        self._missed: dict[object, Callable[[], object]] = {}
        self._running = False
        self._signalled = False

    def attach(self) -> None:
        """Takes the signal; on the main thread alone can that be done, elsewhere callbacks wait for `run`."""
        if not self._signalled and threading.current_thread() is threading.main_thread():
            signal.signal(_SIGNAL, lambda number, frame: self.run())
            self._signalled = True

    def schedule(self, function: Callable[[Any], object], argument: Any) -> None:
        """Has a function called soon.

        Raises:
            RuntimeError: DEPTH callbacks wait already.
        """
        if len(self._waiting) >= DEPTH:
            raise RuntimeError("schedule queue full")
        self._waiting.append((function, argument))
        self._poke()

    def fire(self, source: object, function: Callable[[Any], object], argument: Any) -> None:
        """An interrupt of the hardware. Lost where the queue is full; once for each source while they are held."""
        if self.held:
            self._missed[source] = lambda: self.fire(source, function, argument)
            return
        if len(self._waiting) < DEPTH:
            self._waiting.append((function, argument))
        self._poke()

    def hold(self) -> bool:
        """Keeps interrupts of the hardware back; returns whether they came in before."""
        before, self.held = not self.held, True
        return before

    def release(self, state: bool) -> None:
        """Goes back to what `hold` returned, and lets in what came meanwhile."""
        self.held = not state
        while self._missed and not self.held:
            self._missed.pop(next(iter(self._missed)))()
        self.run()

    def run(self) -> None:
        """Calls what waits. An error of a callback is printed, and the script goes on."""
        if self._running or threading.current_thread() is not threading.main_thread():
            return
        # What is added after the last look, with its signal, finds nobody running and runs by itself
        while self._waiting:
            self._running = True
            try:
                if not self._waiting:
                    return  # a signal before the line above has run them
                function, argument = self._waiting.popleft()
                self.count += 1
                function(argument)
            except Exception:
                sys.excepthook(*sys.exc_info())
            finally:
                self._running = False

    def clear(self) -> None:
        """Forgets what waits, for a script that begins."""
        self._waiting.clear()
        self._missed.clear()
        self.held = False

    def _poke(self) -> None:
        if not self._signalled:
            return
        main = threading.main_thread()
        if threading.current_thread() is main:
            _thread.interrupt_main(_SIGNAL)
        elif main.ident is not None:
            signal.pthread_kill(main.ident, _SIGNAL)


#: As there is one main thread.
INTERRUPTS = SoftInterrupts()
