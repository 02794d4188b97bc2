# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node says of a release, as it came over the mesh. Pure."""

from typing import Any

from ganglion.errors import InvalidError
from ganglion.release.manifest import ID
from ganglion.release.record import STATES
from ganglion_gateway.store.database import Row

#: Letters of why.
_WHY = 500
#: Nanoseconds since 1970 that a database can hold.
_LATEST = 2**63 - 1


def reported(params: dict[str, Any]) -> Row:
    """A report as it came.

    Raises:
        InvalidError: it is none.
    """
    numbers = [params.get(name) for name in ("number", "serial", "at")]
    release, state, why = params.get("release"), params.get("state"), params.get("why")
    if any(type(each) is not int or not 0 <= each <= _LATEST for each in numbers):
        raise InvalidError("a report has a number, a serial and a time", where="params")
    if not isinstance(release, str) or (release and not ID.fullmatch(release)):
        raise InvalidError("is no release", where="params.release")
    if state not in STATES or not isinstance(why, str):
        raise InvalidError(f"is one of {', '.join(STATES)}", where="params.state")
    number, serial, at = numbers
    return {"number": number, "serial": serial, "at": at, "release": release or None, "state": state, "why": why[:_WHY]}
