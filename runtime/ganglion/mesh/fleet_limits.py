# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that the fleet sets for actuators of its nodes: which nodes each is for. What it limits the guardian reads.

Each is a map of `nodes` (`*`, `name:…`, `node:<id>`, `tag:…`), `where` (keys of the actuator's table with their values,
or its `name`) and keys of a `[[limit]]` of a board. A node that several are for goes by all of them: names need not be
unique, for a limit too many makes nothing laxer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.credential import Credential
from ganglion.sentences import say
from ganglion_micro import gl1

#: Limits of one document, and letters of one word of it: it must fit a message of the mesh.
MAX_LIMITS = 256
MAX_WORD = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLimit:
    """One limit.

    Attributes:
        nodes: Whom it is for: any of these words.
        table: `where`, and what is limited, as a `[[limit]]` has it.
    """

    nodes: tuple[str, ...]
    table: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FleetLimits:
    """Limits that hold together.

    Attributes:
        version: Only rises; 0 is before anybody has said anything.
        limits: In the order of their document.
    """

    version: int
    limits: tuple[FleetLimit, ...]

    def of(self, credential: Credential) -> list[Mapping[str, Any]]:
        """The tables of those that are for a member, also under the key that it had before."""
        ids = {credential.node_id, credential.former} - {""}
        words = {"*", f"name:{credential.name}", *(f"node:{id}" for id in ids)}
        words |= {f"tag:{tag}" for tag in credential.tags}
        return [limit.table for limit in self.limits if not words.isdisjoint(limit.nodes)]

    @property
    def document(self) -> dict[str, Any]:
        """The same as plain values, which `read` takes."""
        listed = [{"nodes": _one_or_many(limit.nodes), **limit.table} for limit in self.limits]
        return {"version": self.version, "limit": listed}


#: What holds where the fleet has said nothing.
NONE = FleetLimits(0, ())


def read(document: Any, *, where: str = "limits") -> FleetLimits:
    """The limits in a document of plain values, which may leave the version out.

    Raises:
        InvalidError: it is none; the message names the limit and the key. What a limit limits is not looked at.
    """
    if not isinstance(document, dict) or not isinstance(document.get("limit"), list):
        raise InvalidError(say("limits of a fleet are a map with a list, `limit`"), where=where)
    version = document.get("version", 0)
    if type(version) is not int or not 0 <= version < 1 << 32:
        raise InvalidError(say("the version is a whole number"), where=f"{where}.version")
    if unknown := document.keys() - {"version", "limit"}:
        raise InvalidError(
            say("unknown key {key!r}: there are version and limit", key=min(map(str, unknown))), where=where
        )
    limits = document["limit"]
    if len(limits) > MAX_LIMITS:
        raise InvalidError(
            say("{count} limits, and {most} may be", count=len(limits), most=MAX_LIMITS),
            where=f"{where}.limit",
        )
    return FleetLimits(version, tuple(_limit(limit, f"{where}.limit[{i}]") for i, limit in enumerate(limits)))


def _limit(limit: Any, where: str) -> FleetLimit:
    if not isinstance(limit, dict) or not all(isinstance(key, str) for key in limit):
        raise InvalidError(say("a limit is a map"), where=where)
    table = {key: value for key, value in limit.items() if key != "nodes"}
    what = table.get("where")
    if not isinstance(what, dict) or not what or not all(map(_is_scalar, (*what, *what.values()))):
        raise InvalidError(
            say('says whose limits these are, as in {{driver = "gpio", line = 17}}'), where=f"{where}.where"
        )
    return FleetLimit(nodes=_words(limit.get("nodes"), f"{where}.nodes"), table=table)


def _words(given: Any, where: str) -> tuple[str, ...]:
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, list) or not words:
        raise InvalidError(say("must be there") if given is None else say("a word, or a list of words"), where=where)
    for word in words:
        if not isinstance(word, str) or len(word) > MAX_WORD or not word.isprintable() or not _is_meant(word):
            raise InvalidError(say("{word!r} is none: name:…, node:<id>, tag:… or *", word=word), where=where)
    return tuple(words)


def _is_scalar(value: object) -> bool:
    return type(value) in (str, bool, int, float) and value == value


def _is_meant(word: str) -> bool:
    kind, _, name = word.partition(":")
    return word == "*" or (kind == "node" and gl1.is_node_id(name)) or (kind in ("name", "tag") and bool(name))


def _one_or_many(words: Sequence[str]) -> str | list[str]:
    return words[0] if len(words) == 1 else list(words)
