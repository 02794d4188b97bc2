# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the emulated machine: BlueZ's daemon on two controllers that hear each other. The one plays a thermometer,
the other is a script's under `ganglion.shims`. Prints what the scripts printed."""

import asyncio
import importlib
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

from dbus_fast import BusType, Variant
from dbus_fast.aio import MessageBus

from support.bluez_packages import bluez
from support.bluez_peripheral import Peripheral, called
from support.waiting import until, until_answered

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>
"""
_BUS_FILE, _BOARD, _SOCKET = Path("/run/bus.conf"), Path("/run/board.toml"), Path("/run/dbus/system_bus_socket")
_SCRIPTS = Path(__file__).parents[1] / "integration" / "bluetooth"
#: What a script imports over BlueZ, but for the shims.
_NEEDED = ["bleak", "bleak.backends.bluezdbus.client", "bleak.backends.bluezdbus.scanner"]
_CENTRAL, _PERIPHERAL = "/org/bluez/hci0", "/org/bluez/hci1"


def arguments(script: str) -> list[str]:
    return ["--config", str(_BOARD), str(_SCRIPTS / script)]


def forked(script: str, begin: int | None = None) -> tuple[int, int]:
    """Starts a script in a process of its own, which ends as any of Python's: its number, and the pipe of what it says.

    It is a fork of this one, which has imported what scripts need: in the machine that takes longer than they do.

    Args:
        begin: A pipe; the script begins when there is a byte in it.
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(writes, stream.fileno())
        if begin is not None:
            os.read(begin, 1)
        sys.argv = ["ganglion.shims", *arguments(script)]
        runpy.run_module("ganglion.shims", run_name="__main__", alter_sys=True)
        raise SystemExit
    os.close(writes)
    return child, reads


def said(script: str) -> list[str]:
    """What a script says, stderr too."""
    child, reads = forked(script)
    with open(reads) as output:
        lines = output.read().splitlines()
    os.waitpid(child, 0)
    return lines


def begins(*words: str | Path) -> None:
    """A program that runs as long as the machine; what it says is for who looks for a fault."""
    log = open("/run/log", "a")  # noqa: SIM115
    subprocess.Popen(words, stdout=log, stderr=log)


async def bus_is_there() -> None:
    await until(_SOCKET.exists)


async def adapters(count: int) -> None:
    """Waits until BlueZ is there, with so many."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()

    async def has() -> bool:
        try:
            (objects,) = await called(bus, "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "", [])
        except AssertionError:
            return False  # it has not come up
        return sum("org.bluez.Adapter1" in each for each in objects.values()) == count

    await until_answered(has)
    bus.disconnect()


async def switch(bus: Any, adapter: str, on: bool) -> None:
    body = ["org.bluez.Adapter1", "Powered", Variant("b", on)]
    await called(bus, adapter, "org.freedesktop.DBus.Properties", "Set", "ssv", body)


async def client(begin: int, says: BinaryIO) -> dict[str, Any]:
    """A script that reads, writes, subscribes, and loses the connection.

    Args:
        begin: The pipe that it begins at.
        says: That of what it says.
    """
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    for adapter in (_CENTRAL, _PERIPHERAL):
        await switch(bus, adapter, True)
    peripheral = Peripheral(_PERIPHERAL)
    await peripheral.begin()
    os.write(begin, b"!")
    output = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(output)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, says)
    lines: list[str] = []
    async for line in output:
        lines.append(line.decode().rstrip("\n"))
        if lines[-1] == "subscribed":
            await until(lambda: peripheral.temperature.notifying)
            peripheral.temperature.notify(b"\x2c\x01")
        elif lines[-1] == "subscribed to indications":
            await until(lambda: peripheral.setting.notifying)
            peripheral.setting.notify(b"told")
        elif lines[-1] == "waiting":
            await switch(bus, _PERIPHERAL, False)
    transport.close()
    return {"client": lines, "written": peripheral.setting.written.decode()}


def main() -> None:
    for each in _NEEDED:
        importlib.import_module(each)
    _BOARD.write_text('board = "linux"\nbluetooth = "hci0"\n')
    answers: dict[str, Any] = {"no bus": said("scan.py")}
    _SOCKET.parent.mkdir()
    _BUS_FILE.write_text(_BUS)
    begins("dbus-daemon", f"--config-file={_BUS_FILE}", "--nofork", "--nopidfile")
    asyncio.run(bus_is_there())
    answers["no daemon"] = said("scan.py")
    subprocess.run(["mount", "-t", "tmpfs", "none", "/var/lib"], check=True)  # where BlueZ keeps what it knows
    os.mkdir("/var/lib/bluetooth")
    begins(bluez() / "usr/libexec/bluetooth/bluetoothd", "-n")
    asyncio.run(adapters(0))
    answers["no adapter"] = said("scan.py")
    begins(bluez() / "usr/bin/btvirt", "-l2")
    asyncio.run(adapters(2))
    answers["switched off"] = said("scan.py")
    waits, begin = os.pipe()
    child, says = forked("client.py", waits)  # before there is a loop, which a fork would share
    with open(says, "rb") as output:
        answers |= asyncio.run(client(begin, output))
    os.waitpid(child, 0)
    answers["server"] = said("server.py")
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
