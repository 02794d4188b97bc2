# SPDX-License-Identifier: GPL-3.0-or-later
"""Payloads of third parties taken apart: what may be a name, a number or a text of ours, and what may not."""

import json
import math
from collections.abc import Mapping
from typing import Any

from ganglion_micro.topic import is_name

#: Letters of a name.
MAX_NAME = 100


def document(payload: bytes) -> Any:
    """What is in a payload of JSON.

    Raises:
        ValueError: there is none.
    """
    try:
        return json.loads(payload.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None


def plain(payload: bytes) -> Any:
    """What is in a payload of JSON, and the text of any other.

    Raises:
        ValueError: it is not even text.
    """
    try:
        return document(payload)
    except ValueError:
        try:
            return payload.decode()
        except UnicodeDecodeError:
            raise ValueError("neither JSON nor text") from None


def mapping(value: Any) -> Mapping[str, Any]:
    """A map of JSON.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def name_of(value: Any) -> str | None:
    """A text that may be part of a topic, and that a terminal may show; None for anything else."""
    is_one = isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable() and is_name(value)
    return value if is_one else None


def label(value: Any) -> str:
    """A text for people, as far as there is one."""
    return value[:MAX_NAME] if isinstance(value, str) and is_text(value) else ""


def number(value: Any) -> float | None:
    """A number that the mesh can hold; None for anything else."""
    return value if type(value) in (int, float) and math.isfinite(value) and abs(value) < 2**63 else None


def is_text(value: str) -> bool:
    """Whether UTF-8 has it: JSON can escape half of a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in value)
