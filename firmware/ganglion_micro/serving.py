# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of a device, and the body of the answer to one that is asked for, whoever asks and however."""

from ganglion_micro import cbor

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class RefusalError(Exception):
    """What a handler raises where the device will not do what it is asked; the message says why."""


def answered(
    methods: "dict[str, Callable[[dict[str, Any]], Any]]",
    body: "dict[str, Any]",
    seal: "Callable[[dict[str, Any]], bytes]",
) -> bytes:
    """Does what a request asks for, and seals the answer, which says so where the request is none.

    Args:
        methods: Handlers by name: each gets the parameters; what it returns is the answer, a ValueError says that they
            are wrong, a RefusalError that it will not.
        body: With `id`, `method` and `params`.
        seal: Makes the message. Raises CBORError where the result cannot be sent.
    """
    identity, method, params = body["id"], body["method"], body["params"]
    if method not in methods:
        known = ", ".join(sorted(methods)) or "none"
        return seal(no(identity, "not_found", "no method {}; known are {}".format(method[:40], known), 500))
    try:
        return seal({"id": identity, "ok": True, "result": methods[method](params)})
    except cbor.CBORError as error:
        return seal(no(identity, "failed", "the result cannot be sent: {}".format(error)))
    except ValueError as error:
        return seal(no(identity, "invalid", str(error)))
    except RefusalError as error:
        return seal(no(identity, "refused", str(error)))
    except Exception as error:  # of the device's own code: the device goes on
        return seal(no(identity, "failed", "{}: {}".format(type(error).__name__, error)))


def no(identity: str, code: str, message: str, most: int = 200) -> "dict[str, Any]":
    """The body of an answer that says no; a message of a leaf has room for 200 letters of any kind."""
    if len(message) > most:
        message = message[:most].rsplit(" ", 1)[0] + " ..."
    return {"id": identity, "ok": False, "error": {"code": code, "message": message}}


def is_request(body: "dict[str, Any]") -> bool:
    """Whether a body asks for a method."""
    return type(body.get("id")) is str and type(body.get("method")) is str and type(body.get("params")) is dict
