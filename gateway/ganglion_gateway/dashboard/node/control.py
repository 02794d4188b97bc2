# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sets an actuator with: two buttons, a number in its range, or one of its values."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from ganglion_gateway.dashboard import fields
from ganglion_gateway.dashboard.parts import attribute, button
from ganglion_gateway.dashboard.words import Say

Set = Callable[[Any], Awaitable[None]]


def control(say: Say, name: str, about: dict[str, Any], command: Set) -> None:
    """Builds it.

    Args:
        about: What the node's birth says of the actuator.
        command: Sets it.
    """
    with ui.element("div").classes("g-bar g-control"):
        if about.get("values") == [False, True]:
            for caption, value in ((say("On"), True), (say("Off"), False)):
                _button(caption, name, lambda value=value: command(value))
        elif isinstance(about.get("low"), int | float) and isinstance(about.get("high"), int | float):
            low, high = f"{about['low']:g}", f"{about['high']:g}"
            label = say("{name}, {low} to {high}").format(name=name, low=low, high=high)
            number = fields.number(label, about["low"], least=about["low"], most=about["high"])
            _button(say("Set"), name, lambda: command(_plain(number.value)))
        elif isinstance(about.get("values"), list) and about["values"]:
            options = {value: str(value) for value in about["values"]}
            choice = fields.choice(say("Value of {name}").format(name=name), options, about["values"][0])
            _button(say("Set"), name, lambda: command(choice.value))


def _button(caption: str, name: str, action: Any) -> None:
    button(caption, action).props(f'aria-label="{attribute(f"{caption} {name}")}"')


def _plain(value: float | None) -> float | None:
    """A whole number without its point."""
    return int(value) if value is not None and float(value).is_integer() else value
