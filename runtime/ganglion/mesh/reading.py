# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods that only look, and those that no person calls. Commands, gateway and nodes agree on them here, and
nothing else is imported.
"""

#: What the gateway itself asks nodes; who could ask it through the API, or at a console, could speak in another node's
#: name.
OWN = frozenset({"bus.event", "release.desire"})

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
        "ports.list",
        "release.status",
        "scripts.intents",
        "scripts.list",
        "sensors.inspect",
        "sensors.list",
        "status",
    }
)
