# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests that a document brings, each in virtual time and in a world of its own.

    tests:
      - name: model away still beeps
        llm: down                       # or one answer, or a list of them: one a prompt, the last again and again
        tools: {weather: {temp: 5}}     # what a tool answers; one that is not here cannot be reached
        feed: {fridge.temperature: [[0s, 4], [3m, 9]], "mqtt:door": [[1m, {contact: false}]], "event:x": [[2m, 1]]}
        for: 1h                         # how long; without it a minute after the last time that is named
        expect: [{at: 13m, actuated: {buzzer: true}}, {published: alert/fridge}, {never: true, ran: other}]

An expectation is met by something that happened: an actuator was set (`actuated`), something was published on the mesh
or emitted on the bus (a topic, or a map of topics to values), a protocol ran to its end (`ran`). With `at` it was then,
give or take half a second; with `never: true` it must not have been.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ganglion.bus import Bus
from ganglion.errors import InvalidError
from ganglion.mova.load import Document
from ganglion.mova.plan import Plan, mqtt_topic
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.stage import Happening, Stage
from ganglion.mova.virtual import VirtualLoop
from ganglion.units import SECOND, duration
from ganglion_micro.topic import matches

#: How far from its time something may be.
_NEAR = SECOND // 2
_KINDS = ("actuated", "published", "emitted", "ran")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one test.

    Attributes:
        name: Of the test.
        failures: What was expected and did not happen, or happened and must not have; none where it passed.
        happened: All that did.
        elapsed: Virtual nanoseconds.
        took: Real seconds.
    """

    name: str
    failures: list[str]
    happened: list[Happening]
    elapsed: int
    took: float


def run_all(document: Document, plan: Plan, *, named: str = "") -> Iterator[Outcome]:
    """Runs the tests of a document whose plan this is, one after the other; those alone whose name has this in it.

    Raises:
        InvalidError: a test makes no sense.
    """
    assert document.root is not None  # it was compiled
    for i, test in enumerate(document.root.get("tests") or []):
        if named in test["name"]:
            yield run(plan, test, where=f"{document.file}: tests[{i}]")


def run(plan: Plan, test: dict[str, Any], *, where: str) -> Outcome:
    """Runs one test.

    Args:
        test: As it stands in the document.
        where: Stands before the place of what is wrong with it.

    Raises:
        InvalidError: the test itself makes no sense.
    """
    began = time.perf_counter()
    feed = _feed(test.get("feed") or {}, f"{where}.feed")
    expected = [_Expectation.read(each, f"{where}.expect[{i}]") for i, each in enumerate(test.get("expect") or [])]
    named = [at for at, _, _ in feed] + [each.at for each in expected if each.at is not None]
    length = duration(test["for"], where=f"{where}.for") if "for" in test else max(named, default=0) + 60 * SECOND
    random.seed(0)  # the jitter of retries
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        stage = Stage(Bus(), loop, test)
        runner.run(_play(plan, stage, feed, length))
    failures = [why for each in expected if (why := each.why_not(stage.happened))]
    took = time.perf_counter() - began
    return Outcome(name=test["name"], failures=failures, happened=stage.happened, elapsed=length, took=took)


async def _play(plan: Plan, stage: Stage, feed: list[tuple[int, str, Any]], length: int) -> None:
    loop = stage.loop
    loop.deadline = lambda: stage.bus.deadline
    loop.fire = stage.bus.advance
    scripts = ScriptRunner(stage.bus, stage, stage, tools=stage)
    scripts.add(plan)
    try:
        await asyncio.sleep(0)  # for what begins at the start
        for at, name, value in feed:
            if at > length:
                break
            await _until(loop, at)
            _give(plan, stage, name, value)
        await _until(loop, length)
    finally:
        loop.deadline = lambda: None
        await scripts.aclose()


async def _until(loop: VirtualLoop, at: int) -> None:
    await asyncio.sleep(max(0, at - loop.elapsed) / SECOND)


def _give(plan: Plan, stage: Stage, name: str, value: Any) -> None:
    now, kind, topic = stage.now(), *name.partition(":")[::2]
    if kind == "mqtt":
        for filter, field in plan.mqtt_topics:
            picked = value
            for key in field.split(".") if field else ():
                picked = picked.get(key) if isinstance(picked, dict) else None
            if matches(filter, topic) and (picked is not None or not field):
                stage.bus.emit(mqtt_topic(topic, field), picked, timestamp=now, source=f"mqtt:{topic}")
    elif kind == "event":
        stage.bus.emit(topic, value, timestamp=now, source="test")
    else:
        stage.sensors[name] = value
        stage.bus.emit(f"sensor/{name.replace('.', '/', 1)}", value, timestamp=now, source=name)


def _feed(given: Any, where: str) -> list[tuple[int, str, Any]]:
    """(time, name, value) of all that comes, in the order of time; at one time in that of the document."""
    if not isinstance(given, dict):
        raise InvalidError("must be a map of sensors to lists of [time, value]", where=where)
    found = []
    for name, values in given.items():
        for i, each in enumerate(values if isinstance(values, list) else [None]):
            place = f"{where}.{name}[{i}]"
            if not isinstance(each, list) or len(each) != 2:
                raise InvalidError("must be [time, value], as in [3m, 9]", where=place)
            found.append((duration(each[0], where=place), name, each[1]))
    return sorted(found, key=lambda item: item[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expectation:
    kind: str
    wanted: dict[str, Any]  # name -> value, or ANY
    at: int | None
    never: bool

    @classmethod
    def read(cls, given: Any, where: str) -> "_Expectation":
        kinds = [key for key in given if key in _KINDS] if isinstance(given, dict) else []
        unknown = [key for key in given if key not in (*_KINDS, "at", "never")] if isinstance(given, dict) else []
        if len(kinds) != 1 or unknown:
            raise InvalidError(f"has one of {', '.join(_KINDS)}, and may have at and never", where=where)
        wanted = given[kinds[0]]
        if isinstance(wanted, str) and kinds[0] != "actuated":
            wanted = {wanted: _ANY}
        if not isinstance(wanted, dict) or not wanted:
            raise InvalidError("must name what happens: a map, as in {buzzer: true}", where=f"{where}.{kinds[0]}")
        at = duration(given["at"], where=f"{where}.at") if "at" in given else None
        return cls(kind=kinds[0], wanted=wanted, at=at, never=given.get("never") is True)

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
                seen = ", ".join(str(each) for each in alike) or f"nothing was {self.kind} there"
                return f"{what}{when}{' must not be' if self.never else ' is missing'}: {seen}"
        return ""


_ANY: Any = object()


def _shown(at: int) -> str:
    return f"{at / SECOND:g} s"
