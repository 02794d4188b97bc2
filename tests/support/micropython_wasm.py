# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a script under MicroPython in WebAssembly, of another version and with pointers of 32 bits, by Node.js.

npm brings it once into `.cache`. It collects garbage between scripts only, so its heap has no end to be held to.
"""

import subprocess
from pathlib import Path

from ganglion_tools.bench import npm

ROOT = Path(__file__).parents[2]
PACKAGE = "@micropython/micropython-webassembly-pyscript"
VERSION = "1.27.0"


def run(script: Path, *arguments: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs a script, with `ganglion_micro` to be imported.

    Raises:
        GanglionError: there is no Node.js here, or the package could not be fetched.
    """
    folder = ROOT / ".cache" / f"micropython-wasm-{VERSION}"
    module = npm.install(PACKAGE, VERSION, folder, name="MicroPython") / "micropython.mjs"
    command = ["node", Path(__file__).with_suffix(".mjs"), module, "1000000", ROOT / "firmware", ROOT / "tests"]
    return subprocess.run(
        [*command, "--", script, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=timeout
    )
