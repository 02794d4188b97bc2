# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor offers while somebody writes: keys, values, names, placeholders."""

import json
import re

from lsprotocol.types import CompletionItem, CompletionItemKind, MarkupContent, MarkupKind, TextEdit

from ganglion.editor import proposals
from ganglion.editor.buffer import Buffer
from ganglion.editor.described import described
from ganglion.editor.grammar import fields, in_map
from ganglion.editor.names import chosen, form
from ganglion.editor.proposals import Proposal
from ganglion.editor.quoting import in_brackets
from ganglion.editor.spot import CURSOR, Spot, at_cursor
from ganglion.editor.tree import Collection, Scalar, Style
from ganglion.mova.forms import PARTS
from ganglion.mova.keys import KEYS
from ganglion.mova.shape import Field, Kind, Object
from ganglion.mova.vocabulary import DOCUMENTS

#: A placeholder that is begun: in text, not where a brace opens a map.
_PLACEHOLDER = re.compile(r"\{([\w.\-]*)\Z")
_CLOSING = re.compile(r"[\w.\-]*\}")
#: What a form calls otherwise, though it reads both.
_OTHER_SPELLING = {"flat": "next_step_id", "classes": "next_step"}
_WORD = re.compile(r"[\w.\-/]*")


def complete(buffer: Buffer, offset: int) -> list[CompletionItem]:
    """What could be written at an offset."""
    found = at_cursor(buffer.text, offset, as_json=buffer.is_json)
    if found is None:
        return []
    spot, word = found
    of = form(spot.way[0][0])
    begun = word.text.partition(CURSOR)[0]
    if not spot.on_key and (placeholder := _PLACEHOLDER.search(begun)):
        return _placeholders(buffer, offset, offset - len(placeholder[1]), spot)
    is_quoted = word.style is Style.QUOTED
    start = word.start + is_quoted
    if "\n" in buffer.text[start:offset]:
        start = offset  # a text over several lines
    here = _Place(buffer, offset, start, is_quoted)
    if spot.on_key:
        return _keys(here, spot.owner, spot.kind(), of)
    items = [here.value(each) for each in proposals.values(spot, buffer.names, edge=of[1])]
    if _may_begin_a_map(buffer, spot, word, offset):
        items += _keys(here, Collection(keyed=True), spot.value_kind(), of)
    return items


def _may_begin_a_map(buffer: Buffer, spot: Spot, word: Scalar, offset: int) -> bool:
    """Whether a word below a key, or behind a dash, could be the first key of a map in YAML."""
    if buffer.is_json or spot.owner.flow or word.style is not Style.PLAIN:
        return False
    return spot.entry.key is None or "\n" in buffer.text[spot.entry.key.end : offset]


class _Place:
    """The text that a proposal takes the place of: from where the word begins to where it ends behind the cursor."""

    def __init__(self, buffer: Buffer, offset: int, start: int, quoted: bool) -> None:
        self.buffer = buffer
        self.quoted = quoted
        rest = _WORD.match(buffer.text, offset)
        assert rest is not None  # it matches nothing, too
        self._range = buffer.positions.range(start, rest.end())
        behind = buffer.text[rest.end() : buffer.positions.line_end(offset)]
        self.has_colon = bool(re.match(r"""["']?\s*:""", behind))
        self.closed = behind[:1] in ("'", '"')

    def item(self, label: str, text: str, kind: CompletionItemKind, says: str, detail: str = "") -> CompletionItem:
        return CompletionItem(
            label=label,
            kind=kind,
            detail=detail or None,
            documentation=MarkupContent(MarkupKind.Markdown, says) if says else None,
            text_edit=TextEdit(self._range, text),
            filter_text=label,
        )

    def value(self, proposal: Proposal) -> CompletionItem:
        text = proposal.text
        if self.quoted:
            text = json.dumps(text, ensure_ascii=False)[1:-1]
        elif not proposal.word:
            text = json.dumps(text, ensure_ascii=False) if self.buffer.is_json else in_brackets(text)
        return self.item(proposal.text, text, CompletionItemKind.Value, proposal.says)

    def key(self, key: str, field: Field, says: str) -> CompletionItem:
        text = f'"{key}"' if self.buffer.is_json and not self.quoted else key
        if not self.has_colon and not self.closed:
            text += '": ' if self.quoted else ": "
        detail = described(field.kind) + (", required" if field.required else "")
        return self.item(key, text, CompletionItemKind.Property, says, detail)


def _keys(here: _Place, owner: Collection, kind: Kind, of: tuple[str, bool]) -> list[CompletionItem]:
    named = in_map(kind)
    if not isinstance(named, Object):
        return []
    is_form, edge = of
    left_out = {each.name for each in owner.entries}
    offered = fields(named, chosen(owner, named))
    if named.name == "document" and left_out.isdisjoint(each.flat for each in PARTS):
        offered |= DOCUMENTS["classes", edge].fields  # nothing says yet which form it has
    if named.name == "step":
        left_out.add(_OTHER_SPELLING[is_form])
    return [
        here.key(key, field, KEYS[named.name][key])
        for key, field in offered.items()
        if key not in left_out and (edge or not field.edge)
    ]


def _placeholders(buffer: Buffer, offset: int, start: int, spot: Spot) -> list[CompletionItem]:
    here = _Place(buffer, offset, start, quoted=True)
    closing = "" if _CLOSING.match(buffer.text, offset) else "}"
    return [
        here.item(each, each + closing, CompletionItemKind.Variable, "") for each in proposals.paths(spot.way[0][0])
    ]
