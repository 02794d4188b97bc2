# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error Ganglion raises on purpose. Catch `GanglionError` to catch them all.

Three questions pick a class: whose fault is it (the operator's, the peer's, the world's), would trying again help,
and what should the shell see. The answers are the class, `retry` and `exit_code`. The message is one sentence that
names the thing, the place and the remedy.
"""

from typing import Any

from ganglion.sentences import joined, say


class GanglionError(Exception):
    """Base of all. `exit_code` is what the `ganglion` command ends with."""

    exit_code = 1
    retry = False

    def data(self) -> dict[str, Any]:
        """What `--json` prints in place of a command's document."""
        return {"error": str(self), "exit_code": self.exit_code}


class InvalidError(GanglionError, ValueError):
    """A file, document or value of the operator's is wrong. `where` is `path:line:column`, a key, or an option.

    What is wrong with an option, as `--since`, is wrong usage, whoever finds it.
    """

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(joined(": ", (where, message)) if where else message)
        self.where = where
        if where.startswith("--"):
            self.exit_code = UsageError.exit_code


class UsageError(GanglionError):
    """The command line asks for something that makes no sense, or needs an extra that is not installed."""

    exit_code = 2


class NotFoundError(GanglionError, LookupError):
    """The thing named does not exist here."""

    exit_code = 3


class RefusedError(GanglionError, PermissionError):
    """Policy said no: unknown key, revoked node, a limit of the guardian, no token."""

    exit_code = 4


class UnfitError(UsageError, RefusedError):
    """The gateway, or a node behind it, does not take a value that it was given, or it means several: wrong usage."""


class OverError(RefusedError):
    """What is to be changed is in no state for it: it has ended, was decided, or was changed meanwhile. It failed."""

    exit_code = 1


class UnreachableError(GanglionError, ConnectionError):
    """No answer from the peer in time. What was to be kept is kept."""

    exit_code = 5
    retry = True


class LocalProtocolError(GanglionError):
    """We asked a protocol object for something its state does not allow: our bug."""


class RemoteProtocolError(GanglionError):
    """The peer sent bytes the protocol forbids. Drop the connection, keep the peer."""

    retry = True


def unread(error: OSError | UnicodeDecodeError) -> str:
    """Why a file could not be read, to stand behind its name."""
    if isinstance(error, UnicodeDecodeError):
        return say("is no text in UTF-8: byte {at} is 0x{byte:02x}", at=error.start, byte=error.object[error.start])
    return say("cannot be read: {why}", why=error.strerror or error)


def unreadable(error: OSError | UnicodeDecodeError, where: str) -> GanglionError:
    """What to raise of a file that could not be read: it is not there, or something is wrong with it."""
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{where} does not exist")
    return InvalidError(unread(error), where=where)


#: What Python's own reader of JSON misses, or finds too much, in our words.
_BROKEN = {
    "Expecting value": say("a value is missing"),
    "Expecting property name enclosed in double quotes": say("a name in double quotes is missing"),
    "Expecting ':' delimiter": say("a colon is missing"),
    "Expecting ',' delimiter": say("a comma is missing, or the end"),
    "Illegal trailing comma before end of object": say("a comma is too many"),
    "Illegal trailing comma before end of array": say("a comma is too many"),
    "Extra data": say("there is more behind its end"),
    "Unterminated string starting at": say("a text does not end"),
    "Invalid control character at": say("a text has a control character in it"),
    "Invalid \\escape": say("a text has a backslash before what needs none"),
    "Invalid \\uXXXX escape": say("a text has a \\u without four digits behind it"),
}


def broken(said: str) -> str:
    """What is wrong with JSON, of what `json.JSONDecodeError` has as its `msg`."""
    return _BROKEN.get(said, said.lower())


def no_json(error: ValueError | RecursionError) -> str:
    """Why a text could not be read as JSON, to stand behind its name: of what `json.loads` raises."""
    if isinstance(error, RecursionError):
        return say("is no JSON: it is too deep")
    if isinstance(error, UnicodeDecodeError):
        return unread(error)
    said, line, column = (getattr(error, name, None) for name in ("msg", "lineno", "colno"))
    if line is None:
        return say("is no JSON: {why}", why=str(error))
    return say("is no JSON: {why} (line {line}, column {column})", why=broken(str(said)), line=line, column=column)
