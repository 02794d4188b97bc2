# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a document is said with its code and its place, and what is right is let be."""

from pathlib import Path

import pytest

from ganglion.mova.check import check, refuse
from ganglion.mova.diagnostic import CODES, DocumentError, Severity
from ganglion.mova.load import load
from support.mova import codes, edge, found

PLAIN = 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: end}]}]\n'
TOOL = 'tools: [{id: a, name: a, endpoint: "http://x", %s}]'
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
    "MV115": edge("- {id: x, action: log, message: a, next_step: x, next_step_id: y}\n- {id: y, action: end}"),
    "MV116": 'version: "2.2"\nclasses: {profile: {user_id: u, preferences: {language: english}}}',
    "MV201": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: end}, {id: x, action: end}]}]',
    "MV202": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: end, next_step: y}]}]',
    "MV203": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: tool_api, tool_api_id: y}]}]',
    "MV204": edge("- {id: x, action: call, protocol: other}"),
    "MV205": 'version: "2.2"\nprotocols: [{name: a, steps: [{id: x, action: prompt, prompt: a, preset: b}]}]',
    "MV206": edge("- {id: x, action: actuate, actuator: lamp, value: 1}", head="requires: {actuators: [buzzer]}"),
    "MV207": edge("- {id: x, action: set, values: {a: 1 +}}".replace("1 +", "'1 +'")),
    "MV208": edge("- {id: x, action: end, conditions: [{variable: a, operator: in_range, value: 3}]}"),
    "MV209": edge(head=TRIGGER % "cron: 0 25 * * *"),
    "MV210": edge("- {id: x, action: prompt, prompt: a, schema: {a: strange}}"),
    "MV211": edge(head=TRIGGER % "mqtt: a/#/b"),
    "MV212": PLAIN + "intents: [{name: a, patterns: [hi, '(?=a)b']}]",
    "MV213": edge(head=TRIGGER % "intent: greet"),
    "MV214": edge(head=TOOL % "authentication: {type: bearer, token: a, tokn: b}"),
    "MV215": edge(head=TOOL % "headers: {X: '{secret.key}'}").replace("http://x", "http://x{path}"),
    "MV217": edge(head="tests: [{name: t, expect: [{never: true, emitted: noted}]}]"),
    "MV218": edge(head=TRIGGER % "mqtt: lamp/state, equals: ON"),
    "MV219": edge(head="tests: [{name: t, llm: dwn, expect: [{ran: main}]}]"),
    "MV220": PLAIN + "tools: [{id: a, name: a, endpoint: example.org/x}]",
    "MV216": edge("- {id: x, action: log, message: 'a {secret.key}'}"),
}


# MV009 never stands alone: test_mova_bounds shows it
@pytest.mark.parametrize("code", [code for code in CODES if code < "MV3" and code != "MV009"])
def test_each_code_has_a_document_that_shows_it(code: str) -> None:
    findings = found(BROKEN[code], "x.json" if code in ("MV005",) else "x.yaml")
    assert [each.code for each in findings] == [code]
    (finding,) = findings
    assert finding.severity is CODES[code][0]
    assert finding.message
    assert finding.text("f").startswith(f"f:{finding.line}:{finding.column}: {finding.severity} {code} ")


def test_what_is_confirmed_is_confirmed_within_a_minute() -> None:
    step = "- {id: x, action: actuate, actuator: lamp, value: 1, confirm: {within: %s}}"
    assert found(edge(step % "1m")) == []
    (finding,) = found(edge(step % "61s"))
    assert (finding.code, finding.message) == ("MV112", "within is 61s and must be 1m or less")
    assert [each.code for each in found(edge(step % "soon"))] == ["MV109"]
    for digits in (30, 400):  # more nanoseconds than 64 bits hold, and more than a float does
        assert [each.code for each in found(edge(step % f"{'9' * digits}d"))] == ["MV109"]


def test_the_table_in_the_documentation_is_the_one_in_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs/mova-diagnostics.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if "| MV" in line[:5]]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (code, str(severity), text) for code, (severity, text) in CODES.items()
    ]
    assert all(row[3] for row in rows)


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("on", "id must be text, and this is on, which YAML reads as true", 'write "on" in quotes'),
        ("No", "id must be text, and this is No, which YAML reads as false", 'write "No" in quotes'),
        ("true", "id must be text, and this is true", 'write "true" in quotes'),
        ("!!bool off", "id must be text, and this is false", ""),
        ("7", "id must be text, and this is a number 7", ""),
    ],
)
def test_a_word_that_yaml_takes_for_true_or_false_is_said_as_it_was_written(
    written: str, message: str, hint: str
) -> None:
    text = edge(f"- {{id: {written}, action: end}}")
    (finding,) = [each for each in found(text) if each.code == "MV102"]
    assert (finding.message, finding.hint) == (message, hint)
    with pytest.raises(DocumentError) as refused:
        refuse(load(text, file="x.yaml"))
    assert str(refused.value).endswith(f"MV102 {message}" + (f" ({hint})" if hint else ""))


def test_a_word_that_is_compared_is_a_warning_and_is_said_once() -> None:
    (finding,) = found(edge(head=TRIGGER % "mqtt: lamp/state, equals: ON"))
    assert (finding.code, finding.path) == ("MV218", "triggers[0].equals")
    assert (finding.message, finding.hint) == (
        "ON is compared, and YAML reads it as true",
        'write "ON" in quotes, or true',
    )
    for right in ('"ON"', "true", "False", "3"):
        assert found(edge(head=TRIGGER % f"mqtt: lamp/state, equals: {right}")) == []
    condition = "conditions: [{variable: event.value, operator: equals, value: %s}]"
    assert [each.code for each in found(edge(f"- {{id: x, action: end, {condition % 'off'}}}"))] == ["MV218"]
    assert found(edge(f"- {{id: x, action: end, {condition % 'false'}}}")) == []


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
        "webhook: door, map: {who: name}, session: visit.id",
        "event: a/b, session: id",
        "mqtt: a/b, session: id",
        "sensor: a.b, rises: 3, hysteresis: 1, for: 5s",
        "mqtt: a/b, field: c, falls: 3, dedupe: id, map: {who: name}, retained: true",
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
        ("at: '07:00', missed: often", "MV104"),
        ("event: a/+b", "MV211"),
        ("intent: greet", "MV213"),
        ("every: 5m, session: id", "MV113"),
        ("webhook: a/b", "MV211"),
        ("sensor: a, rises: 3, every: 5s", "MV113"),
        ("sensor: a, above: 3, for: 1s, every: 5s", "MV113"),
        ("sensor: a, equals: 3, window: 5s", "MV113"),
        ("sensor: a, changes: true, for: 5s", "MV113"),
        ("sensor: a, window: 5s", "MV113"),
        ("sensor: a, retained: true", "MV113"),
        ("start: true, map: {a: b}", "MV113"),
        ("sensor: a, session: id", "MV113"),
        ("start: true, session: id", "MV113"),
        ("start: false", "MV113"),
        ("sensor: a.b, changes: false", "MV113"),
        ("webhook: a, session: 7", "MV102"),
        ("mqtt: a, map: {session: b}", "MV105"),
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
- {id: both, action: parallel, branches: [[{id: one, action: end}], main]}
- {id: end, action: end}
"""


def test_every_action_of_the_dialect_is_valid() -> None:
    head = "requires: {sensors: [fridge.temperature], actuators: [buzzer]}\n"
    head += "tests: [{name: t, llm: down, feed: {fridge.temperature: []}, expect: [{ran: main}]}]"
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
        ("{id: x, action: publish, mqtt: b, to: hall, value: 1}", "MV113"),
        ("{id: x, action: publish, topic: 'b/#', to: hall, value: 1}", "MV211"),
        ("{id: x, action: publish, topic: 'b/+', value: 1}", "MV211"),
        ("{id: x, action: publish, topic: 'b/{c}/#', value: 1}", "MV211"),
        ("{id: x, action: publish, topic: 'mqtt:', value: 1}", "MV211"),
        ("{id: x, action: publish, mqtt: 'b/#', value: 1}", "MV211"),
        ("{id: x, action: emit, topic: 'b/+/c', value: 1}", "MV211"),
        ("{id: x, action: publish, topic: a, value: 1, class: sometimes}", "MV104"),
        ("{id: x, action: wait}", "MV113"),
        ("{id: x, action: wait, for: 1s, event: a}", "MV113"),
        ("{id: x, action: wait, for: 1s, timeout: 1s}", "MV113"),
        ("{id: x, action: wait, until: [{variable: a, operator: exists}]}", "MV101"),
        ("{id: x, action: wait, event: a/#/b}", "MV211"),
        ("{id: x, action: wait, event: a, until: [{variable: (a, operator: exists}]}", "MV207"),
        ("{id: x, action: parallel, branches: []}", "MV110"),
        ("{id: x, action: parallel, branches: [nobody]}", "MV204"),
        ("{id: x, action: parallel, branches: [7]}", "MV102"),
        ("{id: x, action: parallel, branches: [[{id: x, action: end}]]}", "MV201"),
        ("{id: x, action: parallel, branches: [[{id: y, action: end, next_step: x}]]}", "MV202"),
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


@pytest.mark.parametrize(
    ("expect", "code", "path", "hint"),
    [
        ("{never: true, actuated: {buzzr: true}}", "MV206", ".actuated.buzzr", 'did you mean "buzzer"?'),
        ("{never: true, ran: mian}", "MV204", ".ran", 'did you mean "main"?'),
        ("{ran: {mian: completed}}", "MV204", ".ran.mian", 'did you mean "main"?'),
        ("{never: true, ran: {main: complete}}", "MV104", ".ran.main", 'did you mean "completed"?'),
        ("{never: true, published: alert/frige}", "MV217", ".published", 'did you mean "alert/fridge"?'),
        ("{emitted: {alert/fridge: 1}}", "MV217", ".emitted.alert/fridge", "known here: home/{event.value}/x"),
        ('{never: "yes", ran: main}', "MV102", ".never", ""),
        ("{ran: main, at: soon}", "MV109", ".at", "write a number with ms, s, m, h or d, as in 10s"),
        ("{ran: main, nver: true}", "MV103", ".nver", 'did you mean "never"?'),
        ("{ran: main, emitted: a}", "MV113", "", "give it one of actuated, published, emitted, ran"),
        ("{never: true}", "MV113", "", "give it one of actuated, published, emitted, ran"),
        ("{never: true, published: {}}", "MV110", ".published", ""),
        ("{actuated: buzzer}", "MV102", ".actuated", ""),
        ("{ran: [main]}", "MV102", ".ran", ""),
        ("ran", "MV102", "", ""),
    ],
)
def test_an_expectation_that_could_not_be_met_or_could_not_fail_is_found(
    expect: str, code: str, path: str, hint: str
) -> None:
    steps = """
- {id: a, action: actuate, actuator: buzzer, value: true}
- {id: b, action: publish, topic: alert/fridge, value: 1}
- {id: c, action: publish, mqtt: "lamp/{event.value}/set", value: 1}
- {id: d, action: emit, topic: "home/{event.value}/x", value: 1}
"""
    head = "requires: {actuators: [buzzer]}\ntests: [{name: t, expect: [EXPECT]}]"
    (finding,) = found(edge(steps, head=head.replace("EXPECT", expect)))
    assert (finding.code, finding.path, finding.hint) == (code, f"tests[0].expect[0]{path}", hint)
    right = "{actuated: {buzzer: 1}}, {published: alert/fridge}, {published: {mqtt:lamp/1/set: 1}}, {emitted: home//x}"
    assert found(edge(steps, head=head.replace("EXPECT", right + ", {at: 1s, never: true, ran: main}"))) == []
    without = head.partition("\n")[2].replace("EXPECT", "{actuated: {buzzr: 1}}")
    assert [each.code for each in found(edge(steps, head=without))] == ["MV217"]


def test_a_test_that_expects_nothing_is_told_of() -> None:
    assert codes(edge(head="tests: [{name: t}]")) == ["MV219"]
    assert codes(edge(head="tests: [{name: t, expect: []}]")) == ["MV219"]
    assert codes(edge(head="tests: [{name: t, llm: The door is open., expect: [{ran: main}]}]")) == []


FED = """
tools: [{id: sky, name: Sky, endpoint: "https://example.org/"}, {id: sea, name: Sea, endpoint: "https://example.org/"}]
triggers:
  - {id: a, sensor: fridge.temperature, above: 8, run: main}
  - {id: b, event: "x/+", run: main}
  - {id: c, mqtt: "z/#", run: main}
  - {id: d, webhook: ring, run: main}
  - {id: e, intent: hi, run: main}
intents: [{name: hi, patterns: [hello]}]
tests: [{name: t, expect: [{at: 9s, ran: main}], TEST}]
"""
LISTENS = """
- {id: ask, action: prompt, prompt: hi, tools: [sky], otherwise: x}
- {id: read, action: read, sensor: room.light, save: light}
- {id: wait, action: wait, event: "w/{light}/+"}
"""


@pytest.mark.parametrize(
    ("test", "code", "path", "hint"),
    [
        ("feed: {fridge.temperature: [[1, 2]]}", "MV109", "feed.fridge.temperature[0][0]", "write a number with"),
        ("feed: {fridge.temperature: [[soon, 2]]}", "MV109", "feed.fridge.temperature[0][0]", "write a number with"),
        ("feed: {fridge.temperature: [3s]}", "MV102", "feed.fridge.temperature[0]", "write a list of [time, value]"),
        ("feed: {fridge.temperature: 3}", "MV102", "feed.fridge.temperature", "write a list of [time, value]"),
        ("feed: {'blah:x': []}", "MV104", "feed.blah:x", "known here: event, intent"),
        ("feed: {'evnt:x/y': []}", "MV104", "feed.evnt:x/y", 'did you mean "event"?'),
        ("feed: {'event:x/+': []}", "MV211", "feed.event:x/+", "+ and # are for who listens"),
        ("feed: {'mqtt:': []}", "MV211", "feed.mqtt:", "+ and # are for who listens"),
        ("feed: {trace: 5}", "MV102", "feed.trace", ""),
        ("feed: {trace: {flie: a.csv}}", "MV102", "feed.trace", ""),
        ("feed: {trace: {file: a.csv, as: x}}", "MV102", "feed.trace", ""),
        ("start: yesterday", "MV209", "start", "as in 2026-05-01T07:30"),
        ("start: '07:30'", "MV209", "start", "as in 2026-05-01T07:30"),
        ("feed: {fridge.temprature: []}", "MV219", "feed.fridge.temprature", 'did you mean "fridge.temperature"?'),
        ("feed: {'event:y': []}", "MV219", "feed.event:y", ""),
        ("feed: {'event:w/7': []}", "MV219", "feed.event:w/7", ""),
        ("feed: {'mqtt:y': []}", "MV219", "feed.mqtt:y", ""),
        ("feed: {'intent:nope': []}", "MV219", "feed.intent:nope", ""),
        ("feed: {'webhook:rang': []}", "MV219", "feed.webhook:rang", 'did you mean "webhook:ring"?'),
        ("tools: {skyy: 1}", "MV219", "tools.skyy", 'did you mean "sky"?'),
        ("llm: {calls: {nope: {}}}", "MV219", "llm.calls.nope", "known here: sky"),
        ("llm: [x, {calls: {sea: {}}}]", "MV219", "llm[1].calls.sea", "known here: sky"),
        ("for: 8s", "MV219", "expect[0].at", "give it more time with `for`"),
        (
            "for: 9s, feed: {'event:x/y': [[9s, 1], [10s, 1], [11s, 1]]}",
            "MV219",
            "feed.event:x/y[1][0]",
            "give it more",
        ),
    ],
)
def test_what_a_test_is_given_can_be_given_and_is_for_somebody(test: str, code: str, path: str, hint: str) -> None:
    (finding,) = found(edge(LISTENS, head=FED.replace("TEST", test)))
    assert (finding.code, finding.path) == (code, f"tests[0].{path}")
    assert finding.hint.startswith(hint)


@pytest.mark.parametrize(
    "test",
    [
        "start: '2026-03-29T00:00+02:00', for: 9s",
        "feed: {trace: day.csv}",
        "feed: {trace: {file: day.csv, as: {celsius: fridge.temperature}}}",
        "feed: {fridge.temperature: [[1m, 3]], room.light: [[0s, 1]], 'event:x/y': [], 'event:w/7/a': []}",
        "feed: {'mqtt:z': [], 'mqtt:z/a/b': [], 'mqtt-retained:z/a': [], 'intent:hi': [], 'webhook:ring': []}",
        "feed: {'event:sensor/fridge/temperature': [], 'event:intent/hi': []}",
        "tools: {sky: 1, sea: 2}, llm: [{calls: {sky: {}}}, {calls: 5}, {calls: {other: 1}, more: 2}]",
    ],
)
def test_what_a_test_may_be_given_is_let_be(test: str) -> None:
    assert [each.text("x") for each in found(edge(LISTENS, head=FED.replace("TEST", test)))] == []


def test_two_tests_of_one_name_are_told_of() -> None:
    tests = "tests:\n  - {name: t, expect: [{ran: main}]}\n  - {name: t, expect: [{ran: main}]}"
    (finding,) = found(edge(head=tests))
    assert (finding.code, finding.path) == ("MV219", "tests[1].name")
    assert finding.message == "the test in line 5 has the name 't', too"


@pytest.mark.parametrize("junk", ["3", "[]", "{}", "null", "[3]", "[[]]", "{a: {b: []}}", "{calls: {a: 1}}", "x"])
@pytest.mark.parametrize("key", ["start", "for", "llm", "tools", "feed", "expect", "name"])
def test_junk_in_a_test_is_reported_and_never_a_crash(key: str, junk: str) -> None:
    found(edge(head=f"tests: [{{name: t, feed: {{trace: {junk}, a.b: {junk}}}, {key}: {junk}}}]"))
    found(edge(head=f"triggers: [{{id: a, event: {junk}}}]\ntests: [{{{key}: {junk}, feed: {{a.b: [{junk}]}}}}]"))


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("ftp://x/", False),
        ("example.org/x", False),
        ("http:///x", False),
        ("http:/x.org", False),
        ("https://x:port/", False),
        ("https://[x/", False),
        ("htp{s}://x/", False),
        ("/a/{b}", False),
        ("x{base}", False),
        ("https://x/{a}", True),
        ("HTTP://x:80?{a}", True),
        ("{base}/a", True),
        ("http{s}://x/", True),
        ("https://{host}:{port}/", True),
        ("https://{secret.host}/", True),
    ],
)
def test_a_url_that_no_request_can_go_to_is_found(url: str, right: bool) -> None:
    tool = f"tools: [{{id: a, name: a, endpoint: '{url}'}}]"
    assert codes(edge(head=tool)) == ([] if right else ["MV104"])
    assert codes(PLAIN + tool) == ([] if right else ["MV220"])
    secret = tool.replace("'}", "', headers: {X: '{secret.key}'}}")
    found_with = codes(PLAIN + secret)
    assert found_with == ["MV104"] if not right else found_with in ([], ["MV215"])


def test_a_step_that_goes_on_in_both_spellings_names_one_that_is_there() -> None:
    step = "- {id: a, action: log, message: x, next_step: %s, next_step_id: %s}\n- {id: c, action: end}"
    assert codes(edge(step % ("a", "a"))) == []
    assert codes(edge(step % ("a", "c"))) == ["MV115"]
    assert codes(edge(step % ('""', "c"))) == []
    assert sorted(codes(edge(step % ("a", "b")))) == ["MV115", "MV202"]
    plain = 'version: "2.2"\nprotocols: [{name: m, steps: [{id: a, action: end, next_step: %s, next_step_id: %s}]}]'
    plain = plain.replace("}]}]", "}, {id: c, action: end}]}]")
    assert codes(plain % ("a", "c")) == ["MV115"]
    (finding,) = (each for each in found(plain % ("a", "b")) if each.code == "MV202")
    assert (finding.code, finding.path) == ("MV202", "protocols[0].steps[0].next_step_id")


@pytest.mark.parametrize(
    ("language", "right"),
    [("uk", True), ("EN", True), ("english", False), ("uk-UA", False), ("u1", False), ("''", False), ("ук", False)],
)
def test_a_language_is_a_code_of_two_letters_in_both_forms(language: str, right: bool) -> None:
    flat = 'version: "2.2"\nprofiles: [{user_id: u, %s}]'
    for text, path in (
        (f"language: {language}", "profiles[0].language"),
        (f"preferences: {{language: {language}}}", "profiles[0].preferences.language"),
    ):
        assert [(each.code, each.path) for each in found(flat % text)] == ([] if right else [("MV116", path)])
