# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds every answer that a gateway of a test gives to docs/openapi.json: nothing else, and nothing less, than it says.

The document lets answers have more than it says, as a later version may; here that is an error, too.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
#: Operations of which an answer was seen that was held to its schema.
SEEN: set[str] = set()


async def check(answer: httpx.Response) -> None:
    """For `httpx`: looks at an answer.

    Raises:
        AssertionError: it is not as the document has it; the message says where.
    """
    if answer.headers.get("content-type") != "application/json":
        return
    found = _operation(answer.request.method.lower(), answer.request.url.path, str(answer.status_code))
    if found is None:
        return
    name, validator = found
    await answer.aread()
    wrong = [
        f"{'.'.join(map(str, each.absolute_path))}: {each.message}" for each in validator.iter_errors(answer.json())
    ]
    assert not wrong, f"{name} answers what docs/openapi.json does not say: {'; '.join(wrong)[:2000]}"
    SEEN.add(name)


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    document = json.loads(FILE.read_text())
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    _Everything.schemas = document["components"]
    # What has no variable goes before what has
    paths = sorted(document["paths"].items(), key=lambda item: ("{" in item[0], item[0]))
    return [(_pattern(path), methods) for path, methods in paths]


class _Everything:
    schemas: dict[str, Any]


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", path)
    return re.compile("".join(_variable(part) if part[:1] == "{" else re.escape(part) for part in parts))


def _variable(part: str) -> str:
    return ".+" if part in ("{key}", "{path}") else "[^/]+"


@cache
def _validator(name: str, status: str) -> Draft202012Validator | None:
    for _, methods in _paths():
        for operation in methods.values():
            if operation["operationId"] == name:
                content = operation["responses"].get(status, {}).get("content", {})
                schema = content.get("application/json", {}).get("schema")
                return schema and Draft202012Validator({**schema, "components": _Everything.schemas})
    return None


def _operation(method: str, path: str, status: str) -> tuple[str, Draft202012Validator] | None:
    for pattern, methods in _paths():
        if method in methods and pattern.fullmatch(path):
            name = methods[method]["operationId"]
            validator = _validator(name, status)
            return None if validator is None else (name, validator)
    return None
