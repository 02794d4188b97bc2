# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release lays over the node's own configuration. Pure.

A section goes key by key, a sensor or an actuator table by table, `[[report]]` as a whole; limits are added. The name
of a node and the key that it joins by are its own.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganglion import config
from ganglion.errors import InvalidError
from ganglion.release.manifest import LIMITS
from ganglion.sentences import say

#: Keys that are no release's to say, with why.
_OWN = {
    ("node", "name"): say("a node keeps the name of its own file"),
    ("node", "scripts"): say("the scripts of a release are its files"),
    ("mesh", "enrol_key"): say("a release is for nodes that have joined"),
    ("mesh", "enrol_key_file"): say("a release is for nodes that have joined"),
}
#: What a file has at least, to see whether the rest is right.
_LEAST: dict[str, Any] = {"node": {"name": "node"}, "mqtt": {"broker": "mqtt://127.0.0.1"}, "mesh": {}}


def parse(data: bytes, where: str) -> dict[str, Any]:
    """The tables in a file.

    Raises:
        InvalidError: it is no TOML in UTF-8; line and column are named.
    """
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise InvalidError(say("is no text in UTF-8: byte {at}", at=error.start), where=where) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(say("not TOML: {why}", why=str(error)), where=where) from None


def check(tables: Mapping[str, Any], where: str) -> None:
    """Returns where every node can lay this over its own; whether it fits what a node has, its trial says.

    Raises:
        InvalidError: a key is unknown or not a release's to say, or a value is none.
    """
    for (section, key), why in _OWN.items():
        if key in _table(tables, section):
            raise InvalidError(say("leave it out: {why}", why=why), where=f"{where}: {section}.{key}")
    if "limit" in tables:
        raise InvalidError(
            say("leave it out: the limits of a release are in its file {limits}", limits=LIMITS),
            where=f"{where}: limit",
        )
    made = config.of_table(laid(_LEAST, tables, (), ()), Path(where))
    if any(each.password for each in (*made.brokers, *made.bridge_brokers)):
        raise InvalidError(
            say(
                "a broker has a password, and whoever carries a release can read it: put "
                "user:password into a file on the nodes and name it with ?account=FILE"
            ),
            where=where,
        )


def limits(tables: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """The tables `[[limit]]` of a file of limits.

    Raises:
        InvalidError: it has something else.
    """
    listed = tables.get("limit")
    if tables.keys() != {"limit"} or not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise InvalidError(say("has tables [[limit]] and nothing else"), where=where)
    return listed


def laid(
    own: Mapping[str, Any], over: Mapping[str, Any], limit: Sequence[dict[str, Any]], scripts: Sequence[str]
) -> dict[str, Any]:
    """The tables that hold.

    Args:
        own: Of the node's file.
        over: Of the release.
        limit: Its limits.
        scripts: Paths of its scripts, which run in place of those of the node's file; none leaves them.
    """
    made = dict(own)
    for name, value in over.items():
        before: Any = made.get(name)
        # One level deep: a sensor of another kind has other keys, so its table is replaced as a whole
        is_table = isinstance(value, dict) and isinstance(before, dict)
        made[name] = {**before, **value} if is_table else value
    if limit:
        made["limit"] = [*made.get("limit", []), *limit]
    if scripts:
        made["node"] = {**_table(made, "node"), "scripts": list(scripts)}
    return made


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tables.get(name)
    return found if isinstance(found, dict) else {}
