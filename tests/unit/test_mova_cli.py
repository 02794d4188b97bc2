# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova check|run` as a shell sees it: exit codes, one JSON document on stdout, people's text beside it."""

import io
import json
import os
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
    nope = tmp_path / "nope.yaml"
    code, _, err = shell(capsys, "run", nope)
    assert code == 3
    assert "there is no such file" in err
    assert shell(capsys, "check", nope)[:2] == (3, f"{nope}: there is no such file\n1 of 1 invalid\n")


def test_a_file_that_cannot_be_read_hides_nothing_of_the_others(
    capsys: pytest.CaptureFixture[str], broken: Path, tmp_path: Path
) -> None:
    nope = tmp_path / "nope.yaml"
    code, out, _ = shell(capsys, "check", FRIDGE, nope, tmp_path, broken)
    assert code == 3
    assert out.splitlines() == [
        f"{nope}: there is no such file",
        f"{tmp_path}: Is a directory",
        f"{broken}:5:25: error MV104 unknown action 'promt' (did you mean \"prompt\"?)",
        "3 of 4 invalid",
    ]
    code, data = as_json(capsys, "check", FRIDGE, nope, broken)
    assert (code, [each["valid"] for each in data["files"]]) == (3, [True, False, False])
    assert data["files"][1] == {
        "file": str(nope),
        "form": None,
        "version": None,
        "valid": False,
        "error": f"{nope}: there is no such file",
        "diagnostics": [],
    }


@pytest.mark.parametrize(
    ("text", "code", "out"),
    [
        (FRIDGE.read_bytes(), 0, "1 valid\n"),
        (b"[", 1, "<stdin>:1:2: error MV001"),
        (b"\xff", 1, "<stdin>:1:1: error MV001 the file is not UTF-8 text"),
    ],
)
def test_a_document_is_read_from_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: bytes, code: int, out: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    got, said, _ = shell(capsys, "check", "-")
    assert (got, said[: len(out)]) == (code, out)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("parse",), 0, '"file": "<stdin>"'),
        (("compile",), 0, "fridge_watch: a plan of "),
        (("graph",), 0, "flowchart TD"),
        (("run",), 0, "too_warm: completed"),
        (("test",), 0, " passed"),
        (("diff", FRIDGE), 0, "the same"),
        (("fmt",), 0, FRIDGE.read_text()),
        (("fmt", "--check"), 0, "1 in the layout already"),
        (("intent", "hello"), 3, ""),
        (("intent",), 2, ""),
        (("fmt", FRIDGE), 2, ""),
    ],
)
def test_every_verb_that_reads_a_document_takes_it_from_stdin(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FRIDGE.read_bytes())))
    got, out, _ = shell(capsys, words[0], "-", *words[1:])
    assert (got, said in out) == (code, True)


@pytest.mark.parametrize("words", [("check",), ("parse",), ("run",), ("test",), ("compile",), ("fmt",)])
def test_the_folder_of_an_output_is_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    output = tmp_path / "new" / "deep" / f"out{FRIDGE.suffix if words == ('fmt',) else ''}"
    assert shell(capsys, *words, FRIDGE, "-o", output)[0] == 0
    assert output.stat().st_size > 0
    assert output.stat().st_mode & 0o777 == 0o644
    code, _, said = shell(capsys, *words, FRIDGE, "-o", output / f"more{FRIDGE.suffix}")
    assert (code, f"more{FRIDGE.suffix}: cannot be written: " in said) == (1, True)
    assert "Errno" not in said


def test_an_output_replaces_no_device_and_follows_a_link(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert shell(capsys, "compile", FRIDGE, "--output", tmp_path / "pipe")[0] == 0
    data = os.read(reader, 100_000)
    os.close(reader)
    assert (Plan.decode(data).name, (tmp_path / "pipe").is_fifo()) == ("fridge_watch", True)
    (tmp_path / "link").symlink_to("there")
    assert shell(capsys, "compile", FRIDGE, "--output", tmp_path / "link")[0] == 0
    assert ((tmp_path / "there").read_bytes(), (tmp_path / "link").is_symlink()) == (data, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("parse", FRIDGE, "--detailed"), 0, ""),
        (("validate", FRIDGE, "--verbose"), 0, "5 steps"),
        (("--lang", "uk", "check", FRIDGE), 0, "дійсних: 1"),
        (("--lang", "uk", "check", FRIDGE, "--lang", "en"), 0, "1 valid"),
        (("test", FRIDGE, "--step-by-step"), 2, "--verbose says all that happened"),
        (("test", FRIDGE, "--session-id", "s1"), 2, "each test has sessions of its own"),
        (("test", FRIDGE, "--redis-url", "redis://x"), 2, "each test has sessions of its own"),
        (("test", FRIDGE, "--llm-model", "m"), 2, "a test gives the model's answers itself"),
        (("test", FRIDGE, "--llm", "http://x"), 2, "a test gives the model's answers itself"),
        (("sessions", "list"), 2, "say where the sessions are kept"),
    ],
)
def test_options_of_the_first_command_line_are_taken_or_explained(
    capsys: pytest.CaptureFixture[str], words: tuple[object, ...], code: int, said: str
) -> None:
    got, out, err = shell(capsys, *words)
    assert (got, said in out + err) == (code, True), out + err


def test_the_store_of_sessions_is_named_before_the_verb_or_after_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    assert shell(capsys, "--redis-url", url, "run", FRIDGE, "--session", "a")[0] == 0
    assert shell(capsys, "run", FRIDGE, "--session", "b", "--redis-url", url)[0] == 0
    assert as_json(capsys, "--redis-url", url, "sessions", "list") == (0, ["a", "b"])


def test_a_document_without_tests_is_said_to_have_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(edge("- {id: e, action: end}"))
    assert shell(capsys, "test", path)[:2] == (0, f"no tests in {path}\n")
    code, out, _ = shell(capsys, "test", path, FRIDGE)
    assert (code, out.splitlines()[0], " passed" in out.splitlines()[-1]) == (0, f"no tests in {path}", True)


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


def test_a_document_that_is_invalid_is_not_run(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    code, _, err = shell(capsys, "run", broken)
    assert code == 1
    assert f"{broken}:5:25: MV104 unknown action" in err


@pytest.mark.parametrize(
    "words",
    [
        ("parse",),
        ("run",),
        ("test",),
        ("compile",),
        ("graph",),
        ("intent", "--evaluate", "x.tsv"),
        ("diff", FRIDGE),
        ("watch", "--node", "home", "--once", "--gateway", "http://127.0.0.1:9"),
    ],
    ids=lambda words: words[0],
)
def test_what_is_wrong_with_a_document_is_the_same_json_whoever_loads_it(
    capsys: pytest.CaptureFixture[str], broken: Path, words: tuple[object, ...]
) -> None:
    checked = as_json(capsys, "check", broken)[1]
    code, said = as_json(capsys, words[0], broken, *words[1:])
    assert (code, {key: said[key] for key in checked}) == (1, checked)


def test_a_script_that_is_invalid_is_not_put_on_a_node(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    checked = as_json(capsys, "check", broken)[1]
    assert main(["scripts", "put", "home", str(broken), "--gateway", "http://127.0.0.1:9", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert {key: said[key] for key in checked} == checked


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


def test_what_a_script_says_commands_no_drawing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "drawn.yaml"
    path.write_text(DRAWN.replace("loud", '"%%{init: {}}%% a"'))
    _, drawn = as_json(capsys, "graph", path, "--protocol", "one")
    label = "beep: log #37;#37;#123;init: #123;#125;#125;#37;#37; a"
    assert f'    s2["{label}"]' in drawn["graphs"][0]["mermaid"].splitlines()


BRANCHES = """
version: "2.2"
dialect: edge/1
name: drawn
protocols:
  - name: main
    error_handling: {fallback_step_id: last}
    steps:
      - id: both
        action: parallel
        conditions: [{variable: event.value, operator: exists}]
        branches:
          - other
          - - {id: hear, action: wait, event: door/+, timeout: 1m}
            - {id: open, action: condition, conditions: [{variable: a, operator: exists}], next_step: stop}
            - {id: say, action: publish, mqtt: x, value: 1}
            - {id: tell, action: publish, topic: y, value: 1, to: hall}
            - {id: stop, action: end}
        next_step: last
      - {id: never, action: end}
      - {id: last, action: wait, for: 5s}
  - name: other
    steps: [{id: only, action: log, message: x}]
"""


def test_branches_are_drawn_from_their_step_to_what_follows_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "drawn.yaml"
    path.write_text(BRANCHES)
    code, out, _ = shell(capsys, "graph", path, "--protocol", "main")
    assert (code, out.rstrip("\n").splitlines()) == (
        0,
        [
            "flowchart TD",
            '    s0[/"both: parallel"/]',
            '    s0b0_0[["other"]]',
            '    s0b1_0["hear: wait door/+"]',
            '    s0b1_1{{"open: condition"}}',
            '    s0b1_2["say: publish mqtt:x"]',
            '    s0b1_3["tell: publish node:hall/y"]',
            '    s0b1_4(["stop: end"])',
            '    s1(["never: end"])',
            '    s2["last: wait 5s"]',
            "    s0 --> s0b0_0",
            "    s0b0_0 --> s2",
            "    s0 --> s0b1_0",
            "    s0b1_0 --> s0b1_1",
            '    s0b1_1 -->|"a exists"| s0b1_4',
            "    s0b1_1 -->|else| s0b1_2",
            "    s0b1_2 --> s0b1_3",
            "    s0b1_3 --> s0b1_4",
            "    s0b1_4 --> s2",
            "    s0 -->|else| s2",
            "    s0 -. failed .-> s2",
            "    s2 --> done",
            "    done((end))",
        ],
    )


def test_what_branches_mean_does_not_depend_on_how_they_are_spelt(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(BRANCHES)
    spelt = BRANCHES.replace("next_step: stop", "next_step_id: stop").replace(
        "timeout: 1m}", "timeout: 1m, until: UNTIL}"
    )
    rule = "{variable: event.value, operator: exists}"
    two.write_text(spelt.replace(", until: UNTIL", ""))
    assert shell(capsys, "diff", one, two)[:2] == (0, "the same\n")
    one.write_text(spelt.replace("UNTIL", f"[{rule}]"))
    two.write_text(spelt.replace("UNTIL", f"{{logic: AND, rules: [{rule}]}}"))
    assert shell(capsys, "diff", one, two)[:2] == (0, "the same\n")
    two.write_text(spelt.replace("UNTIL", f"{{logic: NOT, rules: [{rule}]}}"))
    code, out, _ = shell(capsys, "diff", one, two)
    assert (code, out.splitlines()) == (
        1,
        ['~ protocols[main].steps[both].branches[1][hear].until.logic: "AND" -> "NOT"'],
    )


def test_steps_of_branches_are_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "drawn.yaml"
    path.write_text(BRANCHES)
    assert as_json(capsys, "check", path, "--detailed")[1]["files"][0]["parts"]["steps"] == 9


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
    assert shell(capsys, "parse", path, "--validate", "--output", tmp_path / "order.json")[0] == 0
    assert json.loads((tmp_path / "order.json").read_text())["protocols"] == found[1]["protocols"]
    decide = found[0]["protocols"][0]["steps"][1]
    rule = {"variable": "x", "operator": "exists", "value": True, "next": "end", "conditions": None}
    assert decide["conditions"] == {"logic": "AND", "rules": [rule], "default": None}
    assert found[0]["tools"] == [{"id": "shop", "url": "https://example.org/{x}", "name": "Shop", "method": "POST"}]


@pytest.mark.parametrize("document", [*DOCUMENTS, FRIDGE], ids=lambda path: path.name)
def test_every_real_document_is_parsed(capsys: pytest.CaptureFixture[str], document: Path) -> None:
    code, out, _ = shell(capsys, "parse", document)
    assert code == 0
    assert json.loads(out)["name"]
