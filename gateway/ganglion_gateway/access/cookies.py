# SPDX-License-Identifier: GPL-3.0-or-later
"""Cookies of a request, read in time that grows with their length and no faster.

Python before 3.12.6 takes a minute for one in quotes of 60,000 backslashes (CVE-2024-7592), and anybody may send that.
No cookie has a backslash in it (RFC 6265 section 4.1.1), so none with one is handed on to whoever reads them after us:
another program on the same host may have set it, for which nobody is to be refused.
"""

from starlette.datastructures import Headers
from starlette.types import Scope

_HEADER = b"cookie"


def sound(scope: Scope) -> Scope:
    """A request without the cookies that are none."""
    if not any(name == _HEADER and b"\\" in value for name, value in scope["headers"]):
        return scope
    headers = [(name, _sound(value) if name == _HEADER else value) for name, value in scope["headers"]]
    return {**scope, "headers": headers}


def cookie(headers: Headers, name: str) -> str:
    """The value of a cookie, the last of that name; "" where there is none."""
    pairs = (pair.partition("=") for pair in headers.get("cookie", "").split(";"))
    return next((value.strip() for key, _, value in reversed(list(pairs)) if key.strip() == name), "")


def _sound(value: bytes) -> bytes:
    return b";".join(pair for pair in value.split(b";") if b"\\" not in pair)
