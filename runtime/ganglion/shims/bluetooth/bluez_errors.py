# SPDX-License-Identifier: GPL-3.0-or-later
"""What bleak raises, as a script is told it: what the other side refuses, or an OSError with the remedy beneath."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ganglion.shims.bluetooth.radio import GattRefusedError
from ganglion.shims.oserror import oserror

_REMEDIES = {
    "NO_BLUETOOTH": "There is no Bluetooth adapter: plug one in, `bluetoothctl list` names those that BlueZ has.",
    "NO_BLE_CENTRAL_ROLE": "The Bluetooth adapter cannot connect to Low Energy devices: plug in one that can.",
    "POWERED_OFF": "The Bluetooth adapter is switched off: `bluetoothctl power on`, or `rfkill unblock bluetooth`.",
    "DENIED_BY_SYSTEM": "This user may not use Bluetooth: add it to the group bluetooth, and log in again.",
}
_NO_BLUEZ = "BlueZ does not run: `apt-get install bluez`, then `systemctl start bluetooth`."
#: How D-Bus says that nobody has the name that was called.
_NOBODY = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")


@contextmanager
def told() -> Iterator[None]:
    """Around what bleak does.

    Raises:
        GattRefusedError: the other side answered with an error.
        OSError: ENODEV, there is no radio; EIO, BlueZ could not.
    """
    from bleak import exc

    try:
        yield
    except TimeoutError:  # an OSError to CPython, and not to MicroPython
        raise
    except exc.BleakGATTProtocolError as error:
        raise GattRefusedError(int(error.code)) from error
    except exc.BleakBluetoothNotAvailableError as error:
        raise _error(errno.ENODEV, _REMEDIES.get(error.reason.name, str(error.args[0]))) from error
    except exc.BleakDBusError as error:
        raise _of_bluez(error) from error
    except exc.BleakError as error:
        if str(error).startswith("adapter "):  # which BlueZ does not have
            raise _error(errno.ENODEV, _REMEDIES["NO_BLUETOOTH"]) from error
        raise _error(errno.EIO, f"BlueZ: {error}") from error
    except (FileNotFoundError, ConnectionError) as error:
        raise _error(errno.ENODEV, _NO_BLUEZ) from error


def _of_bluez(error: Any) -> OSError:
    if error.dbus_error in _NOBODY:
        return _error(errno.ENODEV, _NO_BLUEZ)
    if error.dbus_error == "org.bluez.Error.NotReady":
        return _error(errno.ENODEV, _REMEDIES["POWERED_OFF"])
    return _error(errno.EIO, f"BlueZ: {error.dbus_error_details or error.dbus_error}")


def _error(number: int, note: str) -> OSError:
    made = oserror(number)
    made.add_note(note)
    return made
