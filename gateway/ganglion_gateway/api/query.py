# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of a query that a route does not know, and bodies where none is taken: named, and never ignored."""

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


def no_body(connection: HTTPConnection) -> None:
    """Looks at the request to a route that takes no body: who says there which messages are to be dropped drops all.

    Raises:
        InvalidError: it has one, and more than `{}` in it.
    """
    route = connection.scope["route"]
    length = connection.headers.get("content-length", "")
    if route.body_field is None and not route.openapi_extra and length.isdecimal() and int(length) > len("{}"):
        raise InvalidError(
            say("nothing is taken in it here: what is to be said stands in path and query"), where=say("the body")
        )


def of_requests(connection: HTTPConnection) -> None:
    """Both as a dependency of a router; a WebSocket asks by itself, where it can say what is wrong."""
    if connection.scope["type"] == "http":
        only_known(connection)
        no_body(connection)
