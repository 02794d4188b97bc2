# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known against the packages that come with Ganglion stops a build; what nobody can judge is told."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ganglion_tools import audit


def test_what_comes_with_an_extra_is_audited_with_all_that_it_needs_and_the_tools_of_tests_are_not() -> None:
    found = audit.shipped()
    assert {"fastapi", "starlette", "pynacl", "cffi", "pycparser", "cryptography"} <= found.keys()
    assert found.keys().isdisjoint({"ganglion", "pytest", "hypothesis", "playwright"})


def answers(monkeypatch: pytest.MonkeyPatch, report: dict[str, Any] | None, said: str = "") -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked, told = (next(word for word in command if word.startswith(name)) for name in ("--req", "--output"))
        assert "fastapi==" in Path(asked.partition("=")[2]).read_text()
        if report is not None:
            Path(told.partition("=")[2]).write_text(json.dumps(report))
        return subprocess.CompletedProcess(command, 1, "", said)

    monkeypatch.setattr(audit.subprocess, "run", run)


def test_a_vulnerability_fails_and_names_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"id": "PYSEC-2099-1", "fix_versions": ["1.2.1", "2.0"], "aliases": [], "description": "bad"}
    package = {"name": "leaky", "version": "1.2", "vulns": [known]}
    answers(monkeypatch, {"dependencies": [package, {"name": "sound", "version": "1", "vulns": []}]})
    assert audit.main() == 1
    told = capsys.readouterr()
    assert told.err == "leaky 1.2: PYSEC-2099-1, mended in 1.2.1, 2.0\n"
    assert told.out == "audit: 1 known vulnerabilities in 2 packages; 0 the index knows nothing of\n"


def test_what_the_index_does_not_know_is_counted_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, {"dependencies": [{"name": "odd", "skip_reason": "Dependency not found"}]})
    assert audit.main() == 0
    assert capsys.readouterr().out.endswith("in 0 packages; 1 the index knows nothing of\n")


def test_an_index_that_does_not_answer_fails_nothing_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, None, "ERROR: cannot connect")
    assert audit.main() == 0
    assert capsys.readouterr().err == "audit: the advisories cannot be had: ERROR: cannot connect: nothing was judged\n"
