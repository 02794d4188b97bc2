# SPDX-License-Identifier: GPL-3.0-or-later
"""A line of a Linux gpiochip as a pin, by gpiod 2."""

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

from ganglion.shims.board.opened import needing, opened


class GpioLine:
    """One line, requested when it is first used; edges are waited for on a thread of their own.

    Raises:
        UsageError: gpiod is not installed.
        OSError: the chip cannot be opened, or another program has the line.
    """

    def __init__(self, chip: str, offset: int) -> None:
        self._gpiod: Any = needing("gpiod", "i2c", lambda: importlib.import_module("gpiod"))
        self._chip, self._offset = chip, offset
        self._request: Any = None
        self._output = self._open_drain = False
        self._pull: int | None = None
        self._level = 0
        self._edge: Callable[[int], None] | None = None
        self._thread: threading.Thread | None = None

    def configure(self, *, output: bool, open_drain: bool, pull: int | None, level: int | None) -> None:
        self._output, self._open_drain, self._pull = output, open_drain, pull
        if level is not None:
            self._level = level
        self._apply()

    def read(self) -> int:
        return int(self._requested().get_value(self._offset) == self._gpiod.line.Value.ACTIVE)

    def write(self, level: int) -> None:
        self._level = level
        if self._output:
            self._requested().set_value(self._offset, self._gpiod.line.Value(level))

    def listen(self, edge: Callable[[int], None] | None) -> None:
        self._edge = edge
        self._apply()
        if edge is not None and self._thread is None:
            self._thread = threading.Thread(target=self._wait, name=f"pin {self._offset}", daemon=True)
            self._thread.start()

    def _requested(self) -> Any:
        if self._request is None:
            self._apply()
        return self._request

    def _apply(self) -> None:
        line = self._gpiod.line
        settings = self._gpiod.LineSettings(
            direction=line.Direction.OUTPUT if self._output else line.Direction.INPUT,
            drive=line.Drive.OPEN_DRAIN if self._open_drain else line.Drive.PUSH_PULL,
            bias={1: line.Bias.PULL_UP, 0: line.Bias.PULL_DOWN, None: line.Bias.AS_IS}[self._pull],
            edge_detection=line.Edge.BOTH if self._edge and not self._output else line.Edge.NONE,
            output_value=line.Value(self._level),
        )
        if self._request is None:
            self._request = opened(
                "gpiochip",
                self._chip,
                lambda: self._gpiod.request_lines(
                    self._chip, consumer="ganglion.shims", config={self._offset: settings}
                ),
                f"line {self._offset}",
            )
        else:
            self._request.reconfigure_lines({self._offset: settings})

    def _wait(self) -> None:
        rising = self._gpiod.EdgeEvent.Type.RISING_EDGE
        while True:
            for event in self._requested().read_edge_events():
                if (edge := self._edge) is not None:
                    try:
                        edge(int(event.event_type == rising))
                    except Exception:  # of a script's own function: it is told, and the next edge as well
                        sys.excepthook(*sys.exc_info())
