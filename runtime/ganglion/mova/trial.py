# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests that a document brings, each in virtual time and in a world of its own.

    tests:
      - name: model away still beeps
        start: "2026-03-29T00:00+02:00" # when it begins; else 2026-01-01T00:00Z
        llm: down                       # or one answer, or a list of them: one a prompt, the last again and again;
                                        # {calls: {weather: {city: Kyiv}}} is the model's wish for tools
        tools: {weather: {temp: 5}}     # what a tool answers; one that is not here cannot be reached
        feed:
          fridge.temperature: [[0s, 4], [3m, 9]]
          "event:x": [[2m, 1]]
          "mqtt:door": [[1m, {contact: false}]]             # on a plain topic
          "mqtt-retained:door": [[0s, {contact: true}]]     # the same, which the broker had kept
          "intent:status": [[3m, {text: "How cold is it?", session_id: ann}]]
          "webhook:button": [[4m, {pressed: twice}]]
        # and, or instead, a recording: {trace: day.jsonl}, {trace: {file: day.csv, as: {celsius: fridge.temperature}}}
        for: 1h                         # how long; without it a minute after the last time that is named
        expect: [{at: 13m, actuated: {buzzer: true}}, {published: alert/fridge}, {never: true, ran: other}]

An expectation is met by something that happened: an actuator was set (`actuated`), something was published on the mesh
or emitted on the bus (a topic, or a map of topics to values), a protocol ran to its end (`ran`). With `at` it was then,
give or take half a second; with `never: true` it must not have been.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.bus import Bus
from ganglion.errors import InvalidError
from ganglion.mova.feed import Fed, feed
from ganglion.mova.load import Document
from ganglion.mova.plan import Plan, mqtt_topic
from ganglion.mova.schedule import Once, ScheduleError, parse
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.stage import Happening, Stage
from ganglion.mova.timetable import Timetable
from ganglion.mova.virtual import BEGINNING, VirtualLoop
from ganglion.mova.vocabulary import FED, HAPPENINGS
from ganglion.units import SECOND, duration
from ganglion_micro import plan as p
from ganglion_micro.expression import MISSING
from ganglion_micro.topic import matches

if TYPE_CHECKING:
    from ganglion.intent.recognition import Intents

#: How far from its time something may be.
_NEAR = SECOND // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one test.

    Attributes:
        name: Of the test.
        failures: What was expected and did not happen, or happened and must not have; none where it passed.
        happened: All that did.
        episodes: What the first runs did, step by step.
        began: When virtual time began, in nanoseconds since the Unix epoch.
        elapsed: Virtual nanoseconds.
        took: Real seconds.
    """

    name: str
    failures: list[str]
    happened: list[Happening]
    episodes: list[dict[str, Any]]
    began: int
    elapsed: int
    took: float


def run_all(document: Document, plan: Plan, *, named: str = "") -> Iterator[Outcome]:
    """Runs the tests of a document whose plan this is, one after the other; those alone whose name has this in it.

    Raises:
        InvalidError: a test makes no sense.
    """
    assert document.root is not None  # it was compiled
    folder = Path(document.file).parent
    for i, test in enumerate(document.root.get("tests") or []):
        if named in test["name"]:
            yield run(plan, test, where=f"{document.file}: tests[{i}]", folder=folder)


def run(plan: Plan, test: dict[str, Any], *, where: str, folder: Path = Path()) -> Outcome:
    """Runs one test.

    Args:
        test: As it stands in the document.
        where: Stands before the place of what is wrong with it.
        folder: Where its recordings are.

    Raises:
        InvalidError: the test itself makes no sense, or its recording.
        NotFoundError: its recording is not there.
    """
    began = time.perf_counter()
    _known(test.get("feed"), f"{where}.feed")
    given, recorded = feed(test.get("feed") or {}, folder, where=f"{where}.feed")
    expected = [_Expectation.read(each, f"{where}.expect[{i}]") for i, each in enumerate(test.get("expect") or [])]
    named = [at for at, _, _ in given] + [each.at for each in expected if each.at is not None]
    length = duration(test["for"], where=f"{where}.for") if "for" in test else None
    random.seed(0)  # the jitter of retries
    beginning = _moment(test["start"], f"{where}.start") if "start" in test else BEGINNING
    with asyncio.Runner(loop_factory=partial(VirtualLoop, beginning)) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        stage = Stage(Bus(), loop, test)
        runner.run(_play(plan, stage, merge(given, recorded, key=itemgetter(0)), length, max(named, default=0)))
    failures = [why for each in expected if (why := each.why_not(stage.happened))]
    took = time.perf_counter() - began
    return Outcome(
        name=test["name"],
        failures=failures,
        happened=stage.happened,
        episodes=stage.episodes,
        began=loop.beginning,
        elapsed=loop.elapsed,
        took=took,
    )


async def _play(plan: Plan, stage: Stage, feed: Iterable[Fed], length: int | None, named: int) -> None:
    """Feeds and waits for `length`, or else for a minute after the last time that is `named` or fed."""
    loop = stage.loop
    loop.deadline = lambda: stage.bus.deadline
    loop.fire = stage.bus.advance
    # Nobody sets this clock: a test of a year does not look at it each minute
    scripts = ScriptRunner(stage.bus, stage, stage, tools=stage, timetable=Timetable(stage.now, look=None))
    scripts.add(plan)
    intents = cache(partial(_intents, plan))
    try:
        await asyncio.sleep(0)  # for what begins at the start
        for at, name, value in feed:
            if length is not None and at > length:
                break
            await _until(loop, at)
            kind, _, intent = name.partition(":")
            if kind == "intent" and isinstance(value, dict) and isinstance(value.get("text"), str):
                value = _said(intents(), intent, value, stage.now())
            _give(plan, stage, name, value)
        await _until(loop, max(loop.elapsed, named) + 60 * SECOND if length is None else length)
    finally:
        loop.deadline = lambda: None
        await scripts.aclose()


async def _until(loop: VirtualLoop, at: int) -> None:
    await asyncio.sleep(max(0, at - loop.elapsed) / SECOND)


def _known(given: Any, where: str) -> None:
    for name in given if isinstance(given, dict) else ():
        kind, colon, _ = name.partition(":")
        if colon and kind not in FED:
            known = ", ".join(f"{each}:" for each in FED)
            raise InvalidError(f"begins with none of {known}, and sensors have no colon", where=f"{where}.{name}")


def _moment(text: str, where: str) -> int:
    """Nanoseconds since the Unix epoch of an ISO 8601 date and time, in UTC where it has no offset."""
    try:
        schedule = parse(at=text)
    except ScheduleError:
        schedule = None
    if not isinstance(schedule, Once):
        raise InvalidError(f"{text!r} is no date and time, as in 2026-03-29T00:00+02:00", where=where)
    return schedule.moment


def _give(plan: Plan, stage: Stage, name: str, value: Any) -> None:
    now, kind, topic = stage.now(), *name.partition(":")[::2]
    if kind in ("mqtt", "mqtt-retained"):
        # As a node does: each field once, and the whole message first.
        fields = dict.fromkeys(field for filter, field in plan.mqtt_topics if matches(filter, topic))
        for field in sorted(fields, key=bool):
            picked = _picked(value, field)
            if picked is not MISSING:
                stage.bus.emit(mqtt_topic(topic, field), picked, timestamp=now, source=name)
    elif kind in ("intent", "webhook"):
        stage.bus.emit(f"{kind}/{topic}", value, timestamp=now, source=kind)
    elif kind == "event":
        stage.bus.emit(topic, value, timestamp=now, source="test")
    else:
        stage.sensors[name] = value
        stage.bus.emit(f"sensor/{name.replace('.', '/', 1)}", value, timestamp=now, source=name)


def _intents(plan: Plan) -> "Intents":
    # Most tests say nothing
    from ganglion.mova.intents import made

    return made(plan.body[p.INTENTS], plan.body[p.NAMES])


def _said(intents: "Intents", intent: str, value: dict[str, Any], now: int) -> dict[str, Any]:
    """What a node makes of a text that has this intent; what the test itself gives stays."""
    if intent not in intents.by_name:
        return value
    at = datetime.fromtimestamp(now / SECOND, UTC)
    found = intents.recognise(value["text"], now=at)
    if found.intent != intent:
        found = intents.named(intent, "classifier", 1.0, value["text"], now=at)
    return found.event() | value


def _picked(message: Any, field: str) -> Any:
    """The value at a path of keys, the message itself for "", or MISSING."""
    for key in field.split(".") if field else ():
        message = message.get(key, MISSING) if isinstance(message, dict) else MISSING
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expectation:
    kind: str
    wanted: dict[str, Any]  # name -> value, or ANY
    at: int | None
    never: bool

    @classmethod
    def read(cls, given: Any, where: str) -> "_Expectation":
        kinds = [key for key in given if key in HAPPENINGS] if isinstance(given, dict) else []
        unknown = [key for key in given if key not in (*HAPPENINGS, "at", "never")] if isinstance(given, dict) else []
        if len(kinds) != 1 or unknown:
            raise InvalidError(f"has one of {', '.join(HAPPENINGS)}, and may have at and never", where=where)
        wanted = given[kinds[0]]
        if isinstance(wanted, str) and kinds[0] != "actuated":
            wanted = {wanted: _ANY}
        if not isinstance(wanted, dict) or not wanted:
            raise InvalidError("must name what happens: a map, as in {buzzer: true}", where=f"{where}.{kinds[0]}")
        at = duration(given["at"], where=f"{where}.at") if "at" in given else None
        never = given.get("never", False)
        if not isinstance(never, bool):
            raise InvalidError("must be true or false", where=f"{where}.never")
        return cls(kind=kinds[0], wanted=wanted, at=at, never=never)

    def why_not(self, happened: list[Happening]) -> str:
        """What is missing, or must not be there; "" where it is as it should be."""
        for name, value in self.wanted.items():
            alike = [each for each in happened if (each.kind, each.name) == (self.kind, name)]
            met = [
                each
                for each in alike
                if (value is _ANY or each.value == value) and (self.at is None or abs(each.at - self.at) <= _NEAR)
            ]
            if bool(met) == self.never:
                what = f"{self.kind} {name}" + ("" if value is _ANY else f" {value!r}")
                when = "" if self.at is None else f" at {_shown(self.at)}"
                nothing = "it did not run" if self.kind == "ran" else f"nothing was {self.kind} there"
                seen = ", ".join(str(each) for each in alike) or nothing
                return f"{what}{when}{' must not be' if self.never else ' is missing'}: {seen}"
        return ""


_ANY: Any = object()


def _shown(at: int) -> str:
    return f"{at / SECOND:g} s"
