# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: `aioble` over the real BlueZ, in an emulated machine whose two controllers hear each other."""

from typing import Any

import pytest

from support import machine
from support.bluez_packages import bluez

#: What the emulated controllers and BlueZ's own cryptography ask of the kernel, beside the driver.
_MODULES = ["aes_generic", "ecb", "cmac", "algif_hash", "algif_skcipher", "hci_vhci"]
#: Starts of the machine at most: in one of four its controllers never hear each other.
_BOOTS = 4
_NO_BLUEZ = "BlueZ does not run: `apt-get install bluez`, then `systemctl start bluetooth`."


@pytest.fixture(scope="module")
def answers() -> Any:
    bluez()  # is fetched here: the machine has neither a network nor a disk that it may write
    for _ in range(_BOOTS):
        (found,) = machine.run("support.kernel_bluetooth", modules=_MODULES)
        if found["client"][0].startswith("found"):
            break
    return found


def test_a_script_finds_reads_sets_and_hears_a_peripheral(answers: Any) -> None:
    assert answers["client"] == [
        "found True [(43981, b'1234')]",
        "connected True",
        "service UUID(0x181a) None",
        "characteristics [UUID(0x2a6e), UUID(0x2a7d), UUID('12345678-1234-5678-1234-56789abcdef0')]",
        "temperature 24.5",
        "subscribed",
        "notified 3.0",
        "read 3.0",
        "no more notifications",  # BlueZ tells a read value as a notification too, unless it is asked otherwise
        "setting b'warmer'",
        "subscribed to indications",
        "indicated b'told'",
        "refused 8",  # insufficient authorization
        "CCCD not found",
        "mtu True",
        "disconnected False",
        "waiting",
        "gone False",
    ]
    assert answers["written"] == "warmer"


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ("no bus", _NO_BLUEZ),
        ("no daemon", _NO_BLUEZ),
        ("no adapter", "There is no Bluetooth adapter: plug one in, `bluetoothctl list` names those that BlueZ has."),
        (
            "switched off",
            "The Bluetooth adapter is switched off: `bluetoothctl power on`, or `rfkill unblock bluetooth`.",
        ),
    ],
)
def test_what_is_missing_is_an_oserror_with_the_remedy(answers: Any, missing: str, remedy: str) -> None:
    caught, *traceback = answers[missing]
    assert caught == "<class 'OSError'> 19"
    assert traceback[0] == "Traceback (most recent call last):"
    assert all(line.endswith(("in <module>", "in main")) and "scan.py" in line for line in traceback[1:-2])
    assert traceback[-2:] == ["OSError: [Errno 19] ENODEV", remedy]


def test_a_script_over_bluez_serves_nothing_and_is_told_so(answers: Any) -> None:
    why = "over BlueZ a script is a central, and serves nothing; on a simulated board it can"
    assert answers["server"] == [f"aioble.register_services: {why}", f"aioble.advertise: {why}"]
