# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the serial ports of this machine, what is plugged in there and who has them open; or those a node lends."""

import argparse
import dataclasses
from typing import Any

from ganglion import extras
from ganglion.board import boards
from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.device.ports import SerialPort, serial_ports


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion ports [--node NODE]`."""
    parser.add_argument("--node", metavar="NODE", help="those that this node lends, for `ganglion console NODE:NAME`")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Looks; exit 0 also where there is none."""
    if args.node:
        lent = gateway_client.find(args).command(args.node, "ports.list", {})["result"]
        return Result(data=lent, text=lambda: _lent(args.node, lent["ports"]))
    extras.need("`ganglion ports`", "serial", "serial")
    ports = serial_ports(boards())
    return Result(data={"ports": [dataclasses.asdict(port) for port in ports]}, text=lambda: _text(ports))


def _lent(node: str, ports: list[dict[str, Any]]) -> str:
    if not ports:
        return f"{node} lends no serial port: [serial.NAME] in its configuration does that"
    head = ["console", "port", "baud", "about", "in use by", "who writes"]
    rows = []
    for each in ports:
        held = each["in_use_by"] if each.get("is_there", True) else "it is not there"
        said = (each["port"], each["baud"], each["about"], held, each["writer"])
        rows.append([f"{node}:{each['name']}", *(str(one or "") for one in said)])
    return table(head, rows)


def _text(ports: list[SerialPort]) -> str:
    if not ports:
        return "no serial port: is the cable in, and does it carry data?"
    head = ["port", "usb", "serial number", "description", "board", "in use by"]
    return table(head, [_row(port) for port in ports])


def _row(port: SerialPort) -> list[str]:
    usb = "" if port.vid is None or port.pid is None else f"{port.vid:04x}:{port.pid:04x}"
    held = ", ".join(map(str, port.holders))
    return [port.device, usb, port.serial_number or "", port.description, " or ".join(port.boards), held]
