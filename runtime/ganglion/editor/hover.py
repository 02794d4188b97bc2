# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor shows of the word that the mouse is on."""

from lsprotocol.types import Hover, MarkupContent, MarkupKind

from ganglion.editor.buffer import Buffer
from ganglion.editor.described import described, summary
from ganglion.editor.grammar import fields, in_map
from ganglion.editor.names import chosen
from ganglion.editor.proposals import EXPRESSIONS
from ganglion.editor.renaming import under
from ganglion.editor.spot import Spot, at
from ganglion.editor.tree import Scalar
from ganglion.errors import InvalidError
from ganglion.mova.expression import ExpressionSyntaxError, parse, paths
from ganglion.mova.keys import KEYS, VALUES
from ganglion.mova.shape import Duration, Object
from ganglion.units import SECOND, duration


def hover(buffer: Buffer, offset: int) -> Hover | None:
    """What is known of the key or value at an offset."""
    spot = at(buffer.tree, offset)
    if spot is None:
        return None
    text = _mentioned(buffer, offset) or (_key(spot) if spot.on_key else _value(spot))
    if not text:
        return None
    return Hover(MarkupContent(MarkupKind.Markdown, text), buffer.positions.range(spot.node.start, spot.node.end))


def _mentioned(buffer: Buffer, offset: int) -> str:
    """The part that is named there."""
    mention = under(buffer.mentions, offset)
    if mention is None:
        return ""
    given = next((each for each in buffer.mentions if each.same(mention) and each.given is not None), None)
    return "" if given is None or given.given is None else summary(given.what, given.name, given.given)


def _key(spot: Spot) -> str:
    named = in_map(spot.kind())
    if not isinstance(named, Object):
        return ""
    field = fields(named, chosen(spot.owner, named)).get(spot.entry.name)
    if field is None:
        return ""
    notes = [described(field.kind)]
    notes += ["required"] if field.required else []
    notes += ["edge dialect"] if field.edge else []
    return f"**{spot.entry.name}**: {', '.join(notes)}\n\n{KEYS[named.name][spot.entry.name]}"


def _value(spot: Spot) -> str:
    if not isinstance(spot.node, Scalar):
        return ""
    text = spot.node.text
    if isinstance(spot.value_kind(), Duration):
        return _duration(text)
    if (spot.object(), spot.key) in EXPRESSIONS or _is_set(spot):
        return _expression(text)
    said = VALUES.get(spot.key, {}).get(text)
    return f"**{text}**\n\n{said}" if said else ""


def _is_set(spot: Spot) -> bool:
    """Whether a value is one of `values` of a step."""
    return len(spot.way) > 1 and spot.object() == "step" and spot.way[-2][1].name == "values"


def _duration(text: str) -> str:
    try:
        return f"{duration(text) / SECOND:g} s"
    except InvalidError as error:
        return str(error)


def _expression(text: str) -> str:
    try:
        code = parse(text)
    except ExpressionSyntaxError as error:
        return f"not an expression: {error}, at character {error.column + 1}"
    read = dict.fromkeys(".".join(map(str, each)) for each in paths(code))
    return "an expression" + (" that reads " + ", ".join(f"`{each}`" for each in read) if read else "")
