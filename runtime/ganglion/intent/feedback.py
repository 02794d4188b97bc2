# SPDX-License-Identifier: GPL-3.0-or-later
"""What people said was right, for a classifier to learn from: a file of JSON lines, `{"text": …, "intent": …}`."""

import json
from pathlib import Path

from ganglion.errors import InvalidError


def taught(path: Path) -> list[tuple[str, str]]:
    """Texts and their intents, in the order they came; none where there is no file yet.

    Raises:
        InvalidError: it cannot be read, or a line of it is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"the feedback cannot be read: {error}", where=str(path)) from None
    return [_example(line, f"{path}:{i}") for i, line in enumerate(lines, 1) if line.strip()]


def teach(path: Path, text: str, intent: str) -> None:
    """Adds one.

    Raises:
        InvalidError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"text": text, "intent": intent}, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InvalidError(f"the feedback cannot be written: {error.strerror}", where=str(path)) from None


def _example(line: str, where: str) -> tuple[str, str]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in ("text", "intent")):
        raise InvalidError('not a line of feedback: write {"text": "…", "intent": "…"}', where=where)
    return value["text"], value["intent"]
