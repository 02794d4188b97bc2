# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova check|run` as a shell sees it: exit codes, one JSON document on stdout, people's text beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
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
