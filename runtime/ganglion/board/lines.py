# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a TOML text a key stands. tomllib keeps no places, and a person wants one."""

import re

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"' -]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"' -]+?)\s*=")
_INDEX = re.compile(r"\[(\d+)\]")


def line_of(text: str, key: str) -> int | None:
    """The line, from 1, of the longest part of `key` that stands in the text; None where no part does.

    Args:
        key: As in `bus.i2c0.sda`, or `usb[1].id` for the second `[[usb]]`.
    """
    wanted = _parts(key)
    best, found = 0, None
    table: list[str] = []
    counts: dict[str, int] = {}
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:  # a text of several lines: nothing in it is a key
            inside = "" if line.count(inside) % 2 else inside
            continue
        inside = next((quotes for quotes in ('"""', "'''") if line.count(quotes) % 2), "")
        if match := _TABLE.fullmatch(line):
            table = _parts(match[2])
            if match[1] == "[[":
                name = ".".join(table)
                table.append(str(counts.get(name, 0)))
                counts[name] = counts.get(name, 0) + 1
            here = table
        elif match := _KEY.match(line):
            here = table + _parts(match[1])
        else:
            continue
        if best < len(here) <= len(wanted) and here == wanted[: len(here)]:
            best, found = len(here), number
    return found


def _parts(key: str) -> list[str]:
    return [part.strip().strip("\"'") for part in _INDEX.sub(r".\1", key).split(".") if part.strip()]
