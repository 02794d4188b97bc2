# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a request, in sentences: which field, what is right there, and an example. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from ganglion.errors import broken
from ganglion.expected import Expected, Place, Schema, named, shown
from ganglion.sentences import joined, say
from ganglion_gateway.api.forms import FORMS

#: What is named in a path behind this word, and the command that lists those there are: what has not their form is none
#: of them.
_LISTED = {
    "api-keys": (say("API key"), "ganglion api-key list"),
    "consents": (say("command that waits"), "ganglion consents list"),
    "crashes": (say("crash"), "ganglion crash list"),
    "dlq": (say("dead message"), "ganglion dlq list"),
    "enrol-keys": (say("enrol key"), "ganglion enrol-key list"),
    "events": (say("event"), "GET /api/v1/events"),
    "groups": (say("group"), "ganglion group list"),
    "hooks": (say("hook"), "ganglion hooks list"),
    "jobs": (say("job"), "ganglion jobs list"),
    "nodes": (say("node"), "ganglion fleet list"),
    "releases": (say("release"), "ganglion release list"),
    "rollouts": (say("rollout"), "ganglion rollout list"),
    "sessions": (say("session"), "GET /api/v1/auth/sessions"),
    "traces": (say("event"), "ganglion trace --last"),
    "users": (say("user"), "ganglion users list"),
    "webhooks": (say("webhook"), "ganglion webhooks list"),
}


class Wrong(NamedTuple):
    """One thing that is wrong.

    Attributes:
        where: As in `body.classes.0`, `query.limit` or `path.job`.
        message: The sentence about it.
        sentence: The same with the name of the field, to stand alone.
        missing: It is something in the path that is not there.
    """

    where: str
    message: str
    sentence: str
    missing: bool = False


def of(route: APIRoute, errors: Iterable[Mapping[str, Any]]) -> list[Wrong]:
    """Everything that is wrong, each place once.

    Args:
        errors: Those of pydantic, their `loc` beginning with `body`, `query`, `path` or `header`.
    """
    found, fields = [], dict[Place, list[Mapping[str, Any]]]()
    for each in errors:
        root, *place = each["loc"]
        if root == "path" and (listed := _listed(route, str(place[0]))):
            last = listed[1].endswith("--last")
            shows = say("the newest alert's path") if last else say("those there are")
            said = say(
                "there is no {kind} {given}: `{command}` shows {shows}",
                kind=listed[0],
                given=shown(each.get("input")),
                command=listed[1],
                shows=shows,
            )
            found.append(Wrong(f"path.{place[0]}", said, said, missing=True))
        elif each["type"] == "json_invalid":
            found.append(_whole(say("the body is no JSON: {why}", why=_broken(each))))
        elif root == "body" and not place:
            found.append(
                _whole(say("the body is to be a JSON object, with the header `Content-Type: application/json`"))
            )
        else:
            schema_of = (root,) if root == "body" else (root, place[0])
            fields.setdefault(schema_of, []).append({**each, "loc": place})
    for (root, *name), some in fields.items():
        for there, message in Expected(_root(route, str(root), name), FORMS).wrong(some):
            place = there or tuple(name)
            called = f"?{named(place)}" if root == "query" else named(place)
            found.append(Wrong(".".join(map(str, (root, *place))), message, joined(": ", [called, message])))
    return list({one.where: one for one in reversed(found)}.values())[::-1]


def _whole(message: str) -> Wrong:
    return Wrong("body", message, message)


def _broken(error: Mapping[str, Any]) -> str:
    at, why = error["loc"][-1], error.get("ctx", {}).get("error")
    said = say("it cannot be read") if why is None else broken(str(why))
    return say("{why}, at letter {at}", why=said, at=at + 1) if isinstance(at, int) else said


def _listed(route: APIRoute, name: str) -> tuple[str, str] | None:
    """What a parameter of a path names, and what lists those there are."""
    before, _, _ = route.path_format.partition(f"/{{{name}}}")
    return _LISTED.get(before.rpartition("/")[2])


def _root(route: APIRoute, root: str, name: Sequence[int | str]) -> Schema:
    """The schema of the body, or of an object that has one parameter."""
    if root == "body":
        return _schema(route.dependant.body_params[0].field_info)
    every = {"path": route.dependant.path_params, "query": route.dependant.query_params}.get(root, [])
    field = next((each for each in every if name and each.alias == name[0]), None)
    if field is None:
        return {}
    schema = _schema(field.field_info)
    return {"properties": {field.alias: schema}, "$defs": schema.get("$defs", {})}


def _schema(field: FieldInfo) -> Schema:
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    schema = TypeAdapter(kind).json_schema(by_alias=True)
    if field.description:
        schema["description"] = field.description
    if field.is_required():
        return schema
    default = field.get_default(call_default_factory=True)
    return schema if default is None else {**schema, "default": default}
