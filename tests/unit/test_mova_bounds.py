# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a document is, checking it takes little memory and says little: `ganglion mova check` in a tight process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganglion.mova.load import load
from ganglion.mova.source import MAX_FINDINGS, MAX_QUOTED
from support.mova import found

pytestmark = pytest.mark.untraced

#: Bytes that the process may map, of which Python with its libraries takes 40 MiB.
MEMORY = 256 << 20
#: Bytes of a document, at the most.
SIZE = 10_000_000

SCRIPT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from ganglion.cli.main import main
sys.exit(main(["mova", "check", *sys.argv[2:]]))
"""


def check(text: str, path: Path, *, memory: int = MEMORY) -> "subprocess.CompletedProcess[str]":
    path.write_text(text)
    command = [sys.executable, "-c", SCRIPT, str(memory), "--json", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def steps(count: int, **keys: Any) -> str:
    return json.dumps(
        {"version": "2.2", "protocols": [{"name": "m", "steps": [{"id": f"s{i}", **keys} for i in range(count)]}]}
    )


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    return "\n".join(lines)


def merges() -> str:
    base = "b: &b {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}\n"
    return base + "".join(f"m{i}: {{<<: *b}}\n" for i in range(300))


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        pytest.param("x.json", '{"a":"' + "x" * SIZE + '"}', "MV003", id="larger than 10 MB"),
        pytest.param("x.yaml", "a: 1\n" * (SIZE // 5 + 1), "MV003", id="larger than 10 MB, in YAML"),
        pytest.param("x.json", '{"a":' * 1000 + "1" + "}" * 1000, "MV003", id="1,000 deep"),
        pytest.param("x.yaml", "\n".join(" " * i + "a:" for i in range(1000)), "MV003", id="1,000 deep in YAML"),
        pytest.param("x.json", "[" * SIZE, "MV003", id="10 MB of brackets"),
        pytest.param("x.yaml", "[" * SIZE, "MV003", id="10 MB of brackets in YAML"),
        pytest.param("x.yaml", "- " * (SIZE // 2), "MV003", id="10 MB of dashes"),
        pytest.param("x.json", "[" + "1," * (SIZE // 2 - 2) + "1]", "MV003", id="10 MB of numbers"),
        pytest.param("x.yaml", "[" + "1," * (SIZE // 2 - 2) + "1]", "MV003", id="10 MB of numbers in YAML"),
        pytest.param("x.yaml", bomb(), "MV003", id="anchors upon anchors"),
        pytest.param("x.yaml", merges(), "MV003", id="merges of a large map"),
        pytest.param("x.yaml", "".join(f"k{i}: &a{i} 1\n" for i in range(200_000)), "MV003", id="200,000 anchors"),
        pytest.param("x.json", "{" + '"a":1,' * 100_000 + '"a":1}', "MV002", id="one key 100,000 times"),
        pytest.param("x.yaml", "a: 1\n" * 100_000, "MV002", id="one key 100,000 times, in YAML"),
        pytest.param("x.yaml", "? " + "x" * (SIZE - 10) + "\n: 1", "MV101", id="a key of 10 MB"),
        pytest.param("x.json", '{"version":"' + "x" * (SIZE - 20) + '"}', "MV106", id="a version of 10 MB"),
        pytest.param("x.json", "{'a':'" + "\\\\" * 4_900_000 + "'}", "MV101", id="10 MB of escapes"),
        pytest.param("x.json", "{}" + "//x\n" * 2_400_000, "MV101", id="10 MB of comments"),
        pytest.param("x.yaml", "\n" * (SIZE - 10) + "a: *x", "MV004", id="10 MB of lines"),
        pytest.param("x.json", steps(30_000, action="promt"), "MV104", id="30,000 unknown actions"),
        pytest.param("x.json", steps(30_000, action="end", next_step="x"), "MV202", id="30,000 unknown steps"),
    ],
)
def test_a_hostile_document_gets_a_clear_error_in_little_memory(
    file: str, text: str, code: str, tmp_path: Path
) -> None:
    done = check(text, tmp_path / file)
    assert done.returncode == 1, done.stderr[-500:]
    assert done.stderr.count("\n") < 2 * MAX_FINDINGS
    assert len(done.stdout) < 1_000_000
    (report,) = json.loads(done.stdout)["files"]
    assert not report["valid"]
    findings = report["diagnostics"]
    assert code in {each["code"] for each in findings}
    for each in findings:
        assert each["message"]
        assert each["line"] >= 1
        assert max(len(each[key]) for key in ("message", "hint", "path")) <= MAX_QUOTED + 1


def test_a_large_document_that_is_right_fits_too(tmp_path: Path) -> None:
    done = check(steps(50_000, action="prompt", prompt="hello " * 8), tmp_path / "x.json")
    assert (done.returncode, json.loads(done.stdout)["valid"]) == (0, True)


def test_the_bound_is_one(tmp_path: Path) -> None:
    """A process of 46 MiB has the memory for Python, and not for a text of 10 MB beside it.

    The document is one long text because a large allocation that fails leaves room for the small ones of its traceback.
    Without even those a process may never end: CPython 3.11 then unwinds a frame for ever (`lasti` in ceval.c).
    """
    document = steps(1, action="prompt", prompt="x" * (SIZE - 100_000))
    assert check(document, tmp_path / "x.json").returncode == 0
    done = check(document, tmp_path / "x.json", memory=46 << 20)
    assert done.returncode != 0
    assert "MemoryError" in done.stderr


@pytest.mark.parametrize("count", [MAX_FINDINGS - 1, MAX_FINDINGS, 3 * MAX_FINDINGS])
def test_the_first_thousand_errors_are_told_and_that_there_are_more(count: int) -> None:
    findings = found(steps(count, action="prompt", prompt=1), file="x.json")
    assert len(findings) == min(count, MAX_FINDINGS)
    assert {each.code for each in findings[: MAX_FINDINGS - 1]} == {"MV102"}
    if count >= MAX_FINDINGS:
        assert findings[-1].code == "MV009"
        assert findings[-1].path == f"protocols[0].steps[{MAX_FINDINGS - 1}].prompt"


def test_warnings_without_number_hide_no_error() -> None:
    document = json.loads(steps(2 * MAX_FINDINGS, action="end", conditons=[]))
    document["protocols"].append({"name": "last"})
    codes = [each.code for each in found(json.dumps(document), file="x.json")]
    assert codes == ["MV114"] * MAX_FINDINGS + ["MV101"]


def test_many_findings_while_reading_are_counted_with_those_of_the_check() -> None:
    document = load('{"a": [' + "1e999," * (2 * MAX_FINDINGS) + "1]}", file="x.json")
    assert len(document.report.diagnostics) == MAX_FINDINGS
