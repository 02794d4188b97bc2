# SPDX-License-Identifier: GPL-3.0-or-later
"""What each extra of the distribution brings, and whether it is there."""

import importlib.util

#: Extra -> modules that it brings; looked for, not imported.
MODULES = {
    "i2c": ("smbus2", "gpiod"),
    "serial": ("serial",),
    "audio": ("pymicro_vad",),
    "vision": ("PIL",),
    "gateway": ("fastapi", "sqlalchemy", "alembic", "aiosqlite", "httpx", "nicegui", "structlog", "uvicorn"),
    "tools": ("psutil",),
}


def is_there(module: str) -> bool:
    """Whether a module of the top level could be imported."""
    return importlib.util.find_spec(module) is not None


def is_installed(extra: str) -> bool:
    """Whether everything that an extra brings is there."""
    return all(is_there(module) for module in MODULES[extra])
