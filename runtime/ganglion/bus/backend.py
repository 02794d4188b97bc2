# SPDX-License-Identifier: GPL-3.0-or-later
"""Which core runs the bus, and why not the native one."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ganglion.bus import twin
from ganglion.bus.delivery import Callback
from ganglion.bus.outcome import Emitted
from ganglion.bus.queue import Overflow, Queue
from ganglion.errors import InvalidError
from ganglion.event import Event
from ganglion_micro.match import Where


class Core(Protocol):
    """What both are. `ganglion.bus.native.Core` says what the calls mean."""

    @property
    def emit(self) -> Callable[..., Emitted]: ...
    @property
    def send(self) -> Callable[[Event, int, float | None, int, bool], Emitted | int]: ...
    @property
    def topic(self) -> Callable[[str], int]: ...
    @property
    def type(self) -> Callable[[int, str], int]: ...
    @property
    def restrict(self) -> Callable[[int, str], None]: ...
    @property
    def unsubscribe(self) -> Callable[[int], None]: ...
    @property
    def take_due(self) -> Callable[[int], tuple[int, int, int] | None]: ...
    @property
    def deadline(self) -> int: ...
    @property
    def emitted(self) -> Callable[[int], int]: ...
    @property
    def sequence(self) -> Callable[[], int]: ...
    @property
    def attributes(self) -> Callable[[int, int], None]: ...
    @property
    def attach(self) -> Callable[[int, Callback, bool], None]: ...
    @property
    def detach(self) -> Callable[[int], None]: ...
    @property
    def tell(self) -> Callable[[int, Event], None]: ...
    @property
    def counts(self) -> Callable[[int], tuple[int, int]]: ...
    @property
    def totals(self) -> Callable[[], tuple[int, int, int]]: ...
    @property
    def adapt(self) -> Callable[[bool, bool, bool], None]: ...
    def subscribe(self, filter: str, priority: int, where: Where, tests: Sequence[twin.Test]) -> int: ...
    def emit_many(
        self,
        topics: "memoryview[int]",
        numbers: "memoryview[float]",
        times: "memoryview[int]",
        start: int,
        source: str,
        priority: int,
    ) -> tuple[int, int, Emitted]: ...
    @property
    def take(self) -> Callable[[list[Any], twin.Routes, int, Callable[[Any, int], None]], None]: ...
    def queue(self, capacity: int, overflow: Overflow) -> Queue: ...
    def attach_queue(self, handle: int, queue: Queue) -> bool: ...


_CORES: dict[str, Callable[..., Core]] = {"python": twin.Core}
WHY_NOT = ""
"""Why the native core is not in use; "" where it is."""
try:
    from ganglion.bus import native

    _CORES["native"] = native.Core
except ImportError as error:
    # The build leaves a note where it made no native module.
    _note = Path(__file__).with_name("pure.txt")
    WHY_NOT = _note.read_text(encoding="utf-8").strip() if _note.exists() else str(error)
BACKENDS = tuple(sorted(_CORES))
"""Those that there are: `native` where it is built, and `python`."""
BACKEND = "native" if "native" in _CORES else "python"
"""Which core a `Bus` takes by itself. `GANGLION_BACKEND=python` in the environment asks for the twin."""
_asked = os.environ.get("GANGLION_BACKEND", "")
if _asked not in ("", "native", "python"):
    raise InvalidError(f"must be native or python, not {_asked!r}", where="GANGLION_BACKEND")
if _asked == "python":
    BACKEND, WHY_NOT = "python", "GANGLION_BACKEND=python asks for the Python twin"


def core(
    backend: str,
    topics: twin.Topics,
    kept: dict[int, Event],
    slowly: Callable[..., Emitted],
    broken: Callable[[int, Exception], None],
    clock: Callable[[], int] | None,
) -> Core:
    """A new one; the arguments after the first are those of `ganglion.bus.native.Core`.

    Raises:
        ImportError: there is none of that name here.
    """
    if backend not in _CORES:
        raise ImportError(f"this build has no {backend} bus: {WHY_NOT}")
    return _CORES[backend](topics, kept, slowly, broken, clock)
