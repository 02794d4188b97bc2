# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of prompts: the short form, what a device checks, and that it agrees with jsonschema."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mova.diagnostic import Place
from ganglion.mova.load import load
from ganglion.mova.schema import expand
from ganglion_micro.schema import invalid


def expanded(text: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    document = load(f"schema: {text}", file="x.yaml")
    assert document.root is not None
    wrong: list[tuple[str, str]] = []
    made = expand(
        document.root["schema"], Place("schema", 0), lambda place, message: wrong.append((place.path, message))
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
            "additionalProperties": st.booleans(),
            "items": inner,
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "minLength": st.integers(0, 2),
            "maxLength": st.integers(0, 2),
            "minimum": st.integers(-2, 2),
            "maximum": st.integers(-2, 2),
        },
    )


@given(_schemas(_schemas(st.just({}))), _values)
def test_it_agrees_with_jsonschema(schema: dict[str, Any], value: Any) -> None:
    wrong = invalid(value, schema)
    assert (not wrong) == jsonschema.Draft202012Validator(schema).is_valid(value), wrong


def test_the_message_names_the_place() -> None:
    schema, _ = expanded("{a: [{b: integer}]}")
    assert invalid({"a": [{"b": 1}, {"b": "x"}]}, schema) == "a[1].b is not of type integer"
    assert invalid({"a": [{}]}, schema) == "a[0] lacks b"
    assert invalid({"a": [], "c": 1}, schema) == "the value has c, which is not allowed"
