# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents are read with the place of every value, and nothing in them can make reading expensive."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import NotFoundError
from ganglion.mova.diagnostic import Diagnostic
from ganglion.mova.load import Document, load
from ganglion.mova.source import Map, Seq
from support.mova import DOCUMENTS, VECTORS

_json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=12),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text('ab"\\ é\n', max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


def read(text: str, file: str = "x.yaml") -> tuple[Any, list[Diagnostic]]:
    document = load(text, file=file)
    return document.root, document.report.diagnostics


def codes(text: str, file: str = "x.yaml") -> list[str]:
    return [each.code for each in read(text, file)[1]]


@given(st.dictionaries(st.text("abc", min_size=1), _json, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_the_standard_library_reads_it(value: dict[str, Any], indent: Any) -> None:
    root, wrong = read(json.dumps(value, indent=indent, ensure_ascii=indent is None), "x.json")
    assert root == value
    assert not wrong


@given(st.dictionaries(st.text("abc", min_size=1), _json, max_size=4), st.booleans())
def test_yaml_is_read_as_it_was_meant(value: dict[str, Any], flow: bool) -> None:
    root, wrong = read(yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True))
    assert root == value
    assert not wrong


def _places(value: Any, document: Document, text: str, path: str = "") -> None:
    """Each key of the document stands where its map says."""
    lines = text.split("\n")
    if isinstance(value, Map):
        for key in value:
            line, column = document.report.position(value.keys_at[key])
            assert lines[line - 1][column - 1 :].lstrip('"').startswith(key), path
            _places(value[key], document, text, f"{path}.{key}")
    elif isinstance(value, Seq):
        for i, each in enumerate(value):
            _places(each, document, text, f"{path}[{i}]")


@pytest.mark.parametrize("file", ["x.json", "x.yaml"])
def test_every_value_knows_its_line_and_column(file: str) -> None:
    text = (VECTORS / "classes/pizza_2_2.json").read_text()
    document = load(text, file=file)
    assert document.root is not None
    _places(document.root, document, text)
    step = document.root["classes"]["protocol"]["steps"][3]
    assert document.report.position(step.values_at["prompt"]) == (59, 21)


def test_the_same_document_is_the_same_in_json_and_yaml() -> None:
    for path in DOCUMENTS:
        text = path.read_text()
        assert read(text, "x.json")[0] == read(text, "x.yaml")[0] == json.loads(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ('{"a": 1,\n "b" 2}', 2, 6, "no colon after the key 'b'"),
        ('{"a": [1, 2}', 1, 12, "'}' where a comma or ']' is needed"),
        ('{"a": nul}', 1, 7, "'nul' where a value is needed"),
        ('{"a": "x\ny"}', 1, 7, "a line break or another control character in a text"),
        ('{"a": 01}', 1, 8, "'1' where a comma or '}' is needed"),
        ('{"a": 1} {', 1, 10, "something stands after the end"),
        ('{"a": ', 1, 7, "the document ends where a value is needed"),
        ('{"a": /* x }', 1, 7, "a comment that does not end"),
        ('{"a": "\\ud800"}', 1, 7, "half of a surrogate pair"),
    ],
)
def test_broken_json_is_shown_where_it_breaks(text: str, line: int, column: int, says: str) -> None:
    root, (wrong,) = read(text, "x.json")
    assert root is None
    assert (wrong.code, wrong.line, wrong.column) == ("MV001", line, column)
    assert says in wrong.message


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: [1, 2\nb: 3", "MV001", 2),
        ("a: 1\n\tb: 2", "MV001", 2),
        ("a: b: c", "MV001", 1),
        ("a: \x01", "MV001", 1),
        ("a: !!python/object/apply:os.system [ls]", "MV004", 1),
        ("a: !mine 3", "MV004", 1),
        ("a: 1\n---\nb: 2", "MV004", 2),
        ("? [a]\n: 1", "MV004", 1),
        ("a: *nobody", "MV004", 1),
        ("a: &a [*a]", "MV004", 1),
        ("a: !!int x", "MV004", 1),
        ("<<: 3", "MV004", 1),
    ],
)
def test_yaml_that_a_document_may_not_use_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    root, wrong = read(text)
    assert root is None
    assert (wrong[0].code, wrong[0].line) == (code, line)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", 1),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("007", "007"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2025-08-07", "2025-08-07"),
        ("~", None),
        ("", None),
        ("null", None),
        ("true", True),
        ("yes", True),
        ("Off", False),
        ("'yes'", "yes"),
        ("!!str 12", "12"),
        ("!!float 3", 3.0),
        ("&x 3", 3),
        ("|\n  a\n  b", "a\nb"),
    ],
)
def test_a_scalar_of_yaml_is_what_people_mean(text: str, wanted: Any) -> None:
    root, _ = read(f"a: {text}")
    assert root["a"] == wanted
    assert type(root["a"]) is type(wanted)


def test_keys_are_always_text() -> None:
    assert read("on: 1\n12: 2\nnull: 3\ntrue: 4")[0] == {"on": 1, "12": 2, "null": 3, "true": 4}


def test_merge_keys_and_aliases_are_followed() -> None:
    root, wrong = read("base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: [*b, *b]\nthree: {<<: [{x: 9}, *b]}")
    assert root["one"] == {"x": 1, "y": 3}
    assert root["two"] == [{"x": 1, "y": 2}] * 2
    assert root["three"] == {"x": 9, "y": 2}
    assert not wrong


@pytest.mark.parametrize("file", ["x.json", "x.yaml"])
def test_a_key_that_stands_twice_is_an_error_at_the_second(file: str) -> None:
    _, (wrong,) = read('{"a": 1,\n "b": 2,\n "a": 3}', file)
    assert (wrong.code, wrong.line, wrong.column) == ("MV002", 3, 2)
    assert "after line 1" in wrong.message


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, }', "{'a': 'it''s'}", "{a: 1}", '{"a": 1} // end', '/* x */ {"a": [1,]}'],
)
def test_json5_is_read_with_a_hint(text: str) -> None:
    if "''" in text:
        text = "{'a': 'it\\'s \"x\"'}"
    root, (hint,) = read(text, "x.json")
    assert root["a"] in (1, [1], 'it\'s "x"')
    assert (hint.code, str(hint.severity)) == ("MV005", "hint")


@pytest.mark.parametrize(
    "text", ["a: 18446744073709551616", "a: .inf", "a: .nan", "a: 1e999", "a: -9223372036854775809"]
)
def test_numbers_that_not_every_home_can_hold_are_refused(text: str) -> None:
    assert codes(text) == ["MV008"]
    if "." not in text:
        assert codes("{" + text.replace("a", '"a"') + "}", "x.json") == ["MV008"]


def test_the_version_may_be_a_number_and_a_hint_says_how_to_write_it() -> None:
    document = load("version: 2.2\nprotocols: []", file="x.yaml")
    assert document.version == "2.2"
    assert document.report.diagnostics[0].code == "MV006"
    assert document.report.diagnostics[0].hint == 'write version: "2.2"'


def test_the_form_is_told_from_the_keys() -> None:
    assert load('version: "2.2"\nclasses: {}', file="x.yaml").form == "classes"
    assert load('version: "2.2"\nprotocols: []', file="x.yaml").form == "flat"
    assert load('version: "2.2"\nprotocols: []\nclasses: {}', file="x.yaml").form == ""


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("[" * 100_000, "x.json"),
        ("[" * 100_000, "x.yaml"),
        ('{"a":' * 100_000, "x.json"),
        ("\n".join("  " * i + "a:" for i in range(1000)), "x.yaml"),
        ("- " * 100_000, "x.yaml"),
        (_bomb(), "x.yaml"),
        ("a: " + "x" * 10_000_001, "x.yaml"),
        ('{"a": [' + "0," * 300_000 + "0]}", "x.json"),
    ],
)
def test_what_is_too_large_or_too_deep_is_refused_cheaply(text: str, file: str) -> None:
    tracemalloc.start()
    root, wrong = read(text, file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert root is None
    assert [each.code for each in wrong] == ["MV003"]
    assert peak < 100_000_000


@given(st.text(alphabet="{}[]:,-\"'&*!#|>? \n\tab1.\\/", max_size=60), st.sampled_from(["x.json", "x.yaml"]))
def test_any_text_is_read_or_refused_with_a_place(text: str, file: str) -> None:
    document = load(text, file=file)
    assert document.root is not None or document.report.diagnostics
    for each in document.report.diagnostics:
        assert each.line >= 1
        assert each.column >= 1


def test_a_file_is_read_and_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: '2.2'\r\nname: x\r\n")
    document = load(path)
    assert document.root == {"version": "2.2", "name": "x"}
    assert document.report.position(document.root.keys_at["name"]) == (2, 1)
    with pytest.raises(NotFoundError, match=r"nope\.yaml: there is no such file"):
        load(tmp_path / "nope.yaml")
    with pytest.raises(NotFoundError):
        load(tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    (wrong,) = load(path).report.diagnostics
    assert (wrong.code, wrong.line, wrong.column) == ("MV001", 2, 4)
