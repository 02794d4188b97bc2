# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a tool: the request, what is taken from the answer, and what a model may say when it is offered one.

A parameter whose value is JSON Schema (a map with `type`) is declared: a model that is offered the tool gives it, else
the session does by its name, else it has its `default`, else it is left out. A placeholder of one name that the
document's session does not have, as in `…?q={city}`, is a parameter for a model, too, and one that it must give unless
there is a `default`; but none that says which server is asked.
"""

import re
from collections.abc import Iterator
from typing import Any

from ganglion.mova import authentication
from ganglion.mova.contract import covers
from ganglion.mova.diagnostic import Place
from ganglion.mova.model import Tool
from ganglion.mova.schema import contract, offered
from ganglion.mova.source import Map, Report
from ganglion.mova.template import parse as template
from ganglion.mova.template import path, placeholders
from ganglion_micro.schema import TYPES

#: What a URL has before its path: of its own, or a placeholder.
_SERVER = re.compile(r"(?:https?://)?[^/?#]*", re.IGNORECASE)
#: What a placeholder may be that is a whole value, as in `body: {level: "{level}"}`.
_SCALARS = ["string", "number", "boolean"]
_ROOTS = ("session", "profile", "event", "response", "secret")


def compiled(tool: Tool, contracts: list[tuple[Place, Map]]) -> list[Any]:
    """The array of a plan.

    Args:
        contracts: All of the document; those whose endpoint the tool's URL lies under are for it. Their schemas are
            held to one after the other; credentials come from the one with the longest endpoint, where the tool says
            nothing of its own.
    """
    raw = tool.raw
    parameters = raw.get("parameters", {})
    given = declared(tool)
    ours = [each for _, each in contracts if covers(each.get("endpoint", ""), tool.url)]
    auth = _authentication(raw.get("authentication"))
    for each in sorted(ours, key=lambda each: len(each["endpoint"]), reverse=True):
        auth = auth or _authentication(each.get("auth"))
    bounds = [
        [each.get("name") or each.get("contract_id"), *contract(each.get("schema"), tool.place, _checked)]
        for each in ours
    ]
    return [
        tool.id,
        raw.get("method", "GET"),
        template(tool.url, secrets=True),
        template(raw.get("headers", {}), secrets=True),
        template({name: value for name, value in parameters.items() if name not in given}, secrets=True),
        template(raw["body"], secrets=True) if "body" in raw else None,
        [[session_path(to), _response_path(source)] for to, source in raw.get("response_mapping", {}).items()],
        [[name, parameters[name]["default"]] if "default" in parameters[name] else [name] for name in given],
        template(auth, secrets=True) if auth.get("type", "none") != "none" else None,
        [each for each in bounds if each[1] or each[2]],
    ]


def declared(tool: Tool) -> dict[str, Any]:
    """JSON Schema of the parameters that have one."""
    parameters = tool.raw.get("parameters")
    return (
        {name: value for name, value in parameters.items() if _is_schema(value)} if isinstance(parameters, dict) else {}
    )


def offer(tool: Tool, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a model is told of a tool: a description, and JSON Schema of its arguments.

    Args:
        data: What the session begins with: names in it are not the model's to give.
    """
    raw = tool.raw
    properties: dict[str, Any] = {
        name: {key: item for key, item in offered(value, tool.place, _checked).items() if key != "default"}
        for name, value in declared(tool).items()
    }
    needed: list[str] = []
    path_on = _SERVER.sub("", tool.url, count=1)
    given = declared(tool)
    filled = {name: value for name, value in (raw.get("parameters") or {}).items() if name not in given}
    for name, whole in _open_names([path_on, raw.get("headers"), filled, raw.get("body")]):
        # A name all in capitals stands for something of the installation, such as a key.
        if name in data or name in _ROOTS or name.isupper() or name in needed:
            continue
        if name not in given:
            properties[name] = {"type": _SCALARS if whole else "string"}
        elif "default" in given[name]:
            continue
        needed.append(name)
    schema = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    return raw.get("description") or raw.get("name") or tool.id, schema


def session_path(text: str) -> list[Any]:
    """A place in the session, as `session.data.a.b` or `a.b` name it."""
    parts = path(text)
    return parts[2:] if parts[:2] == ["session", "data"] else parts


def _response_path(text: str) -> list[Any]:
    parts = path(text)
    return parts if parts[0] == "response" else ["response", *parts]


def _authentication(raw: Any) -> dict[str, str]:
    return authentication.read(raw, Place("", 0), Report(""))


def _checked(place: Place, message: str, hint: str = "") -> None:
    raise AssertionError(f"{place.path}: {message}")  # the document was checked


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"] in TYPES


def _open_names(value: Any) -> Iterator[tuple[str, bool]]:
    """Placeholders of one name, at any depth, and whether each is the whole text that it stands in."""
    if isinstance(value, str):
        yield from ((name, value == f"{{{name}}}") for name in placeholders(value) if path(name) == [name])
    elif isinstance(value, dict):
        for item in value.values():
            yield from _open_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _open_names(item)
