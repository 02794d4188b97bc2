# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of the body of a webhook."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from ganglion.errors import InvalidError
from ganglion_gateway.api.payload import payload

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b"", "", None),
        (b"", "application/json", None),
        (b'{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b"[1]", "application/cloudevents+json", [1]),
        (b'{"a": 1}', FORM, {"a": 1}),
        (b" [1]", FORM, [1]),
        (b"[1", FORM, {"[1": ""}),
        (b"name=Olha+K&left=", FORM, {"name": "Olha K", "left": ""}),
        (b"a=1&b=2&a=3", FORM, {"a": ["1", "3"], "b": "2"}),
        ("двері".encode(), "text/plain", "двері"),
        (b"21.5", "text/plain", 21.5),
        (b"true", "", True),
    ],
)
def test_a_body_is_json_a_form_or_text(body: bytes, kind: str, value: Any) -> None:
    assert payload(body, kind) == value


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"a": 1e999}', ""),
        (b'"\\ud800"', "application/json"),
        (b"{", "application/json"),
        (b"\xff", "text/plain"),
        (b"a=%ff", FORM),
        (b"[" * 60_000, "application/json"),
    ],
)
def test_what_is_not_what_its_type_says_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(InvalidError):
        payload(body, kind)


@pytest.mark.parametrize("kind", ["image/png", "", "multipart/form-data; boundary=x"])
def test_what_is_nothing_of_these_is_not_taken(kind: str) -> None:
    with pytest.raises(HTTPException) as caught:
        payload(b"\x89PNG", kind)
    assert caught.value.status_code == 415


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_the_fields_of_a_form_come_whole(fields: dict[str, str]) -> None:
    body = urlencode(fields).encode()
    assert payload(body, FORM) == (fields or None)


@given(st.binary(min_size=1), st.sampled_from(["application/json", FORM, "text/plain", "image/png", ""]))
def test_whatever_comes_is_a_value_or_refused(body: bytes, kind: str) -> None:
    try:
        value = payload(body, kind)
    except (InvalidError, HTTPException):
        return
    json.dumps(value)
