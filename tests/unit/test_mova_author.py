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
from ganglion.mova.check import check
from ganglion.mova.diagnostic import Severity
from ganglion.mova.difference import differences
from ganglion.mova.load import load
from ganglion.mova.templates import TEMPLATES
from ganglion.mova.vocabulary import json_schema
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
    assert shell(capsys, "init", path, "--template", kind)[0] == 0
    assert shell(capsys, "check", path)[:2] == (0, "1 valid\n")
    assert "my_script" in path.read_text()
    assert SCHEMA.is_valid(yaml.safe_load(path.read_text()))
    if kind == "edge":
        assert shell(capsys, "test", path)[1].endswith("1 passed\n")
    code, _, said = shell(capsys, "init", path)
    assert (code, "is there already" in said) == (4, True)


@pytest.mark.parametrize("name", ["a b.yaml", "x.json", "none/x.yaml"])
def test_init_says_where_it_cannot_write(capsys, tmp_path, name):
    assert shell(capsys, "init", tmp_path / name)[0] in (1, 2)


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
        '- protocols[too_warm].steps[done]: {"id": "done", "action": "end", "next": null, "conditions": null}',
        '+ protocols[too_warm].steps[finish]: {"id": "finish", "action": "end", "next": null, "conditions": null}',
        "~ triggers[warm].above: 8 -> 9",
    ]
    code, out, _ = shell(capsys, "diff", FRIDGE, path, "--json")
    assert json.loads(out)["differences"][2] == {"path": "triggers[warm].above", "before": 8, "after": 9}


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
