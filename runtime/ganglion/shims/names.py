# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a MicroPython script imports from here, and in which file of `modules` each is."""

import importlib
from types import ModuleType
from typing import Any

#: Names that are spelled the same in both Pythons, or that only MicroPython has.
OWN = (
    "aioble",
    "aioble.central",
    "aioble.client",
    "aioble.core",
    "aioble.device",
    "aioble.peripheral",
    "aioble.server",
    "array",
    "asyncio",
    "asyncio.core",
    "asyncio.event",
    "asyncio.lock",
    "asyncio.stream",
    "binascii",
    "bluetooth",
    "collections",
    "deflate",
    "dht",
    "ds18x20",
    "errno",
    "esp32",
    "framebuf",
    "gc",
    "hashlib",
    "io",
    "json",
    "machine",
    "micropython",
    "neopixel",
    "network",
    "ntptime",
    "onewire",
    "os",
    "random",
    "re",
    "requests",
    "rp2",
    "select",
    "socket",
    "ssl",
    "struct",
    "sys",
    "time",
    "umqtt",
    "umqtt.robust",
    "umqtt.simple",
    "zlib",
)

#: Older spellings, each the same module as the one beside it; and `tls`, what is under `ssl` there.
ALIASES = {
    "tls": "ssl",
    "uarray": "array",
    "uasyncio": "asyncio",
    "uasyncio.core": "asyncio.core",
    "uasyncio.event": "asyncio.event",
    "uasyncio.lock": "asyncio.lock",
    "uasyncio.stream": "asyncio.stream",
    "ubinascii": "binascii",
    "ubluetooth": "bluetooth",
    "ucollections": "collections",
    "uerrno": "errno",
    "uhashlib": "hashlib",
    "uio": "io",
    "ujson": "json",
    "umachine": "machine",
    "uos": "os",
    "urandom": "random",
    "ure": "re",
    "urequests": "requests",
    "uselect": "select",
    "usocket": "socket",
    "ussl": "ssl",
    "ustruct": "struct",
    "usys": "sys",
    "utime": "time",
    "uzlib": "zlib",
}

#: A file beside the script of this name is not looked for: MicroPython has these inside.
FIXED = frozenset({"gc", "micropython", "sys", "usys"})


def module(name: str) -> str | None:
    """The full name of the module that a script gets for `name`; None where it is not one of ours."""
    name = ALIASES.get(name, name)
    return f"ganglion.shims.modules.{name}" if name in OWN else None


def load(name: str) -> ModuleType:
    """The module that a script gets: CPython's, or one of ours, which then has MicroPython's names for what is in it.

    Raises:
        ImportError: there is none.
    """
    own = module(name)
    found = importlib.import_module(own or name)
    if own is not None:
        if not hasattr(found, "__path__"):  # a package's name is where its modules are
            found.__name__ = ALIASES.get(name, name)
        for each in vars(found).values():
            if isinstance(each, type) and each.__module__.startswith("ganglion.shims."):
                alone(each)
    return found


def alone(made: Any) -> None:
    """Has a class print its name without its module and what it was made in: MicroPython knows neither."""
    if isinstance(made, type):
        made.__module__ = "builtins"
        made.__qualname__ = made.__name__
