# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a document: its shape against the vocabulary, then what its parts say of one another."""

import re
from collections.abc import Iterator
from typing import Any

from ganglion.mova import vocabulary
from ganglion.mova.diagnostic import Diagnostic, DocumentError, Place, Severity
from ganglion.mova.expression import ExpressionSyntaxError, parse
from ganglion.mova.load import DIALECT, VERSIONS, Document
from ganglion.mova.model import Conditions, Model, Protocol, Reference, Rule, Step, Trigger, model
from ganglion.mova.schema import expand
from ganglion.mova.shape import Context
from ganglion.mova.source import Report, inside
from ganglion.pattern import PatternError, compile_pattern
from ganglion.settings import nearest
from ganglion_micro.condition import OPERATORS

#: Where a run may put a value: a path in the session.
_TARGET = re.compile(r"(?:session\.data\.)?[^\W\d][\w-]*(?:\.[\w-]+)*")
_RESERVED = {"session", "event", "profile"}


def refuse(document: Document) -> None:
    """Lets a document pass that is valid.

    Raises:
        DocumentError: it is not; the error has all diagnostics.
    """
    found = check(document)
    if any(each.severity is Severity.ERROR for each in found):
        raise DocumentError(document.file, found)


def check(document: Document) -> list[Diagnostic]:
    """Everything that is wrong with a document or could be better, in the order of the text."""
    report = Report(document.text)
    report.diagnostics.extend(document.report.diagnostics)
    if document.root is not None:
        _header(document, report)
        if document.form:
            whole = Place("", document.root.offset)
            context = Context(report, document.edge)
            vocabulary.DOCUMENTS[document.form, document.edge].check(document.root, whole, context)
            _References(model(document), report).check()
    return sorted(report.diagnostics, key=lambda each: (each.line, each.column))


def _header(document: Document, report: Report) -> None:
    root = document.root
    assert root is not None
    whole = Place("", root.offset)
    if "version" in root and not document.version:
        report.add(
            "MV106",
            inside(whole, root, "version"),
            f"version {root['version']!r} is not supported",
            f"supported are {', '.join(VERSIONS)}",
        )
    if "dialect" in root and not document.edge:
        report.add(
            "MV107", inside(whole, root, "dialect"), f"unknown dialect {root['dialect']!r}", f"known is {DIALECT}"
        )
    if not document.form:
        report.add(
            "MV108",
            inside(whole, root, "classes"),
            "the document has `classes` and lists of the flat form beside them",
            "use one of the two",
        )


class _References:
    """What the parts of a model say of one another."""

    def __init__(self, of: Model, report: Report) -> None:
        self._model = of
        self._report = report
        self._tools = {tool.id for tool in of.tools}
        self._protocols = {protocol.name for protocol in of.protocols}

    def check(self) -> None:
        for what, key, references in self._model.named:
            self._unique(what, key, references)
        for trigger in self._model.triggers:
            self._trigger(trigger)
        for protocol in self._model.protocols:
            self._protocol(protocol)
        for tool in self._model.tools:
            for target in tool.raw.get("response_mapping") or ():
                self._target(target, inside(tool.place, tool.raw, "response_mapping"))

    def _unique(self, what: str, key: str, references: list[Reference]) -> None:
        seen: dict[str, Place] = {}
        for reference in references:
            if reference.name in seen:
                line, _ = self._report.position(seen[reference.name].offset)
                self._report.add(
                    "MV201", reference.place, f"the {what} {reference.name!r} has the {key} of the one in line {line}"
                )
            else:
                seen[reference.name] = reference.place

    def _known(self, code: str, what: str, reference: Reference | None, known: set[str]) -> None:
        if reference is not None and reference.name not in known:
            hint = nearest(reference.name, known).removeprefix("; ")
            self._report.add(code, reference.place, f"there is no {what} {reference.name!r}", hint)

    def _listed(self, what: str, name: Any, place: Place, listed: list[str] | None) -> None:
        if isinstance(name, str) and listed is not None and name not in listed:
            hint = nearest(name, listed).removeprefix("; ") or f"add it to requires.{what}s"
            self._report.add("MV206", place, f"`requires` does not list the {what} {name!r}", hint)

    def _trigger(self, trigger: Trigger) -> None:
        raw = trigger.raw
        self._known("MV204", "protocol", trigger.run, self._protocols)
        if "sensor" in raw:
            self._listed("sensor", raw["sensor"], inside(trigger.place, raw, "sensor"), self._model.sensors)
        sources = [key for key in vocabulary.TRIGGER_SOURCES if key in raw]
        if len(sources) == 2 and "every" in sources and sources[0] in ("sensor", "event", "mqtt"):
            sources.remove("every")  # beside one of these it says how often, and is no source
        if len(sources) != 1:
            message = f"has {' and '.join(sources)}" if sources else "does not say what it waits for"
            hint = f"give it one of {', '.join(vocabulary.TRIGGER_SOURCES)}"
            self._report.add("MV113", trigger.place, f"the trigger {message}", hint)
            return
        source = sources[0]
        tests = [key for key in vocabulary.TRIGGER_TESTS if key in raw]
        if len(tests) > 1:
            self._report.add(
                "MV113", inside(trigger.place, raw, tests[1]), f"{' and '.join(tests)} exclude one another"
            )
        if source not in ("sensor", "event", "mqtt"):
            for key in (*tests, "hysteresis", "for", "map", "dedupe"):
                if key in raw:
                    self._report.add(
                        "MV113", inside(trigger.place, raw, key), f"{key} has no meaning for a trigger by {source}"
                    )
        elif not tests:
            for key in ("hysteresis", "for"):
                if key in raw:
                    hint = f"give it one of {', '.join(vocabulary.TRIGGER_TESTS)}"
                    self._report.add(
                        "MV113", inside(trigger.place, raw, key), f"{key} needs something that is compared", hint
                    )
        if source != "mqtt" and "field" in raw:
            self._report.add("MV113", inside(trigger.place, raw, "field"), "field has a meaning for mqtt only")
        if isinstance(raw.get("field"), str) and set(raw["field"]) & set("/+#\0"):
            self._report.add(
                "MV211", inside(trigger.place, raw, "field"), f"{raw['field']!r} is no path of names joined by dots"
            )
        between = raw.get("between")
        if isinstance(between, list) and not _range(between):
            self._report.add("MV208", inside(trigger.place, raw, "between"), "between needs [low, high]")
        for key in ("event", "mqtt"):
            if isinstance(raw.get(key), str) and not _filter(raw[key]):
                self._report.add(
                    "MV211",
                    inside(trigger.place, raw, key),
                    f"{raw[key]!r} is no topic filter",
                    "+ and # stand for whole levels, # at the end only",
                )

    def _protocol(self, protocol: Protocol) -> None:
        steps = {step.id for step in protocol.steps}
        self._unique("step", "id", [Reference(s.id, inside(s.place, s.raw, "id")) for s in protocol.steps if s.id])
        self._known("MV202", "step", protocol.fallback, steps)
        for step in protocol.steps:
            self._known("MV202", "step", step.next, steps)
            self._step(step, steps)

    def _step(self, step: Step, steps: set[str]) -> None:
        raw = step.raw
        if step.action == "condition" and step.conditions is None and not _malformed(raw.get("conditions")):
            self._report.add(
                "MV101",
                inside(step.place, raw, "conditions"),
                "the condition has no 'conditions'",
                "a step of action condition needs at least one",
            )
        for key, code, what, known in (
            ("tool_api_id", "MV203", "tool", self._tools),
            ("preset", "MV205", "preset", set(self._model.presets)),
            ("protocol", "MV204", "protocol", self._protocols),
        ):
            if isinstance(raw.get(key), str):
                self._known(code, what, Reference(raw[key], inside(step.place, raw, key)), known)
        tools = raw.get("tools")
        if step.action == "prompt" and isinstance(tools, list):
            at = inside(step.place, raw, "tools")
            for i, each in enumerate(tools):
                if isinstance(each, str):
                    self._known("MV203", "tool", Reference(each, inside(at, tools, i)), self._tools)
        for what, listed in (("sensor", self._model.sensors), ("actuator", self._model.actuators)):
            if step.action in ("read", "actuate") and what in raw:
                self._listed(what, raw[what], inside(step.place, raw, what), listed)
        if "schema" in raw and step.action == "prompt":
            expand(raw["schema"], inside(step.place, raw, "schema"), self._schema)
        if isinstance(raw.get("save"), str):
            self._target(raw["save"], inside(step.place, raw, "save"))
        values = raw.get("values")
        if step.action == "set" and isinstance(values, dict):
            at = inside(step.place, raw, "values")
            for key, value in values.items():
                self._target(key, inside(at, values, key))
                if isinstance(value, str):
                    self._expression(value, inside(at, values, key))
        if step.action == "publish" and sum(key in raw for key in ("topic", "mqtt")) != 1:
            self._report.add(
                "MV113", step.place, "a publish step names one of `topic` (of the mesh) and `mqtt` (a plain topic)"
            )
        if step.action == "wait" and sum(key in raw for key in ("for", "event", "until")) != 1:
            self._report.add("MV113", step.place, "a wait step has one of `for`, `event` and `until`")
        if step.conditions is not None:
            self._conditions(step.conditions, steps)

    def _schema(self, place: Place, message: str) -> None:
        self._report.add("MV210", place, message)

    def _target(self, path: str, place: Place) -> None:
        if not _TARGET.fullmatch(path) or (
            path.partition(".")[0] in _RESERVED and not path.startswith("session.data.")
        ):
            self._report.add(
                "MV105", place, f"{path!r} is no place in the session", "write a name, or session.data. and a name"
            )

    def _conditions(self, conditions: Conditions, steps: set[str]) -> None:
        self._known("MV202", "step", conditions.default, steps)
        for rule in conditions.rules:
            self._known("MV202", "step", rule.next, steps)
            self._rule(rule)
            if rule.nested is not None:
                self._conditions(rule.nested, steps)

    def _rule(self, rule: Rule) -> None:
        if rule.variable:
            self._expression(rule.variable, inside(rule.place, rule.raw, "variable"))
        if rule.operator not in OPERATORS:
            return
        place = inside(rule.place, rule.raw, "value")
        if "value" not in rule.raw:
            if rule.operator not in ("exists", "not_exists"):
                self._report.add("MV101", place, f"the condition has no 'value', which {rule.operator} needs")
        elif rule.operator == "in_range":
            if not isinstance(rule.value, list) or not _range(rule.value):
                self._report.add("MV208", place, "in_range needs [low, high]")
        elif rule.operator == "matches_regex":
            try:
                if not isinstance(rule.value, str):
                    raise PatternError("matches_regex needs a pattern")
                compile_pattern(rule.value)
            except PatternError as error:
                self._report.add("MV208", place, f"not a pattern: {error}")

    def _expression(self, text: str, place: Place) -> None:
        try:
            parse(text)
        except ExpressionSyntaxError as error:
            self._report.add("MV207", place, f"not an expression: {error}", f"at character {error.column + 1}")


def _malformed(value: Any) -> bool:
    """Whether conditions are of a type, or have parts, that `shape` has reported."""
    return value is not None and value != []


def _range(value: list[Any]) -> bool:
    if len(value) != 2:
        return False
    low, high = value
    if isinstance(low, str) or isinstance(high, str):  # placeholders, or text in order
        return True
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    return numbers and low <= high


def _filter(value: str) -> bool:
    """Whether text is a topic filter (MQTT 3.1.1, 4.7)."""
    levels = value.split("/")
    return bool(value) and "\0" not in value and len(value) <= 256 and _levels(levels)


def _levels(levels: list[str]) -> bool:
    return all(_level(level, last) for level, last in _marked(levels))


def _marked(levels: list[str]) -> Iterator[tuple[str, bool]]:
    for i, level in enumerate(levels):
        yield level, i == len(levels) - 1


def _level(level: str, last: bool) -> bool:
    return ("+" not in level or level == "+") and ("#" not in level or (level == "#" and last))
