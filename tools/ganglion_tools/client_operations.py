# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes `ganglion.client.operations` from docs/openapi.json: `python -m ganglion_tools.client_operations`."""

import json
import keyword
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "runtime" / "ganglion" / "client" / "operations"
_HEAD = """\
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
\"\"\"{title} at the gateway.\"\"\"

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset
"""
_TYPED = """
if TYPE_CHECKING:
    from ganglion.client import documents
"""
#: What people and probes ask for, and no program by this.
_NOT = {"health"}
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "Mapping[str, Any]"}


def modules(document: dict[str, Any]) -> dict[str, str]:
    """The text of each module, by its name."""
    written: dict[str, list[str]] = {}
    for path, methods in sorted(document["paths"].items()):
        for method, operation in sorted(methods.items()):
            tag = operation["tags"][0]
            if tag not in _NOT:
                written.setdefault(tag, []).append(_function(document, path, method.upper(), operation))
    texts = {tag: "\n\n".join(found) for tag, found in written.items()}
    return {
        tag: _HEAD.format(title=tag.capitalize()) + (_TYPED if "documents." in text else "") + "\n\n" + text
        for tag, text in texts.items()
    }


def _function(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> str:
    parts, query = [], []
    for each in operation.get("parameters", []):
        if each["in"] == "path":
            parts.append(each["name"])
        elif each["in"] == "query":
            query.append(each)
    fields, body = _body(document, operation)
    arguments = [f"{_word(name)}: str" for name in parts] + [each for each in fields if each.startswith("payload")]
    named = [each for each in fields if not each.startswith("payload")]
    for each in query:
        kind = _type(document, each["schema"])
        optional = "" if each.get("required") else " | None = None"
        named.append(f"{_word(each['name'])}: {kind.removesuffix(' | None')}{optional}")
    if named:
        arguments += ["*", *sorted(named, key=lambda one: "=" in one)]
    result = _result(operation)
    called = [f'"{method}"', f'"{path}"', "{" + ", ".join(f'"{name}": {_word(name)}' for name in parts) + "}"]
    called.append("{" + ", ".join(f'"{each["name"]}": {_word(each["name"])}' for each in query) + "}")
    more = f", {body}" if body else ""
    more += ", raw=True" if result == "bytes" else ""
    text = operation["summary"].rstrip(".").replace('"', "'")
    return (
        f'def {operation["operationId"]}({", ".join(arguments)}) -> "Call[{result}]":\n'
        f'    """{text}."""\n'
        f"    return Call({', '.join(called)}{more})\n"
    )


def _body(document: dict[str, Any], operation: dict[str, Any]) -> tuple[list[str], str]:
    """Arguments of a body, and how it is made of them."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return [], "{}" if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", [])) else ""
    if "application/octet-stream" in content:
        return ["payload: bytes"], "payload"
    schema = _resolved(document, content["application/json"]["schema"])
    if "properties" not in schema:
        return ["payload: Any"], "payload"
    arguments = []
    for name, each in schema["properties"].items():
        kind = _type(document, each)
        required = name in schema.get("required", [])
        whole = kind if required else f"{kind.removesuffix(' | None')} | Unset"
        whole += " | None" if kind.endswith(" | None") and not required else ""
        arguments.append(f"{_word(name)}: {whole}" + ("" if required else " = UNSET"))
    return arguments, "{" + ", ".join(f'"{name}": {_word(name)}' for name in schema["properties"]) + "}"


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    schema = _resolved(document, schema)
    if "anyOf" in schema:
        kinds = [_type(document, each) for each in schema["anyOf"] if each.get("type") != "null"]
        null = any(each.get("type") == "null" for each in schema["anyOf"])
        return " | ".join(dict.fromkeys(kinds)) + (" | None" if null else "")
    if schema.get("type") == "array":
        return f"Sequence[{_type(document, schema.get('items', {}))}]"
    return _TYPES.get(schema.get("type", ""), "Any")


def _result(operation: dict[str, Any]) -> str:
    if "204" in operation["responses"]:
        return "None"
    content = next(each.get("content", {}) for status, each in operation["responses"].items() if status[0] == "2")
    if "application/octet-stream" in content:
        return "bytes"
    kind = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f"documents.{kind}" if kind else "dict[str, Any]"


def _word(name: str) -> str:
    """A name that Python takes."""
    word = name.replace("-", "_")
    return f"{word}_" if keyword.iskeyword(word) or word in ("id", "type") else word


def formatted(text: str) -> str:
    """As ruff has it, without imports that are not used."""
    for words in (["check", "--select", "F401,I", "--fix", "--quiet"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", str(FOLDER / "x.py"), "-"]
        text = subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout  # noqa: S603
    return text


def main() -> None:
    """Writes the modules."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    written = modules(document)
    for known in FOLDER.glob("*.py"):
        if known.stem != "__init__" and known.stem not in written:
            known.unlink()
    for tag, text in written.items():
        (FOLDER / f"{tag}.py").write_text(formatted(text))


if __name__ == "__main__":
    main()
