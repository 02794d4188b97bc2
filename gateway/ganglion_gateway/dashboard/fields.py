# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of forms, each with its name above it, and what was written into them."""

import json
from typing import Any

from nicegui import ui

from ganglion.errors import InvalidError
from ganglion_gateway.dashboard.parts import attribute
from ganglion_gateway.dashboard.words import Say

_EXAMPLE = '{"name": "pump", "seconds": 5}'


def field(label: str, value: str = "", *, hint: str = "", suggestions: list[str] | None = None) -> ui.input:
    """A line of text.

    Args:
        hint: Stands below it.
        suggestions: What it may be; the first that begins as what is written is offered.
    """
    made = ui.input(label, value=value, autocomplete=suggestions).classes("g-input")
    return made.props(_props(label, hint))


def number(label: str, value: float, *, least: float, most: float) -> ui.number:
    """A number."""
    made = ui.number(label, value=value, min=least, max=most).classes("g-input g-short")
    return made.props(_props(label, ""))


def area(label: str, value: str = "", *, hint: str = "") -> ui.textarea:
    """Lines of text in the letters of code."""
    made = ui.textarea(label, value=value).classes("g-input g-json")
    return made.props(f'{_props(label, hint)} autogrow spellcheck="false"')


def choice(label: str, options: dict[Any, str], value: Any) -> ui.select:
    """One of many."""
    return ui.select(options, label=label, value=value).classes("g-input").props(_props(label, ""))


def _props(label: str, hint: str) -> str:
    said = f' hint="{attribute(hint)}"' if hint else ""
    return f'dense outlined aria-label="{attribute(label)}"{said}'


def parameters(say: Say, written: str) -> dict[str, Any]:
    """The JSON object of parameters; none of an empty field.

    Raises:
        InvalidError: it is none.
    """
    try:
        found = json.loads(written) if written.strip() else {}
    except ValueError as error:
        raise InvalidError(say("The parameters are no JSON: {why}").format(why=no_json(say, error))) from None
    if not isinstance(found, dict):
        why = say("The parameters are no JSON object: write them as {example}.")
        raise InvalidError(why.format(example=_EXAMPLE))
    return found


def no_json(say: Say, error: ValueError) -> str:
    """Where something stops being JSON, and how JSON looks."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    why = say("see line {line}, letter {column}. JSON is written as {example}.")
    return why.format(line=error.lineno, column=error.colno, example=_EXAMPLE)


def words(written: str | None) -> list[str]:
    """The words of a list that was written with commas or spaces between them."""
    return (written or "").replace(",", " ").split()
