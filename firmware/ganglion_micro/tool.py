# SPDX-License-Identifier: GPL-3.0-or-later
"""A tool of a plan: the request that it makes, held to its contracts, and what its answer comes to."""

from ganglion_micro import plan as p
from ganglion_micro.effects import CallTool, Failure
from ganglion_micro.expression import MISSING, lookup
from ganglion_micro.schema import invalid
from ganglion_micro.secret_text import SecretText
from ganglion_micro.template import CONST, VALUE, render
from ganglion_micro.text import text

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_micro.run import Run

#: What a server says that has not done what it was asked, so that asking again cannot do it twice: it did not get the
#: whole request (408), does not risk a replay (425), refuses so many (429), or is not there for now (503).
_UNTOUCHED = (408, 425, 429, 503)
#: What may pass, and leaves open whether something was done.
_PASSING = (500, 502, 504)
#: What stands for itself anywhere behind the beginning of a URL (RFC 3986, 2.3 and 3.3).
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:"
#: Letters of the answer of a call that failed which its error shows.
_SHOWN = 200


def call(run: "Run", tool: "list[Any]", arguments: "dict[str, Any]", ns: int) -> CallTool:
    """The request, with everything filled in but the secrets.

    Args:
        arguments: What a model gives: they stand before the session's values of that name, but for credentials.
        ns: The longest to wait, in nanoseconds; 0 for the carrier's own bound.

    Raises:
        ValueError: a contract does not allow it; the sentence names the contract and the place.
    """
    data = run.data
    if arguments:
        data = dict(data)
        data.update(arguments)
    scope = run.scope
    missing = run.missing
    for declared in tool[p.DECLARED]:
        if len(declared) == 2 and declared[0] not in data:
            data = dict(data)
            data[declared[0]] = declared[1]
    parameters = render(tool[p.PARAMETERS], scope, data, missing)
    if tool[p.DECLARED]:
        parameters = dict(parameters)  # a constant one is the plan's own
        for declared in tool[p.DECLARED]:
            if declared[0] in data:
                parameters[declared[0]] = data[declared[0]]
    body = None if tool[p.BODY] is None else render(tool[p.BODY], scope, data, missing)
    for name, schema, _ in tool[p.CONTRACTS]:
        wrong = "" if schema is None else invalid(parameters if body is None else body, schema)
        if wrong:
            raise ValueError("the contract {} does not allow what goes to {}: {}".format(name, tool[p.TOOL_ID], wrong))
    return CallTool(
        run.id,
        tool[p.TOOL_ID],
        tool[p.METHOD],
        _url(tool[p.URL], run, data),
        render(tool[p.HEADERS], scope, data, missing),
        parameters,
        body,
        None if tool[p.AUTH] is None else render(tool[p.AUTH], scope, run.data, missing),
        ns,
    )


def _url(template: "list[Any]", run: "Run", data: "dict[str, Any]") -> "str | SecretText":
    """A URL whose values stay within their part of it, but for one that it begins with.

    Which server is asked, a model does not say: what stands before the path is from the session, never from `data`.

    Raises:
        ValueError: a value would lead to another place of the server.
    """
    if template[0] == CONST:
        return text(template[1])
    parts = [[template[1], template[2]]] if template[0] == VALUE else template[1]
    made = [""]
    for part in parts:
        before = "".join(made)
        if type(part) is str:
            made[-1] += part
        elif len(part) == 1:
            made += [part[0], ""]
        else:
            value = lookup(part[0], run.scope, data if before.count("/") > 2 else run.data)
            if value is MISSING:
                run.missing.append(part[1])
                made[-1] += part[1]
            elif not before:
                made[-1] = text(value)
            elif text(value) in (".", "..") and "?" not in before:
                raise ValueError("{} is {}, which is no part of a URL".format(part[1], text(value)))
            else:
                made[-1] += _quoted(text(value))
    return made[0] if len(made) == 1 else SecretText(made)


def _quoted(value: str) -> str:
    """Percent-encoded (RFC 3986, 2.1)."""
    return "".join([c if c in _PLAIN else "".join(["%{:02X}".format(b) for b in c.encode()]) for c in value])


def refusal(tool: "list[Any]", result: "list[Any]") -> "Failure | None":
    """Why an answer is a failure of the step; None where it is none.

    A status is worth another try where it may pass; but a method that is not idempotent is tried again only where the
    server says that it has done nothing (RFC 9110, 9.2.2).
    """
    name = tool[p.TOOL_ID]
    status = result[0]
    if status >= 400:
        again = status in _UNTOUCHED or (status in _PASSING and idempotent(tool[p.METHOD]))
        after = result[2] if len(result) > 2 else 0
        said = excerpt(result[1])
        message = "{} answered with HTTP status {}{}".format(name, status, ": " + said if said else "")
        return Failure("failed", message, again, after)
    for contract, _, schema in tool[p.CONTRACTS]:
        wrong = "" if schema is None else invalid(result[1], schema)
        if wrong:
            message = "the contract {} does not allow what came from {}: {}".format(contract, name, wrong)
            return Failure("invalid", message)
    return None


def excerpt(body: "Any") -> str:
    """The beginning of a body on one line, for people; empty of one that is no text."""
    said = text(body)[:_SHOWN]
    if "\ufffd" in said:
        return ""
    return " ".join("".join([c if " " <= c <= "~" or c > "\x9f" else " " for c in said]).split())


def idempotent(method: str) -> bool:
    """Whether doing it twice is as doing it once (RFC 9110, 9.2.2; PATCH: RFC 5789, 2)."""
    return method not in ("POST", "PATCH")
