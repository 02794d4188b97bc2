# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what a test is fed: that it can be read, and that something in the document hears it."""

import re
from collections.abc import Iterator
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mova.diagnostic import Place
from ganglion.mova.model import walk
from ganglion.mova.names import Names
from ganglion.mova.shape import Context, Duration
from ganglion.mova.source import Map, Seq, at_key, inside
from ganglion.mova.template import PLACEHOLDER
from ganglion.mova.vocabulary import FED
from ganglion.settings import hint
from ganglion.units import duration
from ganglion.words import _
from ganglion_micro.topic import is_name


def check_feed(test: Map, place: Place, names: Names) -> None:
    """Reports what `ganglion mova test` would refuse, and what it would feed to nobody."""
    feed = test.get("feed")
    if not isinstance(feed, Map) or not feed:
        return
    at = inside(place, test, "feed")
    heard = dict(_heard(names))
    for name, values in feed.items():
        if name == "trace" and not isinstance(values, Seq):
            _recording(values, inside(at, feed, name), names)
        elif _is_fed(name, at_key(at, feed, name), names):
            _values(name, values, inside(at, feed, name), length(test.get("for")), names)
            if not any(pattern.fullmatch(_spelt(name)) for pattern in heard.values()):
                message = _("nothing in the document hears {name!r}").format(name=name)
                names.report.add("MV219", at_key(at, feed, name), message, hint(name, heard))


def length(value: Any) -> int | None:
    """Nanoseconds of a duration; None where there is none, or what is no duration, which `shape` reports."""
    try:
        return None if value is None else duration(value)
    except InvalidError:
        return None


def _is_fed(name: str, place: Place, names: Names) -> bool:
    """Whether a test can be fed under a name; it is reported where not."""
    kind, colon, topic = name.partition(":")
    if colon and kind not in FED:
        message = _("{name!r} is neither a sensor nor begins with what tests are fed").format(name=name)
        names.report.add("MV104", place, message, hint(kind, FED))
    elif kind in FED and kind not in ("intent", "webhook") and colon and not is_name(topic):
        message = _("{text!r} is no topic").format(text=topic)
        names.report.add("MV211", place, message, _("+ and # are for who listens: write the topic out"))
    else:
        return True
    return False


def _recording(given: Any, place: Place, names: Names) -> None:
    file, renamed = given, None
    if isinstance(given, Map) and given.keys() <= {"file", "as"}:
        file, renamed = given.get("file"), given.get("as")
    if not isinstance(file, str) or not (renamed is None or isinstance(renamed, Map)):
        message = _("a recording is the name of a file, or a map of its `file` and of names in it `as` others")
        names.report.add("MV102", place, message)


def _values(name: str, values: Any, place: Place, length: int | None, names: Names) -> None:
    remedy = _("write a list of [time, value], as in [[3m, 9]]")
    if not isinstance(values, Seq):
        names.report.add("MV102", place, _("what is fed to {name!r} is no list").format(name=name), remedy)
        return
    is_late = False
    for i, each in enumerate(values):
        at = inside(place, values, i)
        if not isinstance(each, Seq) or len(each) != 2:
            message = _("what is fed to {name!r} must be a time and a value").format(name=name)
            names.report.add("MV102", at, message, remedy)
            continue
        try:
            time = duration(each[0])
        except InvalidError:
            Duration().check(each[0], inside(at, each, 0), Context(names.report, True))
            continue
        if length is not None and time > length and not is_late:
            is_late = True
            message = _("the test is over before {at}, and what comes then is not fed").format(at=each[0])
            names.report.add("MV219", inside(at, each, 0), message, _("give it more time with `for`"))


def _heard(names: Names) -> Iterator[tuple[str, re.Pattern[str]]]:
    """What triggers and steps take in, as a test names it, and a pattern of all names by which it may be fed."""
    for trigger in names.model.triggers:
        for kind in ("sensor", "event", "mqtt", "intent", "webhook"):
            if isinstance(name := trigger.raw.get(kind), str):
                yield _ear(kind, name)
    for protocol in names.model.protocols:
        for step in walk(protocol.steps):
            key = {"read": "sensor", "wait": "event"}.get(step.action, "")
            if isinstance(name := step.raw.get(key), str):
                yield _ear(key, name)


def _ear(kind: str, name: str) -> tuple[str, re.Pattern[str]]:
    if kind == "sensor":
        return name, _pattern("sensor/" + name.replace(".", "/"))
    topic = name if kind in ("event", "mqtt") else f"{kind}/{name}"
    return f"{kind}:{name}", _pattern(topic, "mqtt:" if kind == "mqtt" else "")


def _spelt(name: str) -> str:
    """The topic of the bus on which what is fed comes; of a plain one what says so, and the topic."""
    kind, colon, topic = name.partition(":")
    if not colon:
        return "sensor/" + name.replace(".", "/")
    if kind == "event":
        return topic
    return f"{kind}/{topic}" if kind in ("intent", "webhook") else f"mqtt:{topic}"


def _pattern(filter: str, begin: str = "") -> re.Pattern[str]:
    """A regular expression of the topics that a filter with placeholders may cover (MQTT 3.1.1, 4.7)."""
    levels = PLACEHOLDER.sub("\0", filter).split("/")
    is_open = levels[-1] == "#"
    made = "/".join(_level(level) for level in (levels[:-1] if is_open else levels))
    if is_open:
        made = f"{made}(?:/.*)?" if made else ".*"
    return re.compile(f"(?!mqtt:){made}" if not begin else begin + made, re.DOTALL)


def _level(level: str) -> str:
    return "[^/]*" if level == "+" else ".*".join(map(re.escape, level.split("\0")))
