# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a document to the plan that the engine runs, and refuses what the engine does not carry out.

Where the document leaves something open:
- `error_handling.retry_count` says how often a step is tried again; without it `policies.retry.max_attempts` does
  (tries in all), else three times. Pauses come from `policies.retry`: 200 ms, doubled each time, at most 30 s.
- A step with `otherwise` is not tried again: it is what happens instead.
- A trigger on a sensor fires when its comparison becomes true, one on an event or a message each time that it is true,
  unless `hysteresis` or `for` makes it an edge, too.
"""

from collections.abc import Iterable
from typing import Any

from ganglion.mova.check import refuse
from ganglion.mova.diagnostic import DocumentError, Place
from ganglion.mova.expression import parse
from ganglion.mova.load import Document
from ganglion.mova.model import RETRIES, Conditions, Model, Protocol, Reference, Rule, Step, Tool, Trigger, model
from ganglion.mova.plan import Plan, mqtt_topic
from ganglion.mova.schema import expand
from ganglion.mova.source import Map, Report, inside
from ganglion.mova.template import parse as template
from ganglion.mova.template import path
from ganglion.pattern import compile_pattern
from ganglion.units import MILLISECOND, SECOND, duration
from ganglion_micro import condition as c
from ganglion_micro import expression as x
from ganglion_micro import plan as p
from ganglion_micro.cbor import CBORError

MAX_STEPS = 1000
BACKOFF = 200 * MILLISECOND

_NOT_YET = {"cron": "a schedule", "at": "a time of day", "intent": "an intent", "webhook": "a webhook"}


def compile(document: Document, *, only: str | None = None) -> Plan:
    """The plan of a document.

    Args:
        only: Compile this protocol, and those that it calls, and no trigger.

    Raises:
        DocumentError: the document is not valid, or uses what the engine does not carry out; it has all diagnostics.
    """
    refuse(document)
    report = Report(document.text)
    plan = _Compiler(model(document), report).plan(only)
    if not report.failed:
        try:
            plan.encode()
        except CBORError as error:
            report.add("MV303", Place("", 0), f"the plan cannot be written: {error}", "split the document")
    if report.failed:
        raise DocumentError(document.file, report.diagnostics)
    return plan


def _at(step: Step | Trigger, key: str) -> Place:
    return inside(step.place, step.raw, key)


class _Compiler:
    def __init__(self, of: Model, report: Report) -> None:
        self._model = of
        self._report = report
        self._tools: list[Tool] = []
        self._protocols: list[Protocol] = []

    def plan(self, only: str | None) -> Plan:
        of = self._model
        self._protocols = list(of.protocols) if only is None else list(self._called(only))
        protocols = [self._protocol(protocol) for protocol in self._protocols]
        triggers = [self._trigger(trigger) for trigger in of.triggers] if only is None else []
        body = [
            of.name,
            of.data,
            of.profile,
            protocols,
            [self._tool(tool) for tool in self._tools],
            [trigger for trigger in triggers if trigger is not None],
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
            waiting += [step.raw["protocol"] for step in by_name[name].steps if step.action == "call"]

    def _refuse(self, place: Place, message: str, hint: str = "", code: str = "MV302") -> None:
        self._report.add(code, place, f"{message} is not carried out yet", hint)

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
            [self._step(step, i, steps) for i, step in enumerate(protocol.steps)],
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

    def _step(self, step: Step, i: int, steps: dict[str, int]) -> list[Any]:
        following = i + 1 if step.next is None else steps[step.next.name]
        save = step.raw.get("save")
        own = None if step.conditions is None else self._conditions(step.conditions, steps, step.action == "condition")
        if step.action == "condition" and step.conditions is not None and own is not None:
            args, gate = own, None
            if not step.conditions.logic and own[0] == c.AND:
                # No condition names a step: `next_step` is where the whole is true, what follows where it is not.
                args, following = _then(own, following), i + 1
        else:
            args, gate = self._args(step), own
        return [
            step.id,
            p.ACTIONS.index(step.action) if step.action in p.ACTIONS else p.END,
            following,
            gate,
            args,
            _session_path(save) if isinstance(save, str) else None,
        ]

    def _args(self, step: Step) -> Any:
        raw = step.raw
        match step.action:
            case "prompt":
                return self._prompt(step)
            case "tool_api":
                return self._tool_index(step)
            case "actuate":
                if "confirm" in raw:
                    self._refuse(_at(step, "confirm"), "confirming an actuator")
                held = duration(raw["for"]) if "for" in raw else None
                return [raw["actuator"], template(raw["value"]), held, raw.get("priority", 1)]
            case "read":
                return [raw["sensor"]]
            case "set":
                made: list[Any] = []
                for key, value in raw["values"].items():
                    made += [_session_path(key), parse(value) if isinstance(value, str) else [x.CONST, value]]
                return made
            case "publish":
                if "to" in raw:
                    self._refuse(_at(step, "to"), "publishing to one node")
                topic = raw["topic"] if "topic" in raw else "mqtt:" + raw["mqtt"]
                # An alert that is lost is worse than one that comes twice, so arriving is the default on the mesh.
                must = raw.get("class", "best_effort" if topic.startswith("mqtt:") else "must_arrive") == "must_arrive"
                return [template(topic), template(raw["value"]), must]
            case "emit":
                return [template(raw["topic"]), template(raw["value"])]
            case "wait":
                for key in ("event", "until"):
                    if key in raw:
                        self._refuse(_at(step, key), f"waiting for {'an event' if key == 'event' else 'a condition'}")
                return [duration(raw.get("for", "0s"))]
            case "log":
                return [raw.get("level", "info"), template(raw["message"])]
            case "call":
                names = [protocol.name for protocol in self._protocols]
                return [names.index(raw["protocol"])]
            case "parallel":
                self._refuse(_at(step, "action"), "the action parallel")
        return []

    def _prompt(self, step: Step) -> list[Any]:
        raw = step.raw
        if raw.get("tools"):
            self._refuse(_at(step, "tools"), "a prompt that offers tools to the model")
        schema = None
        if "schema" in raw:
            schema = expand(raw["schema"], _at(step, "schema"), self._schema)
        budget = raw.get("budget", {})
        preset = self._model.presets.get(raw["preset"]) if "preset" in raw else None
        return [
            template(raw["prompt"]),
            schema,
            budget.get("tokens", 0),
            round(budget.get("seconds", 0) * SECOND),
            [template(raw["otherwise"])] if "otherwise" in raw else None,
            None if preset is None else _preset(preset),
        ]

    def _schema(self, place: Place, message: str) -> None:
        self._report.add("MV210", place, message)

    def _tool_index(self, step: Step) -> list[int]:
        tool = next(each for each in self._model.tools if each.id == step.raw["tool_api_id"])
        if tool not in self._tools:
            self._tools.append(tool)
            for place, contract in self._model.contracts:
                endpoint = contract.get("endpoint")
                if isinstance(endpoint, str) and tool.url.startswith(endpoint):
                    self._refuse(place, f"the contract {contract.get('name')!r} on the tool {tool.id!r}")
        return [self._tools.index(tool)]

    def _tool(self, tool: Tool) -> list[Any]:
        raw = tool.raw
        if raw.get("authentication"):
            self._refuse(
                inside(tool.place, raw, "authentication"), "authentication of a tool", "put the key into `headers`"
            )
        mapping = raw.get("response_mapping", {})
        return [
            tool.id,
            raw.get("method", "GET"),
            template(tool.url),
            template(raw.get("headers", {})),
            template(raw.get("parameters", {})),
            template(raw["body"]) if "body" in raw else None,
            [[_session_path(to), _response_path(source)] for to, source in mapping.items()],
        ]

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

    def _trigger(self, trigger: Trigger) -> list[Any] | None:
        raw = trigger.raw
        for key, what in _NOT_YET.items():
            if key in raw:
                self._refuse(_at(trigger, key), f"a trigger by {what} on a node", code="MV301")
                return None
        for key in ("rises", "falls", "window", "map", "dedupe", "retained"):
            if key in raw:
                self._refuse(_at(trigger, key), f"{key!r} of a trigger on a node", code="MV301")
        assert trigger.run is not None  # it is required, and the document was checked
        names = [protocol.name for protocol in self._protocols]
        protocol = names.index(trigger.run.name)
        cooldown = duration(raw["cooldown"]) if "cooldown" in raw else 0
        if "start" in raw:
            return [trigger.id, p.STARTED, "", "", None, 0, 0, protocol]
        if not {"sensor", "event", "mqtt"} & raw.keys():
            return [trigger.id, p.EVERY, "", "", None, duration(raw["every"]), 0, protocol]
        if "every" in raw:
            self._refuse(_at(trigger, "every"), "'every' beside a sensor or topic", code="MV301")
        where = self._where(raw, cooldown)
        source, topic = _topic(raw)
        return [trigger.id, source, topic, raw.get("field", ""), where, 0, 0 if where else cooldown, protocol]

    def _where(self, raw: Map, cooldown: int) -> list[Any] | None:
        operator = next((key for key in p.COMPARISONS if key in raw), None)
        if operator is None:
            return None
        value = raw[operator]
        low = high = None
        if operator == "between":
            low, high = value
        elif operator in ("above", "below"):
            low = value
        if operator != "equals":
            value = None
        held = duration(raw["for"]) if "for" in raw else 0
        edge = operator != "changes" and ("sensor" in raw or bool(held) or "hysteresis" in raw)
        hysteresis = float(raw.get("hysteresis", 0))
        return [p.COMPARISONS.index(operator), low, high, value, edge, hysteresis, held, cooldown]


def _then(whole: list[Any], target: int) -> list[Any]:
    """A condition that goes to `target` where the whole is true."""
    return [c.AND, [[[x.CONST, True], c.EQUALS, template(True), target, whole]], -1]


def _topic(raw: Map) -> tuple[int, str]:
    """The source of a trigger, and the topic of the bus that it comes on."""
    if "sensor" in raw:
        return p.SENSOR, "sensor/" + raw["sensor"].replace(".", "/")
    return (p.EVENT, raw["event"]) if "event" in raw else (p.MQTT, mqtt_topic(raw["mqtt"], raw.get("field", "")))


def _preset(raw: Map) -> list[Any]:
    system = raw.get("system_message")
    return [raw.get("model"), raw.get("temperature"), raw.get("max_tokens"), template(system) if system else None]


def _index(reference: Reference | None, steps: dict[str, int]) -> int:
    return -1 if reference is None else steps[reference.name]


def _session_path(text: str) -> list[Any]:
    parts = path(text)
    return parts[2:] if parts[:2] == ["session", "data"] else parts


def _response_path(text: str) -> list[Any]:
    parts = path(text)
    return parts if parts[0] == "response" else ["response", *parts]


def _plain(value: Any) -> Any:
    """Plain maps and lists in place of those with positions, which would keep the text's places alive."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
