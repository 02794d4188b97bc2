# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object of MOVA 2.2 in both forms, and of the edge dialect: its keys, which of them it needs, their kinds."""

from dataclasses import dataclass
from typing import Any

from ganglion.mova.diagnostic import Place
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
)
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
#: Keys of a trigger that say what it waits for; it has one of them.
TRIGGER_SOURCES = ("sensor", "event", "mqtt", "cron", "every", "at", "intent", "webhook", "start")
#: Keys of a trigger that compare.
TRIGGER_TESTS = ("above", "below", "between", "equals", "changes", "rises", "falls")

_TEXT = Text()
_FILLED = Text(filled=True)
_IDENTIFIER = Text(identifier=True)
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


class _Nested:
    """`sub_conditions`, which hold what they are in."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """As `conditions`."""
        CONDITIONS.check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{'edge' if edge else 'plain'}_conditions"}


_RULES = ListOf(_condition(_Nested()), filled=True)
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

_BUDGET = Object(
    "budget", {"tokens": Field(Number(whole=True, least=1)), "seconds": Field(Number(least=0.001, most=3600))}
)
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
    "tool_api": {"tool_api_id": Field(_FILLED, required=True), "save": Field(_FILLED, edge=True)},
    "condition": {},
    "end": {},
    "actuate": {
        "actuator": Field(_FILLED, required=True),
        "value": Field(Anything(), required=True),
        "for": Field(Duration()),
        "priority": Field(Number(whole=True, least=0, most=3)),
        "confirm": Field(Object("confirmation", {"read": Field(Flag()), "within": Field(Duration())})),
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
    "parallel": {"branches": Field(ListOf(Anything(), filled=True), required=True)},
}


@dataclass(frozen=True, slots=True)
class _Action:
    """An action of the base, and of the edge dialect where the document asks for it."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports what is no action, and an action of the dialect in a plain document."""
        if value in EDGE_ACTIONS and not context.edge:
            context.report.add(
                "MV111", place, f"the action {value!r} belongs to the edge dialect", "add dialect: edge/1"
            )
        else:
            Choice((*BASE_ACTIONS, *EDGE_ACTIONS) if context.edge else BASE_ACTIONS).check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"enum": [*BASE_ACTIONS, *(EDGE_ACTIONS if edge else ())]}


def _step(identifier: Text, edge: bool) -> Object:
    actions = (*BASE_ACTIONS, *EDGE_ACTIONS) if edge else BASE_ACTIONS
    common = {
        "id": Field(identifier, required=True),
        "action": Field(_Action(), required=True),
        "description": Field(_TEXT),
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


class _Concurrency:
    """`single`, or a map of the policy and its `max`."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """A name, or a map with `mode` and `max`."""
        kind: Kind = _CONCURRENCY if isinstance(value, dict) else Choice(CONCURRENCIES)
        kind.check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"anyOf": [Choice(CONCURRENCIES).schema(edge), _CONCURRENCY.schema(edge)]}


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
        "concurrency": Field(_Concurrency()),
        "max": Field(Number(whole=True, least=1, most=1000)),
        "max_steps": Field(Number(whole=True, least=1, most=100_000)),
    },
)
_ERRORS = Object("error handling", {"retry_count": Field(_COUNT), "fallback_step_id": Field(_TEXT)})


def _protocol(identifier: Text, edge: bool) -> Object:
    return Object(
        "protocol",
        {
            "name": Field(_FILLED, required=True),
            "description": Field(_TEXT),
            "steps": Field(ListOf(_step(identifier, edge), filled=True), required=True),
            "error_handling": Field(_ERRORS),
            "policies": Field(_POLICIES, edge=True),
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
_CREDENTIALS = MapOf(Anything())

_TRIGGER = Object(
    "trigger",
    {
        "id": Field(_FILLED, required=True),
        "run": Field(_FILLED, required=True),
        "description": Field(_TEXT),
        "sensor": Field(_FILLED),
        "event": Field(_FILLED),
        "mqtt": Field(_FILLED),
        "cron": Field(_FILLED),
        "at": Field(_FILLED),
        "every": Field(Duration()),
        "intent": Field(_FILLED),
        "webhook": Field(_FILLED),
        "start": Field(Flag()),
        "above": Field(Number()),
        "below": Field(Number()),
        "between": Field(ListOf(Number(), filled=True)),
        "equals": Field(Anything()),
        "changes": Field(Flag()),
        "rises": Field(Anything()),
        "falls": Field(Anything()),
        "hysteresis": Field(Number(least=0)),
        "for": Field(Duration()),
        "window": Field(Duration()),
        "cooldown": Field(Duration()),
        "field": Field(_FILLED),
        "map": Field(MapOf(_FILLED)),
        "dedupe": Field(_FILLED),
        "retained": Field(Flag()),
        "timezone": Field(_FILLED),
        "missed": Field(Choice(MISSED)),
    },
)
_REQUIRES = Object("requirement", {"sensors": Field(ListOf(_FILLED)), "actuators": Field(ListOf(_FILLED))})
_TEST = Object(
    "test",
    {
        "name": Field(_FILLED, required=True),
        "llm": Field(Anything()),
        "tools": Field(_FREE),
        "feed": Field(_FREE),
        "for": Field(Duration()),
        "expect": Field(ListOf(_FREE)),
    },
)
_TOP = {
    "version": Field(Anything(), required=True),
    "description": Field(_TEXT),
    "presets": Field(MapOf(_PRESET)),
    "dialect": Field(Anything()),
    "name": Field(_FILLED),
    "requires": Field(_REQUIRES, edge=True),
    "triggers": Field(ListOf(_TRIGGER), edge=True),
    "tests": Field(ListOf(_TEST), edge=True),
}


def _flat(edge: bool) -> Object:
    intent = {
        "name": Field(_FILLED, required=True),
        "patterns": Field(ListOf(_FILLED, filled=True), required=True),
        "priority": Field(Number(whole=True)),
        "response_template": Field(_TEXT),
        "intent_type": Field(Choice(INTENT_TYPES)),
    }
    tool = {
        "id": Field(_FILLED, required=True),
        "name": Field(_TEXT, required=True),
        "endpoint": Field(_FILLED, required=True),
        "description": Field(_TEXT),
        "method": Field(Choice(METHODS)),
        "headers": Field(_FREE),
        "parameters": Field(_FREE),
        "authentication": Field(_FREE),
        "body": Field(Anything()),
        "response_mapping": Field(MapOf(_FILLED)),
    }
    instruction = {
        "id": Field(_FILLED, required=True),
        "title": Field(_TEXT, required=True),
        "content": Field(_TEXT, required=True),
        "category": Field(_TEXT),
        "tags": Field(ListOf(_TEXT)),
    }
    profile = {
        "user_id": Field(_FILLED, required=True),
        "name": Field(_TEXT),
        "preferences": Field(_FREE),
        "language": Field(_TEXT),
        "timezone": Field(_TEXT),
    }
    session = {
        "session_id": Field(_FILLED, required=True),
        "user_id": Field(_FILLED, required=True),
        "start_time": Field(_FILLED, required=True),
        "data": Field(_FREE),
        "context": Field(_FREE),
        "active": Field(Flag()),
    }
    contract = {
        "contract_id": Field(_FILLED, required=True),
        "parties": Field(ListOf(Anything()), required=True),
        "terms": Field(Anything(), required=True),
        "valid_from": Field(_FILLED, required=True),
        "conditions": Field(Anything()),
        "valid_until": Field(_TEXT),
    }
    return Object(
        "document",
        {
            **_TOP,
            "intents": Field(ListOf(Object("intent", intent))),
            "protocols": Field(ListOf(_protocol(_FILLED, edge))),
            "tools": Field(ListOf(Object("tool", tool))),
            "instructions": Field(ListOf(Object("instruction", instruction))),
            "profiles": Field(ListOf(Object("profile", profile))),
            "sessions": Field(ListOf(Object("session", session))),
            "contracts": Field(ListOf(Object("contract", contract))),
        },
    )


def _classes(edge: bool) -> Object:
    intent = {
        "name": Field(_IDENTIFIER, required=True),
        "patterns": Field(ListOf(_FILLED, filled=True), required=True),
        "priority": Field(Number(whole=True)),
        "response_template": Field(_TEXT),
        "intent_type": Field(Choice(INTENT_TYPES)),
    }
    tool = {
        "id": Field(_IDENTIFIER, required=True),
        "method": Field(Choice(("GET", "POST", "PUT", "DELETE"))),
        "url": Field(_FILLED, required=True),
        "headers": Field(_FREE),
        "body": Field(Anything()),
        "response_mapping": Field(MapOf(_FILLED)),
    }
    session = {
        "session_id": Field(_IDENTIFIER, required=True),
        "data": Field(_FREE),
        "ttl": Field(Number(whole=True, least=1)),
    }
    preferences = Object(
        "set of preferences",
        {"language": Field(Text(filled=True)), "tone": Field(Choice(("formal", "friendly", "neutral")))},
    )
    visit = Object("visit", {"intent": Field(_FILLED, required=True), "timestamp": Field(_FILLED, required=True)})
    profile = {
        "user_id": Field(_IDENTIFIER, required=True),
        "preferences": Field(preferences),
        "history": Field(ListOf(visit)),
    }
    auth = Object(
        "way to authenticate",
        {"type": Field(Choice(("none", "api_key", "oauth2")), required=True), "credentials": Field(_CREDENTIALS)},
    )
    contract = {
        "name": Field(_IDENTIFIER, required=True),
        "endpoint": Field(_FILLED),
        "schema": Field(_FREE),
        "auth": Field(auth),
    }
    instruction = {"text": Field(_TEXT, required=True), "parameters": Field(_FREE)}
    protocol = _protocol(_IDENTIFIER, edge)
    protocol.fields["name"] = Field(_IDENTIFIER, required=True)
    classes = Object(
        "set of classes",
        {
            "intent": Field(OneOrMany(Object("intent", intent))),
            "protocol": Field(OneOrMany(protocol)),
            "tool_api": Field(OneOrMany(Object("tool", tool))),
            "session": Field(OneOrMany(Object("session", session))),
            "profile": Field(OneOrMany(Object("profile", profile))),
            "contract": Field(OneOrMany(Object("contract", contract))),
            "instruction": Field(OneOrMany(Object("instruction", instruction))),
        },
    )
    return Object("document", {**_TOP, "classes": Field(classes, required=True)})


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

    def whole(edge: bool) -> dict[str, Any]:
        return {
            "if": {"required": ["classes"]},
            "then": DOCUMENTS["classes", edge].schema(edge),
            "else": DOCUMENTS["flat", edge].schema(edge),
        }

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MOVA 2.2 with the edge dialect",
        "type": "object",
        "if": {"required": ["dialect"], "properties": {"dialect": {"const": "edge/1"}}},
        "then": whole(True),
        "else": whole(False),
        "$defs": {"edge_conditions": CONDITIONS.schema(True), "plain_conditions": CONDITIONS.schema(False)},
    }
