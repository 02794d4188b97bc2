# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions of `machine`: resets, sleeps, interrupts, pulses."""

import secrets
import time
from typing import Any, NoReturn

from ganglion.shims import board, restart
from ganglion.shims.buffers import readable
from ganglion.shims.interrupts import INTERRUPTS
from ganglion.shims.modules.machine.pin import name

CAUSES = (restart.POWER_ON, restart.HARD, restart.WATCHDOG, restart.DEEP_SLEEP, restart.SOFT)
#: Seconds of an idle moment.
_MOMENT = 0.001


def reset() -> NoReturn:
    """Begins the script again; the machine goes on."""
    restart.restart(restart.HARD)


def soft_reset() -> NoReturn:
    """Begins the script again."""
    restart.restart(restart.SOFT)


def reset_cause() -> int:
    """Why this run of the script began."""
    return restart.cause


def bootloader(timeout: int = 0) -> NoReturn:
    """Nothing here has one.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("machine.bootloader: this board has none")


def disable_irq() -> bool:
    """Keeps interrupts of pins and timers back; what to give `enable_irq`."""
    return INTERRUPTS.hold()


def enable_irq(state: bool = True) -> None:
    """Lets them in again, once for each source that had one meanwhile."""
    INTERRUPTS.release(bool(state))


def idle() -> None:
    """A moment in which others run."""
    INTERRUPTS.run()
    time.sleep(_MOMENT)
    INTERRUPTS.run()


def lightsleep(time_ms: int | None = None) -> None:
    """Waits so long, or until an interrupt."""
    if time_ms is not None:
        INTERRUPTS.run()
        time.sleep(max(time_ms, 0) / 1000)
        INTERRUPTS.run()
        return
    before = INTERRUPTS.count
    while INTERRUPTS.count == before:
        idle()


def deepsleep(time_ms: int | None = None) -> NoReturn:
    """Waits, then begins the script again with DEEPSLEEP_RESET as the cause."""
    lightsleep(time_ms)
    restart.restart(restart.DEEP_SLEEP)


def wake_reason() -> int:
    """0: a board that is always awake has none."""
    return 0


def freq(hz: int | None = None) -> int | None:
    """Hertz of the processor; setting it does nothing."""
    return board.current().frequency() if hz is None else None


def unique_id() -> bytes:
    return board.current().unique_id()


def rng() -> int:
    """24 random bits."""
    return secrets.randbits(24)


def time_pulse_us(pin: Any, pulse_level: int, timeout_us: int = 1_000_000) -> int:
    """Microseconds that a pin has a level, once it has it; -2: it never has it in time, -1: it stays too long."""
    start = time.monotonic_ns()
    while bool(pin.value()) != bool(pulse_level):
        if time.monotonic_ns() - start >= timeout_us * 1000:
            return -2
    start = time.monotonic_ns()
    while bool(pin.value()) == bool(pulse_level):
        if time.monotonic_ns() - start >= timeout_us * 1000:
            return -1
    return (time.monotonic_ns() - start) // 1000


def bitstream(pin: Any, encoding: int, timing: tuple[int, int, int, int], data: Any) -> None:
    """Sends bits that differ by how long the pin is high.

    Args:
        encoding: 0.
        timing: Nanoseconds: high and low of a 0, high and low of a 1.

    Raises:
        ValueError: another encoding; the board has no pixels at this pin.
    """
    if encoding != 0:
        raise ValueError("encoding")
    board.current().pixels(name(pin), readable(data), timing)
