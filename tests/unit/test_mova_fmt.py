# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova fmt`: one layout, either form, and nothing lost on the way."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli.main import main
from ganglion.editor import yaml_tree
from ganglion.editor.layout import formatted
from ganglion.errors import InvalidError
from ganglion.mova import yaml_source
from ganglion.mova.diagnostic import DocumentError
from ganglion.mova.difference import differences
from ganglion.mova.load import load
from ganglion.mova.model import model
from ganglion.mova.normal import normal
from ganglion.mova.templates import TEMPLATES, template
from support.mova import DOCUMENTS, VECTORS
from support.mova_written import flat_documents, written

FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"


def laid_out(text: str, file: str = "x.yaml", to: str = "") -> str:
    """The text in its layout, which has a layout of its own no more."""
    made = formatted(load(text, file=file), to=to)
    assert formatted(load(made, file=file)) == made
    return made


def meaning(text: str, file: str = "x.yaml") -> dict[str, Any]:
    return normal(model(load(text, file=file)))


def body(lines: str) -> str:
    """A document with values of the author's under `x`, in the layout, without its first line."""
    return laid_out(f'version: "2.2"\n{lines}').removeprefix('version: "2.2"\n')


@given(written(flat_documents()))
def test_nothing_is_lost_on_the_way_through_layout_and_both_forms(document):
    text, comments = document
    classes = laid_out(text, to="classes")
    flat = laid_out(classes, to="flat")
    for made in (laid_out(text), classes, flat):
        assert list(differences(meaning(text), meaning(made))) == []
        assert [made.count(each) for each in comments] == [1] * len(comments)


@given(flat_documents(), st.sampled_from([None, 1, 4]))
def test_nothing_is_lost_in_json(document, indent):
    text = json.dumps(document, indent=indent)
    assert json.loads(laid_out(text, "x.json")) == document
    classes = laid_out(text, "x.json", "classes")
    flat = laid_out(classes, "x.json", "flat")
    for made in (classes, flat):
        assert list(differences(meaning(text, "x.json"), meaning(made, "x.json"))) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_real_document_goes_through_both_forms_unchanged(path, suffix):
    file = "x" + suffix
    text = path.read_text()
    forms = ["flat", "classes"] if path.parent.name == "classes" else ["classes", "flat"]
    if path.stem == "readme_ai_assistant":  # its protocol has a space in its name
        with pytest.raises(DocumentError, match=r"'AI Assistant' cannot go into classes.*rename it.*AI_Assistant"):
            formatted(load(text, file=file), to="classes")
        text = text.replace("AI Assistant", "AI_Assistant")
    made = text
    for to in forms:
        made = laid_out(made, file, to)
        assert load(made, file=file).form == to
        assert list(differences(meaning(text, file), meaning(made, file))) == []


@pytest.mark.parametrize("text", [FRIDGE.read_text(), *(template(kind, "x") for kind in TEMPLATES)])
def test_what_we_write_ourselves_is_in_the_layout(text):
    assert laid_out(text) == text


@pytest.mark.parametrize(
    ("written", "layout"),
    [
        ("x: {a:    1,\n     b: [ yes, No,~ ]}", "x: {a: 1, b: [true, false, null]}"),
        ("x: 'it''s'", 'x: "it\'s"'),
        ("x: \"say \\\"hi\\\"\"", "x: 'say \"hi\"'"),
        ('x: "a\\tb 😀 \\u00e9 \\u2028"', 'x: "a\\tb 😀 é \\u2028"'),
        ("x: plain text\n  over lines", "x: plain text over lines"),
        ("x: one\n\n  two", 'x: "one\\ntwo"'),
        ("x: [0x1F, 1e3, -.5, !!float 3, !!str 4, ! 5]", 'x: [0x1F, 1e3, -.5, 3.0, "4", "5"]'),
        ("x:\n- a\n-   - b\n    - c\n-", "x:\n  - a\n  - - b\n    - c\n  - null"),
        ("x: |\n     a\n       b\n\n\ny: 1", "x: |\n  a\n    b\n\ny: 1"),
        ("x: |+\n     a\n\n\ny: 1", "x: |+\n  a\n\n\ny: 1"),
        ("x: |1-\n   a\n  b", "x: |2-\n    a\n   b"),
        ("x: >-\n   long\n   text\n\n   more", "x: >-\n  long\n  text\n\n  more"),
        ("x: >1\n   a\n  b", "x: |2-\n    a\n   b"),
        ('? "a b"\n: 1\n? c\n: 2', '"a b": 1\nc: 2'),
        ("x: &one {a: 1}\ny: *one\nz: {<<: *one, b: [*one]}", "x: &one {a: 1}\ny: *one\nz: {<<: *one, b: [*one]}"),
        ("x: &one\n   a: 1\ny:\n - &two\n   b: 1", "x: &one\n  a: 1\ny:\n  - &two\n    b: 1"),
        ("x: {a: why?, b: c:d, e: -f}", 'x: {a: "why?", b: c:d, e: -f}'),
        ("x:\n  # a\n  # b\n\n  y: 1 # c\n  # d\n\n\n# e", "x:\n  # a\n  # b\n\n  y: 1  # c\n  # d\n\n# e"),
        ("x: # a\n  {b: 1}", "x: {b: 1}  # a"),
        ("x: {b: 1, # a\n c: 2}", "x:\n  b: 1  # a\n  c: 2"),
        ("x: [ # a\n ]", "x: []  # a"),
        ("x: | # a\n  text", "x: |-  # a\n  text"),
        ("x:\n - # a\n   b: 1\n - c # d", "x:\n  # a\n  - b: 1\n  - c  # d"),
        ("x:\r\n  - a # b\r\n  - c\r\n", "x:\n  - a  # b\n  - c"),
        ("x: a#b", "x: a#b"),
        ("x:\n  - &a # c\n    b: 1", "x:\n  - &a\n    # c\n    b: 1"),
    ],
)  # fmt: skip
def test_a_value_has_one_layout(written, layout):
    assert body(written) == layout + "\n"


def test_brackets_go_where_a_line_would_be_too_long():
    long = "w" * 50
    assert body(f"x: [{long}, {long}]") == f"x: [{long}, {long}]\n"
    assert body(f"x: [{long}, {long}, {{y: {long}}}]") == f"x:\n  - {long}\n  - {long}\n  - {{y: {long}}}\n"
    in_json = json.loads(laid_out(json.dumps({"version": "2.2", "x": [long] * 3}), "x.json"))
    assert in_json == {"version": "2.2", "x": [long] * 3}


def test_keys_come_in_the_order_of_the_vocabulary_with_their_comments():
    text = """\
# The door

protocols:
  - steps:
      # b
      - action: end
        # of the id
        id: b
        mine: 1
    name: a
dialect: edge/1
version: 2.2
"""
    wanted = """\
# The door

version: "2.2"
dialect: edge/1
protocols:
  - name: a
    steps:
      # b
      # of the id
      - id: b
        action: end
"""
    assert laid_out(text.replace("        mine: 1\n", "")) == wanted


def test_a_document_with_aliases_keeps_the_order_of_its_keys_and_loses_them_in_the_other_form():
    text = 'tools:\n  - &t {id: a, name: A, endpoint: "http://x"}\n  - {<<: *t, id: b}\nversion: "2.2"\n'
    assert laid_out(text) == text
    classes = laid_out(text, to="classes")
    assert "&t" not in classes
    assert meaning(classes)["tools"] == meaning(text)["tools"]


def test_each_form_spells_its_keys():
    text = """\
version: "2.2"
protocols:
  - name: p
    steps:
      - {id: a, action: end, next_step: b, next_step_id: a}
      - {id: b, action: end, next_step: "", next_step_id: a}
tools:
  - {id: t, name: t, endpoint: "http://x"}
contracts:
  - {contract_id: c, parties: [], terms: "", valid_from: "2024"}
instructions:
  - {id: instruction_1, title: "", content: do}
"""
    classes = laid_out(text, to="classes")
    assert yaml.safe_load(classes)["classes"] == {
        "protocol": {
            "name": "p",
            "steps": [
                {"id": "a", "action": "end", "next_step_id": "b"},
                {"id": "b", "action": "end", "next_step_id": "a"},
            ],
        },
        "tool_api": {"id": "t", "url": "http://x"},
        "instruction": {"text": "do"},
        "contract": {"name": "c", "valid_from": "2024"},
    }
    back = yaml.safe_load(laid_out(classes, to="flat"))
    assert back["tools"] == [{"id": "t", "name": "t", "endpoint": "http://x"}]
    assert back["instructions"] == [{"id": "instruction_1", "title": "", "content": "do"}]
    assert [step["next_step"] for step in back["protocols"][0]["steps"]] == ["b", "a"]


def test_what_the_other_form_has_no_place_for_is_named_with_its_line():
    text = 'version: "2.2"\nprotocols: []\nprofiles:\n  - {user_id: u, preferences: {tone: rude}}\n'
    with pytest.raises(InvalidError, match=r"no place for what it says: classes\.profile\.preferences\.tone: MV104"):
        formatted(load(text, file="x.yaml"), to="classes")
    steps = "protocols:\n  - name: a\n    steps: [{id: a-b, action: end}]\n"
    steps = f'version: "2.2"\n{steps}intents:\n  - {{name: ü, patterns: [x]}}\n'
    with pytest.raises(DocumentError) as refused:
        formatted(load(steps, file="x.yaml"), to="classes")
    assert [(each.line, each.column, each.path) for each in refused.value.diagnostics] == [
        (4, 18, "protocols[0].steps[0].id"),
        (6, 12, "intents[0].name"),
    ]


def test_json5_becomes_json_unless_it_would_lose_its_comments():
    text = "{version: '2.2', protocols: [],}"
    assert laid_out(text, "x.json") == '{\n  "version": "2.2",\n  "protocols": []\n}\n'
    for comment in ("// why", "/* why */"):
        with pytest.raises(InvalidError, match=r"would be lost.*--drop-comments"):
            formatted(load(f"{comment}\n{text}", file="x.json"))
        assert formatted(load(f"{comment}\n{text}", file="x.json"), drop_comments=True) == laid_out(text, "x.json")
    assert laid_out('{"version": 2.2, "x": "// no comment"}', "x.json").startswith('{\n  "version": "2.2"')


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_both_readers_of_yaml_give_the_same_layout(monkeypatch, loader):
    text = 'version: "2.2"\nx: |+ # a\n  b\n\ny: &a >-\n  c\n\n\nz: !!str 5 # d\n'
    monkeypatch.setattr(yaml_tree, "_Loader", loader)
    monkeypatch.setattr(yaml_source, "_Loader", loader)
    assert laid_out(text) == 'version: "2.2"\nx: |+  # a\n  b\n\ny: &a >-\n  c\n\nz: "5"  # d\n'


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["mova", "fmt", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    path = tmp_path / "loose.yaml"
    path.write_text("protocols:   []\nversion: 2.2\n")
    return path


def test_a_file_is_written_in_place_where_it_changes(capsys, tmp_path, loose):
    loose.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(loose)
    assert shell(capsys, link, FRIDGE) == (0, f"wrote {link}\n1 in the layout already\n", "")
    assert loose.read_text() == 'version: "2.2"\nprotocols: []\n'
    assert stat.S_IMODE(loose.stat().st_mode) == 0o640
    assert link.is_symlink()
    before = loose.stat()
    assert shell(capsys, loose)[:2] == (0, "1 in the layout already\n")
    assert loose.stat() == before
    assert sorted(os.listdir(tmp_path)) == ["link.yaml", "loose.yaml"]


def test_check_says_which_files_would_change_and_writes_none(capsys, loose):
    text = loose.read_text()
    assert shell(capsys, "--check", loose, FRIDGE)[:2] == (1, f"would change {loose}\n1 in the layout already\n")
    assert loose.read_text() == text
    assert shell(capsys, "--check", FRIDGE)[0] == 0
    code, out, _ = shell(capsys, "--check", loose, "--json")
    assert (code, json.loads(out)) == (
        1,
        {"files": [{"file": str(loose), "changed": True, "error": None, "diagnostics": []}]},
    )


def test_an_invalid_document_stays_as_it_is_with_its_diagnostics(capsys, tmp_path, loose):
    broken = tmp_path / "broken.yaml"
    broken.write_text('version: "2.2"\nprotocols:\n  - name: a\n')
    code, out, _ = shell(capsys, broken, loose)
    assert code == 1
    assert f"{broken}:3:5: error MV101" in out
    assert f"wrote {loose}" in out
    assert broken.read_text() == 'version: "2.2"\nprotocols:\n  - name: a\n'


def test_a_file_that_is_not_there_hides_nothing_of_the_others(capsys, tmp_path, loose):
    none = tmp_path / "none.yaml"
    code, out, _ = shell(capsys, none, loose)
    assert (code, out.splitlines()) == (3, [f"{none}: there is no such file", f"wrote {loose}"])
    code, out, _ = shell(capsys, "--check", none, loose, "--json")
    said = [(each["file"], each["changed"], each["error"]) for each in json.loads(out)["files"]]
    assert (code, said) == (3, [(str(none), False, f"{none}: there is no such file"), (str(loose), False, None)])
    assert shell(capsys, none, "--output", tmp_path / "out.yaml")[0] == 3


def test_a_conversion_goes_to_a_file_or_to_stdout(capsys, tmp_path, loose):
    code, out, _ = shell(capsys, loose, "--to", "classes", "--output", "-")
    assert (code, out) == (0, 'version: "2.2"\nclasses:\n  protocol: []\n')
    made = tmp_path / "made.yaml"
    assert shell(capsys, loose, "--to", "classes", "--output", made)[:2] == (0, f"wrote {made}\n")
    assert made.read_text() == out
    pizza = VECTORS / "classes/pizza_2_2.json"
    code, out, _ = shell(capsys, pizza, "--to", "flat", "--output", "-", "--json")
    assert json.loads(json.loads(out)["files"][0]["text"])["tools"][0]["endpoint"] == "https://api.pizzashop.com/check"
    assert shell(capsys, loose, "--output", made / "x.yaml")[0] == 1


@pytest.mark.parametrize("words", [("--output", "x.json"), ("--output", "-", "--check"), (FRIDGE, "--output", "-")])
def test_options_that_do_not_go_together_are_refused(capsys, loose, words):
    assert shell(capsys, loose, *words)[0] == 2
