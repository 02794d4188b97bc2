# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan from outside is refused with a sentence, or a node can load and run it: mutations of real plans."""

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.bus import Bus
from ganglion.errors import InvalidError
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.stage import Stage
from ganglion.mova.virtual import VirtualLoop
from ganglion_micro import effects as e
from ganglion_micro import expression as x
from ganglion_micro import plan as p
from ganglion_micro.cbor import CBORError
from ganglion_micro.effects import Failure
from ganglion_micro.engine import Engine
from support.mova import DOCUMENTS, edge
from support.mova_cases import CASES

TRIGGERS = edge(
    head="""triggers:
  - {id: a, sensor: room.light, rises: 5, window: 10s, hysteresis: 1, cooldown: 1s, run: main}
  - {id: b, event: "x/+", between: [1, 2], for: 2s, run: main}
  - {id: c, mqtt: "door/#", field: a.b, equals: open, map: {x: y.z}, dedupe: id, run: main}
  - {id: d, cron: "0 7 * * 1-5", timezone: Europe/Kyiv, missed: run_once, run: main}
  - {id: e, at: "07:30", run: main}
  - {id: f, every: 5s, run: main}
  - {id: g, every: 1h, missed: run_once, run: main}
  - {id: h, start: true, run: main}
  - {id: i, intent: hot, run: main}
  - {id: j, webhook: ring, run: main}
intents: [{name: hot, patterns: ["how hot", "is (?P<what>it|this) hot"], response_template: "{x}"}]
"""
)


def _bodies() -> Iterator[list[Any]]:
    for text in [TRIGGERS, *(case["document"] for case in CASES), *(path.read_text() for path in DOCUMENTS)]:
        yield compile(load(text, file="x.yaml" if not text.startswith("{") else "x.json")).body


BODIES = list(_bodies())
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 30),
    st.sampled_from([1 << 63, -(1 << 63), 1.5, 1e308, float("inf"), float("nan")]),
    st.sampled_from(["", "x", "a/#/b", "+", "\0", "07:99", "Europe/Nowhere", "*", "mqtt/x", "é"]),
    st.binary(max_size=3),
    st.lists(st.integers(-1, 25), max_size=4),
    st.dictionaries(st.sampled_from(["a", "type", 1]), st.integers(), max_size=2),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with a key in it, of the whole value."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def refused(body: list[Any]) -> Plan | None:
    try:
        return Plan.decode(p.pack(body))
    except InvalidError as error:
        assert str(error)
        return None


ANSWERS: dict[int, Any] = {
    e.PUBLISH: "id",
    e.PROMPT: ["x", "m", 1, []],
    e.CALL_TOOL: [200, {"a": 1}, 0],
    e.ACTUATE: [True, 1, ""],
    e.READ: 5,
}


def run(plan: Plan) -> None:
    """Loads it on a node, and takes each protocol through a world that answers, and through one that does not."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        runner.run(_load(plan, Stage(Bus(), loop, {})))
    for protocol in range(len(plan.body[p.PROTOCOLS])):
        for is_there in (True, False):
            _run(Engine(plan.body), protocol, is_there)


def _run(engine: Engine, protocol: int, is_there: bool) -> None:
    event = {"id": "e", "source": "s", "topic": "t", "value": 7, "payload": 7, "timestamp": 0}
    engine.key(protocol, event)
    effects, now = engine.start(protocol, event, None, 0), 0
    for _ in range(60):
        if not effects or effects[0].kind == e.DONE:
            return
        effect, now = effects.pop(0), now + 1_000_000_000
        if effect.kind == e.FORGET:
            waits = [i for i, each in enumerate(effects) if each.run == effect.run and each.kind == e.LISTEN]
            for i in waits[-1:]:
                del effects[i]
            continue
        answer = ANSWERS.get(effect.kind)
        fails = not is_there and effect.kind in ANSWERS
        effects += engine.resume(effect.run, Failure("unreachable", "away", True) if fails else answer, now)


async def _load(plan: Plan, stage: Stage) -> None:
    scripts = ScriptRunner(stage.bus, stage, stage, tools=stage)
    scripts.add(plan)
    await scripts.aclose()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[p.NAME])
def test_what_was_compiled_is_taken(body: list[Any]) -> None:
    assert refused(body) == Plan(name=body[p.NAME], body=body)


@pytest.mark.untraced
@settings(max_examples=1500)
@given(st.data())
def test_a_plan_that_was_changed_is_refused_or_can_be_loaded(data: st.DataObject) -> None:
    body = copy.deepcopy(data.draw(st.sampled_from(BODIES)))
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(list(places(body))))
        match data.draw(st.sampled_from(["replace", "remove", "copy", "move"])):
            case "replace":
                container[key] = data.draw(odd)
            case "remove":
                del container[key]
            case "copy" if isinstance(container, list):
                container.insert(key, copy.deepcopy(container[key]))
            case _:
                other, there = data.draw(st.sampled_from(list(places(body))))
                container[key] = copy.deepcopy(other[there])
    try:
        p.pack(body)
    except (CBORError, TypeError, IndexError, KeyError):
        return  # it cannot even be written
    plan = refused(body)
    if plan is not None:
        run(plan)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ([], "no value in the end"),
        ([x.ADD], "takes what is not there"),
        ([x.CONST], "cut short"),
        ([x.CONST, 1, x.CONST, 2], "no value in the end"),
        ([x.JUMP, 0], "must be a whole number from 2 to 2"),
        ([x.JUMP, 4, x.CONST, 1], "that nothing leads to"),
        ([x.CONST, 1, x.AND, 5, x.CONST, 2], "a jump into an operation"),
        ([x.CONST, True, x.SKIP_FALSE, 6, x.CONST, 1], "other things behind"),
        ([x.CALL, "open", 0], "must be a whole number"),
        ([x.LOAD, [1]], "must be a path"),
        ([99], "no operation"),
    ],
)
def test_code_that_could_not_run_to_its_end_is_refused(code: list[Any], says: str) -> None:
    body = copy.deepcopy(compile(load(edge("- {id: s, action: set, values: {x: '1'}}"), file="x.yaml")).body)
    body[p.PROTOCOLS][0][p.STEPS][0][p.ARGS][1] = code
    with pytest.raises(InvalidError, match=says) as caught:
        Plan.decode(p.pack(body))
    assert "plan.protocols[0].steps[0].args[1]" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({p.SCHEDULE: ["0 7 * *", "", "", "", False]}, "cannot be read"),
        ({p.SCHEDULE: ["0 7 * * *", "", "", "Europe/Nowhere", False]}, "there is no timezone"),
        ({p.SCHEDULE: ["", "", "", "", False]}, "has one of cron, at and every"),
        ({p.SCHEDULE: None}, "has a schedule that it does not go by, or none"),
        ({p.PROTOCOL: 7}, "must be a whole number from 0 to 0"),
        ({p.SOURCE: p.EVENT, p.SCHEDULE: None, p.TOPIC: "a/#/b"}, "is no topic filter"),
        ({p.SOURCE: p.EVERY, p.SCHEDULE: None}, "must be a whole number from 1"),
    ],
)
def test_a_trigger_that_could_not_be_bound_is_refused(change: dict[int, Any], says: str) -> None:
    head = "triggers: [{id: d, cron: '0 7 * * *', run: main}]"
    body = copy.deepcopy(compile(load(edge(head=head), file="x.yaml")).body)
    for at, value in change.items():
        body[p.TRIGGERS][0][at] = value
    with pytest.raises(InvalidError, match=says):
        Plan.decode(p.pack(body))


@pytest.mark.parametrize("action", ["publish", "emit"])
@pytest.mark.parametrize("topic", ["a/#", "", "a/+", "mqtt:", 7])
def test_a_topic_that_nothing_can_be_said_on_is_refused(action: str, topic: Any) -> None:
    step = f"- {{id: s, action: {action}, topic: a/b, value: 1}}"
    body = copy.deepcopy(compile(load(edge(step), file="x.yaml")).body)
    body[p.PROTOCOLS][0][p.STEPS][0][p.ARGS][0][1] = topic
    with pytest.raises(InvalidError, match="is no topic") as caught:
        Plan.decode(p.pack(body))
    assert "plan.protocols[0].steps[0].args[0]" in str(caught.value)
