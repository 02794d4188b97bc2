# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the serial ports of this machine, what is plugged in there, and which program has them open."""

import argparse
import dataclasses

from ganglion.board import boards
from ganglion.cli.result import Result, table
from ganglion.device.ports import SerialPort, serial_ports


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion ports` has no options of its own."""


def run(args: argparse.Namespace) -> Result:
    """Looks; exit 0 also where there is none."""
    ports = serial_ports(boards())
    return Result(data={"ports": [dataclasses.asdict(port) for port in ports]}, text=lambda: _text(ports))


def _text(ports: list[SerialPort]) -> str:
    if not ports:
        return "no serial port: is the cable in, and does it carry data?"
    head = ["port", "usb", "serial number", "description", "board", "in use by"]
    return table(head, [_row(port) for port in ports])


def _row(port: SerialPort) -> list[str]:
    usb = "" if port.vid is None or port.pid is None else f"{port.vid:04x}:{port.pid:04x}"
    held = ", ".join(map(str, port.holders))
    return [port.device, usb, port.serial_number or "", port.description, " or ".join(port.boards), held]
