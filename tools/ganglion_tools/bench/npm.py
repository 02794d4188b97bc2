# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of npm in a folder of their own, fetched once."""

import os
import shutil
import subprocess
from pathlib import Path

from ganglion.errors import GanglionError


def install(package: str, version: str, folder: Path, *, name: str) -> Path:
    """Brings a package into the folder where it is not there yet, whole or not at all; gives its own folder.

    Args:
        name: What messages call it.

    Raises:
        GanglionError: there is no Node.js, no npm to fetch it with, or npm could not.
    """
    installed = folder / "node_modules" / package
    if shutil.which("node") is None or not (installed.is_dir() or shutil.which("npm")):
        raise GanglionError(f"{name} needs Node.js and npm, and they are not installed: apt-get install nodejs npm")
    if installed.is_dir():
        return installed
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    fresh.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(fresh), "--omit=dev", "--no-audit", "--no-fund"]
    command.append(f"{package}@{version}")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise GanglionError(f"npm could not install {name} {version}: {done.stderr.strip()[-300:]}")
        if not folder.exists():
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return installed
