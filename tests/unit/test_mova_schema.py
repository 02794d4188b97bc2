# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of prompts: the short form, what a device checks, and that it agrees with jsonschema."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.mova.diagnostic import Place
from ganglion.mova.load import load
from ganglion.mova.schema import contract, expand, strict
from ganglion_micro.schema import invalid


def expanded(text: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    document = load(f"schema: {text}", file="x.yaml")
    assert document.root is not None
    wrong: list[tuple[str, str]] = []
    made = expand(
        document.root["schema"], Place("schema", 0), lambda place, message, hint="": wrong.append((place.path, message))
    )
    return made, wrong


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("string", {"type": "string"}),
        ("bool", {"type": "boolean"}),
        ("[a, b]", {"enum": ["a", "b"]}),
        ("[string]", {"type": "array", "items": {"type": "string"}}),
        ("{type: integer, minimum: 1, title: x}", {"type": "integer", "minimum": 1}),
        (
            "{cause: {enum: [door, power]}, urgent: boolean, note?: text}",
            {
                "type": "object",
                "properties": {
                    "cause": {"enum": ["door", "power"]},
                    "urgent": {"type": "boolean"},
                    "note": {"type": "string"},
                },
                "required": ["cause", "urgent"],
                "additionalProperties": False,
            },
        ),
        (
            "{type: object, properties: {a: {type: number}}, required: [a]}",
            {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
        ),
    ],
)
def test_the_short_form_stands_for_json_schema(short: str, long: dict[str, Any]) -> None:
    made, wrong = expanded(short)
    assert made == long
    assert not wrong
    jsonschema.Draft202012Validator.check_schema(made)


@pytest.mark.parametrize(
    ("short", "path"),
    [
        ("{a: strng}", "schema.a"),
        ("{a: {type: string, pattern: x}}", "schema.a.pattern"),
        ("{a: {enum: []}}", "schema.a.enum"),
        ("{a: {b: 3}}", "schema.a.b"),
        ("{a: {type: string, minLength: -1}}", "schema.a.minLength"),
        ("{type: object, properties: [a]}", "schema.properties"),
        ("7", "schema"),
        ("{a: {type: string, anyOf: []}}", "schema.a.anyOf"),
        ("{a: {type: number, multipleOf: 0}}", "schema.a.multipleOf"),
        ("{type: object, additionalProperties: 3}", "schema.additionalProperties"),
        ("{type: object, if: {type: object}}", "schema.if"),
    ],
)
def test_what_a_device_cannot_check_is_refused_with_its_place(short: str, path: str) -> None:
    _, wrong = expanded(short)
    assert [place for place, _ in wrong] == [path]


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-3, 3).map(lambda f: round(f, 1)),
    st.sampled_from(["", "a", "bb"]),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=6,
)
_kinds = st.sampled_from(["string", "number", "integer", "boolean", "object", "array", "null"])


def _schemas(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(_kinds, st.lists(_kinds, min_size=1, max_size=2, unique=True)),
            "enum": st.lists(_scalars, min_size=1, max_size=3),
            "const": _scalars,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "items": inner,
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "minLength": st.integers(0, 2),
            "maxLength": st.integers(0, 2),
            "minimum": st.integers(-2, 2),
            "maximum": st.integers(-2, 2),
            "exclusiveMinimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
            "multipleOf": st.sampled_from([1, 2, 0.5, 3]),
            "pattern": st.sampled_from(["^a", "b$", "a|^$", "[a-c]{2}", "x"]),
            "uniqueItems": st.booleans(),
            "minProperties": st.integers(0, 2),
            "maxProperties": st.integers(0, 2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "format": st.just("email"),
        },
    )


@pytest.mark.untraced
@settings(max_examples=1000)
@given(_schemas(_schemas(st.one_of(st.just({}), st.just({"type": "string"})))), _values)
def test_it_agrees_with_jsonschema(schema: dict[str, Any], value: Any) -> None:
    read, wrong = strictly(schema)
    assert not wrong
    found = invalid(value, read)
    assert (not found) == jsonschema.Draft202012Validator(schema).is_valid(value), found


def strictly(schema: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    document = load(json.dumps({"schema": schema}), file="x.json")
    assert document.root is not None
    wrong: list[tuple[str, str]] = []
    made = strict(
        document.root["schema"],
        Place("schema", 0),
        lambda place, message, hint="": wrong.append((place.path, message)),
    )
    return made, wrong


@pytest.mark.parametrize(
    ("value", "schema", "says"),
    [
        (5, {"multipleOf": 2}, "the value is no multiple of 2"),
        (5, {"exclusiveMaximum": 5}, "the value is not below 5"),
        ({"a": "b"}, {"additionalProperties": {"pattern": "^a"}}, "a does not match the pattern"),
        ([1, True, 1.0], {"uniqueItems": True}, "[2] stands there twice"),
        ({"a": 1}, {"properties": {"a": {"oneOf": [{"type": "integer"}, {"minimum": 0}]}}}, "a is 2 of oneOf at once"),
        ({"a": 1}, {"properties": {"a": {"anyOf": [{"type": "string"}]}}}, "a is nothing of anyOf"),
        ({"a": 1}, {"properties": {"a": False}}, "a is what it must not be"),
        ("a" * 5000, {"pattern": "a"}, "the value is longer than the 4096 characters that a pattern is held to"),
        (1e308, {"multipleOf": 1e-300}, "the value is no multiple of 1e-300"),
    ],
)
def test_a_contract_says_what_is_wrong_and_where(value: Any, schema: Any, says: str) -> None:
    read, wrong = strictly(schema)
    assert not wrong
    assert invalid(value, read) == says


def test_many_items_are_found_to_be_unique_in_time_that_grows_with_them() -> None:
    items: list[Any] = [{"a": [i]} for i in range(20_000)]
    assert invalid(items, {"uniqueItems": True}) == ""
    assert invalid([*items, {"a": [0.0]}], {"uniqueItems": True}) == "[20000] stands there twice"


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"pattern": "(?=x)"}, "schema.pattern"),
        ({"properties": {"a": {"b": "string"}}}, "schema.properties.a.b"),
        ({"anyOf": [{"$ref": "#/x"}]}, "schema.anyOf[0].$ref"),
        ({"items": 3}, "schema.items"),
    ],
)
def test_a_contract_that_a_device_cannot_check_is_refused(schema: Any, path: str) -> None:
    assert [place for place, _ in strictly(schema)[1]] == [path]


def test_a_contract_is_for_what_goes_in_and_what_comes_out() -> None:
    def read(schema: Any) -> tuple[Any, Any]:
        return contract(schema, Place("", 0), lambda place, message, hint="": pytest.fail(message))

    document = load('{"a": {"request": {"type": "object"}}, "b": {"type": "array"}, "c": {}}', file="x.json").root
    assert document is not None
    assert read(document["a"]) == ({"type": "object"}, None)
    assert read(document["b"]) == (None, {"type": "array"})
    assert read(document["c"]) == (None, None)


def test_the_message_names_the_place() -> None:
    schema, _ = expanded("{a: [{b: integer}]}")
    assert invalid({"a": [{"b": 1}, {"b": "x"}]}, schema) == "a[1].b is not of type integer"
    assert invalid({"a": [{}]}, schema) == "a[0] lacks b"
    assert invalid({"a": [], "c": 1}, schema) == "the value has c, which is not allowed"
