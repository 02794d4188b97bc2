# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's configuration file for a machine: a new one, or the one that is there with a few keys changed."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from ganglion.board import Board
from ganglion.errors import InvalidError

#: The enrol key, beside the configuration.
KEY_FILE = "enrol.key"

Wanted = Mapping[tuple[str, str], str]


def wanted(name: str | None, broker: str | None, *, has_key: bool) -> dict[tuple[str, str], str]:
    """Section and key to the text that the configuration is to have there, of what was asked for."""
    asked = {
        ("node", "name"): name,
        ("mqtt", "broker"): broker,
        ("mesh", "enrol_key_file"): KEY_FILE if has_key else None,
    }
    return {key: value for key, value in asked.items() if value is not None}


def new(board: Board, values: Wanted) -> str:
    """A configuration for a machine that has none: what was asked for, and the board's own sensors."""
    lines = ["# Written by `ganglion flash`, which changes no more than it is asked to: the rest is yours."]
    sections: dict[str, dict[str, Any]] = {"node": {}, "mqtt": {}, "mesh": {}}
    for (section, key), value in values.items():
        sections[section][key] = value
    sections["node"]["board"] = board.name
    for name, table in sections.items():
        if table:
            lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    for name, table in board.sensor.items():
        lines += ["", f"[sensor.{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def changed(text: str, values: Wanted, where: str) -> str:
    """The same file with these values; the same text where it has them already.

    Raises:
        InvalidError: it is no TOML, or is written in a way that only a person can change.
    """
    table = _table(text, where)
    for (section, key), value in values.items():
        before = table.get(section)
        if isinstance(before, dict) and before.get(key) == value:
            continue
        text = _with(text, section, key, value)
        expected = table | {section: (before if isinstance(before, dict) else {}) | {key: value}}
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            table = {}
        if table != expected:
            # Without the value: a broker's may have a password in it
            raise InvalidError(f"cannot be changed from here: set {section}.{key} there by hand", where=where)
    return text


def named(text: str, where: str) -> str:
    """The node's name in it; empty where it has none. Raises: InvalidError: it is no TOML."""
    node = _table(text, where).get("node")
    name = node.get("name") if isinstance(node, dict) else None
    return name if isinstance(name, str) else ""


def _table(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(f"is no TOML: {error}; mend it there, or move it away", where=where) from None


def _with(text: str, section: str, key: str, value: str) -> str:
    """With one line changed or put in; `changed` looks whether that is what was meant."""
    line = f"{key} = {_value(value)}"
    lines = text.splitlines()
    head = next((i for i, each in enumerate(lines) if re.fullmatch(rf"\s*\[\s*{section}\s*\]\s*(#.*)?", each)), None)
    if head is None:
        return "\n".join([*lines, "", f"[{section}]", line]) + "\n"
    for i in range(head + 1, len(lines)):
        if lines[i].lstrip().startswith("["):
            break
        if re.match(rf"\s*{key}\s*=", lines[i]):
            lines[i] = line
            return "\n".join(lines) + "\n"
    return "\n".join([*lines[: head + 1], line, *lines[head + 1 :]]) + "\n"


def _value(value: Any) -> str:
    """A value as TOML writes it; of text the escapes of JSON are TOML's too."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_value(each)}' for key, each in value.items())}}}"
    return str(value)
