# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document gives away: secrets that stand in it in clear, and calls that anyone on the way can read."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ganglion.mova.authentication import SECRET
from ganglion.mova.diagnostic import Place
from ganglion.mova.load import Document
from ganglion.mova.model import Model
from ganglion.mova.source import Map, Report, Seq, inside
from ganglion.mova.template import placeholders
from ganglion.redacted import KEY, TOKEN
from ganglion.words import _

#: Names under which secrets are kept, in small letters and without `-`, `_` and spaces.
_NAME = re.compile(
    r".*(?:password|passphrase|secret|(?:api|access|secret|private)key)|passwd|pwd|credential"
    r"|(?:.*(?:access|api|auth|bearer|refresh))?token|(?:proxy)?authorization"
)
#: What stands there for a secret, and is none: the name of a type, or a word that says to put one in.
_STAND_IN = re.compile(r"(?i)(?:string|none|null|\W*|<.*>|\W*your\b.*|your[-_ ].*|x{3,})")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|apikey)\s+")
_PRIVATE_NAMES = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localhost", ".test")


def exposure(document: Document, of: Model, report: Report) -> None:
    """Adds what a valid document exposes. No message holds a secret."""
    assert document.root is not None  # it was checked
    for place, name, value in _texts(document.root, Place("", document.root.offset), ""):
        if message := _secret(name, value):
            report.add(
                "MV408",
                place,
                message,
                _("in a tool write {placeholder} for it, elsewhere leave it out").format(placeholder="{secret.NAME}"),
            )
    for tool in of.tools:
        key = "url" if "url" in tool.raw else "endpoint"
        if _open(tool.url):
            report.add(
                "MV409",
                inside(tool.place, tool.raw, key),
                _("the tool {id!r} is called over plain http").format(id=tool.id),
                _("write https: what is sent and answered can be read and changed on the way"),
            )


def _texts(value: Any, place: Place, name: str) -> Iterator[tuple[Place, str, str]]:
    """Every text of a document with its place and the key that it stands under."""
    if isinstance(value, str):
        yield place, name, value
    elif isinstance(value, Map):
        for key, each in value.items():
            kept = "credential" if name in ("authentication", "auth", "credentials") and key in SECRET else key
            yield from _texts(each, inside(place, value, key), kept)
    elif isinstance(value, Seq):
        for i, each in enumerate(value):
            yield from _texts(each, inside(place, value, i), name)


def _secret(name: str, value: str) -> str:
    """Says what secret a value is; empty where it is none."""
    if TOKEN.search(value) or KEY.search(value):
        return _("what looks like a key of a service stands here in clear")
    if _is_secret(name) and _literal(_SCHEME.sub("", value, count=1)):
        return _("the value of {name!r} stands here in clear").format(name=name)
    if "://" in value:
        return _in_url(value)
    return ""


def _in_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        if _literal(parts.password or ""):
            return _("the password of a URL stands here in clear")
    except ValueError:
        return ""
    for name, item in parse_qsl(parts.query):
        if _is_secret(name) and _literal(item):
            return _("the parameter {name!r} of a URL stands here in clear").format(name=name)
    return ""


def is_secret(name: str, value: str) -> bool:
    """Whether a text is one that no record is to keep, by the name that it has or by its look."""
    return _is_secret(name) or TOKEN.search(value) is not None or KEY.search(value) is not None or _in_url(value) != ""


def _is_secret(name: str) -> bool:
    return _NAME.fullmatch(re.sub(r"[-_ ]", "", name).lower()) is not None


def _literal(value: str) -> bool:
    return not placeholders(value) and "${" not in value and _STAND_IN.fullmatch(value) is None


def _open(url: str) -> bool:
    """Whether a URL is of plain http, to a host that is not on this machine or network."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if parts.scheme != "http" or not host or "{" in parts.netloc:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_PRIVATE_NAMES)
