# SPDX-License-Identifier: GPL-3.0-or-later
"""MQTT topic names and filters (3.1.1 section 4.7): what is well formed, and what matches what."""


def is_name(text: str) -> bool:
    """Whether a text may be a topic name: 1 to 65535 bytes of UTF-8 without `+`, `#` and NUL."""
    return 0 < len(text.encode()) <= 65535 and "+" not in text and "#" not in text and "\0" not in text


def is_filter(text: str) -> bool:
    """Whether a text may be a topic filter: `+` fills a level, `#` is the last level (4.7.1)."""
    if not 0 < len(text.encode()) <= 65535 or "\0" in text:
        return False
    levels = text.split("/")
    for level in levels:
        if level not in ("+", "#") and ("+" in level or "#" in level):
            return False
    return "#" not in levels[:-1]


def matches(filter: str, topic: str) -> bool:
    """Whether a topic name matches a filter; both must be well formed."""
    if topic.startswith("$") and filter[:1] in ("+", "#"):
        return False
    wanted, levels = filter.split("/"), topic.split("/")
    for i in range(len(wanted)):
        if wanted[i] == "#":
            return True
        if i == len(levels) or wanted[i] not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)
