# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents become plans: the same document the same bytes, and a document with errors becomes none."""

import json
from typing import Any

import pytest
import yaml

from ganglion.errors import InvalidError
from ganglion.mova.compile import compile
from ganglion.mova.diagnostic import DocumentError
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion_micro import plan as p
from support.mova import DOCUMENTS, edge

TRIGGER = "triggers: [{id: t, run: main, %s}]"
TOOL = 'tools: [{id: a, name: a, endpoint: "http://x"%s}]'


def compiled(text: str, **options: Any) -> Plan:
    return compile(load(text, file="x.yaml"), **options)


def refused(text: str) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        compiled(text)
    return [(each.code, each.path) for each in caught.value.diagnostics]


def test_a_document_is_the_same_plan_in_json_and_in_yaml() -> None:
    text = DOCUMENTS[0].read_text()
    as_json = compile(load(text, file="pizza.json"))
    as_yaml = compile(load(yaml.safe_dump(json.loads(text), sort_keys=False), file="pizza.yaml"))
    assert as_json.encode() == as_yaml.encode()
    assert as_json.hash == as_yaml.hash
    assert as_json.name == "pizza"


def test_a_plan_comes_back_from_its_bytes_and_damage_is_seen() -> None:
    plan = compiled(edge())
    data = plan.encode()
    assert Plan.decode(data) == plan
    assert Plan.decode(data).encode() == data
    for i in range(len(data)):
        with pytest.raises(InvalidError, match="plan"):
            Plan.decode(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
    with pytest.raises(InvalidError, match="a plan of format 9"):
        Plan.decode(b"\x83\x09" + data[2:])


def test_a_document_with_errors_is_not_compiled_and_says_where() -> None:
    with pytest.raises(DocumentError, match=r"x\.yaml:9:25: MV104 unknown action 'promt'"):
        compiled(edge("- {id: x, action: promt}"))


def test_only_the_protocol_that_is_asked_for_is_compiled() -> None:
    text = (
        'version: "2.2"\nprotocols:\n'
        "- {name: a, steps: [{id: x, action: end}]}\n"
        "- {name: b, steps: [{id: x, action: end}]}\n"
    )
    assert compiled(text, only="b").protocols == ["b"]


def test_branches_are_protocols_of_the_plan_that_try_again_as_theirs_does() -> None:
    steps = "- {id: x, action: parallel, branches: [[{id: y, action: end}], other]}"
    errors = "error_handling: {retry_count: 7, fallback_step_id: x}"
    plan = compiled(edge(steps, protocol=errors) + "  - {name: other, steps: [{id: z, action: end}]}\n", only="main")
    assert plan.protocols == ["main", "other", "main/x/1"]
    main, _, branch = plan.body[p.PROTOCOLS]
    assert main[p.STEPS][0][p.ARGS] == [2, 1]
    assert (branch[p.RETRIES], branch[p.FALLBACK], main[p.FALLBACK]) == (7, -1, 0)


def test_only_brings_the_protocols_that_are_called() -> None:
    text = (
        'version: "2.2"\ndialect: edge/1\nprotocols:\n'
        "- {name: a, steps: [{id: x, action: end}]}\n"
        "- {name: b, steps: [{id: x, action: call, protocol: c}]}\n"
        "- {name: c, steps: [{id: x, action: call, protocol: b}]}\n"
    )
    plan = compiled(text, only="b")
    assert plan.protocols == ["b", "c"]
    assert [protocol[p.STEPS][0][p.ARGS] for protocol in plan.body[p.PROTOCOLS]] == [[1], [0]]


NEVER: list[Any] = [[], None, False, False]


@pytest.mark.parametrize(
    ("trigger", "row"),
    [
        (
            "sensor: fridge.temperature, above: 8, hysteresis: 0.5, for: 10m, cooldown: 1h",
            [
                *(p.SENSOR, "sensor/fridge/temperature", ""),
                *([0, 8, None, None, True, 0.5, 600 * 10**9, 3600 * 10**9, 0, 0], 0, 0),
            ],
        ),
        ("sensor: a.b", [p.SENSOR, "sensor/a/b", "", None, 0, 0]),
        (
            "sensor: a.b, changes: true",
            [p.SENSOR, "sensor/a/b", "", [4, None, None, None, False, 0.0, 0, 0, 0, 0], 0, 0],
        ),
        (
            "mqtt: z/+/state, field: contact, equals: false",
            [p.MQTT, "mqtt.contact/z/+/state", "contact", [3, None, None, False, False, 0.0, 0, 0, 0, 0], 0, 0],
        ),
        ("mqtt: z, below: 3, for: 1s", [p.MQTT, "mqtt/z", "", [1, 3, None, None, True, 0.0, 10**9, 0, 0, 0], 0, 0]),
        ("event: a/b, between: [1, 2]", [p.EVENT, "a/b", "", [2, 1, 2, None, False, 0.0, 0, 0, 0, 0], 0, 0]),
        ("event: a/b, cooldown: 5s", [p.EVENT, "a/b", "", None, 0, 5 * 10**9]),
        ("event: a/b, every: 5s", [p.EVENT, "a/b", "", [7, None, None, None, False, 0.0, 0, 0, 5 * 10**9, 0], 0, 0]),
        (
            "sensor: a, rises: 3, window: 1m",
            [p.SENSOR, "sensor/a", "", [5, 3, None, None, True, 0.0, 0, 0, 0, 60 * 10**9], 0, 0],
        ),
        (
            "sensor: a, above: 3, every: 1s",
            [p.SENSOR, "sensor/a", "", [0, 3, None, None, False, 0.0, 0, 0, 10**9, 0], 0, 0],
        ),
        ("every: 250ms", [p.EVERY, "", "", None, 250 * 10**6, 0]),
        ("start: true", [p.STARTED, "", "", None, 0, 0]),
        ("webhook: door, cooldown: 1s", [p.WEBHOOK, "webhook/door", "", None, 0, 10**9]),
    ],
)
def test_a_trigger_becomes_a_subscription(trigger: str, row: list[Any]) -> None:
    plan = compiled(edge(head=TRIGGER % trigger))
    assert plan.body[p.TRIGGERS] == [["t", *row, 0, *NEVER, None, None]]


@pytest.mark.parametrize(
    ("trigger", "schedule"),
    [
        ("cron: '0 7 * * *', timezone: Europe/Kyiv, missed: run_once", ["0 7 * * *", "", "", "Europe/Kyiv", True]),
        ("at: '07:30'", ["", "07:30", "", "", False]),
        ("every: 1h, missed: run_once", ["", "", "1h", "", True]),
    ],
)
def test_a_trigger_becomes_a_schedule(trigger: str, schedule: list[Any]) -> None:
    plan = compiled(edge(head=TRIGGER % trigger))
    assert plan.body[p.TRIGGERS] == [["t", p.SCHEDULED, "", "", None, 0, 0, 0, *NEVER, schedule, None]]


def test_a_trigger_on_an_intent_listens_to_it() -> None:
    text = edge(head=TRIGGER % "intent: greet") + "intents: [{name: greet, patterns: [hello]}]\n"
    assert compiled(text).body[p.TRIGGERS][0][:3] == ["t", p.INTENT, "intent/greet"]


def test_a_trigger_takes_values_of_the_message_into_the_session() -> None:
    trigger = "mqtt: a, field: x, map: {who: user.name, session.data.a.b: '0'}, dedupe: id, retained: true"
    plan = compiled(edge(head=TRIGGER % trigger))
    found = plan.body[p.TRIGGERS][0]
    assert found[p.MAP] == [[["who"], ["user", "name"]], [["a", "b"], ["0"]]]
    assert (found[p.DEDUPE], found[p.RETAINED], found[p.WHOLE]) == (["id"], True, True)
    assert plan.mqtt_topics == [("a", ""), ("a", "x")]


@pytest.mark.parametrize(
    "step",
    [
        "{id: x, action: log, message: '{event.payload.y}'}",
        "{id: x, action: log, message: 'all of it: {event}'}",
        """{id: x, action: set, values: {low: "event['payload']['battery'] < 9"}}""",
        "{id: x, action: set, values: {a: event.payload}}",
        "{id: x, action: set, values: {a: 'event[which]'}}",
        "{id: x, action: publish, topic: t, value: {deep: [{er: '{event.payload.y}'}]}}",
        "{id: x, action: end, conditions: [{variable: a, operator: equals, value: '{event.payload.y}'}]}",
        "{id: x, action: parallel, branches: [[{id: y, action: log, message: '{event.payload}'}]]}",
        "{id: x, action: tool_api, tool_api_id: seen}",
    ],
)
def test_a_script_that_reads_the_payload_has_the_whole_of_it(step: str) -> None:
    tools = "\ntools: [{id: seen, name: Seen, endpoint: 'http://127.0.0.1/{event.payload.id}'}]"
    head = TRIGGER % "mqtt: a, field: x" + (tools if "tool_api" in step else "")
    assert compiled(edge(f"- {step}", head=head)).body[p.TRIGGERS][0][p.WHOLE]


def test_a_script_that_only_speaks_of_the_payload_has_the_field_alone() -> None:
    steps = "# event.payload\n- {id: x, action: log, message: 'event.payload of {event.value}'}"
    assert not compiled(edge(steps, head=TRIGGER % "mqtt: a, field: x")).body[p.TRIGGERS][0][p.WHOLE]


def test_a_trigger_says_where_the_id_of_a_session_is() -> None:
    found = compiled(edge(head=TRIGGER % "mqtt: a, field: x, session: 'visit.ids[0]'")).body[p.TRIGGERS][0]
    assert (found[p.SESSION], found[p.WHOLE]) == (["visit", "ids", "0"], True)
    intents = "\nintents: [{name: hi, patterns: [hi]}]"
    for trigger, session in (("webhook: a", None), ("event: a", None), ("intent: hi", ["session_id"])):
        assert compiled(edge(head=TRIGGER % trigger + intents)).body[p.TRIGGERS][0][p.SESSION] == session


def test_a_plan_says_which_plain_topics_it_listens_to() -> None:
    head = (
        "triggers: [{id: a, mqtt: z/door, field: contact, run: main}, {id: b, mqtt: z/door, field: contact, run: main},"
    )
    plan = compiled(edge(head=head + " {id: c, mqtt: 'y/#', run: main}, {id: d, sensor: x, run: main}]"))
    assert plan.mqtt_topics == [("z/door", "contact"), ("y/#", "")]


def test_two_fields_of_one_topic_have_topics_of_their_own_on_the_bus() -> None:
    two = (
        "triggers: [{id: a, mqtt: z/door, field: contact, run: main}, {id: b, mqtt: z/door, field: battery, run: main}]"
    )
    plan = compiled(edge(head=two))
    assert [trigger[p.TOPIC] for trigger in plan.body[p.TRIGGERS]] == ["mqtt.contact/z/door", "mqtt.battery/z/door"]
    assert plan.mqtt_topics == [("z/door", "contact"), ("z/door", "battery")]


@pytest.mark.parametrize(
    ("protocol", "retries", "backoff", "mode", "most"),
    [
        ("", 3, 200_000_000, p.SINGLE, 1),
        ("error_handling: {retry_count: 0}", 0, 200_000_000, p.SINGLE, 1),
        ("policies: {retry: {max_attempts: 5, backoff_ms: 10}}", 4, 10_000_000, p.SINGLE, 1),
        (
            "{policies: {retry: {max_attempts: 5}, concurrency: queued}, error_handling: {retry_count: 1}}",
            1,
            200_000_000,
            p.QUEUED,
            16,
        ),
        ("policies: {concurrency: {mode: parallel, max: 3}}", 3, 200_000_000, p.PARALLEL, 3),
        ("policies: {concurrency: queued, max: 2}", 3, 200_000_000, p.QUEUED, 2),
    ],
)
def test_policies_are_in_the_plan(protocol: str, retries: int, backoff: int, mode: int, most: int) -> None:
    if protocol.startswith("{"):
        protocol = "\n    ".join(f"{key}: {json.dumps(value)}" for key, value in yaml.safe_load(protocol).items())
    row = compiled(edge(protocol=protocol)).body[p.PROTOCOLS][0]
    assert (row[p.RETRIES], row[p.BACKOFF], row[p.CONCURRENCY], row[p.MAX_RUNS]) == (retries, backoff, mode, most)


def test_a_plan_that_no_board_could_hold_is_refused() -> None:
    deep: Any = "x"
    for _ in range(20):
        deep = {"a": deep}
    text = edge(f"- {{id: x, action: emit, topic: a, value: {json.dumps(deep)}}}")
    assert refused(text) == [("MV303", "")]
    assert refused(edge(f"- {{id: x, action: log, message: {'m' * 70_000}}}")) == [("MV303", "")]


def test_the_message_of_an_alert_must_arrive_unless_it_says_otherwise() -> None:
    def must(step: str) -> bool:
        return bool(
            compiled(edge(f"- {{id: x, action: publish, value: 1, {step}}}")).body[p.PROTOCOLS][0][p.STEPS][0][p.ARGS][
                2
            ]
        )

    assert must("topic: alert/x")
    assert not must("topic: alert/x, class: best_effort")
    assert not must("mqtt: lamp/set")
