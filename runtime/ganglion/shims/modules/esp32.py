# SPDX-License-Identifier: GPL-3.0-or-later
"""`esp32`: NVS in a file, the partition that runs, and constants; what needs the chip says so."""

import json as _json
import os as _os
from pathlib import Path as _Path
from typing import Any, NoReturn

from ganglion.shims.buffers import readable as _readable
from ganglion.shims.buffers import writable as _writable
from ganglion.shims.oserror import oserror as _oserror

WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True
#: ESP_ERR_NVS_NOT_FOUND of ESP-IDF, as MicroPython raises it.
_NOT_FOUND = -0x1102


def _file() -> _Path:
    state = _os.environ.get("XDG_STATE_HOME") or _Path.home() / ".local" / "state"
    return _Path(state) / "ganglion" / "shims" / "nvs.json"


class NVS:
    """A namespace of values that survive resets, in a file of the user's state folder."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._values: dict[str, Any] = self._all().get(namespace, {})

    def set_i32(self, key: str, value: int) -> None:
        """Keeps 32 bits with a sign.

        Raises:
            OverflowError: it is too large.
        """
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        self._values[key] = value

    def get_i32(self, key: str) -> int:
        """A number.

        Raises:
            OSError: there is none of this name.
        """
        return int(self._of(key, int))

    def set_blob(self, key: str, value: Any) -> None:
        self._values[key] = _readable(value).hex()

    def get_blob(self, key: str, buffer: Any) -> int:
        """Fills a buffer; how long the value is.

        Raises:
            OSError: there is none of this name, or the buffer is too short.
        """
        data = bytes.fromhex(self._of(key, str))
        view = _writable(buffer)
        if len(data) > len(view):
            raise _oserror(-0x110C)  # ESP_ERR_NVS_INVALID_LENGTH
        view[: len(data)] = data
        return len(data)

    def erase_key(self, key: str) -> None:
        if key not in self._values:
            raise _oserror(_NOT_FOUND)
        del self._values[key]

    def commit(self) -> None:
        """Writes it out, whole or not at all."""
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(_json.dumps(self._all() | {self._namespace: self._values}))
        fresh.replace(path)

    def _of(self, key: str, kind: type) -> Any:
        if not isinstance(self._values.get(key), kind):
            raise _oserror(_NOT_FOUND)
        return self._values[key]

    @staticmethod
    def _all() -> dict[str, Any]:
        path = _file()
        return dict(_json.loads(path.read_text())) if path.is_file() else {}


class Partition:
    """The one place that a script runs from."""

    BOOT, RUNNING, TYPE_APP, TYPE_DATA = 0, 1, 0, 1

    def __init__(self, id: Any, block_size: int = 4096, /) -> None:
        self._id = id

    @classmethod
    def find(cls, type: int = 0, subtype: int = 0xFF, label: Any = None, block_size: int = 4096) -> list["Partition"]:
        return [cls(cls.RUNNING)] if type == cls.TYPE_APP else []

    def info(self) -> tuple[int, int, int, int, str, bool]:
        """(type, subtype, address, size, label, encrypted)."""
        return (self.TYPE_APP, 0, 0, 0, "linux", False)

    @classmethod
    def mark_app_valid_cancel_rollback(cls) -> None:
        """Nothing rolls back."""

    def set_boot(self) -> NoReturn:
        raise NotImplementedError("esp32.Partition: there is no other partition on this board")

    readblocks = writeblocks = ioctl = get_next_update = set_boot


def raw_temperature() -> int:
    """Degrees Fahrenheit of the processor.

    Raises:
        OSError: Linux does not say.
    """
    return round(mcu_temperature() * 9 / 5 + 32)


def mcu_temperature() -> int:
    """Degrees Celsius of the processor.

    Raises:
        OSError: Linux does not say.
    """
    return int(_Path("/sys/class/thermal/thermal_zone0/temp").read_text()) // 1000


def wake_on_ext0(pin: Any = None, level: Any = None) -> None:
    """Nothing: this board does not sleep so deeply."""


wake_on_ext1 = wake_on_touch = wake_on_ulp = gpio_deep_sleep_hold = wake_on_ext0


def __getattr__(name: str) -> Any:
    if name in ("RMT", "ULP", "PCNT", "hall_sensor"):
        raise NotImplementedError(f"esp32.{name}: this is a part of the chip, and this board has none")
    raise AttributeError(f"module 'esp32' has no attribute '{name}'")
