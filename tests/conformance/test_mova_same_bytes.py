# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA: the same document gives the same bytes and the same diagnostics, in every process, as YAML and as JSON."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import yaml

from ganglion.mova.compile import compile
from ganglion.mova.load import load
from support.mova import edge
from support.mova_cases import CASES

#: Reads `[[text, file], …]` and says of each its plan, or what is wrong with it.
SCRIPT = """
import json, sys
from ganglion.mova.check import check
from ganglion.mova.compile import compile
from ganglion.mova.diagnostic import DocumentError
from ganglion.mova.load import load
for text, file in json.load(sys.stdin):
    document = load(text, file=file)
    print([each.text(file) for each in check(document)])
    try:
        print(compile(document).encode().hex())
    except DocumentError as error:
        print(error)
"""
WRONG = edge(
    "- {id: a, acton: log, action: lgo, message: 1, next_step: b}\n- {id: a, action: end, x: 1, conditions: []}",
    head="triggers: [{id: t, sensr: a, above: x, below: 1, run: mian}]\ntoolz: []\nrequires: {sensor: [a]}",
)


def told(texts: list[tuple[str, str]], seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(texts),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_hashes_that_differ_from_process_to_process_change_nothing() -> None:
    texts = [(WRONG, "wrong.yaml"), *((case["document"], "case.yaml") for case in CASES)]
    first = told(texts, "0")
    assert first.count("\n") == 2 * len(texts)
    assert "MV103" in first
    for seed in ("1", "4242", "random"):
        assert told(texts, seed) == first


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_document_gives_one_plan_however_it_is_written(case: dict[str, Any]) -> None:
    plan = compile(load(case["document"], file="case.yaml")).encode()
    value = yaml.safe_load(case["document"])
    written = {
        "case.json": [json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False)],
        "case.yaml": [yaml.safe_dump(value, sort_keys=False), yaml.safe_dump(value, sort_keys=False, width=40)],
    }
    for file, texts in written.items():
        for text in texts:
            assert compile(load(text, file=file)).encode() == plan
