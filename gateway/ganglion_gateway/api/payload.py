# SPDX-License-Identifier: GPL-3.0-or-later
"""What the body of a webhook says: JSON, the fields of a form, or text."""

import json
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException

from ganglion import sentences
from ganglion.errors import InvalidError, no_json
from ganglion.node.payload import check
from ganglion.sentences import say

#: Bytes of a body: more than what a message of the mesh holds.
MAX_BYTES = 64 * 1024
_FORM = "application/x-www-form-urlencoded"
#: For OpenAPI.
REQUEST_BODY: dict[str, Any] = {
    "description": "what scripts see as `event.value`",
    "content": {
        "application/json": {"schema": {}},
        _FORM: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}},
        "text/plain": {"schema": {"type": "string"}},
    },
}


def payload(body: bytes, content_type: str) -> Any:
    """The value of a body, which scripts, stores and the mesh can hold; None of an empty one.

    JSON is read as such whatever its type is called. A form is one unless it begins as a map or list of JSON does:
    curl calls whatever it sends a form.

    Raises:
        InvalidError: it is not what its type says, or holds a number or text that JSON could not say.
        HTTPException: 415, it is nothing of these.
    """
    value = _value(body, content_type) if body else None
    try:
        check(value)
    except ValueError as error:
        raise InvalidError(say("cannot be taken: {why}", why=sentences.of(error)), where=say("the body")) from None
    return value


def _value(body: bytes, content_type: str) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        return _json(body)
    if kind == _FORM and body.lstrip()[:1] not in (b"{", b"["):
        return _form(body)
    try:
        return _json(body)
    except InvalidError:
        if kind == _FORM:
            return _form(body)
    try:
        if kind.startswith("text/"):
            return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidError(say("is not UTF-8"), where=say("the text of the body")) from None
    raise HTTPException(
        415, say("a webhook takes JSON, a form or text, and this is {kind}: send JSON", kind=kind or say("of no type"))
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidError(no_json(error), where=say("the body")) from None


def _form(body: bytes) -> dict[str, str | list[str]]:
    """The fields of a form; one that stands there several times is a list."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidError(say("is not UTF-8"), where=say("the form in the body")) from None
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
