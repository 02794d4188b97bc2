# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.Pin` and `machine.Signal`."""

from collections.abc import Callable
from typing import Any

from ganglion.shims import board
from ganglion.shims.board.board import Line
from ganglion.shims.interrupts import INTERRUPTS

_pins: dict[Line, "Pin"] = {}


class PinBase:
    """What has a `value` can be a pin."""


class _Irq:
    """What `Pin.irq` returns."""

    def __init__(self, pin: "Pin") -> None:
        self._pin = pin

    def flags(self) -> int:
        """The edge that was last."""
        return self._pin._flags

    def trigger(self, trigger: int | None = None) -> int:
        """The edges that count; with an argument, others from now on."""
        before = self._pin._trigger
        if trigger is not None:
            self._pin._trigger = trigger
        return before


class Pin(PinBase):
    """A pin; the same object for the same number.

    Args:
        id: What the board calls it, a number or a name, or a pin.
        mode, pull: Constants of this class; as they are without them.
        value: The level that it begins with as an output.

    Raises:
        ValueError: the board has no such pin, or there is no such mode.
    """

    IN, OUT, OPEN_DRAIN, ALT = 0, 1, 2, 3
    PULL_UP, PULL_DOWN = 1, 2
    DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3
    IRQ_RISING, IRQ_FALLING, IRQ_LOW_LEVEL, IRQ_HIGH_LEVEL = 1, 2, 4, 8

    _line: Line
    _flags: int
    _trigger: int

    def __new__(cls, id: Any, *arguments: Any, **options: Any) -> "Pin":
        if isinstance(id, Pin):
            return id
        line = board.current().line(id)
        if (known := _pins.get(line)) is None:
            known = _pins[line] = super().__new__(cls)
            known._line, known._id = line, id
            known._mode, known._pull = cls.IN, None
            known._handler, known._trigger, known._flags, known._hard = None, 0, 0, False
        return known

    def __init__(self, id: Any, mode: int | None = -1, pull: int | None = -1, **options: Any) -> None:
        self._id: Any
        self._mode: int
        self._pull: int | None
        self._handler: Callable[[Pin], object] | None
        self._hard: bool
        if mode not in (-1, None) or pull != -1 or options:
            self.init(self._mode if mode in (-1, None) else mode, pull, **options)

    def init(self, mode: int | None = -1, pull: int | None = -1, *, value: Any = None, **ignored: Any) -> None:
        """Sets what is given; `drive` and `alt` mean nothing here."""
        if mode is not None and mode != -1:
            if mode not in (self.IN, self.OUT, self.OPEN_DRAIN):
                raise ValueError(f"pin {self._id}: mode {mode} is none of IN, OUT, OPEN_DRAIN")
            self._mode = mode
        if pull != -1:
            self._pull = pull
        self._line.configure(
            output=self._mode != self.IN,
            open_drain=self._mode == self.OPEN_DRAIN,
            pull={self.PULL_UP: 1, self.PULL_DOWN: 0}.get(self._pull or 0),
            level=None if value is None else int(bool(value)),
        )
        INTERRUPTS.run()

    def value(self, x: Any = None) -> int | None:
        """The level of the wire; with an argument, sets what it drives as an output."""
        if x is None:
            INTERRUPTS.run()
            return self._line.read()
        self._line.write(int(bool(x)))
        INTERRUPTS.run()
        return None

    __call__ = value

    def on(self) -> None:
        self.value(1)

    def off(self) -> None:
        self.value(0)

    high, low = on, off

    def toggle(self) -> None:
        self.value(not self._line.read())

    def mode(self, mode: int | None = None) -> int | None:
        if mode is None:
            return self._mode
        self.init(mode)
        return None

    def pull(self, pull: int | None = -1) -> int | None:
        if pull == -1:
            return self._pull
        self.init(pull=pull)
        return None

    def irq(
        self,
        handler: Callable[["Pin"], object] | None = None,
        trigger: int = 3,
        *,
        priority: int = 1,
        wake: int | None = None,
        hard: bool = False,
    ) -> _Irq:
        """Has `handler(pin)` called after edges; no handler ends that.

        Args:
            trigger: IRQ_RISING, IRQ_FALLING or both.
            hard: It is called at once, wherever the edge came from, not at the main thread's next step.

        Raises:
            ValueError: levels cannot be waited for.
        """
        if trigger & ~(self.IRQ_RISING | self.IRQ_FALLING):
            raise ValueError(f"pin {self._id}: interrupts come from edges, IRQ_RISING and IRQ_FALLING")
        self._handler, self._trigger, self._hard = handler, trigger, hard
        INTERRUPTS.attach()
        self._line.listen(None if handler is None else self._edge)
        return _Irq(self)

    def _edge(self, level: int) -> None:
        edge = self.IRQ_RISING if level else self.IRQ_FALLING
        if self._handler is None or not edge & self._trigger:
            return
        self._flags = edge
        if self._hard and not INTERRUPTS.held:
            self._handler(self)
        else:
            INTERRUPTS.fire(self, self._handler, self)

    def __repr__(self) -> str:
        return f"Pin({self._id})"


class Signal:
    """A pin that is on at the level which means on: low where it is inverted."""

    def __init__(self, pin: Any, *arguments: Any, invert: bool = False, **options: Any) -> None:
        self._pin = pin if hasattr(pin, "value") else Pin(pin, *arguments, **options)
        self._invert = bool(invert)

    def value(self, x: Any = None) -> int | None:
        if x is None:
            level: Any = self._pin.value()
            return int(level) ^ self._invert
        self._pin.value(int(bool(x) != self._invert))
        return None

    __call__ = value

    def on(self) -> None:
        self.value(1)

    def off(self) -> None:
        self.value(0)


def name(pin: Any) -> Any:
    """What the board calls a pin that may be given as an object."""
    return pin._id if isinstance(pin, Pin) else pin
