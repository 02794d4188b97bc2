# SPDX-License-Identifier: GPL-3.0-or-later
"""Every trigger of the edge dialect on a real bus, and the runs that wait, branch and go on with a session."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import UnreachableError
from ganglion.mesh.transport import Message
from ganglion.mova import trigger
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.ports import PromptReply
from ganglion.mova.session.memory import MemoryStore
from ganglion.mova.shell import ScriptRunner
from ganglion.node.plain import PlainTopics
from ganglion.units import SECOND
from support.mova import edge
from support.mova_world import SAY, START, Subscriptions, World, feed, script
from support.waiting import until


@pytest.fixture(params=["python", "native"])
async def world(request: pytest.FixtureRequest) -> World:
    return World(Bus(backend=request.param))


@pytest.fixture
async def runner(world: World) -> AsyncIterator[ScriptRunner]:
    clock = Clock()
    made = ScriptRunner(world.bus, world, clock, tools=world, sessions=MemoryStore(clock))
    yield made
    await made.aclose()


def plain(world: World, plan: Plan) -> PlainTopics:
    topics = PlainTopics(world.bus, Subscriptions())  # type: ignore[arg-type]
    for filter, field in plan.mqtt_topics:
        topics.want(filter, field)
    return topics


@pytest.mark.parametrize(
    ("trigger", "values", "said"),
    [
        ("rises: 8", [9, 10, 8, 8.5, 9, 7, 9], [8.5, 9]),
        ("falls: 8", [7, 6, 8, 7.5, 7, 9, 7], [7.5, 7]),
        ("rises: 8, hysteresis: 1", [7, 9, 7.5, 9, 6.9, 9], [9, 9]),
        ("above: 8", [9, 10, 8, 9], [9, 9]),
        ("equals: open", ["open", "open", "shut", "open"], ["open", "open"]),
        ("changes: true", [1, 1, 2, 2, 1], [2, 1]),
        ("window: 3s, above: 8", [9, 9, 9, 9, 0, 0, 0, 30], [9, 10]),
    ],
)
async def test_a_comparison_fires_when_it_becomes_true(
    world: World, runner: ScriptRunner, trigger: str, values: list[Any], said: list[Any]
) -> None:
    runner.add(script(f"sensor: a.b, {trigger}"))
    feed(world, *values)
    assert world.said == said


async def test_of_several_topics_each_has_to_cross_by_itself(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: room/+, rises: 8"))
    feed(world, 7, 9, topic="room/a")
    feed(world, 9, topic="room/b")
    feed(world, 7, 9, topic="room/b", at=START + SECOND)
    assert world.said == [9, 9]


async def test_every_beside_a_sensor_has_the_latest_in_each_period(world: World, runner: ScriptRunner) -> None:
    runner.add(script("sensor: a.b, every: 10s"))
    feed(world, *range(1, 25))
    world.bus.advance(START + 60 * SECOND)
    assert world.said == [10, 20, 24]


async def test_every_beside_a_comparison_has_what_it_holds_for(world: World, runner: ScriptRunner) -> None:
    runner.add(script("sensor: a.b, above: 8, every: 3s"))
    feed(world, 9, 1, 10, 1, 1, 1, 1, 1)
    assert world.said == [10]


async def test_a_message_fills_the_session_and_comes_once(world: World, runner: ScriptRunner) -> None:
    steps = (
        "- {id: say, action: publish, topic: out, value: '{who} {a.b} {event.value} {event.topic} {event.payload.id}'}"
    )
    plan = script("mqtt: z/+, field: state, map: {who: user.name, a.b: 'list.1', no: where}, dedupe: id", steps)
    runner.add(plan)
    topics = plain(world, plan)
    message = b'{"state": "on", "user": {"name": "Olha"}, "list": [1, 2], "id": %d}'
    topics.take([Message("z/x", message % i) for i in (1, 1, 2, 1)], START)
    assert world.said == ["Olha 2 on z/x 1", "Olha 2 on z/x 2"]
    topics.take([Message("z/y", b'{"state": 1}'), Message("z/y", b'{"state": 1}')], START)
    assert world.said[2:] == ["{who} {a.b} 1 z/y {event.payload.id}"] * 2  # nothing to tell them apart by


async def test_a_kept_message_tells_how_things_are_and_fires_nothing(world: World, runner: ScriptRunner) -> None:
    plan = script("mqtt: door, field: open, equals: true")
    runner.add(plan)
    topics = plain(world, plan)
    topics.take([Message("door", b'{"open": true}', 0, True)], START)
    assert world.said == []
    topics.take([Message("door", b'{"open": true}')], START + SECOND)
    assert world.said == [True]


async def test_a_kept_message_fires_where_it_is_asked_for(world: World, runner: ScriptRunner) -> None:
    steps = "- {id: say, action: publish, topic: out, value: '{event.retained}'}"
    plan = script("mqtt: door, field: open, equals: true, retained: true", steps)
    runner.add(plan)
    topics = plain(world, plan)
    topics.take([Message("door", b'{"open": true}', 0, True), Message("door", b'{"open": true}')], START)
    assert world.said == [True, False]


async def test_what_was_so_at_the_start_and_stays_so_long_enough_fires(world: World, runner: ScriptRunner) -> None:
    plan = script("mqtt: door, field: open, equals: true, for: 10m")
    runner.add(plan)
    plain(world, plan).take([Message("door", b'{"open": true}', 0, True)], START)
    world.bus.advance(START + 599 * SECOND)
    assert world.said == []
    world.bus.advance(START + 600 * SECOND)
    assert world.said == [True]


async def test_a_webhook_fires_with_its_payload(world: World, runner: ScriptRunner) -> None:
    runner.add(script("webhook: door, map: {who: name}", SAY.replace("{event.value}", "{who}")))
    (outcome,) = runner.announce("webhook/door", {"name": "Olha"}, "webhook")
    assert (await outcome).episode["status"] == "completed"
    assert world.said == ["Olha"]
    assert runner.announce("webhook/other", {}, "webhook") == []


COUNT = """
- {id: first, action: set, values: {count: "0"}, conditions: [{variable: count, operator: not_exists}]}
- {id: more, action: set, values: {count: count + 1}}
- {id: say, action: publish, topic: out, value: '{session.session_id} {count}'}
"""


async def test_a_session_goes_on_over_the_runs_that_name_it(world: World, runner: ScriptRunner) -> None:
    runner.add(script("webhook: x, session: session_id", COUNT))
    for name in ("ann", "bob", "ann"):
        (outcome,) = runner.announce("webhook/x", {"session_id": name}, "webhook")
        await outcome
    await until(lambda: len(world.said) == 3)
    assert world.said == ["ann 1", "bob 1", "ann 2"]


async def test_runs_of_one_session_have_their_turns_and_others_do_not_wait(world: World, runner: ScriptRunner) -> None:
    steps = "- {id: ask, action: prompt, prompt: x}\n" + COUNT.strip()
    runner.add(script("webhook: x, session: session_id", steps, policies="policies: {concurrency: parallel}"))
    world.held.clear()
    world.replies = [PromptReply(value="x") for _ in range(4)]
    for name in ("ann", "ann", "bob", "ann"):
        runner.announce("webhook/x", {"session_id": name}, "webhook")
    await until(lambda: len(world.asked) == 2)  # the first of each
    world.held.set()
    await until(lambda: len(world.said) == 4)
    assert sorted(world.said) == ["ann 1", "ann 2", "ann 3", "bob 1"]


async def test_a_payload_has_no_say_in_sessions_where_the_trigger_has_none(world: World, runner: ScriptRunner) -> None:
    runner.add(script("webhook: x", COUNT))
    for _ in range(2):
        (outcome,) = runner.announce("webhook/x", {"session_id": "ann"}, "webhook")
        assert (await outcome).episode["status"] == "completed"
    assert [said.split()[1] for said in world.said] == ["1", "1"]
    assert "ann" not in "".join(world.said)


async def test_scripts_have_no_sessions_in_common(world: World) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    runner = ScriptRunner(world.bus, world, clock, sessions=store)
    text = edge(COUNT, head="triggers: [{id: t, run: main, webhook: WHO, session: id}]")
    names = {"a": '"a:b"', "b": "a", "c": '"a%3Ab"'}  # with these ids, all the same but for the script's own name
    for webhook, name in names.items():
        of_name = text.replace("name: trial", f"name: {name}", 1).replace("WHO", webhook)
        runner.add(compile(load(of_name, file="x.yaml")))
    for webhook, session_id in (("a", "c"), ("b", "b:c"), ("c", "c"), ("a", "c")):
        (outcome,) = runner.announce(f"webhook/{webhook}", {"id": session_id}, "webhook")
        await outcome
    await runner.aclose()
    assert world.said == ["c 1", "b:c 1", "c 1", "c 2"]
    assert sorted(await store.ids()) == ["a%253Ab:c", "a%3Ab:c", "a:b:c"]


async def test_a_message_names_the_session_that_its_trigger_goes_on_with(world: World, runner: ScriptRunner) -> None:
    plan = script("mqtt: chat/+, field: text, session: chat.id", COUNT)
    runner.add(plan)
    topics = plain(world, plan)
    for chat in (7, 8, 7, "ann", True):
        payload = {"text": "hi"} if chat is True else {"text": "hi", "chat": {"id": chat}}
        topics.take([Message("chat/a", json.dumps(payload).encode())], START)
        await until(lambda: runner.statistics().running == 0)
    assert world.said[:4] == ["7 1", "8 1", "7 2", "ann 1"]
    assert world.said[4].endswith(" 1")  # one of its own


SEEN = "- {id: say, action: publish, topic: out, value: '{event.topic} {event.value} {event.payload.who}'}"


@pytest.mark.parametrize("timing", ["for: 10s", "every: 10s"])
async def test_what_fires_later_has_the_message_of_its_value(world: World, runner: ScriptRunner, timing: str) -> None:
    plan = script(f"mqtt: z/+, field: t, above: 30, {timing}", SEEN)
    runner.add(plan)
    topics = plain(world, plan)
    for second, topic, payload in (
        (0, "z/hot", b'{"t": 40, "who": "hot"}'),
        (1, "z/warm", b'{"t": 35, "who": "warm"}'),
        (2, "z/hot", b'{"t": 41, "who": "hotter"}'),
        (3, "z/cold", b'{"t": 5, "who": "cold"}'),
        (4, "z/hot", b'{"who": "without a value"}'),
    ):
        topics.take([Message(topic, payload)], START + second * SECOND)
    if timing.startswith("every"):  # the latest that would have fired, and not the latest
        topics.take([Message("z/hot", b'{"t": 6, "who": "cool"}')], START + 5 * SECOND)
    world.bus.advance(START + 20 * SECOND)
    assert world.said == ["z/hot 41 hotter", "z/warm 35 warm"]


async def test_a_field_without_its_message_has_no_payload_of_another(world: World, runner: ScriptRunner) -> None:
    plan = script("mqtt: z/+, field: t, above: 30", SEEN)
    runner.add(plan)
    plain(world, plan).take([Message("z/b", b'{"t": 1, "who": "b"}')], START)
    world.bus.emit("mqtt.t/z/a", 40, timestamp=START, source="mqtt:z/a")
    assert world.said == ["z/a 40 {event.payload.who}"]


async def test_messages_that_wait_are_kept_of_so_many_topics(
    world: World, runner: ScriptRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger, "MAX_HELD", 2)
    plan = script("mqtt: z/+, field: t, above: 30, for: 10s", SEEN)
    runner.add(plan)
    topics = plain(world, plan)
    topics.take([Message(f"z/{n}", b'{"t": 40, "who": "%d"}' % n) for n in range(3)], START)
    world.bus.advance(START + 10 * SECOND)
    assert world.said == ["z/0 40 {event.payload.who}", "z/1 40 1", "z/2 40 2"]


class Broken(MemoryStore):
    async def load(self, session_id: str) -> dict[str, Any] | None:
        raise UnreachableError("the store is away")


@pytest.mark.parametrize("steps", [COUNT, "- {id: count, action: set, values: {n: 1}}"])  # the second ends at once
async def test_a_session_that_cannot_be_had_ends_the_run_and_says_so(world: World, steps: str) -> None:
    clock = Clock()
    runner = ScriptRunner(world.bus, world, clock, sessions=Broken(clock))
    runner.add(script("webhook: x, session: session_id", steps))
    (outcome,) = runner.announce("webhook/x", {"session_id": "ann"}, "webhook")
    async with asyncio.timeout(10):
        episode = (await outcome).episode
    assert (episode["status"], episode["error"]) == (
        "cancelled",
        "the session ann cannot be had: the store is away",
    )
    assert episode["steps"] == [], "nothing was carried out"
    assert world.said == []
    assert runner.statistics().running == 0
    await runner.aclose()


async def test_a_run_that_waits_for_its_session_is_ended_with_its_script(world: World, runner: ScriptRunner) -> None:
    steps = "- {id: ask, action: prompt, prompt: x}"
    runner.add(script("webhook: x, session: session_id", steps, policies="policies: {concurrency: parallel}"))
    world.held.clear()
    first, second = (runner.announce("webhook/x", {"session_id": "ann"}, "webhook")[0] for _ in range(2))
    await until(lambda: len(world.asked) == 1)
    assert [each.script for each in world.asked] == ["trial"]
    runner.remove("trial")
    assert (await first).episode["status"] == "cancelled"
    with pytest.raises(asyncio.CancelledError):
        await second
    assert runner.statistics().running == 0


async def test_a_step_waits_for_an_event(world: World, runner: ScriptRunner) -> None:
    steps = """
- {id: wait, action: wait, event: door/+, until: [{variable: event.value, operator: equals, value: open}], save: seen}
- {id: say, action: publish, topic: out, value: '{seen} after {event.value}'}
"""
    runner.add(script("event: go", steps))
    feed(world, 1, topic="go")
    feed(world, "shut", topic="door/a")
    assert world.said == []
    feed(world, "open", "open", topic="door/b")
    assert world.said == ["open after 1"]
    assert runner.statistics().running == 0


async def test_a_step_waits_no_longer_than_it_says(world: World, runner: ScriptRunner) -> None:
    steps = "- {id: wait, action: wait, event: door, timeout: 20ms, save: seen}\n" + SAY.replace("event.value", "seen")
    runner.add(script("event: go", steps))
    feed(world, 1, topic="go")
    await until(lambda: world.said == [None])
    feed(world, "late", topic="door")
    assert world.episodes[0]["steps"][0]["detail"] == {"timed_out": True}


async def test_a_run_that_waits_for_an_event_hears_nothing_once_it_is_ended(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", "- {id: wait, action: wait, event: door}\n" + SAY))
    feed(world, 1, topic="go")
    assert world.bus.statistics().subscriptions == 2
    runner.remove("trial")
    assert world.bus.statistics().subscriptions == 0
    feed(world, 1, topic="door")
    assert world.said == []
    assert [each["status"] for each in world.episodes] == ["cancelled"]


BOTH = """
- id: both
  action: parallel
  branches:
    - [{id: a, action: prompt, prompt: a, save: a}, {id: a2, action: wait, for: 1ms}]
    - [{id: b, action: wait, event: go/on, save: b}]
    - - {id: c, action: wait, until: [{variable: a, operator: exists}], timeout: 1h}
      - {id: c2, action: set, values: {c: a}}
- {id: say, action: publish, topic: out, value: '{a} {b} {c}'}
"""


async def test_branches_go_on_beside_one_another(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", BOTH))
    world.replies = [PromptReply(value="said")]
    feed(world, 1, topic="go")
    feed(world, "heard", topic="go/on")
    await until(lambda: world.said == ["said heard said"])
    assert runner.statistics().running == 0


async def test_branches_end_with_their_run(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", BOTH))
    world.held.clear()
    feed(world, 1, topic="go")
    await until(lambda: len(world.asked) == 1)
    assert world.bus.statistics().subscriptions == 2
    runner.remove("trial")
    assert world.bus.statistics().subscriptions == 0
    (episode,) = world.episodes
    assert [step["status"] for step in episode["steps"]] == ["cancelled"] * 4


async def test_a_budget_ends_every_branch(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", BOTH, policies="policies: {budget_ms: 20}"))
    world.held.clear()
    feed(world, 1, topic="go")
    await until(lambda: len(world.episodes) == 1)
    assert world.episodes[0]["error"] == "over its budget of 20 ms"
    assert world.bus.statistics().subscriptions == 1


async def test_a_model_calls_the_tools_that_it_is_offered(world: World, runner: ScriptRunner) -> None:
    steps = """
- {id: ask, action: prompt, prompt: Weather?, tools: [sky], continue_after_tools: true, save: said}
- {id: say, action: publish, topic: out, value: '{said}'}
"""
    more = "tools: [{id: sky, name: Sky, endpoint: 'http://127.0.0.1/{city}'}]\n"
    runner.add(script("event: go", steps, more))
    world.replies = [
        PromptReply(value="", calls=[["c1", "sky", {"city": "Kyiv"}]]),
        PromptReply(value="five degrees"),
    ]
    feed(world, 1, topic="go")
    await until(lambda: world.said == ["five degrees"])
    assert [each.url for each in world.called] == ["http://127.0.0.1/Kyiv"]
    assert world.asked[0].tools[0]["id"] == "sky"
    assert list(world.asked[1].rounds) == [[[["c1", "sky", {"city": "Kyiv"}]], [{"temp": 5}]]]


async def test_an_actuator_is_told_how_long_it_has(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", "- {id: a, action: actuate, actuator: v, value: 1, confirm: {within: 2s}}"))
    feed(world, 1, topic="go")
    await until(lambda: world.said == [("v", 1, 2 * SECOND)])
