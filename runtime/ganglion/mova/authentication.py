# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which a tool, or a contract for it, says who it is: what a document may write, in one spelling."""

import re
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.shape import Choice, Context, Field, MapOf, Object, Text
from ganglion.mova.source import Map, Report, at_key, inside
from ganglion.mova.values import kind_of
from ganglion.settings import hint as near
from ganglion.words import _

#: type -> its credentials, those that it needs and those that it may have.
CREDENTIALS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "api_key": (("key",), ("header", "query")),
    "bearer": (("token",), ()),
    "basic": (("username", "password"), ()),
    "oauth2": (("token_url", "client_id", "client_secret"), ("scope",)),
}
#: Those that nobody else may see.
SECRET = frozenset(("key", "token", "password", "client_secret"))
#: What a header's name is made of (RFC 9110, 5.6.2).
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Authentication:
    """The kind of value that says who a tool is; an empty map says nothing."""

    @property
    def as_map(self) -> Object:
        """The keys that it may have, for editors."""
        cases = {
            kind: {key: Field(Text(filled=True), required=key in needed) for key in (*needed, *optional)}
            for kind, (needed, optional) in CREDENTIALS.items()
        }
        common = {"type": Field(Choice(tuple(CREDENTIALS)), required=True), "credentials": Field(MapOf(Text()))}
        return Object("way to authenticate", common, "type", cases)

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, and what is wrong with the type of authentication and its credentials."""
        if isinstance(value, Map):
            read(value, place, context.report)
        else:
            context.wrong_type(place, _("{name} must be a map, and this is {found}"), value)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"type": "object", "properties": {"type": {"enum": list(CREDENTIALS)}}}


def read(raw: Any, place: Place, report: Report) -> dict[str, str]:
    """`type` and its credentials in one map, whether they are written side by side or apart; empty where there is none.

    Args:
        report: Told of a type or a credential that is not known, is missing, or is no text.
    """
    if not isinstance(raw, Map) or not raw:
        return {}
    kind = raw.get("type")
    if "type" not in raw:
        report.add("MV101", place, _("the authentication has no 'type'"), near("", CREDENTIALS))
    elif not isinstance(kind, str) or kind not in CREDENTIALS:
        message = _("unknown type of authentication {kind!r}").format(kind=kind)
        report.add("MV104", inside(place, raw, "type"), message, near(str(kind), CREDENTIALS))
    elif "credentials" not in raw:
        return {"type": kind} | _credentials(kind, raw, ("type",), place, report)
    else:
        _unknown(kind, raw, ("type", "credentials"), place, report)
        given, at = raw["credentials"], inside(place, raw, "credentials")
        if isinstance(given, Map):
            return {"type": kind} | _credentials(kind, given, (), at, report)
        message = _("{name} must be a map, and this is {found}")
        report.add("MV102", at, message.format(name="credentials", found=kind_of(given)))
    return {}


def _credentials(kind: str, given: Map, beside: tuple[str, ...], place: Place, report: Report) -> dict[str, str]:
    needed, optional = CREDENTIALS[kind]
    _unknown(kind, given, (*needed, *optional, *beside), place, report)
    made: dict[str, str] = {}
    for key in (*needed, *optional):
        value = given.get(key)
        where = inside(place, given, key)
        if key not in given:
            if key in needed:
                message = _("authentication by {kind} needs {key!r}").format(kind=kind, key=key)
                report.add("MV101", where, message)
        elif not isinstance(value, str):
            message = _("{name} must be text, and this is {found}").format(name=key, found=kind_of(value))
            report.add("MV102", where, message)
        elif not value:
            report.add("MV110", where, _("{name} is empty").format(name=key))
        else:
            made[key] = value
    if "header" in made and not HEADER.fullmatch(made["header"]):
        message = _("{name!r} is no name of a header").format(name=made["header"])
        report.add("MV214", inside(place, given, "header"), message)
    if "header" in made and "query" in made:
        message = _("a key goes into a header or into the query, not into both")
        report.add("MV113", inside(place, given, "query"), message)
    return made


def _unknown(kind: str, given: Map, known: tuple[str, ...], place: Place, report: Report) -> None:
    for key in given:
        if key not in known:
            message = _("authentication by {kind} does not know {key!r}").format(kind=kind, key=key)
            report.add("MV214", at_key(place, given, key), message, near(key, known))
