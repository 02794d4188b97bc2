# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI document of the API: `python -m ganglion_gateway.api.openapi > docs/openapi.json`."""

import json
import sys
from typing import Any, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute

from ganglion import __version__
from ganglion_gateway.access.permissions import KNOWN, PUBLIC, SCOPES, TABLE
from ganglion_gateway.api.answers import ANSWERS
from ganglion_gateway.api.idempotency import KEPT, MAX_KEY
from ganglion_gateway.api.schema import schema_of

_ABOUT = """\
Errors are problems (RFC 9457). Times are nanoseconds since the Unix epoch. A list that can grow comes in pages:
`next` is the `cursor` of the following one, and null on the last. Who asks says so by `Authorization: Bearer` with the
access token of a login or the token of an API key; `x-scope` is what an operation asks for."""
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "the same request with the same key is carried out once; its answer is kept for "
    f"{KEPT // 3_600_000_000_000} hours",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
}


def operation_id(route: APIRoute) -> str:
    """What an operation is called by programs, as in `get_nodes_node_readings`: its method and path."""
    words = route.path_format.removeprefix("/api/v1").replace("{", "").replace("}", "").replace("-", "_")
    return "_".join([min(route.methods or {"get"}).lower(), *words.replace(".", "_").strip("/").split("/")])


def describe(app: FastAPI) -> None:
    """Has the document say who may ask for what, and which requests take an idempotency key."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = plain()
        document["info"]["description"] = _ABOUT
        document["info"]["license"] = {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"}
        document.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": ", ".join(SCOPES)}
        }
        schemas: dict[str, Any] = {}
        table = {path.replace(":path}", "}"): methods for path, methods in TABLE.items()}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _say_answer(operation, schemas)
                asked = table.get(path, {}).get(method.upper())
                operation["security"] = [] if asked == PUBLIC else [{"bearer": []}]
                if asked not in (None, PUBLIC, KNOWN):
                    operation["x-scope"] = asked
                if method == "post" and path.startswith("/api/v1/") and not path.startswith("/api/v1/auth/"):
                    operation.setdefault("parameters", []).append(_KEY)
        known = document["components"].setdefault("schemas", {})
        if twice := known.keys() & schemas.keys():
            raise TypeError(f"a question and an answer are both called {min(twice)}")
        known |= schemas
        return document

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's manual has it


def _say_answer(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Has an operation say what it answers when all is well."""
    kind = ANSWERS.get(operation["operationId"])
    if kind is None:
        return
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["content"] = {"application/json": {"schema": schema_of(kind, schemas)}}


class _Absent:
    """Stands for the parts of a gateway where only its routes are looked at."""

    def __getattr__(self, name: str) -> "_Absent":
        return self


def document() -> dict[str, Any]:
    """The document of this version, without a gateway that runs."""
    from ganglion_gateway.api.app import application
    from ganglion_gateway.services import Services

    services = cast(Services, _Absent())
    return application(services, version=__version__).openapi()


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1, ensure_ascii=False, sort_keys=True)
    print()
