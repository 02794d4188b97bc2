# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA: real documents are valid, and documents with inputs give the effects that tests/conformance/mova says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ganglion.mova.check import check
from ganglion.mova.compile import compile
from ganglion.mova.diagnostic import DocumentError, Severity
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from support.mova import DOCUMENTS, edge
from support.mova_cases import CASES, OPERATORS, recording
from support.mova_replay import replay


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_real_document_is_valid(path: Path) -> None:
    assert [each.text(path.name) for each in check(load(path)) if each.severity is Severity.ERROR] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_real_document_compiles_or_says_which_part_is_not_carried_out(path: Path) -> None:
    try:
        plan = compile(load(path))
    except DocumentError as error:
        assert {each.code for each in error.diagnostics} == {"MV302"}
    else:
        assert Plan.decode(plan.encode()) == plan


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_effects_are_those_of_the_case(case: dict[str, Any]) -> None:
    *effects, (last, done) = replay(recording(case))
    assert [kind for kind, _ in effects] == [next(iter(each)) for each in case["expect"]]
    for (kind, found), expected in zip(effects, case["expect"], strict=True):
        for name, value in expected[kind].items():
            assert found[name] == value, (kind, name)
    assert last == "done"
    wanted = case.get("done", {"status": "completed"})
    episode = done["episode"]
    assert episode["status"] == wanted["status"], episode["error"]
    if "error" in wanted:
        assert episode["error"] == wanted["error"]
    if "steps" in wanted:
        assert [f"{step['id']} {step['status']}" for step in episode["steps"]] == wanted["steps"]
    if "data" in wanted:
        assert done["data"] == wanted["data"]
    for step in episode["steps"]:
        assert episode["started"] <= step["started"] <= step["ended"] <= episode["ended"]
        if step["id"] in wanted.get("details", {}):
            assert step["detail"] == wanted["details"][step["id"]]


@pytest.mark.parametrize(("value", "operator", "wanted", "holds"), OPERATORS)
def test_an_operator_holds_where_it_should(value: Any, operator: str, wanted: Any, holds: bool) -> None:
    condition = {"variable": "x", "operator": operator} | ({} if wanted is None else {"value": wanted})
    if wanted is None and operator == "equals":
        condition["value"] = None
    step = {"id": "say", "action": "log", "message": "holds", "conditions": [condition]}
    case = {
        "document": edge(f"- {yaml.safe_dump(step, default_flow_style=True, width=9999, allow_unicode=True)}"),
        "session": {} if value == "absent" else {"x": value},
        "answers": [{"ok": None}],
    }
    kinds = [kind for kind, _ in replay(recording(case))]
    assert kinds == (["log", "done"] if holds else ["done"])


def test_the_same_document_compiles_to_the_same_bytes() -> None:
    for case in CASES:
        assert recording(case) == recording(case)
