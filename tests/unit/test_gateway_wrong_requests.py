# SPDX-License-Identifier: GPL-3.0-or-later
"""Every parameter and every field of every operation, given what is wrong there: the sentence is one for people."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, cast

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from ganglion_gateway.api import wrong
from ganglion_gateway.api.app import application
from ganglion_gateway.api.forms import FORMS
from ganglion_gateway.api.openapi import _Absent, document
from ganglion_gateway.services import Services

#: What a rule of the validator says of itself, and what it is written in.
RAW = re.compile(
    r"String should|Extra inputs|Input should|Field required|JSON decode error|Value error|should match|should have"
    r"|pydantic|https?://|\[a-z|\\d|\^|constrained|literal\[|of the right kind|'type':|validator"
)
#: What is right nowhere, or in few places.
VALUES: list[Any] = [
    None, True, -1, 0.5, 10**30, "", "a b\n\x00ä", "x" * 3000, [], ["a b\n\x00"], [[]], [{}], ["x"] * 300, {},
    {"a b": []},
]  # fmt: skip


@cache
def routes() -> list[APIRoute]:
    app = application(cast(Services, _Absent()), version="0")
    return [route for route in walked(app.router.routes) if isinstance(route, APIRoute)]


def walked(found: Any) -> Iterator[Any]:
    """Routes, also those of routers that were included."""
    for route in found:
        yield route
        inner = getattr(route, "original_router", None)
        yield from walked(inner.routes if inner else [])


def errors(route: APIRoute, root: str, value: Any) -> list[dict[str, Any]]:
    """What FastAPI raises for a body, or for one parameter as `(name, value)`."""
    name: tuple[str, ...] = ()
    if root == "body":
        field = route.dependant.body_params[0]
    else:
        every = {"path": route.dependant.path_params, "query": route.dependant.query_params}[root]
        name, value = (value[0],), value[1]
        field = next(each for each in every if each.alias == name[0])
    info = field.field_info
    kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return [{**each, "loc": (root, *name, *each["loc"])} for each in error.errors(include_url=False)]
    return []


def bodies(model: Any) -> Iterator[Any]:
    """Bodies that are wrong in each of their fields."""
    yield from VALUES
    names = [field.alias or name for name, field in model.model_fields.items()]
    for name in names:
        yield from ({name: value} for value in VALUES)
        yield {f"{name}x": 1}
    yield {"nosuch": 1}


def checked(found: list[wrong.Wrong], of: str) -> None:
    for one in found:
        for said in (one.message, one.sentence):
            assert not RAW.search(said), f"{of} {one.where}: {said}"
            assert len(said) < 500, f"{of} {one.where}: {said}"
        last = one.where.rpartition(".")[2]
        assert one.missing or last.isdecimal() or last == "body" or last in one.sentence, f"{of}: {one.sentence}"


@pytest.mark.parametrize("root", ["path", "query"])
def test_a_wrong_parameter_is_named_with_what_is_right(root: str) -> None:
    seen = 0
    for route in routes():
        for field in route.dependant.path_params if root == "path" else route.dependant.query_params:
            for value in VALUES:
                if found := errors(route, root, (field.alias, value)):
                    seen += 1
                    told = wrong.of(route, found)
                    assert told
                    checked(told, f"{route.path} ?{field.alias}={str(value)[:20]}")
    assert seen > 300


def test_a_wrong_field_of_a_body_is_named_with_what_is_right() -> None:
    seen = 0
    for route in routes():
        if not route.dependant.body_params:
            continue
        model = route.dependant.body_params[0].field_info.annotation
        assert hasattr(model, "model_fields"), route.path
        for body in bodies(model):
            if found := errors(route, "body", body):
                seen += 1
                told = wrong.of(route, found)
                assert told
                checked(told, f"{route.path} {json.dumps(body)[:60]}")
    assert seen > 1000


def test_every_pattern_of_the_api_has_words() -> None:
    text = json.dumps({"paths": document()["paths"], "schemas": document()["components"]["schemas"]})
    found = {json.loads(f'"{each}"') for each in re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', text)}
    assert found - {"^[!-~]+$"} <= FORMS.keys(), "a pattern without words: put it into api/forms.py"
    for pattern, form in FORMS.items():
        assert re.search(pattern, form.example), form


def said(path: str, method: str, root: str, value: Any) -> list[str]:
    route = next(each for each in routes() if each.path == f"/api/v1{path}" and method in (each.methods or ()))
    return [one.sentence for one in wrong.of(route, errors(route, root, value))]


def test_the_nearest_right_field_is_named() -> None:
    assert said("/jobs", "POST", "body", {"method": "status", "selectr": "fridge"}) == [
        'selectr: there is no such field; did you mean "selector"?'
    ]
    nested = {"name": "x", "files": [{"path": "a", "sha265": "0" * 64}]}
    assert said("/releases", "POST", "body", nested) == [
        'files[0].sha265: there is no such field; did you mean "sha256"?'
    ]


@pytest.mark.parametrize(
    ("path", "method", "root", "value", "says"),
    [
        ("/jobs/{job}", "GET", "path", ("job", "nosuch"), "there is no job 'nosuch': `ganglion jobs list` shows"),
        ("/jobs", "POST", "body", {"method": "status"}, "letters: which nodes, as in `tag=fridge`"),
        ("/jobs", "POST", "body", [], "the body is to be a JSON object, with the header"),
        ("/nodes/{node}/tags", "POST", "body", {"add": ["a b"]}, "add[0]: 'a b' is not a text of 1 to 64 letters, "
         "each one of a-z A-Z 0-9 _ . : -, as in 'kitchen-2'"),
        ("/users", "POST", "body", {"name": "a b", "role": "admin"}, "name: 'a b' is not 1 to 64 of a-z"),
        ("/users", "POST", "body", {"name": "ab", "role": "operater"}, 'did you mean "operator"?'),
        ("/models/usage", "GET", "query", ("since", "xx"), "?since: 'xx' is not a day, YEAR-MONTH-DAY, as in '2026"),
        ("/webhooks", "POST", "body", {"url": "u", "classes": ["a b"]}, "classes[0]: 'a b' is not '*', or a text of"),
        ("/rollouts", "POST", "body", {"release": "r", "selector": "all", "quorum": 101},
         "quorum: 101 is not a whole number from 1 to 100, as in 80"),
        ("/auth/password", "POST", "body", {"old": "hunter2", "new": "hunter3"}, "new: this is not a text of"),
    ],
)  # fmt: skip
def test_what_a_newcomer_got_wrong_is_answered(path: str, method: str, root: str, value: Any, says: str) -> None:
    (one,) = said(path, method, root, value)
    assert says in one
    assert "hunter" not in one
