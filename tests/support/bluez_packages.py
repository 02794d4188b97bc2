# SPDX-License-Identifier: GPL-3.0-or-later
"""BlueZ's daemon and its emulated controllers, of Debian's packages: fetched once, unpacked, never installed."""

import subprocess
import tempfile
from pathlib import Path

from ganglion_tools.once import missing

_CACHE = Path(__file__).parents[2] / ".cache" / "bluez"
_PACKAGES = ["bluez", "bluez-test-tools"]


def bluez() -> Path:
    """The folder with `usr/libexec/bluetooth/bluetoothd` and `usr/bin/btvirt`."""
    with missing(_CACHE) as wanted:
        if wanted:
            with tempfile.TemporaryDirectory(dir=_CACHE.parent) as name:
                scratch = Path(name)
                _do(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *_PACKAGES], scratch)
                for package in scratch.glob("*.deb"):
                    _do(["dpkg", "-x", str(package), "tree"], scratch)
                (scratch / "tree").rename(_CACHE)
    return _CACHE


def _do(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
