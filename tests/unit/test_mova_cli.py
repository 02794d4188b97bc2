# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova check|run` as a shell sees it: exit codes, one JSON document on stdout, people's text beside it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.mova.plan import Plan
from support.mova import DOCUMENTS, edge

FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANGLION_LLM_URL", raising=False)


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["mova", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def as_json(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any]:
    code, out, _ = shell(capsys, *words, "--json")
    return code, json.loads(out)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text('version: "2.2"\nprotocols:\n  - name: a\n    steps:\n      - {id: x, action: promt}\n')
    return path


def test_valid_documents_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = shell(capsys, "check", *DOCUMENTS, FRIDGE)
    assert (code, out) == (0, f"{len(DOCUMENTS) + 1} valid\n")


@pytest.mark.parametrize("verb", ["check", "validate"])
def test_a_mistake_is_shown_as_compilers_show_it(capsys: pytest.CaptureFixture[str], broken: Path, verb: str) -> None:
    code, out, _ = shell(capsys, verb, FRIDGE, broken)
    assert code == 1
    assert out.splitlines() == [
        f"{broken}:5:25: error MV104 unknown action 'promt' (did you mean \"prompt\"?)",
        "1 of 2 invalid",
    ]


def test_a_mistake_in_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    code, data = as_json(capsys, "check", broken)
    assert code == 1
    assert data == {
        "valid": False,
        "files": [
            {
                "file": str(broken),
                "form": "flat",
                "version": "2.2",
                "valid": False,
                "diagnostics": [
                    {
                        "code": "MV104",
                        "severity": "error",
                        "path": "protocols[0].steps[0].action",
                        "line": 5,
                        "column": 25,
                        "message": "unknown action 'promt'",
                        "hint": 'did you mean "prompt"?',
                    }
                ],
            }
        ],
    }


def test_a_file_that_is_not_there_is_exit_code_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for verb in ("check", "run"):
        code, _, err = shell(capsys, verb, tmp_path / "nope.yaml")
        assert code == 3
        assert "there is no such file" in err


def test_the_fridge_runs_dry_and_says_what_it_would_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = shell(capsys, "run", FRIDGE)
    assert code == 0
    assert err.splitlines() == [
        "dry: would set buzzer to true for 3 s",
        'dry: would publish alert/fridge {"cause": "unknown", "celsius": null, "urgent": true}',
    ]
    assert out.splitlines()[-1] == "too_warm: completed"


def test_the_result_in_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = as_json(capsys, "run", FRIDGE, "--session", "s1", "--input", "12")
    assert code == 0
    assert data.keys() == {"protocol", "session_id", "status", "error", "steps", "session"}
    assert (data["protocol"], data["session_id"], data["status"], data["error"]) == (
        "too_warm",
        "s1",
        "completed",
        None,
    )
    assert [step["id"] for step in data["steps"]] == ["ask", "decide", "beep", "tell", "done"]
    assert data["steps"][0].keys() == {"id", "action", "status", "attempts", "duration_ms", "result"}
    assert data["steps"][0]["result"]["otherwise"].startswith("unreachable: there is no model: give --llm URL")
    assert data["session"]["data"] == {"user_input": "12", "diagnosis": {"cause": "unknown", "urgent": True}}


def test_a_run_that_fails_is_exit_code_1_and_says_which_step(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = as_json(capsys, "run", next(path for path in DOCUMENTS if path.stem == "cli_init_example"))
    assert code == 1
    assert data["status"] == "failed"
    assert data["error"].startswith("step start failed: there is no model")
    assert data["steps"][0]["attempts"] == 1  # asking again would not bring a model


def test_values_are_set_from_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        edge(
            "- {id: r, action: read, sensor: fridge.temperature, save: now}\n"
            "- {id: e, action: emit, topic: x, value: '{city} {now} {a.b}'}"
        )
    )
    code, _, err = shell(
        capsys, "run", path, "--set", "city=Kyiv", "--set", "fridge.temperature=9.5", "--set", "session.data.a.b=[1]"
    )
    assert (code, err) == (0, "dry: would emit x Kyiv 9.5 [1]\n")
    code, _, err = shell(capsys, "run", path, "--set", "city")
    assert code == 2
    assert "write KEY=VALUE" in err
    code, data = as_json(capsys, "run", path)
    assert code == 1
    assert data["error"].endswith("no sensor is read here: give its value with --set fridge.temperature=VALUE")


def test_the_protocol_is_asked_for_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    several = next(path for path in DOCUMENTS if path.stem == "basic_example")
    code, _, err = shell(capsys, "run", several)
    assert code == 2
    assert "weather_protocol, greeting_protocol: say which with --protocol" in err
    code, _, err = shell(capsys, "run", several, "--protocol", "nope")
    assert code == 3
    assert "has no protocol 'nope'" in err


def test_a_document_that_is_invalid_or_not_carried_out_is_not_run(
    capsys: pytest.CaptureFixture[str], broken: Path
) -> None:
    code, _, err = shell(capsys, "run", broken)
    assert code == 1
    assert f"{broken}:5:25: MV104 unknown action" in err
    tools = next(path for path in DOCUMENTS if path.stem == "presets_and_tool_calling")
    code, _, err = shell(capsys, "run", tools, "--protocol", "creative_brainstorming")
    assert code == 1
    assert "MV302 a prompt that offers tools to the model is not carried out yet" in err


def test_a_plan_is_shown_and_written_and_is_the_same_each_time(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, first = as_json(capsys, "compile", FRIDGE, "--output", tmp_path / "fridge.plan")
    assert code == 0
    plan = Plan.decode((tmp_path / "fridge.plan").read_bytes())
    assert (first["name"], first["hash"]) == ("fridge_watch", plan.hash)
    assert first["bytes"] == (tmp_path / "fridge.plan").stat().st_size
    assert first["protocols"] == [{"name": "too_warm", "steps": 5}]
    assert first["triggers"] == [{"id": "warm", "source": "sensor", "topic": "sensor/fridge/temperature"}]
    code, out, _ = shell(capsys, "compile", FRIDGE)
    assert code == 0
    assert plan.hash in out
    assert "warm" in out


def test_what_cannot_be_compiled_or_written_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, broken: Path
) -> None:
    code, _, said = shell(capsys, "compile", broken)
    assert (code, f"{broken}:5:25: MV104" in said) == (1, True)
    code, _, said = shell(capsys, "compile", FRIDGE, "--output", tmp_path)
    assert (code, "Is a directory" in said) == (1, True)
    assert shell(capsys, "compile", tmp_path / "none.yaml")[0] == 3


DRAWN = """\
version: "2.2"
dialect: edge/1
name: trial
triggers:
  - {id: often, every: 5m, run: one}
protocols:
  - name: one
    error_handling: {retry_count: 1, fallback_step_id: beep}
    steps:
      - {id: ask, action: prompt, prompt: 'Say "hi"', otherwise: hello}
      - id: decide
        action: condition
        conditions:
          logic: AND
          rules:
            - variable: session.data.n
              operator: greater_than
              value: 3
              next_step_id: beep
              sub_conditions: {logic: AND, rules: [{variable: session.data.m, operator: exists}]}
          default_next_step_id: done
      - id: beep
        action: log
        message: loud
        conditions: {logic: NOT, rules: [{variable: session.data.quiet, operator: equals, value: true}]}
        next_step: ask
      - {id: done, action: end}
  - name: two
    steps: [{id: only, action: log, message: x}]
"""
GRAPH = """\
flowchart TD
    s0["ask: prompt Say #quot;hi#quot;"]
    s1{{"decide: condition"}}
    s2["beep: log loud"]
    s3(["done: end"])
    t0>"often"] --> s0
    s0 --> s1
    s0 -. failed .-> s2
    s1 -->|"session.data.n greater_than 3 and (session.data.m exists)"| s2
    s1 -->|else| s3
    s1 -. failed .-> s2
    s2 -->|"not (session.data.quiet equals true)"| s0"""


def test_a_protocol_is_drawn_with_every_way_through_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "drawn.yaml"
    path.write_text(DRAWN)
    code, out, _ = shell(capsys, "graph", path, "--protocol", "one")
    assert (code, out.rstrip("\n").replace("#34;", "#quot;")) == (0, GRAPH)
    code, both = as_json(capsys, "graph", path)
    assert (code, [each["protocol"] for each in both["graphs"]]) == (0, ["one", "two"])
    assert both["graphs"][1]["mermaid"].splitlines()[1:] == [
        '    s0["only: log x"]',
        "    s0 --> done",
        "    done((end))",
    ]
    code, _, said = shell(capsys, "graph", path, "--protocol", "three")
    assert (code, "no protocol 'three', but one, two" in said) == (3, True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_arrow_of_a_real_document_ends_at_a_box(capsys: pytest.CaptureFixture[str], document: Path) -> None:
    code, drawn = as_json(capsys, "graph", document)
    assert code == 0
    for each in drawn["graphs"]:
        lines = each["mermaid"].splitlines()[1:]
        boxes = {re.match(r" +(\w+)", line).group(1) for line in lines if "-->" not in line and ".->" not in line}  # type: ignore[union-attr]
        assert {line.rpartition(" ")[2] for line in lines if "->" in line} <= boxes


FLAT = """
version: "2.2"
tools:
  - {id: shop, name: Shop, endpoint: "https://example.org/{x}", method: POST}
protocols:
  - name: order
    steps:
      - {id: ask, action: prompt, prompt: What?, next_step: decide}
      - {id: decide, action: condition, conditions: [{variable: x, operator: exists, value: true, next_step_id: end}]}
      - {id: end, action: end}
"""
CLASSES = """
version: "2.2"
classes:
  tool_api: {id: shop, name: Shop, url: "https://example.org/{x}", method: POST}
  protocol:
    name: order
    steps:
      - {id: ask, action: prompt, prompt: What?, next_step_id: decide}
      - id: decide
        action: condition
        conditions: {logic: AND, rules: [{variable: x, operator: exists, value: true, next_step_id: end}]}
      - {id: end, action: end}
"""


def test_one_document_in_both_forms_is_parsed_to_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = []
    for folder, text in (("flat", FLAT), ("classes", CLASSES)):
        path = tmp_path / folder / "order.yaml"
        path.parent.mkdir()
        path.write_text(text)
        code, data = as_json(capsys, "parse", path)
        assert (code, data.pop("form"), data.pop("file")) == (0, folder, str(path))
        found.append(data)
    assert found[0] == found[1]
    decide = found[0]["protocols"][0]["steps"][1]
    rule = {"variable": "x", "operator": "exists", "value": True, "next": "end", "conditions": None}
    assert decide["conditions"] == {"logic": "AND", "rules": [rule], "default": None}
    assert found[0]["tools"] == [{"id": "shop", "url": "https://example.org/{x}", "name": "Shop", "method": "POST"}]


@pytest.mark.parametrize("document", [*DOCUMENTS, FRIDGE], ids=lambda path: path.name)
def test_every_real_document_is_parsed(capsys: pytest.CaptureFixture[str], document: Path) -> None:
    code, out, _ = shell(capsys, "parse", document)
    assert code == 0
    assert json.loads(out)["name"]
