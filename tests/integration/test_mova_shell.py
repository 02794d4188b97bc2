# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts on a real bus: what triggers them, how they run beside one another, and that nothing stops the runner."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import RefusedError, UnreachableError
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.ports import PromptReply, PromptRequest
from ganglion.mova.shell import ScriptRunner
from ganglion.units import SECOND
from support.mova import edge
from support.waiting import until

FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"
START = 1_700_000_000 * SECOND


@dataclass(frozen=True)
class Decision:
    accepted: bool = True
    value: Any = True
    reason: str = ""


@dataclass
class World:
    """A node's ports that keep what they were asked, and answer as the test says."""

    bus: Bus
    done: list[tuple[Any, ...]] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[], Any] = lambda: PromptReply(value="x")
    prompts: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def prompt(self, request: PromptRequest) -> PromptReply:
        self.prompts += 1
        answer = self.answer()
        if answer is None:
            await self.release.wait()
            return PromptReply(value="released")
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, PromptReply)
        return answer

    async def actuate(
        self,
        actuator: str,
        value: Any,
        *,
        owner: str,
        for_ns: int | None,
        priority: int,
        within_ns: int | None,
        advised: bool,
        run: str,
    ) -> Decision:
        self.done.append(("actuate", actuator, value, owner, for_ns, priority))
        return Decision(value=value)

    def publish(self, topic: str, value: Any, *, to: str, must_arrive: bool, run: str) -> str:
        self.done.append(("publish", topic, value, must_arrive))
        if topic == "broken":
            raise ZeroDivisionError("a port with a mistake")
        return f"n-1-{len(self.done)}"

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        self.bus.emit(topic, value, timestamp=START, source=source)

    async def read(self, sensor: str) -> Any:
        return 4.5

    def episode(self, episode: dict[str, Any]) -> None:
        self.episodes.append(episode)


@pytest.fixture(params=["python", "native"])
async def world(request: pytest.FixtureRequest) -> World:
    return World(Bus(backend=request.param))


@pytest.fixture
async def runner(world: World) -> AsyncIterator[ScriptRunner]:
    made = ScriptRunner(world.bus, world, Clock())
    yield made
    await made.aclose()


def script(steps: str, trigger: str = "event: go", name: str = "trial", **parts: str) -> Plan:
    head = f"triggers: [{{id: t, run: main, {trigger}}}]\n" + parts.pop("head", "")
    return compile(load(edge(steps, head=head, **parts).replace("name: trial", f"name: {name}"), file="x.yaml"))


SAY = "- {id: say, action: publish, topic: out, value: '{event.value}'}"
ASK = "- {id: ask, action: prompt, prompt: x, save: said}\n- {id: say, action: publish, topic: out, value: '{said}'}"


def go(world: World, value: Any = 1, topic: str = "go", at: int = START) -> None:
    world.bus.emit(topic, value, timestamp=at, source="test")


async def test_a_run_that_waits_for_nothing_is_over_when_emit_returns(world: World, runner: ScriptRunner) -> None:
    runner.add(script(SAY))
    go(world, {"a": [1]})
    assert world.done == [("publish", "out", {"a": [1]}, True)]
    (episode,) = world.episodes
    assert episode["script"] == "trial"
    assert (episode["protocol"], episode["trigger"], episode["status"]) == ("main", "t", "completed")
    assert episode["event"] == {"topic": "go", "value": {"a": [1]}, "timestamp": START}
    assert episode["steps"][0]["detail"] == {"event": "n-1-1"}
    assert runner.episodes == [episode]


async def test_the_story_of_the_fridge(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: PromptReply(value={"cause": "door", "urgent": True}, tokens=31, model="m")
    runner.add(compile(load(FRIDGE)))

    def warm(second: float, celsius: float) -> None:
        world.bus.emit("sensor/fridge/temperature", celsius, timestamp=START + round(second * SECOND), source="f")

    warm(0, 4)
    warm(1, 8.5)
    warm(2, 7.9)  # not for 2 s, but the hysteresis holds it
    warm(2.5, 7.4)
    warm(3, 9)
    world.bus.advance(START + round(4.9 * SECOND))
    assert world.prompts == 0
    world.bus.advance(START + 5 * SECOND)
    await until(lambda: len(world.episodes) == 1)
    assert world.prompts == 1
    assert world.done == [
        ("actuate", "buzzer", True, "fridge_watch", 3 * SECOND, 1),
        ("publish", "alert/fridge", {"cause": "door", "urgent": True, "celsius": 9}, True),
    ]
    assert [step["status"] for step in world.episodes[0]["steps"]] == ["completed"] * 5
    warm(6, 4)
    warm(7, 9)
    world.bus.advance(START + 10 * SECOND)  # within the cooldown
    assert world.prompts == 1


async def test_without_a_model_the_fridge_beeps_all_the_same(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: UnreachableError("the gateway gave no answer")
    runner.add(compile(load(FRIDGE)))
    world.bus.emit("sensor/fridge/temperature", 9.5, timestamp=START, source="f")
    world.bus.advance(START + 3 * SECOND)
    await until(lambda: len(world.episodes) == 1)
    assert [each[:2] for each in world.done] == [("actuate", "buzzer"), ("publish", "alert/fridge")]
    detail = world.episodes[0]["steps"][0]["detail"]
    assert detail["otherwise"] == "unreachable: the gateway gave no answer"


async def test_a_sensor_fires_on_becoming_true_and_a_message_each_time(world: World, runner: ScriptRunner) -> None:
    runner.add(script(SAY, "sensor: a.b, above: 5", name="edge"))
    runner.add(script(SAY, "mqtt: z/+, field: v, above: 5", name="level"))
    for value in (6, 7, 4, 8):
        go(world, value, "sensor/a/b")
        go(world, value, "mqtt.v/z/one")
    assert [each[2] for each in world.done] == [6, 6, 7, 8, 8]


async def test_a_cooldown_without_a_comparison_is_kept_too(world: World, runner: ScriptRunner) -> None:
    runner.add(script(SAY, "event: go, cooldown: 5s"))
    for second in (0, 4, 5, 9, 10):
        go(world, second, at=START + second * SECOND)
    assert [each[2] for each in world.done] == [0, 5, 10]


async def test_start_fires_once_and_every_again_and_again(world: World, runner: ScriptRunner) -> None:
    say = SAY.replace("{event.value}", "{event.source}")
    runner.add(script(say, "start: true", name="first"))
    runner.add(script(say, "every: 10ms", name="clock"))
    runner.add(script(say.replace("out", "other"), "every: 10ms", name="beside"))
    await until(lambda: len(world.done) >= 9)
    topics = [each[1] for each in world.done]
    assert [each[2] for each in world.done].count("start") == 1
    assert topics.count("out") > 3
    runner.remove("clock")
    count = len(world.done)
    await until(lambda: len(world.done) >= count + 3)
    assert [each[1] for each in world.done[count:]] == ["other"] * (len(world.done) - count)


async def test_single_ignores_and_counts_what_comes_while_it_runs(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: None
    runner.add(script(ASK))
    for _ in range(3):
        go(world)
    await until(lambda: world.prompts == 1)
    assert (runner.statistics().running, runner.statistics().ignored) == (1, 2)
    world.release.set()
    await until(lambda: len(world.episodes) == 1)
    go(world)
    await until(lambda: len(world.episodes) == 2)
    assert world.done == [("publish", "out", "released", True)] * 2


async def test_restart_ends_what_runs_and_begins_again(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: None
    runner.add(script(ASK, protocol="policies: {concurrency: restart}"))
    go(world, 1)
    await until(lambda: world.prompts == 1)
    go(world, 2)
    assert world.episodes[0]["status"] == "cancelled"
    assert world.episodes[0]["error"] == "the protocol was triggered again"
    assert world.episodes[0]["steps"][0]["status"] == "cancelled"
    world.release.set()
    await until(lambda: len(world.episodes) == 2)
    assert world.episodes[1]["event"]["value"] == 2
    assert len(world.done) == 1


async def test_queued_keeps_the_order_and_its_bound(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: None
    runner.add(script(ASK, protocol="policies: {concurrency: {mode: queued, max: 3}}"))
    for value in range(6):
        go(world, value)
    world.release.set()
    await until(lambda: len(world.episodes) == 4)
    assert [episode["event"]["value"] for episode in world.episodes] == [0, 1, 2, 3]
    assert runner.statistics().ignored == 2


async def test_parallel_runs_as_many_as_it_may(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: None
    runner.add(script(ASK, protocol="policies: {concurrency: parallel, max: 2}"))
    for value in range(3):
        go(world, value)
    await until(lambda: world.prompts == 2)
    assert (runner.statistics().running, runner.statistics().ignored) == (2, 1)
    world.release.set()
    await until(lambda: len(world.episodes) == 2)


async def test_a_key_that_was_there_before_does_not_run_again(world: World, runner: ScriptRunner) -> None:
    runner.add(script(SAY, protocol='policies: {idempotency_key: "x:{event.value}"}'))
    for value in (1, 1, 2, 1):
        go(world, value)
    assert [each[2] for each in world.done] == [1, 2]
    assert runner.statistics().ignored == 2


async def test_messages_that_were_read_together_are_events_of_their_own(world: World, runner: ScriptRunner) -> None:
    say = "- {id: say, action: publish, topic: out, value: '{event.id}'}"
    runner.add(script(say, protocol='policies: {idempotency_key: "{event.id}"}'))
    runner.add(script(say, name="beside"))
    for _ in range(3):
        go(world)
    go(world, at=START + 1)
    assert [each[2] for each in world.done] == [
        each for end in (f"{START}", f"{START}#1", f"{START}#2", f"{START + 1}") for each in [f"test@{end}"] * 2
    ]


async def test_a_script_that_is_replaced_ends_its_runs_and_no_others(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: None
    runner.add(script(ASK, "event: go", name="one"))
    runner.add(script(ASK, "event: go", name="two"))
    go(world)
    await until(lambda: world.prompts == 2)
    runner.add(script(SAY, "event: other", name="one"))
    (ended,) = world.episodes
    assert (ended["script"], ended["status"], ended["error"]) == ("one", "cancelled", "the script was replaced")
    world.release.set()
    await until(lambda: len(world.episodes) == 2)
    assert (world.episodes[1]["script"], world.episodes[1]["status"]) == ("two", "completed")
    go(world, 5, "other")
    go(world, 6, "go")
    assert world.done[-1] == ("publish", "out", 5, True)
    assert runner.scripts == ["two", "one"]


async def test_removing_cancels_cleanly_and_leaves_no_task(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: None
    before = asyncio.all_tasks()
    runner.add(script(ASK + "\n- {id: w, action: wait, for: 90s}", protocol="policies: {concurrency: parallel}"))
    go(world)
    go(world)
    await until(lambda: world.prompts == 2)
    runner.remove("trial")
    runner.remove("trial")
    await until(lambda: asyncio.all_tasks() == before)
    assert [episode["error"] for episode in world.episodes] == ["the script was removed"] * 2
    go(world)
    assert world.prompts == 2
    assert runner.statistics().scripts == runner.statistics().running == 0


async def test_closing_ends_everything(world: World) -> None:
    world.answer = lambda: None
    runner = ScriptRunner(world.bus, world, Clock())
    runner.add(script(ASK))
    go(world)
    await until(lambda: world.prompts == 1)
    await runner.aclose()
    assert world.episodes[0]["error"] == "the node stops"


async def test_a_run_is_ended_at_its_budget(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: None
    runner.add(script(ASK, protocol="policies: {budget_ms: 30}"))
    go(world)
    await until(lambda: len(world.episodes) == 1)
    assert (world.episodes[0]["status"], world.episodes[0]["error"]) == ("failed", "over its budget of 30 ms")
    go(world)
    await until(lambda: world.prompts == 2)


async def test_a_model_that_is_slower_than_the_step_allows_is_not_waited_for(
    world: World, runner: ScriptRunner
) -> None:
    world.answer = lambda: None
    step = "- {id: ask, action: prompt, prompt: x, budget: {seconds: 0.05}, otherwise: none, save: said}"
    runner.add(script(step + "\n- {id: say, action: publish, topic: out, value: '{said}'}"))
    go(world)
    await until(lambda: len(world.episodes) == 1)
    assert world.episodes[0]["steps"][0]["detail"]["otherwise"] == (
        "unreachable: the model gave no answer within 0.05 s"
    )
    assert world.done == [("publish", "out", "none", True)]


@pytest.mark.parametrize(
    "error", [RefusedError("no budget"), ZeroDivisionError("a mistake of the port"), KeyError("x")]
)
async def test_a_port_that_fails_fails_the_step_and_not_the_runner(
    world: World, runner: ScriptRunner, error: Exception
) -> None:
    world.answer = lambda: error
    runner.add(script(ASK, protocol="error_handling: {retry_count: 0}"))
    go(world)
    await until(lambda: len(world.episodes) == 1)
    assert world.episodes[0]["status"] == "failed"
    assert runner.statistics().broken == (0 if isinstance(error, RefusedError) else 1)
    world.answer = lambda: PromptReply(value="fine")
    go(world)
    await until(lambda: len(world.episodes) == 2)
    assert world.episodes[1]["status"] == "completed"


async def test_a_publish_that_fails_fails_its_step(world: World, runner: ScriptRunner) -> None:
    runner.add(script("- {id: say, action: publish, topic: broken, value: 1}"))
    go(world)
    assert world.episodes[0]["error"] == "step say failed: ZeroDivisionError: a port with a mistake"
    assert (runner.statistics().failed, runner.statistics().broken) == (1, 1)


async def test_a_failure_that_passes_is_tried_again_after_a_pause(world: World, runner: ScriptRunner) -> None:
    answers = iter([UnreachableError("gone"), UnreachableError("gone"), PromptReply(value="back")])
    world.answer = lambda: next(answers)
    runner.add(script(ASK, protocol="policies: {retry: {max_attempts: 3, backoff_ms: 5}}"))
    go(world)
    await until(lambda: len(world.episodes) == 1)
    assert world.episodes[0]["steps"][0]["attempts"] == 3
    assert world.done == [("publish", "out", "back", True)]


async def test_scripts_that_answer_one_another_for_ever_leave_the_loop_its_turn(
    world: World, runner: ScriptRunner
) -> None:
    policy = "policies: {concurrency: parallel, max: 1000}"
    emit = "- {{id: e, action: emit, topic: {}, value: '{{event.value}}'}}\n"
    runner.add(script(emit.format("pong"), "event: ping", name="a", protocol=policy))
    runner.add(script(emit.format("ping"), "event: pong", name="b", protocol=policy))
    go(world, 1, "ping")
    for _ in range(20):
        await asyncio.sleep(0)  # that this returns is what is tested
    assert runner.statistics().runs > 20
    runner.remove("a")


async def test_what_is_too_long_for_a_message_is_cut_in_the_episode(world: World, runner: ScriptRunner) -> None:
    world.answer = lambda: PromptReply(value="long " * 1000)
    runner.add(script(ASK))
    go(world, "x" * 5000)
    await until(lambda: len(world.episodes) == 1)
    assert len(str(world.episodes[0])) < 2000
    assert world.done[0][2] == "long " * 1000


async def test_the_last_episodes_are_kept_and_no_more(world: World) -> None:
    runner = ScriptRunner(world.bus, world, Clock(), keep=3)
    runner.add(script(SAY))
    for value in range(5):
        go(world, value)
    assert [episode["event"]["value"] for episode in runner.episodes] == [2, 3, 4]
    assert len({episode["id"] for episode in world.episodes}) == 5


class Slow:
    """A clock on which a second goes by each time that somebody looks."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        self.time += SECOND
        return self.time

    steady = now

    def shift(self) -> int:
        return 0


async def test_a_run_that_is_over_its_budget_between_two_branches_ends_there(world: World) -> None:
    runner = ScriptRunner(world.bus, world, Slow())
    branches = "- {id: b, action: parallel, branches: [[{id: e, action: emit, topic: x, value: 1}], [%s]]}"
    steps = branches % "{id: w, action: wait, for: 1h}"
    runner.add(script(steps, protocol="policies: {budget_ms: 900}"))
    go(world)
    assert [each["error"] for each in world.episodes] == ["over its budget of 900 ms"]
    assert world.bus.statistics().failed == 0
    await runner.aclose()
