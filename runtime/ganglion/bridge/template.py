# SPDX-License-Identifier: GPL-3.0-or-later
"""The value templates of Home Assistant's discovery that only pick a value, as those of devices mostly do."""

import re
from typing import Any

#: `{{ value }}`, `{{ value_json.a.b }}`, `{{ value_json['a']["b"] | float }}`
_PICK = re.compile(
    r"""\{\{-?\s*(value_json|value)(?!\w)((?:\.\w+|\[\s*(?:'[^'\]]*'|"[^"\]]*"|\d+)\s*\])*)\s*([^{}]*?)-?\}\}"""
)
_STEP = re.compile(r"""\.(\w+)|\[\s*(?:'([^'\]]*)'|"([^"\]]*)"|(\d+))\s*\]""")
#: Filters that leave a value what it is.
_HARMLESS = re.compile(r"(?:\|\s*(?:float|int|is_defined|round)\s*(?:\(\s*-?\d*\s*\))?\s*)*")
#: Letters of a template that is looked at.
_LONGEST = 300


def steps(template: str) -> tuple[str | int, ...] | None:
    """The way to the value in a message of JSON, empty for all of the message; None for a template that does more."""
    found = _PICK.fullmatch(template.strip()) if len(template) <= _LONGEST else None
    if found is None or not _HARMLESS.fullmatch(found[3]) or (found[1] == "value" and found[2]):
        return None
    return tuple(
        int(index) if index else word or single or double for word, single, double, index in _STEP.findall(found[2])
    )


def pick(value: Any, way: tuple[str | int, ...]) -> Any:
    """What is there; None where nothing is."""
    for step in way:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
