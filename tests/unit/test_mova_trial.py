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
from ganglion.mova.trial import Outcome, run

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
    alarms = [each.at for each in outcome.happened if each.name == "buzzer"]
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
            ],
        }
    )
    assert outcome.failures == [
        "actuated lamp False at 9 s is missing: False at 1 s",
        "actuated siren True is missing: nothing was actuated there",
        "ran answer must not be: 'completed' at 1 s",
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
        ({"expect": [{"at": "x", "ran": "a"}]}, r"tests\[0\].expect\[0\].at: 'x' is not a duration"),
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
    assert found["tests"][0]["failures"] == ["actuated buzzer False at 5 s is missing: True at 5 s"]
    assert found["tests"][0]["happened"][0] == {"at_s": 5.0, "kind": "actuated", "name": "buzzer", "value": True}
    assert main(["mova", "test", str(path)]) == 1
    assert "1 of 3 failed" in capsys.readouterr().out
    assert main(["mova", "test", str(path), "--name", "door"]) == 0
    assert main(["mova", "test", str(path), "--name", "nobody"]) == 3
