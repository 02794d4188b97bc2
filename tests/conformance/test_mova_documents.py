# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA: real documents are valid, and documents with inputs give the effects that tests/conformance/mova says."""

from pathlib import Path
from typing import Any

import pytest

from ganglion.mova.check import check
from ganglion.mova.compile import compile
from ganglion.mova.diagnostic import Severity
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from support.mova import DOCUMENTS
from support.mova_cases import CASES, recording
from support.mova_replay import replay


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_real_document_is_valid(path: Path) -> None:
    assert [each.text(path.name) for each in check(load(path)) if each.severity is Severity.ERROR] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_real_document_compiles(path: Path) -> None:
    plan = compile(load(path))
    assert Plan.decode(plan.encode()) == plan


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_effects_are_those_of_the_case(case: dict[str, Any]) -> None:
    *effects, (last, done) = replay(recording(case))
    if "key" in case:
        assert effects.pop(0) == ["key", case["key"]]
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
