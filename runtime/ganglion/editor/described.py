# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read of a kind of value, and of a part of a document, in a line."""

from ganglion.editor.tree import Collection, Node, Scalar
from ganglion.mova.authentication import Authentication
from ganglion.mova.shape import (
    Choice,
    Duration,
    Flag,
    Kind,
    ListOf,
    ListOrMap,
    MapOf,
    Number,
    Object,
    OneOrMany,
    Text,
    TextOrMap,
)
from ganglion.mova.vocabulary import Action, Nested

#: Characters of a text that are shown of it.
_SHORT = 80
#: What a step is about, by the first of these that it has.
_ABOUT = ("prompt", "tool_api_id", "actuator", "sensor", "topic", "mqtt", "protocol", "message", "event", "for")


def described(kind: Kind) -> str:
    """What a value must be."""
    match kind:
        case Text():
            return "text"
        case Number():
            bounds = [f"from {kind.least:g}"] if kind.least is not None else []
            bounds += [f"to {kind.most:g}"] if kind.most is not None else []
            return " ".join(["a whole number" if kind.whole else "a number", *bounds])
        case Flag():
            return "true or false"
        case Duration():
            return "a duration such as 10s"
        case Choice():
            return "one of " + ", ".join(kind.values)
        case Action():
            return "an action"
        case ListOf():
            return "a list"
        case MapOf() | Object() | Authentication():
            return "a map"
        case OneOrMany():
            return "a map, or a list of them"
        case ListOrMap() | Nested():
            return "a list or a map"
        case TextOrMap():
            return f"{described(kind.as_text)}, or a map"
    return "any value"


def summary(what: str, name: str, given: Node) -> str:
    """A part of a document, in Markdown."""
    lines = [f"**{what}** `{name}`"]
    if what == "step":
        lines.append(_step(given))
    elif what == "protocol":
        steps = _entry(given, "steps")
        if isinstance(steps, Collection):
            lines.append("Steps: " + ", ".join(f"`{_text(each.value, 'id')}`" for each in steps.entries))
    elif what == "tool":
        url = _text(given, "url") or _text(given, "endpoint")
        lines.append(f"{_text(given, 'method') or 'GET'} `{url}`")
    elif what == "preset":
        said = [f"{key} {value}" for key in ("model", "temperature", "max_tokens") if (value := _text(given, key))]
        lines.append(", ".join(said))
    elif what == "intent" and isinstance(patterns := _entry(given, "patterns"), Collection):
        lines.append(", ".join(f"“{_short(each.value)}”" for each in patterns.entries))
    return "\n\n".join([*(line for line in lines if line), *filter(None, [_text(given, "description")])])


def _step(given: Node) -> str:
    action = _text(given, "action")
    about = next((_short(value) for key in _ABOUT if (value := _entry(given, key)) is not None), "")
    return f"{action}: {about}" if about else action


def outline(what: str, given: Node) -> str:
    """What stands beside a part's name in an outline of the document."""
    if what == "step":
        return _step(given)
    if what == "tool":
        return _text(given, "url") or _text(given, "endpoint")
    return _text(given, "description")


def _entry(node: Node, key: str) -> Node | None:
    entry = node.get(key) if isinstance(node, Collection) and node.keyed else None
    return None if entry is None else entry.value


def _text(node: Node, key: str) -> str:
    value = _entry(node, key)
    return value.text if isinstance(value, Scalar) else ""


def _short(node: Node | None) -> str:
    if not isinstance(node, Scalar):
        return ""
    text = " ".join(node.text.split())
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
