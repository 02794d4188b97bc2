# SPDX-License-Identifier: GPL-3.0-or-later
"""mova test: the tests of a document, in virtual time."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.errors import InvalidError
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.trial import Outcome, run, run_all
from support.mova import edge

FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"

HOUSE = """
version: "2.2"
dialect: edge/1
name: house
tools: [{id: weather, name: Weather, endpoint: "http://127.0.0.1/weather"}]
triggers:
  - {id: hot, sensor: oven.temperature, above: 200, hysteresis: 5, for: 10m, cooldown: 1h, run: warn}
  - {id: door, mqtt: "zigbee/+", field: contact, equals: false, run: welcome}
  - {id: often, every: 5m, run: tick}
  - {id: asked, event: ask/#, run: answer}
  - {id: weather, event: sky, run: forecast}
protocols:
  - name: warn
    steps:
      - {id: beep, action: actuate, actuator: buzzer, value: true, for: 5s}
      - {id: pause, action: wait, for: 30s}
      - {id: look, action: read, sensor: oven.temperature, save: now}
      - {id: tell, action: publish, topic: alert/oven, value: "{now}", class: must_arrive}
  - name: welcome
    steps:
      - {id: light, action: actuate, actuator: lamp, value: true}
      - {id: say, action: emit, topic: home/arrived, value: 1}
  - name: tick
    steps: [{id: log, action: log, message: tick}]
  - name: answer
    error_handling: {retry_count: 0}
    steps:
      - {id: ask, action: prompt, prompt: "{event.value}?", schema: {on: boolean}, otherwise: {on: false}, save: a}
      - {id: do, action: actuate, actuator: lamp, value: "{a.on}"}
  - name: forecast
    policies: {retry: {max_attempts: 3, backoff_ms: 1000, jitter: true}}
    steps:
      - {id: get, action: tool_api, tool_api_id: weather}
      - {id: tell, action: publish, topic: forecast, value: ok}
"""


def tried(test: dict[str, Any], text: str = HOUSE) -> Outcome:
    return run(compile(load(text, file="house.yaml")), {"name": "x", **test}, where="tests[0]")


def passes(**test: Any) -> Outcome:
    outcome = tried(test)
    assert outcome.failures == []
    return outcome


def test_a_condition_that_lasts_a_pause_and_a_reading() -> None:
    hot = {"oven.temperature": [["0s", 20], ["5m", 230], ["12m", 240], ["910s", 235]]}
    outcome = passes(
        feed=hot,
        expect=[
            {"at": "15m", "actuated": {"buzzer": True}},
            {"at": "930s", "published": {"alert/oven": 235}},
            {"ran": {"warn": "completed"}},
            {"never": True, "published": {"alert/oven": 240}},
        ],
    )
    assert outcome.elapsed == 990 * 10**9


def test_a_day_of_ticks_and_a_cooldown() -> None:
    feed = {"oven.temperature": [[f"{minute}m", 250 if minute // 20 % 2 else 20] for minute in range(0, 1440, 10)]}
    outcome = passes(feed=feed, **{"for": "24h"}, expect=[{"ran": "tick"}])
    ran = [each.name for each in outcome.happened if each.kind == "ran"]
    # The `every` trigger is there after five minutes, and with the last of the day; an alarm is an hour from the next
    assert ran.count("tick") in (287, 288)
    alarms = [each.at for each in outcome.happened if each.name == "buzzer" and each.value]
    assert len(alarms) > 10
    assert min(after - before for before, after in pairwise(alarms)) >= 3600 * 10**9


def test_messages_events_and_what_a_script_emits() -> None:
    passes(
        feed={"mqtt:zigbee/door": [["1m", {"contact": True}], ["2m", {"contact": False}], ["3m", "nonsense"]]},
        expect=[{"at": "2m", "actuated": {"lamp": True}}, {"at": "2m", "emitted": {"home/arrived": 1}}],
    )


def test_the_model_says_one_thing_after_the_other_and_what_breaks_the_schema_is_not_taken() -> None:
    asked = [["1s", "a"], ["2s", "b"], ["3s", "c"]]
    outcome = passes(llm=[{"on": True}, {"on": "maybe"}], feed={"event:ask/me": asked})
    assert [each.value for each in outcome.happened if each.kind == "actuated"] == [True, False, False]
    outcome = passes(feed={"event:ask/me": asked[:1]})  # without a model
    assert [each.value for each in outcome.happened if each.kind == "actuated"] == [False]


def test_a_tool_that_cannot_be_reached_is_tried_again_in_virtual_time() -> None:
    sky = {"event:sky": [["1s", 1]]}
    outcome = passes(feed=sky, expect=[{"ran": {"forecast": "failed"}}])
    (ended,) = [each.at for each in outcome.happened if each.kind == "ran"]
    assert ended > 2 * 10**9  # a second, and two, with jitter
    passes(tools={"weather": {"temp": 5}}, feed=sky, expect=[{"at": "1s", "published": "forecast"}])


def test_what_did_not_happen_is_said_with_what_did() -> None:
    outcome = tried(
        {
            "feed": {"event:ask/me": [["1s", "a"]]},
            "expect": [
                {"at": "9s", "actuated": {"lamp": False}},
                {"actuated": {"siren": True}},
                {"never": True, "ran": "answer"},
                {"ran": "nobody"},
            ],
        }
    )
    assert outcome.failures == [
        "actuated lamp False at 9 s is missing: False at 1 s",
        "actuated siren True is missing: nothing was actuated there",
        "ran answer must not be: 'completed' at 1 s",
        "ran nobody is missing: it did not run",
    ]


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ({"feed": [1]}, r"tests\[0\].feed: must be a map"),
        ({"feed": {"a.b": 3}}, r"tests\[0\].feed.a.b\[0\]: must be \[time, value\]"),
        ({"feed": {"a.b": [["soon", 3]]}}, r"tests\[0\].feed.a.b\[0\]: 'soon' is not a duration"),
        ({"expect": [{"at": "1s"}]}, r"tests\[0\].expect\[0\]: has one of actuated, published"),
        ({"expect": [{"actuated": {"a": 1}, "never_ever": True}]}, r"tests\[0\].expect\[0\]: has one of"),
        ({"expect": [{"actuated": "buzzer"}]}, r"tests\[0\].expect\[0\].actuated: must name"),
        ({"expect": [{"never": "yes", "ran": "a"}]}, r"tests\[0\].expect\[0\].never: must be true or false"),
        ({"expect": [{"at": "x", "ran": "a"}]}, r"tests\[0\].expect\[0\].at: 'x' is not a duration"),
        ({"feed": {"intnt:a": [["0s", 3]]}}, r"tests\[0\].feed.intnt:a: begins with none of event:, mqtt:"),
        ({"start": "07:00"}, r"tests\[0\].start: '07:00' is no date and time"),
        ({"start": "soon"}, r"tests\[0\].start: 'soon' is no date and time"),
        ({"for": "x"}, r"tests\[0\].for: 'x' is not a duration"),
    ],
)
def test_a_test_that_makes_no_sense_is_named_with_its_place(test: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        tried(test)


def test_the_command_says_which_passed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["mova", "test", str(FRIDGE)]) == 0
    assert capsys.readouterr().out.endswith("3 passed\n")
    path = tmp_path / "bad.yaml"
    path.write_text(FRIDGE.read_text().replace("buzzer: true}}\n      - {pub", "buzzer: false}}\n      - {pub"))
    assert main(["mova", "test", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["passed"] for each in found["tests"]] == [False, True, True]
    assert found["tests"][0]["failures"] == ["actuated buzzer False at 5 s is missing: True at 5 s, False at 8 s"]
    assert found["tests"][0]["happened"][0] == {"at_s": 5.0, "kind": "actuated", "name": "buzzer", "value": True}
    assert main(["mova", "test", str(path)]) == 1
    assert "1 of 3 failed" in capsys.readouterr().out
    assert main(["mova", "test", str(path), "--name", "door"]) == 0
    assert main(["mova", "test", str(path), "--name", "nobody"]) == 3


ASKED = """
version: "2.2"
dialect: edge/1
name: asked
intents: [{name: count, patterns: ["one more"]}]
triggers:
  - {id: said, intent: count, run: count}
  - {id: sent, webhook: count, session: session_id, map: {step: by.step}, run: count}
protocols:
  - name: count
    policies: {concurrency: queued}
    steps:
      - {id: wait, action: wait, for: 1s}
      - {id: add, action: set, values: {n: n + step}}
      - id: say
        action: publish
        topic: "n/{session.session_id}"
        value: ["{n}", "{event.source}", "{event.value.who}"]
sessions: [{session_id: s, user_id: u, start_time: now, data: {n: 0, step: 1}}]
"""


def test_what_people_and_services_say_goes_on_with_a_session() -> None:
    feed = {
        "intent:count": [["1s", {"session_id": "ann", "who": "Ann"}], ["1s", {"session_id": "bob"}]],
        "webhook:count": [["1s", {"session_id": "ann", "by": {"step": 10}}], ["2s", {"by": {"step": 5}}], ["3s", "x"]],
    }
    outcome = tried({"feed": feed}, ASKED)
    said = [(each.name, each.value) for each in outcome.happened if each.kind == "published"]
    assert said[:3] == [
        ("n/ann", [1, "intent", "Ann"]),
        ("n/bob", [1, "intent", "{event.value.who}"]),
        ("n/ann", [11, "webhook", "{event.value.who}"]),
    ]
    assert [value[0] for _, value in said[3:]] == [5, 1]  # who names no session has one of its own


TIMES = """
version: "2.2"
dialect: edge/1
name: times
triggers:
  - {id: minute, cron: "* * * * *", run: tick}
  - {id: early, cron: "30 2 * * *", timezone: Europe/Kyiv, run: early}
  - {id: late, at: "2026-03-29T12:00", run: late}
protocols:
  - {name: tick, steps: [{id: x, action: log, level: debug, message: tick}]}
  - {name: early, steps: [{id: x, action: emit, topic: early, value: 1}]}
  - {name: late, steps: [{id: x, action: emit, topic: late, value: 1}]}
"""


def test_schedules_fire_in_virtual_time() -> None:
    outcome = tried({"for": "24h"}, TIMES)
    assert [each.name for each in outcome.happened if each.kind == "ran"].count("tick") == 1440
    assert [each.at for each in outcome.happened if each.name == "early" and each.kind == "ran"] == [1800 * 10**9]


@pytest.mark.parametrize(
    ("start", "early"),
    [("2026-03-28T00:00+02:00", 2.5), ("2026-03-29T00:00+02:00", 2.5), ("2026-10-25T00:00+03:00", 2.5)],
)
def test_a_test_begins_when_it_says_so_that_clocks_may_change_in_it(start: str, early: float) -> None:
    outcome = tried({"start": start, "for": "23h"}, TIMES)
    at = [each.at / 3600e9 for each in outcome.happened if each.name == "early" and each.kind == "ran"]
    assert at == [early]
    late = [each.at / 3600e9 for each in outcome.happened if each.name == "late" and each.kind == "ran"]
    assert late == ([14] if "03-29" in start else [])


MESSAGES = """
version: "2.2"
dialect: edge/1
name: messages
triggers:
  - {id: plain, mqtt: "z/+", field: state.on, equals: true, run: told}
  - {id: whole, mqtt: "z/#", field: state.on, equals: true, map: {who: user.name}, dedupe: id, retained: true, run: who}
protocols:
  - {name: told, steps: [{id: x, action: emit, topic: told, value: "{event.topic}"}]}
  - {name: who, steps: [{id: x, action: emit, topic: who, value: ["{who}", "{event.retained}", "{event.payload.id}"]}]}
"""


def test_a_message_comes_whole_and_kept_ones_are_marked() -> None:
    def message(id: int, name: str) -> dict[str, Any]:
        return {"state": {"on": True}, "id": id, "user": {"name": name}}

    feed = {
        "mqtt-retained:z/a": [["1s", message(1, "Olha")]],
        "mqtt:z/a": [["2s", message(2, "Ivan")], ["3s", message(2, "Ivan")], ["4s", {"id": 3}], ["5s", "on"]],
    }
    outcome = tried({"feed": feed}, MESSAGES)
    said = [(each.name, each.value) for each in outcome.happened if each.kind == "emitted"]
    assert said == [
        ("who", ["Olha", True, 1]),
        ("told", "z/a"),
        ("who", ["Ivan", False, 2]),
        ("told", "z/a"),
    ]


TOOLS = """
version: "2.2"
dialect: edge/1
name: tools
tools: [{id: sky, name: Sky, endpoint: "http://127.0.0.1/{city}"}]
triggers: [{id: go, event: go, run: ask}]
protocols:
  - name: ask
    steps:
      - {id: ask, action: prompt, prompt: hi, tools: [sky], continue_after_tools: true, save: answer}
      - {id: tell, action: emit, topic: told, value: "{answer}"}
"""


def test_the_model_of_a_test_asks_for_tools() -> None:
    test = {"feed": {"event:go": [["1s", 1]]}, "tools": {"sky": {"rain": 1}}}
    wishes = [{"calls": {"sky": {"city": "Kyiv"}}}, "It rains"]
    assert tried(test | {"llm": wishes, "expect": [{"emitted": {"told": "It rains"}}]}, TOOLS).failures == []
    last = TOOLS.replace("continue_after_tools: true, ", "")
    assert tried(test | {"llm": wishes, "expect": [{"emitted": {"told": {"rain": 1}}}]}, last).failures == []


def test_a_test_may_last_a_year() -> None:
    document = load(
        edge(
            "- {id: beep, action: actuate, actuator: lamp, value: true, for: 10s}",
            head="triggers: [{id: t, cron: '0 0 1 * *', run: main}]\n"
            "tests: [{name: year, for: 400d, expect: [{at: 365d, actuated: {lamp: true}},"
            " {at: 31536010s, actuated: {lamp: false}}, {never: true, at: 300d, ran: main}]}]",
        ),
        file="x.yaml",
    )
    (outcome,) = run_all(document, compile(document))
    assert outcome.failures == []
    assert len([each for each in outcome.happened if each.kind == "ran"]) == 13


def test_a_text_that_is_fed_has_its_entities_and_slots() -> None:
    text = """
version: "2.2"
dialect: edge/1
name: heard
intents: [{name: heat, patterns: ["heat the (?P<room>\\\\w+)"]}, {name: cool, patterns: [cool]}]
triggers: [{id: t, intent: heat, map: {room: slots.room}, run: main}]
protocols:
  - name: main
    steps:
      - {id: a, action: publish, topic: n, value: ["{room}", "{event.value.by}", "{event.value.slots.number}"]}
"""
    said = ["heat the hall to 5", "7, and cool it", "heat the den"]
    feed = {"intent:heat": [[f"{i}s", {"text": each}] for i, each in enumerate(said, 1)]}
    feed["intent:heat"].append(["4s", {"text": "heat the hall", "slots": {"room": "attic"}}])
    values = [each.value for each in tried({"feed": feed}, text).happened if each.kind == "published"]
    assert values[0] == ["hall", "patterns", 5]
    assert values[1] == ["{room}", "classifier", 7]
    assert values[2][:2] == ["den", "patterns"]
    assert values[3][0] == "attic"


def test_on_the_bus_true_and_false_are_the_numbers_one_and_zero() -> None:
    text = MESSAGES.replace("field: state.on, equals: true, run", "equals: false, run")
    feed = {"mqtt:z/a": [["1s", False], ["2s", 0], ["3s", True], ["4s", "false"], ["5s", None], ["6s", 0.0]]}
    outcome = tried({"feed": feed}, text)
    assert [each.at // 10**9 for each in outcome.happened if each.name == "told"] == [1, 1, 2, 2, 6, 6]
