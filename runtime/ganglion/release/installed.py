# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a wheel's needs this Python has, without `packaging`."""

import os
import platform
import sys
from collections.abc import Iterable
from importlib import import_module, metadata
from importlib.util import find_spec

from ganglion.release.needs import Need

#: Distributions that are imported by another name. Packages have some without metadata: of cffi, Debian has what is
#: needed when code runs apart.
_MODULES = {"cffi": "_cffi_backend", "pynacl": "nacl", "pyyaml": "yaml", "paho-mqtt": "paho.mqtt"}


def missing(needs: Iterable[str]) -> list[str]:
    """Those that are not here, with what is."""
    environment = _environment()
    found = []
    for text in needs:
        need = Need.read(text, where="needs")
        if not need.is_wanted(environment):
            continue
        version = platform.python_version() if need.name == "python" else _version(need.name)
        if version is None:
            found.append(str(need))
        elif version and not need.takes(version):
            found.append(f"{need} (it has {version})")
    return found


def _version(name: str) -> str | None:
    """Of a distribution; "" where it is there and does not say, None where it is not."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
    module = _MODULES.get(name, name.replace("-", "_"))
    try:
        if find_spec(module) is None:
            return None
        version = getattr(import_module(module), "__version__", "")
    except (ImportError, ValueError):
        return None
    return version if isinstance(version, str) else ""


def _environment() -> dict[str, str]:
    """What markers ask (PEP 508)."""
    return {
        "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "python_full_version": platform.python_version(),
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
    }
