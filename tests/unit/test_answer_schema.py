# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_gateway.api.schema: JSON Schema of the types of answers, held to what JSON Schema itself says of values."""

from typing import Any, Literal, NotRequired, TypedDict

import pytest
from jsonschema import Draft202012Validator

from ganglion_gateway.api.schema import schema_of


class Inner(TypedDict):
    """One of many."""

    number: int | None


class Base(TypedDict):
    """What both have."""

    kind: Literal["a", "b"]


class Outer(Base):
    """A document."""

    many: list[Inner]
    counts: dict[str, float]
    more: NotRequired[Any]


GOOD: dict[str, Any] = {"kind": "a", "many": [{"number": 1}, {"number": None}], "counts": {"x": 1.5}}


def validator() -> Draft202012Validator:
    known: dict[str, Any] = {}
    schema = schema_of(Outer, known)
    assert set(known) == {"Outer", "Inner"}
    assert known["Outer"]["description"] == "A document."
    return Draft202012Validator({**schema, "components": {"schemas": known}})


@pytest.mark.parametrize("more", [{}, {"more": None}, {"more": [1]}, {"many": []}])
def test_what_the_type_allows_is_allowed(more: dict[str, Any]) -> None:
    assert validator().is_valid({**GOOD, **more})


@pytest.mark.parametrize(
    "wrong", [{"kind": "c"}, {"many": [{}]}, {"many": [{"number": "1"}]}, {"counts": {"x": "y"}}, {"many": None}]
)
def test_what_it_does_not_is_not(wrong: dict[str, Any]) -> None:
    assert not validator().is_valid({**GOOD, **wrong})
    assert not validator().is_valid({key: value for key, value in GOOD.items() if key not in wrong})


def test_what_json_does_not_have_is_named() -> None:
    with pytest.raises(TypeError, match="bytes"):
        schema_of(list[bytes], {})
