# SPDX-License-Identifier: GPL-3.0-or-later
"""Node-RED as npm has it, in the user's cache, with one flow: mqtt in → function → mqtt out."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError

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
    """Writes flow and settings into a folder, and gives the command that runs them."""
    flows, settings = folder / "flows.json", folder / "settings.js"
    flows.write_text(json.dumps(flow(port)))
    settings.write_text(_SETTINGS)
    red = _folder() / "node_modules" / "node-red" / "red.js"
    return ["node", str(red), "--userDir", str(folder), "--settings", str(settings), str(flows)]


def install() -> None:
    """Brings it into the cache where it is not there yet; takes a minute and 100 MB the first time.

    Raises:
        GanglionError: there is no Node.js, no npm to fetch it with, or npm could not.
    """
    folder = _folder()
    installed = (folder / "node_modules" / "node-red" / "red.js").exists()
    if shutil.which("node") is None or not (installed or shutil.which("npm")):
        raise GanglionError("Node-RED needs Node.js and npm, and they are not installed: apt-get install nodejs npm")
    if installed:
        return
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    fresh.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(fresh), "--omit=dev", "--no-audit", "--no-fund", f"node-red@{VERSION}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise GanglionError(f"npm could not install Node-RED {VERSION}: {done.stderr.strip()[-300:]}")
        if not folder.exists():
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "ganglion" / f"node-red-{VERSION}"
