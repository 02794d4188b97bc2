# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that get in one another's way, values from outside that break a step, clocks that are set: no run is lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.mova.session.memory import MemoryStore
from ganglion.mova.shell import ScriptRunner
from ganglion.units import SECOND
from support.mova_world import SAY, World, feed, script
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
    assert made.statistics().broken == 0


def nothing_is_left(world: World, runner: ScriptRunner, triggers: int = 1) -> None:
    assert runner.statistics().running == 0
    assert world.bus.statistics().subscriptions == triggers


async def test_an_event_of_one_branch_has_another_set_what_a_third_waits_for(
    world: World, runner: ScriptRunner
) -> None:
    steps = """
- id: all
  action: parallel
  branches:
    - [{id: hear, action: wait, event: turned}, {id: set, action: set, values: {x: "true"}}]
    - [{id: emit, action: emit, topic: turned, value: 1}]
    - - {id: wait, action: wait, until: [{variable: x, operator: equals, value: true}], timeout: 300ms}
      - {id: say, action: publish, topic: out, value: said}
"""
    runner.add(script("event: go", steps))
    feed(world, 1, topic="go")
    await until(lambda: len(world.episodes) == 1)
    assert world.said == ["said"]
    assert {step["id"]: step["status"] for step in world.episodes[0]["steps"]} == dict.fromkeys(
        ("all", "hear", "emit", "wait", "set", "say"), "completed"
    )
    nothing_is_left(world, runner)


async def test_a_run_may_restart_itself_by_an_event(world: World, runner: ScriptRunner) -> None:
    steps = """
- id: both
  action: parallel
  branches:
    - - id: again
        action: emit
        topic: go
        value: 2
        conditions: [{variable: event.value, operator: equals, value: 1}]
    - [{id: say, action: publish, topic: out, value: "{event.value}"}, {id: wait, action: wait, for: 1ms}]
"""
    runner.add(script("event: go", steps, policies="policies: {concurrency: restart}"))
    feed(world, 1, topic="go")
    await until(lambda: len(world.episodes) == 2)
    assert [each["status"] for each in world.episodes] == ["cancelled", "completed"]
    assert world.said[-1] == 2
    nothing_is_left(world, runner)


async def test_scripts_that_answer_each_other_for_ever_leave_the_loop_its_turns(
    world: World, runner: ScriptRunner
) -> None:
    policies = "policies: {concurrency: parallel}"
    runner.add(script("event: ping", "- {id: e, action: emit, topic: pong, value: 1}", policies=policies))
    other = script("event: pong", "- {id: e, action: emit, topic: ping, value: 1}", policies=policies)
    other = type(other)(name="other", body=["other", *other.body[1:]])
    runner.add(other)
    feed(world, 1, topic="ping")
    for _ in range(20):
        await asyncio.sleep(0)
    assert runner.statistics().runs > 500
    runner.remove("other")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("int(event.value.n)", {"n": float("inf")}),
        ("event.value.n / 2", {"n": 10**400}),
        ("event.value.n * 2.0", {"n": 10**400}),
        ("round(event.value.n, 2)", {"n": 1e308}),
        ("event.value.n // 0.1", {"n": float("nan")}),
    ],
)
async def test_a_number_that_nothing_can_hold_fails_a_step_and_no_more(
    world: World, runner: ScriptRunner, expression: str, value: Any
) -> None:
    runner.add(script("event: go", f"- {{id: set, action: set, values: {{x: '{expression}'}}}}\n" + SAY))
    feed(world, value, topic="go")
    feed(world, {"n": 4}, topic="go")
    assert len(world.episodes) == 2
    assert world.episodes[1]["status"] == "completed"
    nothing_is_left(world, runner)


@pytest.mark.parametrize("value", ["a#", "+", "#", "", "\0", "x/#/y"])
async def test_a_topic_from_outside_widens_nothing_that_is_waited_for(
    world: World, runner: ScriptRunner, value: str
) -> None:
    topic = "'{event.value}'" if value in ("", "#") else "'door/{event.value}'"
    runner.add(script("event: go", f"- {{id: wait, action: wait, event: {topic}, timeout: 1s}}"))
    feed(world, value, topic="go")
    assert [each["status"] for each in world.episodes] == ["failed"]
    assert "is no topic to wait for" in world.episodes[0]["error"]
    nothing_is_left(world, runner)


async def test_a_value_does_not_choose_that_it_goes_unsigned(world: World, runner: ScriptRunner) -> None:
    for topic in ("{event.value}", "{event.value}/x"):
        world.episodes.clear()
        world.said.clear()
        runner.add(script("event: go", f"- {{id: say, action: publish, topic: '{topic}', value: 1}}"))
        feed(world, "mqtt:home/door/set", topic="go")
        assert world.said == []
        assert world.episodes[0]["error"].endswith("a value of the run begins it")
        feed(world, "fine", topic="go")
        assert world.said == [1]


async def test_a_mistake_in_the_engine_ends_its_run(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    runner = ScriptRunner(world.bus, world, clock, tools=world)
    runner.add(script("event: go", "- {id: ask, action: prompt, prompt: x}\n" + SAY))

    def wrong(run_id: str, result: Any, now: int) -> Any:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(runner._scripts["trial"].engine, "resume", wrong)
    world.replies = [*world.replies, *[reply() for reply in []]]
    world.held.clear()
    feed(world, 1, topic="go")
    world.held.set()
    await until(lambda: len(world.episodes) == 1)
    assert (world.episodes[0]["status"], world.episodes[0]["error"]) == ("failed", "ZeroDivisionError: a mistake")
    assert runner.statistics().broken == 1 + 1  # and the model had no answer
    nothing_is_left(world, runner)
    await runner.aclose()


KEYED = "policies: {concurrency: %s, idempotency_key: '{event.value}'}"
ASK = "- {id: wait, action: wait, for: 5ms}\n" + SAY


async def test_what_waits_its_turn_runs_though_something_came_twice(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", ASK, policies=KEYED % "queued"))
    feed(world, "a", "a", "b", "c", "b", topic="go")
    await until(lambda: world.said == ["a", "b", "c"])
    assert runner.statistics().ignored == 2


async def test_what_comes_twice_does_not_restart_the_run_that_has_it(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", ASK, policies=KEYED % "restart"))
    feed(world, "a", "a", topic="go")
    await until(lambda: world.said == ["a"])
    assert [each["status"] for each in world.episodes] == ["completed"]


async def test_what_was_ignored_for_want_of_a_turn_may_come_again(world: World, runner: ScriptRunner) -> None:
    runner.add(script("event: go", ASK, policies=KEYED % "single"))
    feed(world, "a", "b", topic="go")
    await until(lambda: world.said == ["a"])
    feed(world, "b", topic="go")
    await until(lambda: world.said == ["a", "b"])


class SetClock(Clock):
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.wall = 0
        super().__init__(wall=lambda: self.wall)


async def test_a_clock_that_is_set_is_over_no_budget_and_episodes_have_its_time(world: World) -> None:
    clock = SetClock()
    runner = ScriptRunner(world.bus, world, clock)
    steps = "- {id: ask, action: wait, event: more, timeout: 1h}\n" + SAY
    runner.add(script("event: go", steps, policies="policies: {budget_ms: 60000}"))
    feed(world, 1, topic="go")
    clock.wall = clock.wall + 10**9 * SECOND
    feed(world, 2, topic="more")
    assert world.said == [1]
    (episode,) = world.episodes
    assert episode["status"] == "completed"
    assert all(each["started"] > 10**9 * SECOND / 2 for each in (episode, *episode["steps"]))
    await runner.aclose()


async def test_a_budget_that_ends_while_a_branch_answers_ends_what_the_others_wait_for(world: World) -> None:
    class Slow(Clock):
        """Time goes by in which nobody has a turn."""

        gone = 0

        def steady(self) -> int:
            return super().steady() + self.gone

    clock = Slow()
    runner = ScriptRunner(world.bus, world, clock)
    steps = """
- id: both
  action: parallel
  branches:
    - [{id: a, action: wait, event: more}, {id: b, action: log, message: late}]
    - [{id: c, action: wait, event: never}]
"""
    runner.add(script("event: go", steps, policies="policies: {budget_ms: 4500}"))
    feed(world, 1, topic="go")
    clock.gone = 5 * SECOND
    feed(world, 2, topic="more")
    assert [each["status"] for each in world.episodes] == ["failed"]
    nothing_is_left(world, runner)
    await runner.aclose()


async def test_three_runs_of_one_session_go_one_after_another(world: World, runner: ScriptRunner) -> None:
    steps = """
- {id: begin, action: publish, topic: out, value: "begin {event.value.n}"}
- {id: pause, action: wait, for: 3ms}
- {id: end, action: publish, topic: out, value: "end {event.value.n}"}
"""
    runner.add(script("intent: x", steps, "intents: [{name: x, patterns: [x]}]\n", "policies: {concurrency: parallel}"))
    for n in (1, 2):
        runner.announce("intent/x", {"session_id": "ann", "n": n}, "intent")
    await until(lambda: "begin 2" in world.said)
    runner.announce("intent/x", {"session_id": "ann", "n": 3}, "intent")
    await until(lambda: len(world.said) == 6)
    assert world.said == [f"{what} {n}" for n in (1, 2, 3) for what in ("begin", "end")]
    await until(lambda: runner._conversations._turns == {})  # the last is saved


async def test_one_schedule_that_fails_stops_no_other(world: World, runner: ScriptRunner) -> None:
    from ganglion.event import Event

    fired: list[str] = []

    def wrong(event: Event) -> None:
        fired.append("wrong")
        raise ZeroDivisionError

    timetable = runner._timetable
    timetable.bind("a", ["", "", "1s", "", False], wrong)
    timetable.bind("b", ["", "", "1s", "", False], lambda event: fired.append("right"))
    await until(lambda: fired.count("right") >= 2 and fired.count("wrong") >= 2, within=60)
    timetable.close()
