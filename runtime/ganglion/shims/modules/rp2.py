# SPDX-License-Identifier: GPL-3.0-or-later
"""`rp2`: programs for PIO can be written down, but nothing here runs them."""

from collections.abc import Callable
from typing import Any, NoReturn


class PIOASMError(Exception):
    """A PIO program is wrong."""


class PIO:
    """Constants of programs."""

    IN_LOW, IN_HIGH, OUT_LOW, OUT_HIGH = 0, 1, 2, 3
    SHIFT_LEFT, SHIFT_RIGHT = 0, 1
    JOIN_NONE, JOIN_TX, JOIN_RX = 0, 1, 2
    IRQ_SM0, IRQ_SM1, IRQ_SM2, IRQ_SM3 = 256, 512, 1024, 2048

    def __init__(self, id: int) -> None:
        _none("PIO")


class StateMachine:
    """What would run a program."""

    def __init__(self, id: int, program: Any = None, **options: Any) -> None:
        _none("StateMachine")


class DMA:
    """What would copy memory."""

    def __init__(self) -> None:
        _none("DMA")


def asm_pio(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The function as it is: it is never called."""
    return lambda program: program


def bootsel_button() -> int:
    """0: nobody presses it."""
    return 0


def country(code: str | None = None) -> str:
    """The country of `network`."""
    from ganglion.shims.modules import network

    return str(network.country() if code is None else network.country(code) or "")


def _none(what: str) -> NoReturn:
    raise NotImplementedError(f"rp2.{what}: this is a part of the RP2040, and this board has none")
