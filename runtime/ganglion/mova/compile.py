# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a document to the plan that the engine runs, and refuses what the engine does not carry out.

Where the document leaves something open:
- `error_handling.retry_count` says how often a step is tried again; without it `policies.retry.max_attempts` does
  (tries in all), else three times. Pauses come from `policies.retry`: 200 ms, doubled each time, at most 30 s.
- A step with `otherwise` is not tried again: it is what happens instead.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ganglion.mova import compile_tool, compile_trigger
from ganglion.mova.check import refuse
from ganglion.mova.compile_tool import session_path
from ganglion.mova.diagnostic import DocumentError, Place
from ganglion.mova.expression import parse
from ganglion.mova.intents import listed, names
from ganglion.mova.load import Document
from ganglion.mova.model import RETRIES, Conditions, Protocol, Reference, Rule, Step, Tool, Trigger, conditions, model
from ganglion.mova.plan import Plan
from ganglion.mova.schema import expand
from ganglion.mova.source import Report, inside
from ganglion.mova.template import parse as template
from ganglion.pattern import compile_pattern
from ganglion.units import MILLISECOND, SECOND, duration
from ganglion.words import _
from ganglion_micro import condition as c
from ganglion_micro import expression as x
from ganglion_micro import plan as p
from ganglion_micro.cbor import CBORError

MAX_STEPS = 1000
BACKOFF = 200 * MILLISECOND
#: How long an actuator has to be seen as it was set, where `confirm` does not say.
CONFIRM = "1s"


def compile(document: Document, *, only: str | None = None) -> Plan:
    """The plan of a document.

    Args:
        only: Compile this protocol, and those that it calls, and no trigger.

    Raises:
        DocumentError: the document is not valid, or too large for a plan; it has all diagnostics.
    """
    refuse(document)
    report = Report(document.text)
    plan = _Compiler(document, report).plan(only)
    if not report.failed:
        try:
            plan.encode()
        except CBORError as error:
            message = _("the plan cannot be written: {error}").format(error=error)
            report.add("MV303", Place("", 0), message, _("split the document"))
    if report.failed:
        raise DocumentError(document, report.diagnostics)
    return plan


class _Compiler:
    def __init__(self, document: Document, report: Report) -> None:
        self._model = model(document)
        self._report = report
        self._tools: list[Tool] = []
        self._protocols: list[Protocol] = []
        self._branches: list[list[Any]] = []

    def plan(self, only: str | None) -> Plan:
        of = self._model
        self._protocols = list(of.protocols) if only is None else list(self._called(only))
        protocols = [self._protocol(protocol) for protocol in self._protocols]
        tools = [compile_tool.compiled(tool, of.contracts) for tool in self._tools]
        reads = compile_trigger.may_read_payload([protocols, self._branches, tools])
        triggers = [self._trigger(trigger, reads) for trigger in of.triggers] if only is None else []
        body = [
            of.name,
            of.data,
            of.profile,
            protocols + self._branches,
            tools,
            triggers,
            of.ttl,
            listed(of) if only is None else [],
            names(of) if only is None and of.parts["intent"] else [],
        ]
        return Plan(name=of.name, body=_plain(body))

    def _called(self, name: str) -> Iterable[Protocol]:
        """A protocol and those that it calls, itself first."""
        by_name = {protocol.name: protocol for protocol in self._model.protocols}
        waiting = [name]
        done: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in done:
                continue
            done.add(name)
            yield by_name[name]
            waiting += _calls(by_name[name].steps)

    def _index(self, protocol: str) -> int:
        return [each.name for each in self._protocols].index(protocol)

    def _trigger(self, trigger: Trigger, reads_payload: bool) -> list[Any]:
        assert trigger.run is not None  # it is required, and the document was checked
        return compile_trigger.compiled(trigger, self._index(trigger.run.name), reads_payload=reads_payload)

    def _protocol(self, protocol: Protocol) -> list[Any]:
        steps = {step.id: i for i, step in enumerate(protocol.steps)}
        policies = protocol.policies
        retry = policies.get("retry", {})
        retries = protocol.retries
        if retries is None:
            retries = retry["max_attempts"] - 1 if "max_attempts" in retry else RETRIES
        concurrency = policies.get("concurrency", "single")
        most = policies.get("max", 1)
        if isinstance(concurrency, dict):
            concurrency, most = concurrency["mode"], concurrency.get("max", most)
        elif "max" not in policies:
            most = {"queued": 16, "parallel": 8}.get(concurrency, 1)
        key = policies.get("idempotency_key")
        return [
            protocol.name,
            self._steps(protocol, protocol.steps),
            _index(protocol.fallback, steps),
            retries,
            retry["backoff_ms"] * MILLISECOND if "backoff_ms" in retry else BACKOFF,
            retry.get("jitter", True),
            policies.get("budget_ms", 0) * MILLISECOND,
            policies.get("max_steps", MAX_STEPS),
            template(key) if key else None,
            p.CONCURRENCIES.index(concurrency),
            most,
        ]

    def _steps(self, protocol: Protocol, steps: list[Step]) -> list[Any]:
        indices = {step.id: i for i, step in enumerate(steps)}
        return [self._step(protocol, step, i, indices) for i, step in enumerate(steps)]

    def _step(self, protocol: Protocol, step: Step, i: int, steps: dict[str, int]) -> list[Any]:
        following = i + 1 if step.next is None else steps[step.next.name]
        save = step.raw.get("save")
        own = None if step.conditions is None else self._conditions(step.conditions, steps, step.action == "condition")
        op = p.ACTIONS.index(step.action)
        args: Any
        if step.action == "condition" and step.conditions is not None and own is not None:
            args, gate = own, None
            if not step.conditions.logic and own[0] == c.AND:
                # No condition names a step: `next_step` is where the whole is true, what follows where it is not.
                args, following = _then(own, following), i + 1
        elif step.action == "parallel":
            args, gate = [self._branch(protocol, step, each, n + 1) for n, each in enumerate(step.branches)], own
        else:
            args, gate = self._args(step), own
        if op == p.WAIT and len(args) > 1:
            op = p.LISTEN
        return [step.id, op, following, gate, args, session_path(save) if isinstance(save, str) else None]

    def _branch(self, protocol: Protocol, step: Step, branch: Reference | list[Step], number: int) -> int:
        """The index of a branch's protocol. Steps become one that tries again as theirs does, and has no fallback."""
        if isinstance(branch, Reference):
            return self._index(branch.name)
        steps = self._steps(protocol, branch)
        of = self._protocol(replace(protocol, name=f"{protocol.name}/{step.id}/{number}", steps=[], fallback=None))
        of[p.STEPS] = steps
        self._branches.append(of)
        return len(self._protocols) + len(self._branches) - 1

    def _args(self, step: Step) -> Any:
        raw = step.raw
        match step.action:
            case "prompt":
                return self._prompt(step)
            case "actuate":
                held = duration(raw["for"]) if "for" in raw else None
                confirm = raw.get("confirm", {})
                within = duration(confirm.get("within", CONFIRM)) if confirm.get("read", "within" in confirm) else None
                return [raw["actuator"], template(raw["value"]), held, raw.get("priority", 1), within]
            case "read":
                return [raw["sensor"]]
            case "set":
                made: list[Any] = []
                for key, value in raw["values"].items():
                    made += [session_path(key), parse(value) if isinstance(value, str) else [x.CONST, value]]
                return made
            case "publish":
                topic = raw["topic"] if "topic" in raw else "mqtt:" + raw["mqtt"]
                # An alert that is lost is worse than one that comes twice, so arriving is the default on the mesh.
                must = raw.get("class", "best_effort" if topic.startswith("mqtt:") else "must_arrive") == "must_arrive"
                return [template(topic), template(raw["value"]), must, template(raw["to"]) if "to" in raw else None]
            case "emit":
                return [template(raw["topic"]), template(raw["value"])]
            case "wait":
                if "for" in raw:
                    return [duration(raw["for"])]
                until = conditions(inside(step.place, raw, "until"), raw.get("until"))
                return [
                    template(raw["event"]) if "event" in raw else None,
                    None if until is None else self._conditions(until, {}),
                    duration(raw["timeout"]) if "timeout" in raw else 0,
                ]
            case "log":
                return [raw.get("level", "info"), template(raw["message"])]
            case "call":
                return [self._index(raw["protocol"])]
            case "tool_api":
                return [self._tool(raw["tool_api_id"]), round(raw.get("budget", {}).get("seconds", 0) * SECOND)]
        return []

    def _prompt(self, step: Step) -> list[Any]:
        raw = step.raw
        schema = None
        if "schema" in raw:
            schema = expand(raw["schema"], inside(step.place, raw, "schema"), self._schema)
        budget = raw.get("budget", {})
        tools = [each for each in self._model.tools if each.id in raw.get("tools", ())]
        return [
            template(raw["prompt"]),
            schema,
            budget.get("tokens", 0),
            round(budget.get("seconds", 0) * SECOND),
            [template(raw["otherwise"])] if "otherwise" in raw else None,
            _preset(self._model.presets.get(raw.get("preset", ""), {}), manner(self._model.profile)),
            [[self._tool(tool.id), *compile_tool.offer(tool, self._model.data)] for tool in tools],
            # What is forced into a schema is the model's own last word
            bool(raw.get("continue_after_tools", schema is not None)),
        ]

    def _schema(self, place: Place, message: str, hint: str = "") -> None:
        self._report.add("MV210", place, message, hint)

    def _tool(self, name: str) -> int:
        tool = next(each for each in self._model.tools if each.id == name)
        if tool not in self._tools:
            self._tools.append(tool)
        return self._tools.index(tool)

    def _conditions(self, conditions: Conditions, steps: dict[str, int], branches: bool = False) -> list[Any]:
        logic = c.LOGICS.index(conditions.logic) if conditions.logic else c.AND
        if branches and not conditions.logic and any(rule.next for rule in conditions.rules):
            logic = c.FIRST
        return [logic, [self._rule(rule, steps) for rule in conditions.rules], _index(conditions.default, steps)]

    def _rule(self, rule: Rule, steps: dict[str, int]) -> list[Any]:
        operator = c.OPERATORS.index(rule.operator)
        value: Any = compile_pattern(rule.value) if operator == c.MATCHES else template(rule.value)
        nested = None if rule.nested is None else self._conditions(rule.nested, steps)
        return [parse(rule.variable), operator, value, _index(rule.next, steps), nested]


def _then(whole: list[Any], target: int) -> list[Any]:
    """A condition that goes to `target` where the whole is true."""
    return [c.AND, [[[x.CONST, True], c.EQUALS, template(True), target, whole]], -1]


def manner(profile: dict[str, Any]) -> str:
    """What a profile asks of a model's answers; empty where it says nothing of it."""
    preferences = profile.get("preferences")
    preferences = preferences if isinstance(preferences, dict) else {}
    language, tone = preferences.get("language") or profile.get("language"), preferences.get("tone")
    said = [f"Answer in the language {language} (ISO 639-1)."] if isinstance(language, str) else []
    if tone in ("formal", "friendly", "neutral"):
        said.append(f"Keep a {tone} tone.")
    return " ".join(said)


def _preset(raw: dict[str, Any], manner: str) -> list[Any] | None:
    system = " ".join(part for part in (raw.get("system_message"), manner) if part)
    if not raw and not system:
        return None
    return [raw.get("model"), raw.get("temperature"), raw.get("max_tokens"), template(system) if system else None]


def _calls(steps: list[Step]) -> Iterator[str]:
    """The names of the protocols that steps call, or have for branches."""
    for step in steps:
        if step.action == "call":
            yield step.raw["protocol"]
        for branch in step.branches:
            if isinstance(branch, Reference):
                yield branch.name
            else:
                yield from _calls(branch)


def _index(reference: Reference | None, steps: dict[str, int]) -> int:
    return -1 if reference is None else steps[reference.name]


def _plain(value: Any) -> Any:
    """Plain maps and lists in place of those with positions, which would keep the text's places alive."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
