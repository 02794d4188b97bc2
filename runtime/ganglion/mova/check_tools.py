# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what a document says of its calls to the outside: credentials, secrets, contracts."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ganglion.mova.compile_tool import declared
from ganglion.mova.diagnostic import Place
from ganglion.mova.load import Document
from ganglion.mova.model import Model, Tool, walk
from ganglion.mova.schema import contract, offered
from ganglion.mova.source import Map, Report, Seq, at_key, inside
from ganglion.mova.template import PLACEHOLDER, placeholders, secret
from ganglion.words import _

#: Keys of a tool that secrets may stand in.
_SENT = ("url", "endpoint", "headers", "parameters", "body", "authentication")
#: A URL whose host is written out, or is a secret of the operator's.
_HOST = re.compile(r"https?://(?:[^/?#{}\\]|\{secret\.[\w-]+\})+(?:[/?#]|$)", re.IGNORECASE)


def check_tools(document: Document, of: Model, report: Report) -> None:
    """Reports what is wrong with contracts, with where credentials go, and with where secrets stand."""
    shown = {
        each
        for protocol in of.protocols
        for step in walk(protocol.steps)
        for each in _list(step.raw.get("tools"))
        if isinstance(each, str)
    }
    for tool in of.tools:
        _tool(tool, document.edge, report)
        if tool.id in shown:
            at = inside(tool.place, tool.raw, "parameters")
            for name, schema in declared(tool).items():
                offered(schema, inside(at, tool.raw["parameters"], name), partial(report.add, "MV210"))
    for place, raw in of.contracts:
        contract(raw.get("schema"), inside(place, raw, "schema"), partial(report.add, "MV210"))
    if "secret" in document.text and document.root is not None:
        allowed = {(tool.place.path, key) for tool in of.tools for key in _SENT}
        allowed |= {(place.path, "auth") for place, raw in of.contracts}
        _nowhere_else(document.root, Place("", document.root.offset), allowed, report)


def _tool(tool: Tool, edge: bool, report: Report) -> None:
    raw = tool.raw
    own = raw.get("authentication")
    credentials = isinstance(own, dict) and own.get("type", "none") != "none"
    credentials = credentials or any(_secrets(raw.get(key)) for key in _SENT)
    key = "url" if "url" in raw else "endpoint"
    if not _is_reachable(tool.url):
        # A plain document that runs elsewhere, and never calls it, is let be
        message = _("{text!r} is no URL of http or https").format(text=tool.url[:80])
        remedy = _("write it whole, as in https://example.org/path")
        report.add("MV104" if edge or credentials else "MV220", inside(tool.place, raw, key), message, remedy)
    elif credentials and not _HOST.match(tool.url):
        message = _("the credentials of {id!r} would go to a host that the document does not name").format(id=tool.id)
        report.add("MV215", inside(tool.place, raw, key), message, _("write the host out: no placeholder before its /"))


def _is_reachable(url: str) -> bool:
    """Whether there may be a server behind a URL, whatever its placeholders stand for. `shape` reports an empty one."""
    written, _brace, filled = url.lstrip().partition("{")
    if (
        filled
        and PLACEHOLDER.match("{" + filled)
        and any(each.startswith(written.lower()) for each in ("http://", "https://"))
    ):
        return True
    try:
        parts = urlsplit(PLACEHOLDER.sub("1", url.lstrip()))
        return not url.strip() or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        return False


def _nowhere_else(owner: Any, place: Place, allowed: set[tuple[str, str]], report: Report) -> None:
    """Reports the secrets that stand in a part of the document which is shown, said or kept."""
    for key, value, at in _parts(owner, place):
        if (place.path, key) in allowed:
            continue
        if isinstance(key, str) and (names := _names(key)):
            _misplaced(names, at_key(place, owner, key), report)
        if isinstance(value, str) and (names := _names(value)):
            _misplaced(names, at, report)
        elif isinstance(value, Map | Seq):
            _nowhere_else(value, at, allowed, report)


def _misplaced(names: list[str], place: Place, report: Report) -> None:
    message = _("the secret {name} would be seen here").format(name=names[0])
    hint = _("a secret may stand in the url, headers, parameters, body and authentication of a tool")
    report.add("MV216", place, message, hint)


def _parts(owner: Any, place: Place) -> Iterator[tuple[Any, Any, Place]]:
    for key, value in owner.items() if isinstance(owner, Map) else enumerate(owner):
        yield key, value, inside(place, owner, key)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _secrets(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_secrets(each) for each in value.values())
    if isinstance(value, list):
        return any(_secrets(each) for each in value)
    return isinstance(value, str) and bool(_names(value))


def _names(text: str) -> list[str]:
    return [name for each in placeholders(text) if (name := secret(each))]
