# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a document is said with its code and its place, and what is right is let be."""

from pathlib import Path

import pytest

from ganglion.mova.check import check
from ganglion.mova.diagnostic import CODES, Severity
from ganglion.mova.load import load
from support.mova import codes, edge, found

PLAIN = 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: end}]}]\n'
TRIGGER = "triggers: [{id: t, run: main, %s}]"

#: code -> a document that has exactly this one thing wrong
BROKEN = {
    "MV001": "version: [",
    "MV002": PLAIN + "tools: []\ntools: []",
    "MV003": "[" * 100,
    "MV004": PLAIN + "description: !!python/name:os x",
    "MV005": '{"version": "2.2", "protocols": [],}',
    "MV006": "version: 2.2\nprotocols: []",
    "MV007": PLAIN + "x_mine: yes",
    "MV008": PLAIN + "x_mine: .nan",
    "MV101": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: prompt}]}]',
    "MV102": 'version: "2.2"\nprotocols: [{name: 3, steps: [{id: x, action: end}]}]',
    "MV103": edge("- {id: x, action: log, message: a, colour: red}"),
    "MV104": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: promt}]}]',
    "MV105": 'version: "2.2"\nclasses: {protocol: {name: a b, steps: [{id: x, action: end}]}}',
    "MV106": PLAIN.replace("2.2", "3.4"),
    "MV107": PLAIN + "dialect: edge/9",
    "MV108": PLAIN + "classes: {}",
    "MV109": edge("- {id: x, action: wait, for: 5 seconds}"),
    "MV110": 'version: "2.2"\nprotocols: [{name: a, steps: []}]',
    "MV111": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: actuate}]}]',
    "MV112": edge("- {id: x, action: prompt, prompt: a, budget: {tokens: 0}}"),
    "MV113": edge(head=TRIGGER % "sensor: a.b, mqtt: c"),
    "MV114": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: end, next_stp: x}]}]',
    "MV201": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: end}, {id: x, action: end}]}]',
    "MV202": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: end, next_step: y}]}]',
    "MV203": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: tool_api, tool_api_id: y}]}]',
    "MV204": edge("- {id: x, action: call, protocol: other}"),
    "MV205": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: prompt, prompt: a, preset: b}]}]',
    "MV206": edge("- {id: x, action: actuate, actuator: lamp, value: 1}", head="requires: {actuators: [buzzer]}"),
    "MV207": edge("- {id: x, action: set, values: {a: 1 +}}".replace("1 +", "'1 +'")),
    "MV208": edge("- {id: x, action: end, conditions: [{variable: a, operator: in_range, value: 3}]}"),
    "MV210": edge("- {id: x, action: prompt, prompt: a, schema: {a: strange}}"),
    "MV211": edge(head=TRIGGER % "mqtt: a/#/b"),
}


@pytest.mark.parametrize("code", [code for code in CODES if code < "MV3"])
def test_each_code_has_a_document_that_shows_it(code: str) -> None:
    findings = found(BROKEN[code], "x.json" if code in ("MV005",) else "x.yaml")
    assert [each.code for each in findings] == [code]
    (finding,) = findings
    assert finding.severity is CODES[code][0]
    assert finding.message
    assert finding.text("f").startswith(f"f:{finding.line}:{finding.column}: {finding.severity} {code} ")


def test_the_table_in_the_documentation_is_the_one_in_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs/mova-diagnostics.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if "| MV" in line[:5]]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (code, str(severity), text) for code, (severity, text) in CODES.items()
    ]
    assert all(row[3] for row in rows)


def test_a_finding_has_its_path_line_and_column() -> None:
    text = """\
version: "2.2"
protocols:
  - name: greet
    steps:
      - {id: ask, action: prompt, prompt: hi}
      - {id: tell, action: prompt, prompt: bye, next_step: asc}
"""
    (finding,) = found(text)
    assert (finding.code, finding.path) == ("MV202", "protocols[0].steps[1].next_step")
    assert (finding.line, finding.column) == (6, 60)
    assert finding.hint == 'did you mean "ask"?'


@pytest.mark.parametrize(
    ("conditions", "path"),
    [
        ("[{variable: a, operator: equals, value: 1, next_step_id: nil}]", "[0].next_step_id"),
        ("{rules: [{variable: a, operator: equals, value: 1, next_step_id: nil}]}", ".rules[0].next_step_id"),
        ("{rules: [{variable: a, operator: exists}], default_next_step_id: nil}", ".default_next_step_id"),
        (
            "[{variable: a, operator: exists, sub_conditions: [{variable: a, operator: exists, next_step_id: nil}]}]",
            "[0].sub_conditions[0].next_step_id",
        ),
        ("[{variable: a, operator: exist}]", "[0].operator"),
        ("[{variable: '', operator: exists}]", "[0].variable"),
        ("[{variable: '(a', operator: exists}]", "[0].variable"),
        ("[{variable: a, operator: matches_regex, value: '(a'}]", "[0].value"),
        ("[{variable: a, operator: equals}]", "[0].value"),
        ("[{operator: exists}]", "[0].variable"),
        ("{rules: [], logic: AND}", ".rules"),
        ("{rules: [{variable: a, operator: exists}], logic: XOR}", ".logic"),
    ],
)
def test_conditions_are_checked_at_every_depth(conditions: str, path: str) -> None:
    (finding,) = found(edge(f"- {{id: x, action: condition, conditions: {conditions}}}"))
    assert finding.path == f"protocols[0].steps[0].conditions{path}"


@pytest.mark.parametrize(
    "trigger",
    [
        "sensor: a.b, above: 8, hysteresis: 0.5, for: 10m, cooldown: 1h",
        "mqtt: zigbee2mqtt/+/state, field: a.b, equals: 'on'",
        "event: room/#, changes: true",
        "every: 5m",
        "start: true",
        'cron: "0 7 * * *", timezone: Europe/Kyiv, missed: run_once',
        "at: '07:00'",
        "intent: greet",
        "webhook: door",
        "sensor: a.b, between: [1, 2], every: 10s, window: 1m",
    ],
)
def test_every_trigger_of_the_dialect_is_valid(trigger: str) -> None:
    assert codes(edge(head=TRIGGER % trigger)) == []


@pytest.mark.parametrize(
    ("trigger", "code"),
    [
        ("above: 8", "MV113"),
        ("sensor: a, above: 8, below: 3", "MV113"),
        ("sensor: a, hysteresis: 1", "MV113"),
        ("every: 5m, above: 8", "MV113"),
        ("sensor: a, above: 8, field: x", "MV113"),
        ("sensor: a, between: [3, 1]", "MV208"),
        ("sensor: a, above: hot", "MV102"),
        ("sensor: a, abov: 8", "MV103"),
        ("cron: x, missed: often", "MV104"),
        ("event: a/+b", "MV211"),
        ("mqtt: a, field: b/c", "MV211"),
    ],
)
def test_a_trigger_that_makes_no_sense_is_refused(trigger: str, code: str) -> None:
    assert codes(edge(head=TRIGGER % trigger)) == [code]


STEPS = """
- {id: read, action: read, sensor: fridge.temperature, save: now}
- {id: set, action: set, values: {count: "count + 1", session.data.name: "'x'", deep.er: 3}}
- {id: ask, action: prompt, prompt: "{now}?", schema: {a: [b, c]},
   budget: {tokens: 4, seconds: 0.5}, otherwise: {a: b}, save: said}
- {id: wait, action: wait, for: 250ms, conditions: [{variable: now, operator: greater_than, value: 3}]}
- {id: event, action: wait, event: door/open, timeout: 5s}
- {id: until, action: wait, until: [{variable: a, operator: exists}], timeout: 5s}
- {id: beep, action: actuate, actuator: buzzer, value: true, for: 5s, confirm: {read: true, within: 1s}, priority: 2}
- {id: say, action: publish, topic: alert/x, value: {a: "{said.a}"}, class: must_arrive}
- {id: plain, action: publish, mqtt: lamp/set, value: "ON"}
- {id: emit, action: emit, topic: local/x, value: 1}
- {id: log, action: log, message: "{now}", level: warning}
- {id: call, action: call, protocol: main}
- {id: both, action: parallel, branches: [[a], [b]]}
- {id: end, action: end}
"""


def test_every_action_of_the_dialect_is_valid() -> None:
    head = (
        "requires: {sensors: [fridge.temperature], actuators: [buzzer]}\ntests: [{name: t, llm: down, feed: {a: []}}]"
    )
    retry = "{max_attempts: 3, backoff_ms: 2, jitter: true}"
    concurrency = "{mode: queued, max: 3}"
    key = '"{event.id}"'
    protocol = f"policies: {{budget_ms: 9, idempotency_key: {key}, retry: {retry}, concurrency: {concurrency}}}"
    assert [each.text("x") for each in found(edge(STEPS, head=head, protocol=protocol))] == []


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{id: x, action: actuate, actuator: a}", "MV101"),
        ("{id: x, action: publish, value: 1}", "MV113"),
        ("{id: x, action: publish, topic: a, mqtt: b, value: 1}", "MV113"),
        ("{id: x, action: publish, topic: a, value: 1, class: sometimes}", "MV104"),
        ("{id: x, action: wait}", "MV113"),
        ("{id: x, action: read, sensor: a, save: event.x}", "MV105"),
        ("{id: x, action: read, sensor: a, save: 'a b'}", "MV105"),
        ("{id: x, action: set, values: {session: 1}}", "MV105"),
        ("{id: x, action: log, message: a, level: loud}", "MV104"),
        ("{id: x, action: condition}", "MV101"),
        ("{id: x, action: condition, conditions: []}", "MV110"),
        ("{id: x}", "MV101"),
        ("{action: end}", "MV101"),
        ("7", "MV102"),
    ],
)
def test_a_step_that_cannot_be_carried_out_is_refused(step: str, code: str) -> None:
    assert codes(edge(f"- {step}"))[0] == code


def test_a_plain_document_may_have_keys_of_its_own() -> None:
    assert codes(PLAIN + "author: me\nlicence: {any: thing}") == []


def test_ids_are_unique_within_a_protocol_and_not_across() -> None:
    steps = "steps: [{id: x, action: end}]"
    two = f'version: "2.2"\nprotocols:\n- {{name: a, {steps}}}\n- {{name: b, {steps}}}'
    assert codes(two) == []
    assert codes(two.replace("name: b", "name: a")) == ["MV201"]


def test_a_document_with_several_mistakes_shows_all_of_them_in_order() -> None:
    steps = "- {id: x, action: promt}\n  - {id: x, action: end, next_step: z}\n"
    findings = found(f'version: "9"\nprotocols:\n- name: a\n  steps:\n  {steps}')
    assert [(each.code, each.line) for each in findings] == [("MV106", 1), ("MV104", 5), ("MV201", 6), ("MV202", 6)]


@pytest.mark.parametrize("junk", ["3", "x", "[]", "{}", "null", "[[]]", "[3]", "{a: {b: []}}", "[null]", "[{}]"])
@pytest.mark.parametrize(
    "key",
    [
        "version",
        "protocols",
        "tools",
        "intents",
        "classes",
        "triggers",
        "requires",
        "presets",
        "tests",
        "name",
        "sessions",
        "profiles",
    ],
)
def test_junk_anywhere_is_reported_and_never_a_crash(key: str, junk: str) -> None:
    lines = [line for line in edge().splitlines() if not line.startswith(f"{key}:") and line.strip()]
    if key == "protocols":
        lines = lines[:3]
    document = load("\n".join([*lines, f"{key}: {junk}"]), file="x.yaml")
    check(document)


@pytest.mark.parametrize("junk", ["3", "[]", "{}", "null", "[3]", "{rules: 3}", "{rules: [3]}", "[[]]", "{a: 1}"])
@pytest.mark.parametrize(
    "key",
    [
        "id",
        "action",
        "conditions",
        "next_step",
        "prompt",
        "schema",
        "budget",
        "otherwise",
        "save",
        "tools",
        "values",
        "for",
        "value",
        "preset",
    ],
)
@pytest.mark.parametrize("action", ["prompt", "set", "wait", "actuate", "condition", "publish"])
def test_junk_in_a_step_is_reported_and_never_a_crash(key: str, junk: str, action: str) -> None:
    parts = {"id": "x", "action": action} | {key: junk}
    step = "{" + ", ".join(f"{name}: {value}" for name, value in parts.items()) + "}"
    findings = found(edge(f"- {step}"))
    for each in findings:
        assert each.severity in Severity
