# SPDX-License-Identifier: GPL-3.0-or-later
"""mova check --advanced: what is right by the language, and yet likely not what was meant."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.board import boards
from ganglion.cli.main import main
from ganglion.mova.advanced import advanced
from ganglion.mova.check import check
from ganglion.mova.compile import compile
from ganglion.mova.diagnostic import CODES, Severity
from ganglion.mova.load import load
from ganglion.mova.needs import memory, needs
from support.mova import DOCUMENTS, edge

FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"
#: All that is found in the real documents; each was looked at and is true.
REAL = {
    "pizza_2_0.json": [("MV408", 93)],
    "pizza_2_2.json": [("MV408", 102)],
    "support_2_0.json": [("MV408", 63)],
    "basic_example.json": [("MV407", 51), ("MV407", 87), ("MV407", 88), ("MV405", 93), ("MV407", 95)],
    "docs_readme_uk.json": [("MV407", 45), ("MV407", 46)],
    "redis_pizza_order.json": [("MV407", 29), ("MV407", 39)],
}


def found(text: str) -> list[tuple[str, str]]:
    """Codes and messages."""
    document = load(text, file="x.yaml")
    assert [each.message for each in check(document) if each.severity is Severity.ERROR] == []
    return [(each.code, each.message) for each in advanced(document)]


@pytest.mark.parametrize("path", [*DOCUMENTS, FRIDGE], ids=lambda path: path.name)
def test_in_real_documents_only_what_is_true_is_found(path: Path) -> None:
    assert [(each.code, each.line) for each in advanced(load(path))] == REAL.get(path.name, [])


def test_no_finding_of_this_kind_makes_a_document_invalid() -> None:
    assert {severity for code, (severity, _) in CODES.items() if code.startswith("MV4")} == {
        Severity.WARNING,
        Severity.HINT,
    }


def test_a_step_that_nothing_leads_to() -> None:
    text = edge(
        "- {id: a, action: log, message: x, next_step: c}\n"
        "- {id: b, action: log, message: x}\n"
        "- {id: c, action: end}\n"
        "- {id: d, action: log, message: x}\n"
    )
    assert found(text) == [("MV401", "the step 'b' is never reached"), ("MV401", "the step 'd' is never reached")]
    saved = text.replace("    steps:", "    error_handling: {fallback_step_id: d}\n    steps:")
    assert found(saved) == [("MV401", "the step 'b' is never reached")]


RULE = "{variable: event.value, operator: equals, value: 1%s}"


@pytest.mark.parametrize(
    ("condition", "decides"),
    [
        (f"conditions: [{RULE % ''}]", False),
        (f"conditions: [{RULE % ''}], next_step: c", True),
        (f"conditions: [{RULE % ', next_step_id: b'}]", False),
        (f"conditions: [{RULE % ', next_step_id: c'}]", True),
        (f"conditions: [{RULE % ', next_step_id: c'}], next_step: c", False),
        (f"conditions: {{logic: OR, rules: [{RULE % ', next_step_id: c'}]}}", True),
        (f"conditions: {{rules: [{RULE % ', next_step_id: c'}], default_next_step_id: c}}", False),
    ],
)
def test_a_condition_that_decides_nothing(condition: str, decides: bool) -> None:
    text = edge(
        f"- {{id: a, action: condition, {condition}}}\n"
        "- {id: b, action: log, message: x}\n"
        "- {id: c, action: log, message: x}\n"
    )
    said = ("MV403", "the condition 'a' leads to the same step whatever holds")
    assert (said in found(text)) is not decides


def circle(inner: str, out: str = ", next_step_id: done") -> list[tuple[str, str]]:
    return found(
        edge(
            f"- {{id: start, action: set, values: {{n: 0}}}}\n"
            f"- {{id: again, action: condition, conditions: [{{variable: n, operator: equals, value: 3{out}}}],"
            " next_step: work}\n"
            f"- {{id: work, {inner}}}\n"
            "- {id: back, action: log, message: x, next_step: again}\n"
            "- {id: done, action: end}\n"
        )
    )


def test_a_circle_in_which_nothing_waits() -> None:
    endless = ("MV402", "the steps again, work, back go round in a circle in which nothing waits or asks")
    assert circle("action: publish, mqtt: x, value: 1") == [endless]
    assert circle("action: wait, for: 1s") == []
    assert circle("action: read, sensor: a.b, save: n") == []
    assert circle("action: set, values: {n: n + 1}") == []
    assert endless in circle("action: set, values: {n: n + 1}", out=", next_step_id: work")


def test_a_circle_that_waits_for_no_time_or_calls_what_does_not_wait() -> None:
    busy = ("MV402", "the steps a go round in a circle in which nothing waits or asks")
    assert found(edge("- {id: a, action: wait, for: 0s, next_step: a}")) == [busy]
    assert found(edge("- {id: a, action: wait, for: 1ms, next_step: a}")) == []
    assert found(edge("- {id: a, action: wait, event: x, timeout: 1s, next_step: a}")) == []
    other = "  - {name: other, steps: [{id: b, action: %s}]}\n"
    for step in (
        "- {id: a, action: call, protocol: other, next_step: a}",
        "- {id: a, action: parallel, branches: [other], next_step: a}",
    ):
        assert found(edge(step) + other % "log, message: x") == [busy]
        assert found(edge(step) + other % "wait, for: 1s") == []


CALLS = [
    "call, protocol: %s",
    "parallel, branches: [%s]",
    "parallel, branches: [[{id: in, action: call, protocol: %s}]]",
]


@pytest.mark.parametrize("call", CALLS)
def test_protocols_that_call_one_another_without_end(call: str) -> None:
    def again(*steps: str) -> list[tuple[str, str]]:
        return found(edge("\n".join(f"- {{{each}}}" for each in steps)))

    said = [("MV402", "the protocols main call one another without end")]
    me = f"id: me, action: {call % 'main'}"
    rule = "conditions: [{variable: event.value, operator: equals, value: 1}]"
    assert again(me) == said
    assert again("id: pause, action: wait, for: 1h", me) == said  # a run fails at eight of them
    assert again(f"id: if, action: condition, {rule}, next_step: me", "id: log, action: log, message: x", me) == said
    assert again(f"{me}, {rule}") == said  # nothing changes what it sees
    assert again("id: count, action: set, values: {event_seen: 1}", f"{me}, {rule}") == []
    assert again("id: read, action: read, sensor: a.b, save: x", f"{me}, {rule}") == []
    assert again(
        "id: ask, action: prompt, prompt: x, otherwise: x, budget: {seconds: 1}",
        f"id: if, action: condition, {rule}, next_step: done",
        me,
        "id: done, action: end",
    ) == []  # fmt: skip

    other = f"  - {{name: other, steps: [{{id: b, action: {call % 'third'}}}]}}\n"
    third = "  - {name: third, steps: [{id: c, action: call, protocol: other%s}]}\n"
    main = edge("- {id: a, action: call, protocol: other}")
    assert found(main + other + third % "") == [("MV402", "the protocols other, third call one another without end")]
    (finding,) = advanced(load(main + other + third % "", file="x.yaml"))
    assert finding.path.startswith("protocols[1].steps[0]")
    count = "}, {id: d, action: set, values: {n: 1}"
    assert found(main + other + third % f", {rule}{count}") == []


def test_a_protocol_that_nothing_runs() -> None:
    text = (
        "version: '2.2'\ndialect: edge/1\ntriggers: [{id: t, every: 1h, run: a}]\nprotocols:\n"
        "- {name: a, steps: [{id: x, action: call, protocol: b}]}\n"
        "- {name: b, steps: [{id: x, action: end}]}\n"
        "- {name: c, steps: [{id: x, action: call, protocol: d}]}\n"
        "- {name: d, steps: [{id: x, action: end}]}\n"
    )
    assert found(text) == [("MV404", "nothing runs the protocol 'c'"), ("MV404", "nothing runs the protocol 'd'")]
    assert found(text.replace("triggers: [{id: t, every: 1h, run: a}]\n", "")) == []


def test_parts_that_nothing_uses() -> None:
    head = (
        "requires: {sensors: [a.used, a.unused, a.heard], actuators: [lamp, horn]}\n"
        "triggers: [{id: t, event: sensor/a/heard, run: main}]\n"
        "presets: {calm: {temperature: 0}, wild: {temperature: 1}}\n"
        "tools: [{id: used, name: U, endpoint: 'http://127.0.0.1/u'}, {id: unused, name: U, endpoint: 'http://127.0.0.1/u'}]"
    )
    steps = (
        "- {id: r, action: read, sensor: a.used, save: x}\n"
        "- {id: c, action: actuate, actuator: lamp, value: true}\n"
        "- {id: p, action: prompt, prompt: hi, preset: calm, otherwise: x, budget: {tokens: 1}}\n"
        "- {id: u, action: tool_api, tool_api_id: used}\n"
    )
    assert found(edge(steps, head=head)) == [
        ("MV405", "nothing uses the sensor 'a.unused'"),
        ("MV405", "no step uses the actuator 'horn'"),
        ("MV405", "no step uses the preset 'wild'"),
        ("MV405", "no step uses the tool 'unused'"),
    ]


def test_a_variable_that_nothing_sets_is_named_once_with_the_nearest() -> None:
    steps = (
        "- {id: r, action: read, sensor: a.b, save: reading}\n"
        "- {id: s, action: set, values: {session.data.total: reading + other}}\n"
        '- {id: l, action: log, message: "{raeding} {total} {other} {event.value} {event.vlaue} {user_input}"}\n'
        '- {id: p, action: publish, mqtt: x, value: {a: ["{profile.name}", "{session.session_id}", "{session.x}"]}}\n'
        "- {id: c, action: condition, next_step: d, conditions: [{variable: never.there, operator: exists}]}\n"
        "- {id: e, action: end}\n"
        "- {id: d, action: end, conditions: [{variable: total.deep, operator: equals, value: '{gone}'}]}\n"
    )
    assert [message.removeprefix("nothing in the document sets ") for _, message in found(edge(steps))] == [
        "'other'",
        "'raeding'",
        "'event.vlaue'",
        "'profile.name'",
        "'session.x'",
        "'gone'",
    ]
    hints = [each.hint for each in advanced(load(edge(steps), file="x.yaml"))]
    assert hints[1:3] == ["did you mean 'reading'?", "did you mean 'value'?"]


PLAIN = """
version: "2.2"
sessions: [{session_id: s, user_id: u, start_time: now, data: {city: Kyiv}}]
intents: [{name: i, patterns: ["[a]{2}"], response_template: "{city} {wind}"}]
tools:
  - {id: t, name: T, endpoint: "https://example.org/{citty}", parameters: {q: "{q}"}, response_mapping: {temp: a.temp}}
protocols:
  - name: p
    steps: [{id: a, action: prompt, prompt: "{temp} {sky} {session.data.city}", tools: [t]}]
"""


def test_in_a_plain_document_who_runs_it_may_give_a_value_but_not_a_misspelt_one() -> None:
    assert [(code, message.split()[-1]) for code, message in found(PLAIN)] == [
        ("MV407", "'wind'"),
        ("MV406", "'citty'"),
        ("MV407", "'sky'"),
    ]


SECRETS = [
    ("headers: {Authorization: Bearer s3cr3tvalue}", "'Authorization'"),
    ("headers: {X-API-Key: s3cr3tvalue}", "'X-API-Key'"),
    ("body: {user: {password: s3cr3tvalue}}", "'password'"),
    ("authentication: {type: api_key, credentials: {key: s3cr3tvalue}}", "'credential'"),
    ("authentication: {type: bearer, token: s3cr3tvalue}", "'credential'"),
    ("body: {note: sk-s3cr3tvalues3cr3tvalues3cr3t}", "key of a service"),
    ("body: {note: 'use ghp_s3cr3tvalues3cr3tvalues3cr3tvalues3 here'}", "key of a service"),
    ("body: {to: 'https://me:s3cr3tvalue@example.org/'}", "password of a URL"),
    ("body: {to: 'https://example.org/?q=1&api_key=s3cr3tvalue'}", "'api_key' of a URL"),
]
HARMLESS = [
    "headers: {Authorization: 'Bearer {session.data.city}'}",
    "headers: {X-API-Key: YOUR_API_KEY}",
    "headers: {X-API-Key: '{secret.KEY}'}",
    "authentication: {type: oauth2, token_url: 'https://x', client_id: me, client_secret: '{secret.KEY}'}",
    "headers: {X-API-Key: '${API_KEY}'}",
    "body: {token: {type: string}, tokens: '400', keyboard: qwerty, password: ''}",
    "parameters: {token: string}",
    "body: {to: 'https://me@example.org/?token='}",
]


@pytest.mark.parametrize(("key", "what"), SECRETS)
def test_a_secret_is_named_and_never_shown(key: str, what: str, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    text = PLAIN.replace('{citty}"', f'x", {key}').replace(', parameters: {q: "{q}"}', "")
    (message,) = [message for code, message in found(text) if code == "MV408"]
    assert what in message
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert main(["mova", "check", "--advanced", "--detailed", str(path)]) == 0
    assert "s3cr3t" not in capsys.readouterr().out


@pytest.mark.parametrize("key", HARMLESS)
def test_what_is_no_secret_is_let_be(key: str) -> None:
    text = PLAIN.replace('{citty}"', f'x", {key}').replace(', parameters: {q: "{q}"}', "")
    assert [message for code, message in found(text) if code == "MV408"] == []


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://api.example.org/x", True),
        ("http://8.8.8.8/x", True),
        ("https://api.example.org/x", False),
        ("http://localhost:8080/x", False),
        ("http://127.0.0.1/x", False),
        ("http://192.168.1.5/x", False),
        ("http://[::1]/x", False),
        ("http://nas/x", False),
        ("http://nas.local/x", False),
        ("http://{city}/x", False),
        ("http://[nonsense/x", False),
    ],
)
def test_plain_http_is_told_where_others_could_listen(url: str, plain: bool) -> None:
    text = PLAIN.replace("https://example.org/{citty}", url)
    assert ("MV409", "the tool 't' is called over plain http") in found(text) or not plain
    assert plain or not [code for code, _ in found(text) if code == "MV409"]


def test_a_prompt_that_a_day_without_a_network_would_break() -> None:
    bare = "- {id: p, action: prompt, prompt: hi}"
    assert [code for code, _ in found(edge(bare))] == ["MV410", "MV411"]
    assert found(edge(bare, protocol="policies: {budget_ms: 5}\n    error_handling: {fallback_step_id: p}")) == []
    assert found(edge("- {id: p, action: prompt, prompt: hi, otherwise: x, budget: {seconds: 3}}")) == []


def test_what_must_arrive_is_not_said_every_second() -> None:
    head = "triggers: [{id: t, every: 1s, run: main}]"
    said = ("MV412", "'p' publishes every 1s what must arrive")
    publish = "- {id: p, action: publish, topic: a/b, value: 1%s}"
    assert found(edge(publish % "", head=head)) == [said]
    assert found(edge(publish % "", head=head.replace("1s", "1m"))) == []
    assert found(edge(publish % ", class: best_effort", head=head)) == []
    assert found(edge("- {id: w, action: wait, for: 1m}\n" + publish % "", head=head)) == []


def test_what_a_plan_needs_is_counted_in_its_bytes() -> None:
    plan = compile(load(FRIDGE))
    by_name = {each.capability: each for each in needs(plan)}
    assert {name: each.parts for name, each in by_name.items()} == {
        "actuate": 1,
        "logic": 2,
        "prompt": 1,
        "publish": 1,
        "sense": 1,
    }
    assert by_name["sense"].needs == "the sensor fridge.temperature"
    assert by_name["prompt"].plan_bytes == max(each.plan_bytes for each in by_name.values())
    assert sum(each.plan_bytes for each in by_name.values()) < len(plan.encode()) < memory(plan)


def test_the_report_has_findings_boards_and_parts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    tools = next(path for path in DOCUMENTS if path.stem == "basic_example")
    assert main(["mova", "validate", "-a", "-d", "-o", str(out), str(FRIDGE), str(tools), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text()) == data
    fridge, basic = data["files"]
    assert [each["board"] for each in fridge["boards"]] == [each.name for each in boards()]
    plan = compile(load(FRIDGE))
    assert {each["plan_bytes"] for each in fridge["boards"]} == {len(plan.encode())}
    missing = {each["board"]: each["missing"] for each in fridge["boards"]}
    assert {each["board"]: each["fits"] for each in fridge["boards"]} == {
        name: not said for name, said in missing.items()
    }
    assert missing["sim"] == missing["raspberry-pi-4"] == missing["pico-w"] == []
    assert missing["esp8266"] == ["no prompt"]  # a leaf has no gateway to ask
    assert missing["microbit"] == ["no actuate", "no logic", "no prompt", "no publish", "no sense"]
    assert fridge["parts"] == {"protocols": 1, "triggers": 1, "steps": 5}
    assert [each["code"] for each in basic["diagnostics"]].count("MV407") == 4
    assert main(["mova", "check", "--advanced", str(FRIDGE)]) == 0
    said = capsys.readouterr().out
    assert "the actuator buzzer" in said
    assert said.endswith("1 valid\n")
    assert main(["mova", "check", "--output", str(tmp_path), str(FRIDGE)]) == 1


def test_an_invalid_document_has_its_errors_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(edge("- {id: a, action: log, message: '{x}', next_step: nowhere}"))
    assert main(["mova", "check", "-a", "-d", str(path), "--json"]) == 1
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert [each["code"] for each in file["diagnostics"]] == ["MV202"]
    assert "boards" not in file


BRANCHES = """
version: "2.2"
dialect: edge/1
requires: {sensors: [a.b], actuators: [lamp]}
triggers:
  - {id: t, event: go, run: main}
  - {id: said, intent: hi, map: {who: text}, run: main}
intents:
  - {name: hi, patterns: [hi]}
  - {name: bye, patterns: [bye]}
  - {name: thanks, patterns: [ta], response_template: x}
tools:
  - {id: sky, name: Sky, endpoint: "http://127.0.0.1/{city}", parameters: {days: {type: integer}, unit: "{unit}"}}
protocols:
  - name: main
    error_handling: {fallback_step_id: last}
    steps:
      - id: both
        action: parallel
        branches:
          - aside
          - - {id: a, action: prompt, prompt: "{who} {nobody} {event.retained}", tools: [sky], save: answer}
            - {id: end, action: end}
            - {id: dead, action: log, message: "{answer} {heard} {reading}"}
          - - {id: b, action: wait, event: "x/{where}", save: heard,
               until: [{variable: event.value.x, operator: equals, value: "{y}"}]}
            - {id: c, action: actuate, actuator: lamp, value: "{set_there}", next_step: c}
            - {id: d, action: emit, topic: x, value: 1, next_step: d}
      - {id: last, action: log, message: "{event.value.anything.deep}"}
  - name: aside
    steps:
      - {id: r, action: read, sensor: a.b, save: reading}
      - id: inner
        action: parallel
        branches: [[{id: s, action: set, values: {set_there: missing + 1}}]]
"""


def test_branches_are_looked_into() -> None:
    assert found(BRANCHES) == [
        ("MV405", "nothing comes of the intent 'bye'"),
        ("MV411", "nothing bounds what the prompt 'a' costs"),
        ("MV406", "nothing in the document sets 'nobody'"),
        ("MV401", "the step 'dead' is never reached"),
        ("MV406", "nothing in the document sets 'where'"),
        ("MV406", "nothing in the document sets 'y'"),
        ("MV401", "the step 'd' is never reached"),
        ("MV406", "nothing in the document sets 'missing'"),
    ]
    paths = {each.message: each.path for each in advanced(load(BRANCHES, file="x.yaml"))}
    assert paths["the step 'dead' is never reached"] == "protocols[0].steps[0].branches[1][2]"
    assert paths["nothing in the document sets 'y'"] == "protocols[0].steps[0].branches[2][0].until[0].value"
    used = BRANCHES.replace("  - name: aside", "  - name: other\n    steps: [{id: x, action: end}]\n  - name: aside")
    assert ("MV404", "nothing runs the protocol 'other'") in found(used)
    assert ("MV410", "without a model the prompt 'a' fails its protocol") in found(
        BRANCHES.replace("    error_handling: {fallback_step_id: last}\n", "")
    )


def test_a_circle_through_branches_waits_where_one_of_them_does() -> None:
    parallel = "action: parallel, branches: [[{{id: in, {0}}}], [{{id: too, action: log, message: x}}]]"
    endless = ("MV402", "the steps again, work, back go round in a circle in which nothing waits or asks")
    assert circle(parallel.format("action: emit, topic: x, value: 1")) == [endless]
    assert circle(parallel.format("action: wait, event: x")) == []
    assert circle(parallel.format("action: wait, until: [{variable: n, operator: exists}], timeout: 1s")) == []
    assert circle(parallel.format("action: set, values: {n: n + 1}")) == []
    within = (
        "- id: both\n  action: parallel\n  branches:\n    - - {id: x, action: log, message: x}\n"
        "      - {id: y, action: log, message: x, next_step: x}\n"
    )
    said = ("MV402", "the steps x, y go round in a circle in which nothing waits or asks")
    assert found(edge(within)) == [said]


def test_what_a_branch_publishes_every_second_must_not_have_to_arrive() -> None:
    head = "triggers: [{id: t, every: 1s, run: main}]"
    steps = "- {id: both, action: parallel, branches: [[{id: p, action: publish, topic: a/b, value: 1}%s]]}"
    assert [code for code, _ in found(edge(steps % "", head=head))] == ["MV412"]
    waits = ", [{id: w, action: wait, event: x, timeout: 1m}]"
    assert found(edge(steps.replace("]]}", "]%s]}") % ("", waits), head=head)) == []


def test_what_starts_a_protocol_is_among_its_needs() -> None:
    head = (
        "intents: [{name: hi, patterns: [hi]}]\ntriggers:\n  - {id: a, intent: hi, run: main}\n"
        "  - {id: b, webhook: x, run: main}\n  - {id: c, cron: '* * * * *', run: main}\n"
        "  - {id: d, every: 1m, run: main}"
    )
    steps = "- {id: both, action: parallel, branches: [[{id: r, action: read, sensor: a.b, save: x}]]}"
    by_name = {each.capability: each.parts for each in needs(compile(load(edge(steps, head=head), file="x.yaml")))}
    assert by_name == {"intent": 1, "logic": 2, "schedule": 1, "sense": 1, "webhook": 1}


@st.composite
def protocols(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps that lead anywhere."""
    ids = [f"s{i}" for i in range(draw(st.integers(1, 8)))]
    steps = []
    for name in ids:
        step: dict[str, Any] = {"id": name, "action": draw(st.sampled_from(["log", "wait", "set", "end", "condition"]))}
        step |= {"log": {"message": "x"}, "wait": {"for": "1s"}, "set": {"values": {"n": 1}}}.get(step["action"], {})
        if draw(st.booleans()):
            step["next_step"] = draw(st.sampled_from(ids))
        if step["action"] == "condition":
            rule = {"variable": "event.value", "operator": "exists", "next_step_id": draw(st.sampled_from(ids))}
            step["conditions"] = [rule]
        steps.append(step)
    return steps


@given(protocols())
def test_what_a_walk_through_the_steps_meets_is_what_is_reached(steps: list[dict[str, Any]]) -> None:
    document = {"version": "2.2", "dialect": "edge/1", "protocols": [{"name": "p", "steps": steps}]}
    said = advanced(load(json.dumps(document), file="x.json"))
    after = {step["id"]: following["id"] for step, following in pairwise(steps)}
    met, waiting = set(), [steps[0]["id"]]
    by_id = {step["id"]: step for step in steps}
    while waiting:
        step = by_id[waiting.pop()]
        if step["id"] in met:
            continue
        met.add(step["id"])
        if step["action"] != "end":
            ways = [
                step.get("next_step", after.get(step["id"])),
                *(r["next_step_id"] for r in step.get("conditions", [])),
            ]
            waiting += [each for each in ways if each is not None]
    unreached = [each.message for each in said if each.code == "MV401"]
    assert unreached == [f"the step {step['id']!r} is never reached" for step in steps if step["id"] not in met]


def test_a_sensor_has_a_name_and_a_channel() -> None:
    head = (
        "triggers: [{id: t, sensor: ab, run: main}, {id: u, sensor: a.+, run: main}, {id: v, sensor: a.b, run: main}]"
    )
    steps = "- {id: r, action: read, sensor: a., save: x}\n- {id: s, action: read, sensor: a.b.c, save: y}"
    said = "{!r} is no sensor: each has a name and a channel"
    assert found(edge(steps, head=head)) == [("MV413", said.format("ab")), ("MV413", said.format("a."))]


def test_a_place_with_a_hyphen_is_told_of() -> None:
    steps = "- {id: a, action: set, values: {x-y: 1, fine: 2}}\n- {id: b, action: read, sensor: a.b, save: last.z-1}\n"
    head = "triggers: [{id: t, event: x, map: {who-is: name, it: that-one}, run: main}]"
    assert found(edge(steps, head=head)) == [
        ("MV414", f"in an expression {name!r} is a subtraction") for name in ("who-is", "x-y", "last.z-1")
    ]


@pytest.mark.parametrize(
    ("otherwise", "wrong"),
    [
        ("{c: true}", ""),
        ("{c: true, d: x}", ""),
        ("{c: '{event.value}'}", ""),
        ("{c: 1}", "c is not of type boolean"),
        ("{}", "the value lacks c"),
        ("none", "the value is not of type object"),
        ("{c: true, e: 1}", "the value has e, which is not allowed"),
    ],
)
def test_an_otherwise_is_what_the_schema_asks_for(otherwise: str, wrong: str) -> None:
    step = "- {id: a, action: prompt, prompt: x, budget: {seconds: 1}, schema: {c: boolean, d?: string}, otherwise: %s}"
    said = [("MV415", f"otherwise is not what the schema asks for: {wrong}")] if wrong else []
    assert found(edge(step % otherwise)) == said
