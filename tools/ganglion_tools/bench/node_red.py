# SPDX-License-Identifier: GPL-3.0-or-later
"""Node-RED as npm has it, in the user's cache, with one flow: mqtt in → function → mqtt out."""

import json
import os
from pathlib import Path
from typing import Any

from ganglion_tools.bench import npm

VERSION = "4.1.15"

#: No editor, no pages, no questions home: what a device in the field would run.
_SETTINGS = """\
module.exports = {
  httpAdminRoot: false, httpNodeRoot: false, credentialSecret: false, telemetry: { enabled: false },
  logging: { console: { level: "error", metrics: false, audit: false } },
};
"""


def flow(port: int) -> list[dict[str, Any]]:
    """The rule as Node-RED's editor would save it."""
    return [
        {"id": "tab", "type": "tab", "label": "bench"},
        {
            "id": "broker",
            "type": "mqtt-broker",
            "broker": "127.0.0.1",
            "port": str(port),
            "autoConnect": True,
            "usetls": False,
            "protocolVersion": "4",
            "keepalive": "60",
            "cleansession": True,
        },
        {
            "id": "in",
            "type": "mqtt in",
            "z": "tab",
            "topic": "bench/in",
            "qos": "0",
            "datatype": "json",
            "broker": "broker",
            "wires": [["rule"]],
        },
        {
            "id": "rule",
            "type": "function",
            "z": "tab",
            "func": "if (msg.payload.value > 50) return { payload: msg.payload.value };",
            "outputs": 1,
            "wires": [["out"]],
        },
        {
            "id": "out",
            "type": "mqtt out",
            "z": "tab",
            "topic": "bench/out",
            "qos": "0",
            "broker": "broker",
            "wires": [],
        },
    ]


def command(folder: Path, port: int) -> list[str]:
    """Writes flow and settings into a folder, and gives the command that runs them.

    Raises:
        GanglionError: Node-RED is not in the cache and cannot be fetched.
    """
    flows, settings = folder / "flows.json", folder / "settings.js"
    flows.write_text(json.dumps(flow(port)))
    settings.write_text(_SETTINGS)
    return ["node", str(install() / "red.js"), "--userDir", str(folder), "--settings", str(settings), str(flows)]


def install() -> Path:
    """Brings it into the cache where it is not there yet; takes a minute and 100 MB the first time.

    Raises:
        GanglionError: there is no Node.js, no npm to fetch it with, or npm could not.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return npm.install("node-red", VERSION, cache / "ganglion" / f"node-red-{VERSION}", name="Node-RED")
