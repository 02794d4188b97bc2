# SPDX-License-Identifier: GPL-3.0-or-later
"""What the language server is made of: reading what is broken, names, places, words about keys."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position

from ganglion import extras
from ganglion.cli.main import main
from ganglion.editor import json_tree, lenient, yaml_tree
from ganglion.editor.buffer import Buffer
from ganglion.editor.names import mentions
from ganglion.editor.positions import Positions
from ganglion.editor.renaming import references, renamed
from ganglion.editor.spot import at_cursor
from ganglion.editor.tree import Collection, Node, Scalar
from ganglion.errors import InvalidError
from ganglion.mova.check import check
from ganglion.mova.diagnostic import Severity
from ganglion.mova.keys import KEYS, VALUES
from ganglion.mova.load import load
from ganglion.mova.shape import Object
from ganglion.mova.source import MAX_DEPTH
from ganglion.mova.templates import TEMPLATES, template
from ganglion.mova.vocabulary import BASE_ACTIONS, DOCUMENTS, EDGE_ACTIONS, json_schema
from ganglion_micro.condition import OPERATORS
from support.mova import DOCUMENTS as REAL
from support.mova_written import flat_documents, written

FRIDGE = (Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml").read_text()
YAML = [FRIDGE, *(template(kind, "x") for kind in TEMPLATES)]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def shape(node: Node) -> object:
    """Keys and plain texts, without what quotes and numbers stand for."""
    if isinstance(node, Collection):
        return [(each.name, shape(each.value)) for each in node.entries]
    return "text"


def exact(text: str, as_json: bool) -> Collection:
    return json_tree.read(text) if as_json else yaml_tree.read(text)


@pytest.mark.parametrize("text", [*YAML, *(path.read_text() for path in REAL)])
def test_what_is_whole_is_read_as_the_exact_readers_read_it(text):
    as_json = text.startswith("{")
    lax = lenient.read(text, as_json=as_json)
    assert shape(lax) == shape(exact(text, as_json))
    assert [(each.what, each.name, each.node.start, each.node.end) for each in mentions(lax)] == [
        (each.what, each.name, each.node.start, each.node.end) for each in mentions(exact(text, as_json))
    ]


@given(written(flat_documents()))
def test_comments_quotes_and_brackets_do_not_confuse_it(document):
    text, _ = document
    lax, strict = (mentions(each) for each in (lenient.read(text, as_json=False), exact(text, False)))
    assert [(each.what, each.node.start) for each in lax] == [(each.what, each.node.start) for each in strict]


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        (FRIDGE.replace("save: diagnosis", "save: {"), "too_warm ask decide beep tell done"),
        (FRIDGE.replace('Door, power or fault?"', "Door"), "too_warm ask decide beep tell done"),
        (
            FRIDGE.replace("- {id: beep, action: actuate,", "- {id: beep, action: "),
            "too_warm ask decide beep tell done",
        ),
        (FRIDGE.replace("value: true, for: 3s}", "value: ["), "too_warm ask decide beep tell done"),
        ('{"protocols": [{"name": "p", "steps": [{"id": "a", "x": , {"id": "b"}, {"id": "c", "y', "p a b c"),
        ('{"protocols": [{"name": "p", "steps": [{"id": "a", "x": "open\n}, {"id": "b"}]}]}', "p a b"),
    ],
)
def test_what_is_broken_keeps_the_names_around_it(broken, names):
    tree = lenient.read(broken, as_json=broken.startswith("{"))
    given_names = [each.name for each in mentions(tree) if each.given is not None]
    assert given_names == names.split()


@given(st.text("{}[]\"':,-#|>& \n\tabc😀é", max_size=60), st.booleans())
def test_nothing_that_can_be_typed_stops_it(text, as_json):
    for offset in range(len(text) + 1):
        found = at_cursor(text, offset, as_json=as_json)
        assert found is None or isinstance(found[0].node, Scalar)


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, '{"a": ' * 5000])
def test_what_is_deep_is_cut(text):
    depth = 0
    node: Node = lenient.read(text, as_json=text.startswith('{"'))
    while isinstance(node, Collection) and node.entries:
        node = node.entries[0].value
        depth += 1
    assert depth <= 2 * MAX_DEPTH + 2


@given(st.text("a é😀\r\n", max_size=30), st.data())
def test_a_position_leads_back_to_its_offset(text, data):
    positions = Positions(text, units)
    offset = data.draw(st.integers(0, len(text)))
    position = positions.position(offset)
    back = positions.offset(position)
    assert back == offset or text[back : offset + 1] == "\r\n"
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert position.line < len(lines)
    assert position.character <= units(lines[position.line])


def test_a_position_beyond_the_text_is_at_its_end():
    positions = Positions("a😀b\r\nc", units)
    assert positions.offset(Position(0, 3)) == 2
    assert positions.offset(Position(0, 99)) == 3
    assert positions.offset(Position(9, 0)) == 6


def objects() -> dict[str, dict[str, Object]]:
    """Every object of the vocabulary: by its name and its keys."""
    found: dict[str, dict[str, Object]] = {}
    waiting: list[object] = list(DOCUMENTS.values())
    seen: set[int] = set()
    while waiting:
        kind = waiting.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        if isinstance(kind, Object):
            for fields in (kind.fields, *(kind.cases or {}).values()):
                found.setdefault(kind.name, {}).update(dict.fromkeys(fields, kind))
                waiting += [field.kind for field in fields.values()]
        else:
            waiting += [
                getattr(kind, name) for name in ("item", "value", "as_list", "as_map", "as_text") if hasattr(kind, name)
            ]
    return found


def test_every_key_has_its_sentence_and_no_sentence_lacks_its_key():
    assert {name: set(keys) for name, keys in KEYS.items()} == {name: set(keys) for name, keys in objects().items()}
    for sentence in [each for keys in (*KEYS.values(), *VALUES.values()) for each in keys.values()]:
        assert sentence[0].isupper() or sentence[0] == "`"
        assert sentence.endswith(".")


def test_actions_and_operators_have_theirs_too():
    assert set(VALUES["action"]) == {*BASE_ACTIONS, *EDGE_ACTIONS}
    assert set(VALUES["operator"]) == set(OPERATORS)


def test_the_schema_says_what_keys_mean():
    schema = json_schema()
    assert schema["then"]["else"]["properties"]["triggers"]["description"] == KEYS["document"]["triggers"]


def buffer(text: str, file: str = "x.yaml", before: Buffer | None = None) -> Buffer:
    return Buffer(file, text, units, before)


def applied(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


@pytest.mark.parametrize("text", [*YAML, *(path.read_text() for path in REAL)])
def test_whatever_is_renamed_the_document_stays_valid(text):
    file = "x.json" if text.startswith("{") else "x.yaml"
    before = buffer(text, file)
    for mention in before.mentions:
        if mention.given is None:
            continue
        after = buffer(applied(text, list(renamed(before, mention.node.start, "brand_new"))), file)
        assert [each for each in check(after.document) if each.severity is Severity.ERROR] == []
        assert [each.what for each in after.mentions] == [each.what for each in before.mentions]
        assert len([each for each in after.mentions if each.name == "brand_new"]) == len(
            references(before, mention.node.start)
        )


def test_a_new_name_is_quoted_where_it_must_be():
    text = 'version: "2.2"\nprotocols:\n  - name: p\n    steps:\n      - {id: &a one, action: end, next_step: "one"}\n'
    for name, wanted in (("two words", "&a two words"), ("a: b", '&a "a: b"'), ("yes", '&a "yes"'), ("1", '&a "1"')):
        made = applied(text, list(renamed(buffer(text), text.index("one"), name)))
        assert f"{{id: {wanted}, " in made
        assert [each for each in check(load(made, file="x.yaml")) if each.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("text", "place", "name", "says"),
    [
        (FRIDGE, "id: tell", "beep", "there is a step 'beep' already"),
        (FRIDGE, "id: tell", " ", "cannot be a name"),
        (FRIDGE, "id: tell", "a\nb", "cannot be a name"),
        (FRIDGE, "action: end", "x", "no part of the document is named here"),
        (FRIDGE + "  x: [", "id: tell", "x", "cannot be read"),
        (template("classes", "x"), "id: decide", "a-b", "in a document with classes"),
    ],
)
def test_a_name_that_is_taken_or_none_is_refused(text, place, name, says):
    with pytest.raises(InvalidError, match=says):
        list(renamed(buffer(text), text.index(place) + len(place), name))


def test_steps_of_other_protocols_are_others():
    text = 'version: "2.2"\nprotocols:\n' + "".join(
        f"  - name: {name}\n    steps:\n      - {{id: a, action: end, next_step: a}}\n" for name in ("one", "two")
    )
    found = references(buffer(text), text.rindex("id: a") + 4)
    assert [each.node.start > text.index("two") for each in found] == [True, True]


def test_tests_name_tools_and_intents_by_keys():
    text = """\
version: "2.2"
dialect: edge/1
intents: [{name: hi, patterns: [hi]}]
triggers: [{id: t, intent: hi, run: p}]
tools: [{id: w, name: W, endpoint: "http://x"}]
protocols: [{name: p, steps: [{id: a, action: tool_api, tool_api_id: w}]}]
tests: [{name: w, tools: {w: 1}, llm: [down, {calls: {w: {}}}], feed: {"intent:hi": [[0s, {text: hi}]]}}]
"""
    for name, count in (("w", 4), ("hi", 3)):
        place = next(each for each in buffer(text).mentions if each.name == name)
        assert len(references(buffer(text), place.node.start)) == count
        made = applied(text, list(renamed(buffer(text), place.node.start, "other")))
        assert len([each for each in buffer(made).mentions if each.name == "other"]) == count
    assert 'feed: {"intent:other":' in made


def test_names_are_remembered_while_the_document_is_broken():
    whole = buffer(FRIDGE)
    broken = buffer("version: [\n" + FRIDGE.split("protocols:")[0], before=whole)
    assert ("protocol", "too_warm") in broken.names
    assert ("protocol", "too_warm") not in buffer(broken.text).names


def test_without_the_extra_its_remedy_is_said(monkeypatch, capsys):
    monkeypatch.setitem(extras.MODULES, "editor", ("nothing_of_this_name",))
    assert main(["mova", "lsp"]) == 2
    assert "pip install 'ganglion[editor]'" in capsys.readouterr().err
