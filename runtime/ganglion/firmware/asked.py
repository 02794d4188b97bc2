# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the agent that a board has only where its `agent.json` asks for them: every byte counts on a flash."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

_Asks = Callable[[Mapping[str, Any]], bool]


def is_full(config: Mapping[str, Any]) -> bool:
    """Whether a board is a full member of the mesh: it has a broker, and no parent."""
    return "broker" in config


def with_profile(config: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """A configuration that asks for what a `leaf` or a `full` member needs, whatever it says of its way to the mesh."""
    left = {key: value for key, value in config.items() if key not in ("broker", "parent")}
    return left | {"broker" if profile == "full" else "parent": ""}


def _is_serial(config: Mapping[str, Any]) -> bool:
    uplink = config.get("uplink")
    return isinstance(uplink, dict) and uplink.get("kind") == "serial"


def _has(config: Mapping[str, Any], *keys: str) -> bool:
    """Whether an actuator has one of these keys."""
    tables = config.get("actuators")
    actuators = tables.values() if isinstance(tables, dict) else ()
    return any(key in table for table in actuators if isinstance(table, dict) for key in keys)


#: By module of `ganglion_agent`: whether a configuration asks for it.
ASKED: Mapping[str, _Asks] = {
    "full": is_full,
    "broker": is_full,
    "signer": is_full,
    "leafed": lambda config: not is_full(config),
    "uplink": lambda config: not (is_full(config) or _is_serial(config)),
    "wifi": lambda config: not _is_serial(config),
    "resolve": lambda config: not _is_serial(config),
    "serial": _is_serial,
    "interlock": lambda config: _has(config, "requires", "excludes", "readback"),
    "readback": lambda config: _has(config, "readback"),
    "calendar": lambda config: config.get("calendar") is True,
    "seal": lambda config: config.get("updates") == "signed",
}


def modules_of(config: Mapping[str, Any]) -> list[str]:
    """Names of the modules that an `agent.json` asks for, sorted; what is wrong in it the board itself says."""
    return sorted(name for name, asks in ASKED.items() if asks(config))


def modules_like(there: Collection[str]) -> list[str]:
    """The modules of another version for a board that has these, sorted, as what is always loaded together is one.

    One from before there were two profiles is a leaf's.
    """
    found = {name for name in ASKED if name in there}
    found |= {"full", "broker", "signer"} if "full" in found else {"leafed"}
    if "serial" not in found:
        found |= {"wifi", "resolve"} | ({"uplink"} if "leafed" in found else set())
    return sorted(found)
