# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova test --replay`: what was recorded, run again on the document as it is now."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import Bus
from ganglion.cli.main import main
from ganglion.errors import NotFoundError
from ganglion.mova.compile import compile
from ganglion.mova.episode import bounded, checked
from ganglion.mova.load import load
from ganglion.mova.once import run_once
from ganglion.mova.plan import Plan
from ganglion.mova.rerun import rerun
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.stage import Stage
from ganglion.mova.virtual import BEGINNING, VirtualLoop
from ganglion.units import SECOND

EVENT = {"id": "e", "source": "s", "topic": "t", "value": 9, "payload": 9, "timestamp": 1}
TEXT = """
version: "2.2"
dialect: edge/1
name: house
tools: [{id: sky, name: Sky, endpoint: "http://127.0.0.1/sky", response_mapping: {rain: rain}}]
protocols:
  - name: main
    policies: {budget_ms: 60000}
    steps:
      - {id: ask, action: prompt, prompt: "{event.value}?", schema: {on: boolean}, otherwise: {on: false}, save: a}
      - {id: look, action: read, sensor: room.light, save: light}
      - {id: sky, action: tool_api, tool_api_id: sky}
      - {id: pause, action: wait, for: 2s}
      - {id: dark, action: condition, conditions: [{variable: light, operator: less_than, value: 10}], next_step: lamp}
      - {id: stay, action: end}
      - {id: lamp, action: actuate, actuator: lamp, value: "{a.on}"}
      - {id: tell, action: publish, topic: "home/{event.id}", value: {rain: "{rain}"}}
      - {id: call, action: call, protocol: other}
  - name: other
    steps: [{id: note, action: emit, topic: noted, value: 1}]
"""


def plan_of(text: str = TEXT) -> Plan:
    return compile(load(text, file="house.yaml"))


def recording(test: dict[str, Any], text: str = TEXT) -> dict[str, Any]:
    """The episode of a run in the world of a test."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        stage = Stage(Bus(), loop, test)
        stage.sensors = {"room.light": 3}
        plan = plan_of(text)
        world: dict[str, Any] = {"ports": stage, "clock": stage, "tools": stage}
        episode, _data = runner.run(run_once(plan, "main", bus=stage.bus, event=EVENT, session=None, **world))
    happened = [
        {"kind": each.kind, "name": each.name, "value": each.value} for each in stage.happened if each.kind != "ran"
    ]
    return episode | {"event": EVENT, "happened": happened}


ALL = {"llm": {"on": True}, "tools": {"sky": {"rain": 0.5}}}


@pytest.mark.parametrize("test", [ALL, {**ALL, "llm": "down"}, {**ALL, "llm": {"on": 3}}, {**ALL, "tools": {}}])
def test_the_same_document_runs_the_same_whatever_the_world_did(test: dict[str, Any]) -> None:
    recorded = recording(test)
    again, differences = rerun(plan_of(), recorded)
    assert differences == []
    assert [step["id"] for step in again["steps"]] == [step["id"] for step in recorded["steps"]]
    assert recorded["status"] == ("failed" if test["tools"] == {} else "completed")
    # The same through a file, as it is written
    assert rerun(plan_of(), json.loads(json.dumps(recorded)))[1] == []


@pytest.mark.parametrize(
    ("old", "new", "differences"),
    [
        ("value: 10}", "value: 2}", ["step 6: stay completed, was lamp completed"]),
        (
            'value: "{a.on}"',
            "value: false",
            ["actuated lamp false, was actuated lamp true"],
        ),
        ('{rain: "{rain}"}', "{}", ['published home/e {}, was published home/e {"rain": 0.5}']),
        (
            "{id: pause, action: wait, for: 2s}",
            "{id: pause, action: wait, for: 2m}",
            [
                "status: failed, was completed",
                "error: over its budget of 60000 ms, was none",
                "step 4: pause failed, was pause completed",
            ],
        ),
        (
            "{id: look,",
            "{id: see,",
            [
                "status: failed, was completed",
                "error: step see failed: the recording has no answer for the step see, was none",
                "step 2: see failed, was look completed",
            ],
        ),
        ("schema: {on: boolean}", "schema: {on: string}", ["actuated lamp false, was actuated lamp true"]),
    ],
)
def test_an_edit_is_told_by_what_it_changes(old: str, new: str, differences: list[str]) -> None:
    recorded = recording(ALL)
    assert old in TEXT
    _episode, found = rerun(plan_of(TEXT.replace(old, new)), recorded)
    assert found[: len(differences)] == differences


def test_of_a_node_it_is_known_what_was_set_and_not_what_was_said() -> None:
    recorded = recording(ALL)
    del recorded["happened"]
    assert rerun(plan_of(TEXT.replace('{rain: "{rain}"}', "{}")), recorded)[1] == []
    changed = plan_of(TEXT.replace('value: "{a.on}"', "value: false"))
    assert rerun(changed, recorded)[1] == ["actuated lamp false, was actuated lamp true"]
    recorded["steps"][0]["detail"]["result"] = "x" * 400 + "…"
    assert rerun(plan_of(), recorded)[1][0] == "step ask: its answer was too long to be recorded whole"


def test_a_run_that_was_ended_from_outside_ends_there_again() -> None:
    recorded = recording(ALL)
    recorded["steps"] = recorded["steps"][:2]
    recorded["steps"][1] |= {"status": "cancelled", "detail": {}}
    recorded |= {"status": "cancelled", "error": "the script was replaced", "happened": []}
    assert rerun(plan_of(), recorded)[1] == []


def test_a_protocol_that_is_gone_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"no protocol 'mian' any more; did you mean \"main\""):
        rerun(plan_of(), recording(ALL) | {"protocol": "mian"})


BRANCHES = """
version: "2.2"
dialect: edge/1
name: house
tools:
  - {id: sky, name: Sky, endpoint: "http://127.0.0.1/sky", parameters: {city: {type: string}}}
  - {id: sea, name: Sea, endpoint: "http://127.0.0.1/sea", parameters: {city: {type: string}}}
protocols:
  - name: main
    policies: {budget_ms: 60000}
    steps:
      - id: both
        action: parallel
        branches:
          - - {id: door, action: wait, event: door/+, until: [{variable: event.value, operator: equals, value: open}],
               timeout: 20s, save: door}
            - {id: greet, action: actuate, actuator: lamp, value: "{door}"}
          - other
          - - {id: warm, action: wait, until: [{variable: degrees, operator: greater_than, value: 5}], timeout: 30s}
            - {id: say, action: publish, topic: "is/{degrees}", value: "{answer}"}
      - {id: end, action: emit, topic: over, value: "{degrees}"}
  - name: other
    steps:
      - {id: ask, action: prompt, prompt: hi, tools: [sky, sea], schema: {degrees: integer}, save: answer}
      - {id: pause, action: wait, for: 3s}
      - {id: set, action: set, values: {degrees: answer.degrees}}
      - {id: none, action: wait, event: never, timeout: 2s}
"""
WEATHER = {
    "llm": [{"calls": {"sky": {"city": "Kyiv"}, "sea": {"city": "Odesa"}}}, {"degrees": 8}],
    "tools": {"sky": {"temp": 8}},
}


def lived(text: str, test: dict[str, Any], *heard: tuple[float, str, Any]) -> dict[str, Any]:
    """The episode of a run while this is said on the bus, each after so many seconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        stage = Stage(Bus(), loop, test)

        async def live() -> dict[str, Any]:
            scripts = ScriptRunner(stage.bus, stage, stage, tools=stage)
            scripts.add(plan_of(text))
            for at, topic, value in heard:
                say = partial(stage.bus.emit, topic, value, timestamp=BEGINNING + round(at * SECOND), source="x")
                loop.call_later(at, say)
            done = await scripts.run("house", "main", EVENT)
            await scripts.aclose()
            return bounded(done.episode)

        episode = runner.run(live())
    happened = [{"kind": each.kind, "name": each.name, "value": each.value} for each in stage.happened]
    return episode | {"event": EVENT, "happened": [each for each in happened if each["kind"] != "ran"]}


OPEN = [(1.0, "door/front", "shut"), (2.5, "door/front", "open")]


@pytest.mark.parametrize("heard", [OPEN, OPEN[:1], [], [(6, "door/back", "open")]])
def test_branches_go_on_as_they_did_with_what_each_heard_and_what_a_model_asked_for(heard: list[Any]) -> None:
    recorded = json.loads(json.dumps(lived(BRANCHES, WEATHER, *heard)))
    assert recorded["status"] == "completed"
    (ask,) = [step for step in recorded["steps"] if step["id"] == "ask"]
    assert [call["tool"] for call in ask["detail"]["calls"]] == ["sky", "sea"]
    again, differences = rerun(plan_of(BRANCHES), recorded)
    assert differences == []
    told = [{key: step[key] for key in ("id", "status", "started", "ended", "detail")} for step in again["steps"]]
    for new, old in zip(told, recorded["steps"], strict=True):
        old["detail"].pop("http_status", None)
        if old["id"] == "say":  # when it was said is in the id of the event
            new["detail"] = old["detail"] = {}
        assert new == {key: old[key] for key in new}


DARK = "actuated lamp null, was actuated lamp open"
UNSAID = 'nothing, was published is/8 {"degrees": 8}'


@pytest.mark.parametrize(
    ("old", "new", "differences"),
    [
        ("value: open}]", "value: shut}]", [DARK]),
        ("timeout: 20s", "timeout: 2s", [DARK]),
        ("event: door/+", "event: gate/+", [DARK]),
        ("timeout: 30s", "timeout: 1s", [UNSAID, 'published is/{degrees} {"degrees": 8}, was nothing']),
        ("is/{degrees}", "was/{degrees}", [UNSAID, 'published was/8 {"degrees": 8}, was nothing']),
        (
            "event: never, timeout: 2s",
            "event: never",
            [
                "status: failed, was completed",
                "error: over its budget of 60000 ms, was none",
                "step 1: both failed, was both completed",
                "nothing, was emitted over 8",
            ],
        ),
        ("for: 3s", "for: 4s", []),
        ("tools: [sky, sea], ", "", []),
    ],
)
def test_an_edit_of_a_branch_is_told(old: str, new: str, differences: list[str]) -> None:
    assert old in BRANCHES
    assert rerun(plan_of(BRANCHES.replace(old, new)), lived(BRANCHES, WEATHER, *OPEN))[1] == differences


def test_what_is_waited_for_without_end_and_did_not_come_then_ends_the_run() -> None:
    text = BRANCHES.replace("policies: {budget_ms: 60000}", "policies: {}")
    edited = text.replace("event: never, timeout: 2s", "event: never")
    differences = rerun(plan_of(edited), lived(text, WEATHER, *OPEN))[1]
    assert differences[:2] == [
        "status: cancelled, was completed",
        "error: the recording has no answer for the step none, was none",
    ]


def test_what_tools_said_last_is_said_again() -> None:
    text = BRANCHES.replace("schema: {degrees: integer}, ", "continue_after_tools: false, ")
    text = text.replace("{degrees: answer.degrees}", "{degrees: 8}")
    recorded = lived(text, WEATHER)
    assert {"kind": "published", "name": "is/8", "value": SAID} in recorded["happened"]
    assert rerun(plan_of(text), recorded)[1] == []
    one = {"llm": {"calls": {"sky": {"city": "Kyiv"}}}, "tools": WEATHER["tools"]}
    recorded = lived(text, one)
    assert {"kind": "published", "name": "is/8", "value": {"temp": 8}} in recorded["happened"]
    assert rerun(plan_of(text), recorded)[1] == []


SAID = [{"temp": 8}, {"error": "the test says nothing of the tool sea"}]


def test_branches_that_were_ended_from_outside_end_there_again() -> None:
    recorded = lived(BRANCHES, WEATHER, *OPEN)
    recorded |= {"status": "cancelled", "error": "the node stops", "ended": BEGINNING + 4 * SECOND}
    recorded["steps"] = [step for step in recorded["steps"] if step["id"] != "end"]
    for step in recorded["steps"]:
        if step["ended"] > recorded["ended"]:
            step |= {"status": "cancelled", "ended": recorded["ended"], "detail": {}}
    recorded["happened"] = [each for each in recorded["happened"] if each["kind"] != "emitted"]
    again, differences = rerun(plan_of(BRANCHES), recorded)
    assert differences == []
    assert again["ended"] == recorded["ended"]


SOON = """
version: "2.2"
dialect: edge/1
name: house
protocols:
  - name: main
    steps:
      - id: both
        action: parallel
        branches:
          - [{id: say, action: emit, topic: soon, value: 1}, {id: set, action: set, values: {ready: "true"}}]
          - - {id: wait, action: wait, until: [{variable: ready, operator: exists}], timeout: 1h}
            - {id: again, action: wait, event: go, timeout: 1s, save: heard}
      - {id: end, action: emit, topic: end, value: "{heard}"}
"""


def test_what_came_about_before_it_was_waited_for_does_so_again() -> None:
    recorded = lived(SOON, {}, (0.5, "go", 7))
    assert recorded["happened"][-1] == {"kind": "emitted", "name": "end", "value": 7}
    assert rerun(plan_of(SOON), recorded)[1] == []


def test_an_event_that_was_too_long_to_be_recorded_is_told() -> None:
    text = BRANCHES.replace("operator: equals, value: open", "operator: contains, value: x")
    recorded = lived(text, WEATHER, (1.0, "door/front", "x" * 500))
    assert rerun(plan_of(text), recorded)[1][0] == "step door: its answer was too long to be recorded whole"


details: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["event", "calls", "result", "http_status", "error", "otherwise", "accepted", "timed_out"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=2),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["tool", "error", "http_status", "topic", "value"]), inner, max_size=3)
        ),
        max_leaves=4,
    ),
    max_size=3,
)
RECORDED = lived(BRANCHES, WEATHER, *OPEN)


@given(st.lists(details, min_size=10, max_size=10), st.sampled_from(["completed", "failed", "cancelled", "skipped"]))
def test_whatever_stands_in_a_trace_it_is_run(parts: list[dict[str, Any]], status: str) -> None:
    steps = [step | {"detail": detail, "status": status} for step, detail in zip(RECORDED["steps"], parts, strict=True)]
    episode, differences = rerun(plan_of(BRANCHES), checked({**RECORDED, "steps": steps}, where="x"))
    assert episode["status"] in ("completed", "failed", "cancelled")
    assert differences


def test_the_command_says_whether_it_runs_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, trace = tmp_path / "house.yaml", tmp_path / "trace.json"
    path.write_text(TEXT)
    assert main(["mova", "run", str(path), "--protocol", "main", "--set", "room.light=3", "--trace", str(trace)]) == 1
    capsys.readouterr()
    assert main(["mova", "test", str(path), "--replay", str(trace)]) == 0
    assert capsys.readouterr().out == "main: runs the same\n"
    path.write_text(TEXT.replace("id: look", "id: see"))
    assert main(["mova", "test", str(path), "--replay", str(trace), "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["same"], data["episode"]["steps"][1]["id"]) == (False, "see")
    assert main(["mova", "test", str(path), str(path), "--replay", str(trace)]) == 2
    assert main(["mova", "test", str(path), "--replay", str(tmp_path / "none")]) == 3
    assert main(["mova", "test", str(path), "--step-id", "look"]) == 2
    assert "--step-id is not known here: write a test" in capsys.readouterr().err
