# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods that only look. Commands, gateway and nodes agree on them here, and nothing else is imported."""

#: Methods of a node that change nothing there and need no parameters: who may only look may ask for these.
READING = frozenset(
    {
        "actuators.list",
        "bridge.devices",
        "bus.statistics",
        "history.stats",
        "kv.list",
        "leaf.list",
        "mesh.peers",
        "mesh.routes",
        "mesh.statistics",
        "methods",
        "ping",
        "scripts.intents",
        "scripts.list",
        "sensors.inspect",
        "sensors.list",
    }
)
