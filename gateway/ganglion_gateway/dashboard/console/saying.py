# SPDX-License-Identifier: GPL-3.0-or-later
"""What a console says, as text for a terminal: lines of the log with the colour of their level, answers, notes."""

import json
from typing import Any

from ganglion.console.session import Came
from ganglion.printable import printable

_LEVELS = {
    10: ("debug", "90"),
    20: ("info", "32"),
    30: ("warning", "33"),
    40: ("error", "31"),
    50: ("critical", "1;31"),
}
#: The level of what the console itself says: who came, who wrote what.
_NOTE = 100


def line(level: int, text: str) -> str:
    """A line of the log."""
    if level == _NOTE:
        return note(text)
    name, colour = _LEVELS.get(level, (str(level), "0"))
    return f"\x1b[{colour}m{name.ljust(8)}\x1b[0m {printable(text)}\r\n"


def note(text: str) -> str:
    """What is no line of the log."""
    return f"\x1b[90m-- {printable(text)}\x1b[0m\r\n"


def wrong(text: str) -> str:
    """Why something was not done."""
    return "".join(f"\x1b[31m{printable(each)}\x1b[0m\r\n" for each in text.splitlines())


def result(answer: Any) -> str:
    """What a line has given: methods as a table, anything else as JSON."""
    if answer in (None, {}):
        return ""
    rows = answer.get("methods") if isinstance(answer, dict) else None
    if isinstance(rows, list) and all(isinstance(each, dict) for each in rows):
        names = [(str(each.get("name", "")), str(each.get("summary", ""))) for each in rows]
        width = max((len(name) for name, _ in names), default=0)
        listed = [f"\x1b[36m{printable(name).ljust(width)}\x1b[0m  {printable(says)}\r\n" for name, says in names]
        return "".join(listed)
    shown = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, indent=2)
    return "".join(f"{printable(each)}\r\n" for each in shown.splitlines())


def came(what: Came, lost: str) -> str:
    """All lines that came.

    Args:
        lost: Is said of lines that did not, with `{count}`.
    """
    missed = note(lost.format(count=what.lost)) if what.lost else ""
    return missed + "".join(line(level, text) for _at, level, text in what.lines)
