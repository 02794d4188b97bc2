# SPDX-License-Identifier: GPL-3.0-or-later
"""A case of tests/conformance/mova in two of its homes: carried out by the engine alone, and by a node's script runner
in virtual time on ports that answer as the case says. Both tell what was asked of the world, and when.

How times go: what waits for nothing (publish, emit, log) takes none, a pause takes what it says, everything else takes
`LATENCY` and a little. A case that says when a run is cancelled means the time when all else is done. The engine counts
in nanoseconds and the loop in seconds as a float, so both are told in microseconds.
"""

import asyncio
import heapq
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ganglion.bus import Bus
from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.event import Event
from ganglion.mova.compile import compile
from ganglion.mova.episode import bounded
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.ports import Accepted, PromptReply, PromptRequest, ToolReply, ToolRequest
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.trigger import context
from ganglion.mova.virtual import BEGINNING, VirtualLoop
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import effects as e
from ganglion_micro import plan as p
from ganglion_micro.effects import Failure
from ganglion_micro.engine import Engine
from support.mova import edge
from support.mova_cases import EVENT
from support.mova_replay import plain, told

LATENCY = MILLISECOND
AT_ONCE = ("publish", "emit", "log")
#: What becomes of an error of a port; of the first two the class says whether to try again.
ERRORS = {"unreachable": UnreachableError, "failed": GanglionError, "refused": RefusedError, "invalid": InvalidError}
#: Why the runner ends a run.
REPLACED, REMOVED = "the script was replaced", "the script was removed"

Told = list[Any]


@dataclass
class Story:
    """What happens in a case.

    Attributes:
        asked: What ports are asked for: time, kind, fields.
        answers: Of each, what the port says; None where it never does.
        events: What steps wait for, as it comes on the bus, and when.
        cancelled: Why the run is ended from outside, and when; None where it is not.
        episode: Of the run.
    """

    asked: list[Told] = field(default_factory=list)
    answers: list[dict[str, Any] | None] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)
    cancelled: tuple[int, str] | None = None
    episode: dict[str, Any] = field(default_factory=dict)


class _Simulation:
    """The engine alone in a world where each thing takes the time that it takes in the other home."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.story = Story()
        self._engine = Engine(_plan(case).body, random.Random(0).random)
        self._answers: dict[str, list[dict[str, Any]]] = {}
        self._cancel: str | None = None
        self._always = case.get("always")
        for answer in case["answers"]:
            if "cancel" in answer:
                self._cancel = answer["cancel"]
            elif "expire" not in answer:
                self._answers.setdefault(answer.get("branch", ""), []).append(answer)
        self._queue: list[tuple[int, int, str, Any]] = []  # time, number, branch, result
        self._count = 0

    def run(self, event: dict[str, Any]) -> Story:
        now, engine = BEGINNING, self._engine
        run_id = f"{BEGINNING // MILLISECOND:x}-1"
        self._carry_out(engine.start("main", event, None, now, run_id, "case"), now)
        while not self.story.episode:
            deadline = engine.runs[run_id].deadline
            if self._queue and not (deadline and deadline <= self._queue[0][0]):
                now, _, branch, result = heapq.heappop(self._queue)
                self._carry_out(engine.resume(branch, result, now), now)
            elif deadline:
                self._carry_out(engine.expire(run_id, deadline), deadline)
            else:
                assert self._cancel is not None, "the answers end before the run"
                self.story.cancelled = (now + LATENCY, self._cancel)
                self._carry_out(engine.cancel(run_id, self._cancel, now + LATENCY), now + LATENCY)
        return self.story

    def _carry_out(self, effects: list[Any], now: int) -> None:
        """What waits for nothing first: the tasks of the rest begin in the loop's next turn."""
        tasks = []
        while effects:
            effect = effects.pop(0)
            kind, _fields = told(effect)
            if kind != "done" and effect.run not in self._engine.runs:
                continue  # it was ended meanwhile
            if kind == "done":
                self.story.episode = _episode(effect.episode)
            elif kind == "forget":
                kept = [each for each in self._queue if each[2] != effect.run]
                if len(kept) == len(self._queue):  # it was about to be waited for
                    waits = [i for i, each in enumerate(effects) if each.run == effect.run and each.kind == e.LISTEN]
                    del effects[waits[0]]
                self._queue = kept
                heapq.heapify(self._queue)
            elif kind == "wait":
                self._next(effect.run)
                self._later(now + effect.ns, effect.run, None)
            elif kind == "listen":
                self._listen(effect, now)
            elif kind in AT_ONCE:
                answer = self._ask(effect, now)
                assert answer is not None
                effects += self._engine.resume(effect.run, _result(answer), now)
            else:
                tasks.append(effect)
        for effect in tasks:
            if effect.run in self._engine.runs and (answer := self._ask(effect, now)) is not None:
                self._later(now + LATENCY + latency(len(self.story.asked)), effect.run, _result(answer))

    def _ask(self, effect: Any, now: int) -> dict[str, Any] | None:
        kind, fields = told(effect)
        answer = self._next(effect.run) if self._always is None else self._always(kind)
        self.story.asked.append(_request([_microseconds(now), kind, fields]))
        self.story.answers.append(answer)
        return answer

    def _listen(self, effect: e.Listen, now: int) -> None:
        waiting = self._answers.get(_branch(effect.run), [])
        is_for_it = waiting and (waiting[0].get("ok") is None or effect.topic)
        event = waiting.pop(0)["ok"] if is_for_it else None
        if self._always is not None and effect.topic:
            event = self._always("listen")
        if event is not None:
            at = now + LATENCY + latency(len(self.story.events)) + MILLISECOND // 200
            heard = Event(effect.topic, event["value"], at, "case")
            self.story.events.append((at, heard))
            self._later(at, effect.run, context(heard, heard.value, f"case@{at}"))
            return
        if effect.ns:
            self._later(now + effect.ns, effect.run, None)

    def _next(self, run_id: str) -> dict[str, Any] | None:
        answers = self._answers.get(_branch(run_id))
        return answers.pop(0) if answers else None

    def _later(self, at: int, run_id: str, result: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, run_id, result))


def latency(number: int) -> int:
    """What the answer to each question takes longer, so that no two come at one time."""
    return number * MILLISECOND // 100


def _branch(run_id: str) -> str:
    return "".join(run_id.partition("/")[1:])


def _result(answer: dict[str, Any]) -> Any:
    return Failure(*answer["failure"]) if "failure" in answer else answer["ok"]


def of_the_engine(case: dict[str, Any]) -> Story:
    """What the run asks for, each with its time, and its episode."""
    event = {**EVENT, **case.get("event", {})}
    made = Event(event["topic"], event["value"], event["timestamp"], event["source"])
    return _Simulation(case).run(context(made, made.value, f"{made.source}@{made.timestamp}"))


def of_the_runner(case: dict[str, Any], story: Story) -> tuple[list[Told], dict[str, Any]]:
    """What the ports were asked for, each with its time, and the episode."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(_play(case, story, loop))


async def _play(case: dict[str, Any], story: Story, loop: VirtualLoop) -> tuple[list[Told], dict[str, Any]]:
    ports = _Ports(loop, story.answers)
    random.seed(0)  # the jitter of retries
    bus, plan = Bus(), _plan(case)
    scripts = ScriptRunner(bus, ports, loop, tools=ports)
    with _log_to(ports):
        scripts.add(plan)
        event = {**EVENT, **case.get("event", {})}
        bus.emit(event["topic"], event["value"], timestamp=event["timestamp"], source=event["source"])
        for at, heard in story.events:
            loop.call_at(
                (at - BEGINNING) / SECOND,
                partial(bus.emit, heard.topic, heard.value, timestamp=at, source=heard.source),
            )
        if story.cancelled is not None:
            at, reason = story.cancelled
            end = {REPLACED: lambda: scripts.add(plan), REMOVED: lambda: scripts.remove(plan.name)}[reason]
            loop.call_at((at - BEGINNING) / SECOND, end)
        episode = _episode(await ports.ended)
        await scripts.aclose()
    return ports.asked, episode


class _Ports:
    """`ganglion.mova.ports.Ports` and `Tools`, and who reads the log: what is asked for, and when."""

    def __init__(self, loop: VirtualLoop, answers: list[dict[str, Any] | None]) -> None:
        self.asked: list[Told] = []
        self.ended: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._loop = loop
        self._answers = answers

    async def prompt(self, request: PromptRequest) -> PromptReply:
        fields = {name: getattr(request, name) for name in PROMPT}
        fields["seconds"] = request.seconds and round(request.seconds, 6)
        value, model, tokens, *calls = await self._later("prompt", fields)
        return PromptReply(value=value, model=model, tokens=tokens, calls=calls[0] if calls else ())

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
    ) -> Accepted:
        fields = {"actuator": actuator, "value": value, "ns": for_ns, "priority": priority, "within": within_ns}
        accepted, value, reason = await self._later("actuate", fields)
        return Accepted(value, reason, accepted)

    async def read(self, sensor: str) -> Any:
        return await self._later("read", {"sensor": sensor})

    async def call(self, request: ToolRequest) -> ToolReply:
        fields = {name: plain(getattr(request, name)) for name in TOOL}
        fields["seconds"] = request.seconds and round(request.seconds, 6)
        status, body, *after = await self._later("call_tool", fields)
        return ToolReply(status=status, body=body, retry_after=after[0] / SECOND if after else 0)

    def publish(self, topic: str, value: Any, *, to: str, must_arrive: bool, run: str) -> str:
        return str(self._now("publish", {"topic": topic, "value": value, "must_arrive": must_arrive, "to": to}))

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        self._now("emit", {"topic": topic, "value": value})

    def log(self, level: str, message: str) -> None:
        self._now("log", {"level": level, "message": message})

    def episode(self, episode: dict[str, Any]) -> None:
        self.ended.set_result(episode)

    async def _later(self, kind: str, fields: dict[str, Any]) -> Any:
        answer = self._ask(kind, fields)
        await asyncio.sleep((LATENCY + latency(len(self.asked))) / SECOND)
        if answer is None:
            await asyncio.Event().wait()
        return _answered(answer)

    def _now(self, kind: str, fields: dict[str, Any]) -> Any:
        return _answered(self._ask(kind, fields))

    def _ask(self, kind: str, fields: dict[str, Any]) -> dict[str, Any] | None:
        self.asked.append([_microseconds(self._loop.now()), kind, fields])
        return self._answers[len(self.asked) - 1]


class _Lines(logging.Handler):
    """Hands on the lines of scripts, and no others."""

    def __init__(self, ports: _Ports) -> None:
        super().__init__()
        self._ports = ports

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "%s: %s" and isinstance(record.args, tuple):
            self._ports.log(record.levelname.lower(), str(record.args[1]))


@contextmanager
def _log_to(ports: _Ports) -> Iterator[None]:
    log, lines = logging.getLogger("ganglion.mova.perform"), _Lines(ports)
    level = log.level
    log.addHandler(lines)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(lines)


TOOL = ("tool", "method", "url", "headers", "parameters", "body", "auth", "seconds")
PROMPT = ("prompt", "schema", "tokens", "seconds", "model", "temperature", "system", "tools", "rounds")


def _request(asked: Told) -> Told:
    """An effect as a port sees it: of a prompt its preset is unfolded, and the narrower bound counts."""
    at, kind, fields = asked
    if kind == "call_tool":
        ns = fields.pop("ns")
        return [at, kind, {**fields, "seconds": round(ns / SECOND, 6) if ns else None}]
    if kind != "prompt":
        return asked
    model, temperature, most, system = fields["preset"] or (None, None, None, None)
    bounds = [bound for bound in (fields["tokens"], most) if bound]
    tokens, seconds = min(bounds) if bounds else None, round(fields["ns"] / SECOND, 6) if fields["ns"] else None
    values = (fields["prompt"], fields["schema"], tokens, seconds, model, temperature, system)
    values += (fields["tools"], fields["rounds"])
    return [at, kind, dict(zip(PROMPT, values, strict=True))]


def _answered(answer: dict[str, Any] | None) -> Any:
    assert answer is not None
    if "failure" not in answer:
        return answer["ok"]
    reason, message, retry = answer["failure"]
    raise type(reason, (ERRORS[reason],), {"retry": retry})(message)


def _plan(case: dict[str, Any]) -> Plan:
    """The case's document with its session, and with a trigger on the topic of its event."""
    plan = compile(load(case["document"], file="case.yaml"))
    topic = {**EVENT, **case.get("event", {})}["topic"]
    trigger = compile(load(edge(head=f"triggers: [{{id: case, event: {topic}, run: main}}]"), file="case.yaml"))
    (made,) = trigger.body[p.TRIGGERS]
    made[p.PROTOCOL] = plan.protocols.index("main")
    body = list(plan.body)
    body[p.TRIGGERS] = [made]
    body[p.DATA] = case.get("session", body[p.DATA])
    return Plan(name=plan.name, body=body)


def _microseconds(at: int) -> int:
    return round((at - BEGINNING) / 1000)


def _episode(episode: dict[str, Any]) -> dict[str, Any]:
    for times in (episode, *episode["steps"]):
        times["started"], times["ended"] = _microseconds(times["started"]), _microseconds(times["ended"])
    return bounded(episode)
