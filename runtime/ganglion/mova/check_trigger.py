# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks triggers: that each waits for one thing, and that what else it says has a meaning for that."""

from collections.abc import Iterable
from typing import Any

from ganglion.mova import vocabulary
from ganglion.mova.check_condition import is_range
from ganglion.mova.check_schedule import check_schedule
from ganglion.mova.model import Reference, Trigger
from ganglion.mova.names import Names
from ganglion.mova.source import inside
from ganglion.words import _

#: Sources that come on the bus, with a value.
_VALUES = ("sensor", "event", "mqtt")
#: Tests of numbers, which may be made of the mean over a window.
_NUMBERS = ("above", "below", "between", "rises", "falls")


def check_trigger(trigger: Trigger, names: Names) -> None:
    """Reports what is wrong with it."""
    raw, report = trigger.raw, names.report
    names.known("MV204", trigger.run)
    if "sensor" in raw:
        names.listed("sensor", raw["sensor"], inside(trigger.place, raw, "sensor"))
    if isinstance(raw.get("intent"), str):
        names.known("MV213", Reference(raw["intent"], inside(trigger.place, raw, "intent")))
    sources = [key for key in vocabulary.TRIGGER_SOURCES if key in raw]
    if len(sources) == 2 and "every" in sources and sources[0] in _VALUES:
        sources.remove("every")  # beside one of these it says how often, and is no source
    if len(sources) != 1:
        several = _("the trigger waits for several things: {keys}").format(keys=", ".join(sources))
        message = several if sources else _("the trigger does not say what it waits for")
        report.add("MV113", trigger.place, message, _one_of(vocabulary.TRIGGER_SOURCES))
        return
    check_schedule(trigger, sources[0], report)
    _Keys(trigger, sources[0], names).check()
    for key in ("event", "mqtt"):
        if isinstance(raw.get(key), str) and not is_filter(raw[key]):
            message = _("{text!r} is no topic filter").format(text=raw[key])
            remedy = _("+ and # stand for whole levels, # at the end only")
            report.add("MV211", inside(trigger.place, raw, key), message, remedy)
    if isinstance(raw.get("webhook"), str) and (set(raw["webhook"]) & set("/+#\0") or len(raw["webhook"]) > 80):
        message = _("{text!r} is no name for a webhook: it becomes a part of an address").format(text=raw["webhook"])
        report.add("MV211", inside(trigger.place, raw, "webhook"), message)


class _Keys:
    """The keys of one trigger beside its source."""

    def __init__(self, trigger: Trigger, source: str, names: Names) -> None:
        self._trigger = trigger
        self._raw = trigger.raw
        self._source = source
        self._names = names
        self._tests = [key for key in vocabulary.TRIGGER_TESTS if key in trigger.raw]

    def check(self) -> None:
        raw = self._raw
        if len(self._tests) > 1:
            self._add("MV113", self._tests[1], _("{keys} exclude one another").format(keys=", ".join(self._tests)))
        for key in ("start", "changes"):
            if raw.get(key) is False:
                message = _("{key} is true where it stands").format(key=key)
                self._add("MV113", key, message, _("to switch a trigger off, take it out of the document"))
        if self._source in _VALUES:
            self._values()
        else:
            for key in (*self._tests, "hysteresis", "for", "window", "dedupe"):
                self._meaningless(key)
            if self._source not in ("intent", "webhook"):
                self._meaningless("map")
        if self._source not in ("event", "mqtt", "webhook"):
            self._meaningless("session")
        if self._source != "mqtt":
            for key in ("field", "retained"):
                if key in raw:
                    self._add("MV113", key, _("{key} has a meaning for mqtt only").format(key=key))
        if isinstance(raw.get("field"), str) and set(raw["field"]) & set("/+#\0"):
            self._add("MV211", "field", _("{text!r} is no path of names joined by dots").format(text=raw["field"]))
        places = raw.get("map")
        for place in places if isinstance(places, dict) else ():
            self._names.target(place, inside(self._trigger.place, raw, "map"))

    def _values(self) -> None:
        raw, tests = self._raw, self._tests
        if not tests:
            for key in ("hysteresis", "for", "window"):
                if key in raw:
                    message = _("{key} needs something that is compared").format(key=key)
                    self._add("MV113", key, message, _one_of(vocabulary.TRIGGER_TESTS))
        elif "window" in raw and tests[0] not in _NUMBERS:
            self._add("MV113", "window", _("the mean over a window is a number: compare it"), _one_of(_NUMBERS))
        for key in ("for", "rises", "falls"):
            if "every" in raw and key in raw:
                message = _("{keys} exclude one another").format(keys=f"{key}, every")
                self._add("MV113", "every", message, _("cooldown says how often it may fire"))
        self._names.compared(raw, "equals", self._trigger.place)
        if "changes" in tests:
            for key in ("hysteresis", "for"):
                self._meaningless(key, "changes")
        between = raw.get("between")
        if isinstance(between, list) and not is_range(between):
            self._add("MV208", "between", _("{key} needs [low, high]").format(key="between"))

    def _meaningless(self, key: str, source: str = "") -> None:
        if key in self._raw:
            sentence = _("{key} has no meaning for a trigger by {source}")
            self._add("MV113", key, sentence.format(key=key, source=source or self._source))

    def _add(self, code: str, key: str, message: str, remedy: str = "") -> None:
        self._names.report.add(code, inside(self._trigger.place, self._raw, key), message, remedy)


def _one_of(keys: Iterable[str]) -> str:
    return _("give it one of {keys}").format(keys=", ".join(keys))


def is_filter(value: Any) -> bool:
    """Whether text is a topic filter (MQTT 3.1.1, 4.7)."""
    levels = value.split("/")
    right = all(
        ("+" not in level or level == "+") and ("#" not in level or (level == "#" and i == len(levels) - 1))
        for i, level in enumerate(levels)
    )
    return right and bool(value) and "\0" not in value and len(value) <= 256
