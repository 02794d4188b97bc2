# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the tests of a document: that each can be run, and that one which passes says something."""

import re
from collections.abc import Iterator
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mova.check_feed import check_feed, length
from ganglion.mova.diagnostic import Place
from ganglion.mova.model import Reference, Step, walk
from ganglion.mova.names import Names
from ganglion.mova.ports import addressed
from ganglion.mova.source import Map, Seq, at_key, inside
from ganglion.mova.template import PLACEHOLDER
from ganglion.mova.vocabulary import HAPPENINGS, STATUSES
from ganglion.settings import closest, hint
from ganglion.units import SECOND, duration
from ganglion.words import _

#: What tests see happen -> the action that brings it about, and the key that names it.
_ACTIONS = {"actuated": ("actuate", "actuator"), "published": ("publish", "topic"), "emitted": ("emit", "topic")}


def check_tests(names: Names) -> None:
    """Reports tests that cannot be run, that expect nothing, or that speak of what the document does not have."""
    root = names.model.root
    tests = root.get("tests")
    at = inside(Place("", root.offset), root, "tests")
    for i, test in enumerate(tests if isinstance(tests, Seq) else ()):
        if not isinstance(test, Map):
            continue
        expected = test.get("expect")
        if not expected:
            message = _("the test expects nothing, and cannot fail")
            names.report.add("MV219", inside(at, tests, i), message, _("say with `expect` what happens, or never does"))
        place = inside(at, tests, i)
        _answer(test, place, names)
        _tools(test, place, names)
        _start(test, place, names)
        check_feed(test, place, names)
        if isinstance(expected, Seq):
            place = inside(place, test, "expect")
            for j, each in enumerate(expected):
                if isinstance(each, Map):
                    _expectation(each, inside(place, expected, j), names)
                    _in_time(each, inside(place, expected, j), length(test.get("for")), names)
    _named(tests, at, names)


def _named(tests: Any, at: Place, names: Names) -> None:
    """Two tests of one name, which the results would not tell apart."""
    seen: dict[str, int] = {}
    for i, test in enumerate(tests if isinstance(tests, Seq) else ()):
        name = test.get("name") if isinstance(test, Map) else None
        if not isinstance(name, str):
            continue
        place = inside(inside(at, tests, i), test, "name")
        if name in seen:
            message = _("the test in line {line} has the name {name!r}, too").format(line=seen[name], name=name)
            names.report.add("MV219", place, message)
        else:
            seen[name] = names.report.position(place.offset)[0]


def _start(test: Map, place: Place, names: Names) -> None:
    start = test.get("start")
    if not isinstance(start, str) or not start.strip():
        return
    from ganglion.mova.schedule import Once, ScheduleError, parse  # most documents have none

    try:
        schedule = parse(at=start)
    except ScheduleError:
        schedule = None
    if not isinstance(schedule, Once):
        message = _("{text!r} is no date and time").format(text=start)
        names.report.add("MV209", inside(place, test, "start"), message, _("as in 2026-05-01T07:30"))


def _tools(test: Map, place: Place, names: Names) -> None:
    """What a tool says that there is not, or that the model is never offered."""
    said = test.get("tools")
    known = {tool.id for tool in names.model.tools}
    if isinstance(said, Map):
        for tool in (each for each in said if each not in known):
            message = _("there is no tool {name!r}").format(name=tool)
            names.report.add("MV219", at_key(inside(place, test, "tools"), said, tool), message, hint(tool, known))
    answers, at = test.get("llm"), inside(place, test, "llm")
    each = [(answer, inside(at, answers, i)) for i, answer in enumerate(answers)] if isinstance(answers, Seq) else []
    for answer, where in each or [(answers, at)]:
        calls = answer.get("calls") if isinstance(answer, Map) and len(answer) == 1 else None
        if not isinstance(calls, Map):
            continue
        offered = {name for step in _steps(names) for name in _offered(step)}
        for tool in calls:
            if tool not in offered:
                message = _("no prompt offers the tool {name!r} to the model").format(name=tool)
                here = at_key(inside(where, answer, "calls"), calls, tool)
                names.report.add("MV219", here, message, hint(tool, offered))


def _offered(step: Step) -> Iterator[str]:
    tools = step.raw.get("tools") if step.action == "prompt" else None
    yield from (each for each in (tools if isinstance(tools, list) else ()) if isinstance(each, str))


def _in_time(raw: Map, place: Place, length: int | None, names: Names) -> None:
    """What is expected when the test is over."""
    at = raw.get("at")
    try:
        late = at is not None and length is not None and duration(at) > length + SECOND // 2
    except InvalidError:
        return  # which `shape` reports
    if late:
        message = _("the test is over before {at}, and nothing happens then").format(at=at)
        names.report.add("MV219", inside(place, raw, "at"), message, _("give it more time with `for`"))


def _answer(test: Map, place: Place, names: Names) -> None:
    """A slip of `down`, which would be what the model says."""
    said = test.get("llm")
    if isinstance(said, str) and said != "down" and closest(said.lower(), ["down"]) is not None:
        message = _("the model says {text!r} in this test").format(text=said)
        names.report.add("MV219", inside(place, test, "llm"), message, hint(said.lower(), ["down"]))


def _expectation(raw: Map, place: Place, names: Names) -> None:
    kinds = [key for key in HAPPENINGS if key in raw]
    if len(kinds) != 1:
        several = _("the test expects several things at once: {keys}").format(keys=", ".join(kinds))
        message = several if kinds else _("the test does not say what it expects")
        names.report.add("MV113", place, message, _("give it one of {keys}").format(keys=", ".join(HAPPENINGS)))
        return
    wanted, at = raw[kinds[0]], inside(place, raw, kinds[0])
    if isinstance(wanted, Map) and not wanted:
        names.report.add("MV110", at, _("{name} is empty").format(name=kinds[0]))
    named = [(wanted, at)] if isinstance(wanted, str) else []
    if isinstance(wanted, Map):
        named = [(name, at_key(at, wanted, name)) for name in wanted]
    for name, where in named:
        _name(kinds[0], name, where, names)
    if kinds[0] == "ran" and isinstance(wanted, Map):
        for name, status in wanted.items():
            if status not in STATUSES:
                message = _("a run does not end as {value!r}").format(value=status)
                names.report.add("MV104", inside(at, wanted, name), message, hint(str(status), STATUSES))


def _name(kind: str, name: str, place: Place, names: Names) -> None:
    if kind == "ran":
        names.known("MV204", Reference(name, place))
        return
    if kind == "actuated" and names.model.actuators is not None:
        names.listed("actuator", name, place)
        return
    done = list(_done(kind, names))
    if not any(re.fullmatch(_pattern(each), name, re.DOTALL) for each in done):
        message = _("no step has {name!r} {kind}").format(name=name, kind=kind)
        names.report.add("MV217", place, message, hint(name, set(done)))


def _done(kind: str, names: Names) -> Iterator[str]:
    """What the steps of a document set or speak on, as they name it."""
    action, key = _ACTIONS[kind]
    for step in _steps(names):
        if step.action != action:
            continue
        value: Any = step.raw.get(key)
        if isinstance(value, str):
            yield addressed(value, str(step.raw.get("to", "")))
        if isinstance(topic := step.raw.get("mqtt"), str):
            yield f"mqtt:{topic}"


def _steps(names: Names) -> Iterator[Step]:
    for protocol in names.model.protocols:
        yield from walk(protocol.steps)


def _pattern(name: str) -> str:
    """A regular expression of what a name with placeholders may become."""
    return ".*".join(map(re.escape, PLACEHOLDER.sub("\0", name).split("\0")))
