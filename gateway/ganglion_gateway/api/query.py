# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of a query that a route does not know: named, and never ignored."""

from starlette.requests import HTTPConnection

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion.settings import nearest


def only_known(connection: HTTPConnection) -> None:
    """Looks at the query of a route of FastAPI.

    Raises:
        InvalidError: it has a parameter that is none of the route's; the nearest right one is named.
    """
    known = {each.alias for each in connection.scope["route"].dependant.query_params}
    for name in connection.query_params:
        if name not in known:
            raise InvalidError(say("there is no such parameter{near}", near=nearest(name, known)), where=f"?{name}")


def of_requests(connection: HTTPConnection) -> None:
    """`only_known` as a dependency of a router; a WebSocket asks by itself, where it can say what is wrong."""
    if connection.scope["type"] == "http":
        only_known(connection)
