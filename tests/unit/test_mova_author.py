# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova init|schema|diff`: a document to begin with, the language for an editor, what an edit has changed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli.main import main
from ganglion.mova.advanced import advanced
from ganglion.mova.check import check
from ganglion.mova.compile import compile
from ganglion.mova.diagnostic import Severity
from ganglion.mova.difference import differences
from ganglion.mova.load import load
from ganglion.mova.templates import TEMPLATES, template
from ganglion.mova.vocabulary import json_schema
from ganglion_micro import plan as p
from support.mova import DOCUMENTS

FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"
SCHEMA = jsonschema.Draft202012Validator(json_schema())


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["mova", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("kind", TEMPLATES)
def test_what_init_writes_is_valid_and_passes_its_own_tests(capsys, tmp_path, kind):
    path = tmp_path / "my_script.yaml"
    code, out, _ = shell(capsys, "init", path, "--template", kind)
    verb = "run" if kind in ("chat", "classes") else "test"
    assert (code, out) == (0, f"wrote {path}; try: ganglion mova {verb} {path}\n")
    assert shell(capsys, "check", path)[:2] == (0, "1 valid\n")
    assert "my_script" in path.read_text()
    assert SCHEMA.is_valid(yaml.safe_load(path.read_text()))
    code, out, _ = shell(capsys, "test", path)
    assert (code, "my_script" in out, "no tests in" in out) == (0, True, "dialect" not in path.read_text())
    assert advanced(load(path)) == []
    code, _, said = shell(capsys, "init", path)
    assert (code, "is there already" in said) == (4, True)


def test_there_is_a_template_for_each_trigger_of_a_node_and_each_form():
    documents = [load(template(kind, "x"), file="x.yaml") for kind in TEMPLATES]
    sources = {p.SOURCES[each[p.SOURCE]] for document in documents for each in compile(document).body[p.TRIGGERS]}
    assert sources == set(p.SOURCES)
    assert {document.form for document in documents if not document.edge} == {"flat", "classes"}


@pytest.mark.parametrize(("name", "code"), [("a b.yaml", 2), ("x.toml", 2), ("file/x.yaml", 1), ("link.yaml", 4)])
def test_init_says_where_it_cannot_write(capsys, tmp_path, name, code):
    (tmp_path / "file").write_text("")
    (tmp_path / "link.yaml").symlink_to("nowhere.yaml")
    got, _, said = shell(capsys, "init", tmp_path / name)
    assert (got, name in said, "Errno" in said) == (code, True, False)


@pytest.mark.parametrize("kind", TEMPLATES)
def test_init_writes_json_too_and_makes_the_folder(capsys, tmp_path, kind):
    path = tmp_path / "new" / "my_script.json"
    assert shell(capsys, "init", path, "--template", kind)[0] == 0
    assert shell(capsys, "init", tmp_path / "my_script.yaml", "--template", kind)[0] == 0
    assert shell(capsys, "diff", tmp_path / "my_script.yaml", path)[:2] == (0, "the same\n")
    json.loads(path.read_text())
    assert shell(capsys, "check", path)[:2] == (0, "1 valid\n")
    assert shell(capsys, "fmt", "--check", path)[0] == 0


@pytest.mark.parametrize("path", [*DOCUMENTS, FRIDGE], ids=lambda path: path.name)
def test_every_real_document_fits_the_schema(path):
    assert [error.message for error in SCHEMA.iter_errors(yaml.safe_load(path.read_text()))] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("action: publish", "action: publihs"),
        ("for: 3s", "for: soon"),
        ("hysteresis: 0.5", "hysteresis: -1"),
        ("hysteresis: 0.5", "histeresis: 0.5"),
        ("concurrency: single", "concurrency: sometimes"),
        ("operator: equals", "operator: is"),
        ("actuator: buzzer, ", ""),
        ("budget: {tokens: 400", "budget: {tokens: none"),
        ("dialect: edge/1", ""),
    ],
)
def test_the_schema_refuses_what_check_refuses(old, new):
    text = FRIDGE.read_text()
    assert old in text
    wrong = text.replace(old, new, 1)
    assert any(each.severity is Severity.ERROR for each in check(load(wrong, file="x.yaml")))
    assert not SCHEMA.is_valid(yaml.safe_load(wrong)) or old == "dialect: edge/1"  # other keys are let be there


@pytest.mark.parametrize("edge", [True, False])
def test_the_schema_refuses_both_forms_in_one_document(edge):
    document = yaml.safe_load(template("classes", "x")) | ({"dialect": "edge/1"} if edge else {})
    assert SCHEMA.is_valid(document)
    assert not SCHEMA.is_valid(document | {"protocols": []})


def test_the_command_prints_the_schema(capsys):
    code, out, _ = shell(capsys, "schema")
    assert (code, json.loads(out)) == (0, json_schema())
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_an_edit_is_shown_by_what_it_means(capsys, tmp_path):
    path = tmp_path / "fridge.yaml"
    text = FRIDGE.read_text()
    path.write_text(text)
    assert shell(capsys, "diff", FRIDGE, path)[:2] == (0, "the same\n")
    edited = text.replace("above: 8,", "above: 9,").replace("{id: done, action: end}", "{id: finish, action: end}")
    path.write_text(edited.replace("actuator: buzzer, value: true", "value: true, actuator: buzzer"))
    code, out, _ = shell(capsys, "diff", FRIDGE, path)
    assert code == 1
    assert out.splitlines() == [
        '- protocols[too_warm].steps[done]: {"id": "done", "action": "end"}',
        '+ protocols[too_warm].steps[finish]: {"id": "finish", "action": "end"}',
        "~ triggers[warm].above: 8 -> 9",
    ]
    code, out, _ = shell(capsys, "diff", FRIDGE, path, "--json")
    assert json.loads(out)["differences"][2] == {"path": "triggers[warm].above", "before": 8, "after": 9}


def test_a_difference_is_told_in_the_words_of_the_language(capsys, tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    head = 'version: "2.2"\nname: x\ndialect: edge/1\nprotocols:\n  - name: p\n'
    rule = "{variable: a, operator: exists"
    one.write_text(
        head
        + f"""\
    steps:
      - {{id: a, action: condition, conditions: {{logic: OR, rules: [{rule}}}]}}}}
      - {{id: b, action: log, message: x}}
      - {{id: c, action: wait, until: [{rule}}}], timeout: 5s}}
"""
    )
    more = f"next_step_id: b, sub_conditions: {{logic: AND, rules: [{rule}}}]}}}}"
    two.write_text(
        head
        + f"""\
    error_handling: {{retry_count: 7, fallback_step_id: c}}
    steps:
      - {{id: a, action: condition, conditions: {{logic: OR, rules: [{rule}, {more}], default_next_step_id: c}}}}
      - {{id: b, action: log, message: x, next_step: c}}
      - {{id: c, action: wait, until: [{rule}}}], timeout: 5s}}
"""
    )
    code, out, _ = shell(capsys, "diff", one, two)
    a = "protocols[p].steps[a].conditions"
    nested = '{"logic": "AND", "rules": [{"variable": "a", "operator": "exists", "value": null}]}'
    assert code == 1
    assert out.splitlines() == [
        f'+ {a}.rules[0].next_step_id: "b"',
        f"+ {a}.rules[0].sub_conditions: {nested}",
        f'+ {a}.default_next_step_id: "c"',
        '+ protocols[p].steps[b].next_step: "c"',
        '+ protocols[p].error_handling: {"retry_count": 7, "fallback_step_id": "c"}',
    ]


def test_what_is_not_valid_cannot_be_compared_and_all_that_is_wrong_is_said(capsys, tmp_path):
    path = tmp_path / "fridge.yaml"
    path.write_text(FRIDGE.read_text().replace("action: publish", "action: publihs").replace("above: 8", "abov: 8"))
    for words in ((FRIDGE, path), (path, FRIDGE)):
        code, out, _ = shell(capsys, "diff", *words)
        *lines, end = out.splitlines()
        assert (code, end) == (1, f"cannot be compared: {path} must be valid first")
        assert len(lines) >= 2
        assert all(line.startswith(f"{path}:") for line in lines)
    code, out, _ = shell(capsys, "diff", path, path, "--json")
    said = json.loads(out)
    assert (code, said["same"], [each["file"] for each in said["files"]]) == (1, None, [str(path)] * 2)
    assert shell(capsys, "diff", FRIDGE, tmp_path / "none.yaml")[0] == 3


documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["a", "b"]),
    lambda inside: (
        st.dictionaries(st.sampled_from(["x", "y", "id"]), inside, max_size=3)
        | st.lists(inside, max_size=3)
        | st.lists(st.fixed_dictionaries({"id": st.sampled_from("abc"), "x": inside}), max_size=3)
    ),
    max_leaves=8,
)


@given(documents, documents)
def test_there_is_a_difference_where_two_are_not_the_same(before, after):
    assert (json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)) == (
        not list(differences(before, after))
    )
    assert list(differences(before, before)) == []


def test_watching_a_file_that_is_not_there_says_so(capsys, tmp_path):
    words = ("--node", "fridge", "--gateway", "http://127.0.0.1:9", "--once")
    code, _, said = shell(capsys, "watch", tmp_path / "none.yaml", *words)
    assert (code, "there is no such file" in said) == (3, True)
