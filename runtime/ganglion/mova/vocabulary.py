# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object of MOVA 2.2 in both forms, and of the edge dialect: its keys, which of them it needs, their kinds."""

from dataclasses import dataclass
from typing import Any

from ganglion.mova.authentication import Authentication
from ganglion.mova.diagnostic import Place
from ganglion.mova.forms import PARTS
from ganglion.mova.shape import (
    Anything,
    Choice,
    Context,
    Duration,
    Field,
    Flag,
    Kind,
    ListOf,
    ListOrMap,
    MapOf,
    Number,
    Object,
    OneOrMany,
    Text,
    TextOrMap,
)
from ganglion.words import _
from ganglion_micro.condition import LOGICS, OPERATORS
from ganglion_micro.plan import CONCURRENCIES

BASE_ACTIONS = ("prompt", "tool_api", "condition", "end")
EDGE_ACTIONS = ("actuate", "read", "set", "publish", "emit", "wait", "call", "parallel", "log")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
INTENT_TYPES = ("greeting", "question", "command", "feedback", "custom")
LEVELS = ("debug", "info", "warning", "error")
#: What `class` of a publish step says of its way: kept until the gateway has it, or sent once.
CLASSES = ("must_arrive", "best_effort")
MISSED = ("skip", "run_once")
#: What a test may expect.
HAPPENINGS = ("actuated", "published", "emitted", "ran")
#: What the names in the feed of a test begin with that are of no sensor.
FED = ("event", "mqtt", "mqtt-retained", "intent", "webhook")
#: How a run ends.
STATUSES = ("completed", "failed", "cancelled")
#: Keys of a trigger that say what it waits for; it has one of them.
TRIGGER_SOURCES = ("sensor", "event", "mqtt", "cron", "every", "at", "intent", "webhook", "start")
#: Keys of a trigger that compare.
TRIGGER_TESTS = ("above", "below", "between", "equals", "changes", "rises", "falls")

_TEXT = Text()
_FILLED = Text(filled=True)
_IDENTIFIER = Text(identifier=True)
_TOOL_ID = Text(identifier=True, dots=True)
_FREE = MapOf(Anything())
_COUNT = Number(whole=True, least=0, most=1000)


def _condition(kind: Kind) -> Object:
    return Object(
        "condition",
        {
            "variable": Field(_FILLED, required=True),
            "operator": Field(Choice(OPERATORS), required=True),
            "value": Field(Anything()),
            "next_step_id": Field(_TEXT),
            "sub_conditions": Field(kind),
        },
    )


class Nested:
    """`sub_conditions`, which hold what they are in."""

    @property
    def kind(self) -> Kind:
        """That of `conditions`."""
        return CONDITIONS

    def check(self, value: Any, place: Place, context: Context) -> None:
        """As `conditions`."""
        CONDITIONS.check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{'edge' if edge else 'plain'}_conditions"}


_RULES = ListOf(_condition(Nested()), filled=True)
CONDITIONS = ListOrMap(
    _RULES,
    Object(
        "set of conditions",
        {
            "logic": Field(Choice(LOGICS)),
            "rules": Field(_RULES, required=True),
            "default_next_step_id": Field(_TEXT),
        },
    ),
)


class Branch:
    """A list of steps, or the name of a protocol."""

    @property
    def steps(self) -> Kind:
        """The kind of the list."""
        return ListOf(_step(_FILLED, True), filled=True)

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports what is neither, and what is wrong with each step."""
        kind = self.steps if isinstance(value, list) else _FILLED
        kind.check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"anyOf": [_FILLED.schema(edge), {"type": "array", "items": {"$ref": "#/$defs/edge_step"}}]}


_SECONDS = Number(least=0.001, most=3600)
_BUDGET = Object("budget", {"tokens": Field(Number(whole=True, least=1)), "seconds": Field(_SECONDS)})
_CASES: dict[str, dict[str, Field]] = {
    "prompt": {
        "prompt": Field(_TEXT, required=True),
        "preset": Field(_FILLED),
        "tools": Field(ListOf(_FILLED)),
        "continue_after_tools": Field(Flag()),
        "schema": Field(Anything(), edge=True),
        "budget": Field(_BUDGET, edge=True),
        "otherwise": Field(Anything(), edge=True),
        "save": Field(_FILLED, edge=True),
    },
    "tool_api": {
        "tool_api_id": Field(_FILLED, required=True),
        "budget": Field(Object("budget", {"seconds": Field(_SECONDS)}), edge=True),
        "save": Field(_FILLED, edge=True),
    },
    "condition": {},
    "end": {},
    "actuate": {
        "actuator": Field(_FILLED, required=True),
        "value": Field(Anything(), required=True),
        "for": Field(Duration()),
        "priority": Field(Number(whole=True, least=0, most=3)),
        "confirm": Field(Object("confirmation", {"read": Field(Flag()), "within": Field(Duration(most="1m"))})),
    },
    "read": {"sensor": Field(_FILLED, required=True), "save": Field(_FILLED, required=True)},
    "set": {"values": Field(_FREE, required=True)},
    "publish": {
        "topic": Field(_FILLED),
        "mqtt": Field(_FILLED),
        "to": Field(_FILLED),
        "value": Field(Anything(), required=True),
        "class": Field(Choice(CLASSES)),
    },
    "emit": {"topic": Field(_FILLED, required=True), "value": Field(Anything(), required=True)},
    "wait": {
        "for": Field(Duration()),
        "event": Field(_FILLED),
        "until": Field(CONDITIONS),
        "timeout": Field(Duration()),
        "save": Field(_FILLED),
    },
    "log": {"message": Field(_TEXT, required=True), "level": Field(Choice(LEVELS))},
    "call": {"protocol": Field(_FILLED, required=True)},
    "parallel": {"branches": Field(ListOf(Branch(), filled=True), required=True)},
}


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the base, and of the edge dialect where the document asks for it."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports what is no action, and an action of the dialect in a plain document."""
        if value in EDGE_ACTIONS and not context.edge:
            message = _("the action {value!r} belongs to the edge dialect").format(value=value)
            context.report.add("MV111", place, message, _("add dialect: edge/1"))
        else:
            Choice((*BASE_ACTIONS, *EDGE_ACTIONS) if context.edge else BASE_ACTIONS).check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"enum": [*BASE_ACTIONS, *(EDGE_ACTIONS if edge else ())]}


def _step(identifier: Text, edge: bool) -> Object:
    actions = (*BASE_ACTIONS, *EDGE_ACTIONS) if edge else BASE_ACTIONS
    common = {
        "id": Field(identifier, required=True),
        "description": Field(_TEXT),
        "action": Field(Action(), required=True),
        "conditions": Field(CONDITIONS),
        "next_step": Field(_TEXT),
        "next_step_id": Field(_TEXT),
    }
    return Object("step", common, "action", {name: _CASES[name] for name in actions})


_RETRY = Object(
    "retry policy",
    {
        "max_attempts": Field(Number(whole=True, least=1, most=100)),
        "backoff_ms": Field(Number(whole=True, least=0, most=60_000)),
        "jitter": Field(Flag()),
    },
)


_CONCURRENCY = Object(
    "concurrency policy",
    {
        "mode": Field(Choice(CONCURRENCIES), required=True),
        "max": Field(Number(whole=True, least=1, most=1000)),
    },
)
_POLICIES = Object(
    "policy",
    {
        "budget_ms": Field(Number(whole=True, least=1)),
        "idempotency_key": Field(_FILLED),
        "retry": Field(_RETRY),
        "concurrency": Field(TextOrMap(Choice(CONCURRENCIES), _CONCURRENCY)),
        "max": Field(Number(whole=True, least=1, most=1000)),
        "max_steps": Field(Number(whole=True, least=1, most=100_000)),
    },
)
_ERRORS = Object("error handling", {"retry_count": Field(_COUNT), "fallback_step_id": Field(_TEXT)})


def _protocol(identifier: Text, edge: bool) -> Object:
    return Object(
        "protocol",
        {
            "name": Field(identifier, required=True),
            "description": Field(_TEXT),
            "policies": Field(_POLICIES, edge=True),
            "error_handling": Field(_ERRORS),
            "steps": Field(ListOf(_step(identifier, edge), filled=True), required=True),
        },
    )


_PRESET = Object(
    "preset",
    {
        "name": Field(_TEXT),
        "description": Field(_TEXT),
        "model": Field(_FILLED),
        "temperature": Field(Number(least=0, most=2)),
        "max_tokens": Field(Number(whole=True, least=1)),
        "system_message": Field(_TEXT),
    },
)

_TRIGGER = Object(
    "trigger",
    {
        "id": Field(_FILLED, required=True),
        "description": Field(_TEXT),
        "sensor": Field(_FILLED),
        "event": Field(_FILLED),
        "mqtt": Field(_FILLED),
        "field": Field(_FILLED),
        "map": Field(MapOf(_FILLED)),
        "dedupe": Field(_FILLED),
        "session": Field(_FILLED),
        "retained": Field(Flag()),
        "cron": Field(_FILLED),
        "every": Field(Duration()),
        "at": Field(_FILLED),
        "timezone": Field(_FILLED),
        "missed": Field(Choice(MISSED)),
        "intent": Field(_FILLED),
        "webhook": Field(_FILLED),
        "start": Field(Flag()),
        "above": Field(Number()),
        "below": Field(Number()),
        "between": Field(ListOf(Number(), filled=True)),
        "equals": Field(Anything()),
        "changes": Field(Flag()),
        "rises": Field(Number()),
        "falls": Field(Number()),
        "hysteresis": Field(Number(least=0)),
        "for": Field(Duration()),
        "window": Field(Duration()),
        "cooldown": Field(Duration()),
        "run": Field(_FILLED, required=True),
    },
)
_REQUIRES = Object("requirement", {"sensors": Field(ListOf(_FILLED)), "actuators": Field(ListOf(_FILLED))})
_NAMED = TextOrMap(_FILLED, _FREE)
_EXPECTATION = Object(
    "expectation",
    {
        "at": Field(Duration()),
        "never": Field(Flag()),
        "actuated": Field(_FREE),
        "published": Field(_NAMED),
        "emitted": Field(_NAMED),
        "ran": Field(_NAMED),
    },
)
_TEST = Object(
    "test",
    {
        "name": Field(_FILLED, required=True),
        "start": Field(_FILLED),
        "llm": Field(Anything()),
        "tools": Field(_FREE),
        "feed": Field(_FREE),
        "for": Field(Duration()),
        "expect": Field(ListOf(_EXPECTATION)),
    },
)
_TOP = {
    "version": Field(Anything(), required=True),
    "dialect": Field(Anything()),
    "name": Field(_FILLED),
    "description": Field(_TEXT),
    "requires": Field(_REQUIRES, edge=True),
    "presets": Field(MapOf(_PRESET)),
    "triggers": Field(ListOf(_TRIGGER), edge=True),
}
_TESTS = {"tests": Field(ListOf(_TEST), edge=True)}

# An object has the same keys in both forms, some spelled otherwise, so that a document can be turned from one into the
# other without loss; they differ in which of them it needs, and in what a name may be.
_VISIT = Object("visit", {"intent": Field(_FILLED, required=True), "timestamp": Field(_FILLED, required=True)})
_PREFERENCES = Object(
    "set of preferences",
    {"language": Field(_FILLED), "tone": Field(Choice(("formal", "friendly", "neutral")))},
    open=True,
)


def _intent(name: Text) -> Object:
    return Object(
        "intent",
        {
            "name": Field(name, required=True),
            "patterns": Field(ListOf(_FILLED, filled=True), required=True),
            "priority": Field(Number(whole=True)),
            "intent_type": Field(Choice(INTENT_TYPES)),
            "response_template": Field(_TEXT),
        },
    )


def _tool(identifier: Text, url: str, flat: bool) -> Object:
    return Object(
        "tool",
        {
            "id": Field(identifier, required=True),
            "name": Field(_TEXT, required=flat),
            "description": Field(_TEXT),
            url: Field(_FILLED, required=True),
            "method": Field(Choice(METHODS)),
            "headers": Field(_FREE),
            "parameters": Field(_FREE),
            "authentication": Field(Authentication()),
            "body": Field(Anything()),
            "response_mapping": Field(MapOf(_FILLED)),
        },
    )


def _instruction(content: str, flat: bool) -> Object:
    return Object(
        "instruction",
        {
            "id": Field(_FILLED, required=flat),
            "title": Field(_TEXT, required=flat),
            content: Field(_TEXT, required=True),
            "category": Field(_TEXT),
            "tags": Field(ListOf(_TEXT)),
            "parameters": Field(_FREE),
        },
    )


def _profile(identifier: Text, preferences: Kind) -> Object:
    return Object(
        "profile",
        {
            "user_id": Field(identifier, required=True),
            "name": Field(_TEXT),
            "language": Field(_TEXT),
            "timezone": Field(_TEXT),
            "preferences": Field(preferences),
            "history": Field(ListOf(_VISIT)),
        },
    )


def _session(identifier: Text, flat: bool) -> Object:
    return Object(
        "session",
        {
            "session_id": Field(identifier, required=True),
            "user_id": Field(_FILLED, required=flat),
            "start_time": Field(_FILLED, required=flat),
            "active": Field(Flag()),
            "ttl": Field(Number(whole=True, least=1)),
            "context": Field(_FREE),
            "data": Field(_FREE),
        },
    )


def _contract(name: str, identifier: Text, flat: bool) -> Object:
    return Object(
        "contract",
        {
            name: Field(identifier, required=True),
            "endpoint": Field(_FILLED),
            "parties": Field(ListOf(Anything()), required=flat),
            "terms": Field(Anything(), required=flat),
            "conditions": Field(Anything()),
            "valid_from": Field(_FILLED, required=flat),
            "valid_until": Field(_TEXT),
            "schema": Field(_FREE),
            "auth": Field(Authentication()),
        },
    )


def _flat(edge: bool) -> Object:
    return Object(
        "document",
        {
            **_TOP,
            "intents": Field(ListOf(_intent(_FILLED))),
            "protocols": Field(ListOf(_protocol(_FILLED, edge))),
            "tools": Field(ListOf(_tool(_FILLED, "endpoint", flat=True))),
            "instructions": Field(ListOf(_instruction("content", flat=True))),
            "profiles": Field(ListOf(_profile(_FILLED, _FREE))),
            "sessions": Field(ListOf(_session(_FILLED, flat=True))),
            "contracts": Field(ListOf(_contract("contract_id", _FILLED, flat=True))),
            **_TESTS,
        },
    )


def _classes(edge: bool) -> Object:
    classes = Object(
        "set of classes",
        {
            "intent": Field(OneOrMany(_intent(_IDENTIFIER))),
            "protocol": Field(OneOrMany(_protocol(_IDENTIFIER, edge))),
            "tool_api": Field(OneOrMany(_tool(_TOOL_ID, "url", flat=False))),
            "instruction": Field(OneOrMany(_instruction("text", flat=False))),
            "profile": Field(OneOrMany(_profile(_IDENTIFIER, _PREFERENCES))),
            "session": Field(OneOrMany(_session(_IDENTIFIER, flat=False))),
            "contract": Field(OneOrMany(_contract("name", _IDENTIFIER, flat=False))),
        },
    )
    return Object("document", {**_TOP, "classes": Field(classes, required=True), **_TESTS})


#: (form, whether it asks for the edge dialect) -> the whole language
DOCUMENTS = {
    ("flat", False): _flat(False),
    ("flat", True): _flat(True),
    ("classes", False): _classes(False),
    ("classes", True): _classes(True),
}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a whole document, in either form, plain or of the edge dialect: for editors.

    It says less than `check`, which follows references and knows places.
    """

    lists = {each.flat: False for each in PARTS}

    def whole(edge: bool) -> dict[str, Any]:
        return {
            "if": {"required": ["classes"]},
            "then": {"allOf": [DOCUMENTS["classes", edge].schema(edge), {"properties": lists}]},
            "else": DOCUMENTS["flat", edge].schema(edge),
        }

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MOVA 2.2 with the edge dialect",
        "type": "object",
        "if": {"required": ["dialect"], "properties": {"dialect": {"const": "edge/1"}}},
        "then": whole(True),
        "else": whole(False),
        "$defs": {
            "edge_conditions": CONDITIONS.schema(True),
            "plain_conditions": CONDITIONS.schema(False),
            "edge_step": _step(_FILLED, True).schema(True),
        },
    }
