# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of third parties: what is on a broker, what a node's bridge reads there, and setting one of them."""

import argparse
import asyncio
import json
from contextlib import suppress
from typing import Any

from ganglion.cli import gateway_client, gateway_flags, option
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain
from ganglion.errors import UnreachableError, UsageError
from ganglion.mqtt.url import addresses as parsed
from ganglion.units import SECOND

#: Nanoseconds of looking at a broker, if nobody says otherwise, and at most.
_LOOK, _LONGEST = "5s", 600 * SECOND


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion bridge scan|devices|set`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    scan = verbs.add_parser("scan", parents=[common], help="look at a broker: which devices are announced there")
    scan.add_argument("--broker", action="append", metavar="URL", help="where to look; or GANGLION_BROKER")
    scan.add_argument("--time", default=_LOOK, metavar="TIME", help=f"how long to look; default: {_LOOK}")
    scan.add_argument(
        "--zigbee2mqtt", action="append", metavar="TOPIC", help="a base topic of Zigbee2MQTT; default: zigbee2mqtt"
    )
    devices = verbs.add_parser("devices", parents=[common], help="the devices that a node's bridge reads")
    devices.add_argument("node", metavar="NODE", help="its name or id")
    setting = verbs.add_parser("set", parents=[common], help="set a channel of one of them")
    setting.add_argument("node", metavar="NODE", help="the node's name or id")
    setting.add_argument("device", metavar="DEVICE", help="the device's id or name, as `devices` shows it")
    setting.add_argument("channel", metavar="CHANNEL", help="as `devices` shows it")
    setting.add_argument("value", metavar="VALUE", help="on, off, a number, or one of its texts")
    for verb in (devices, setting):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb. Exit codes: 0 ok, 1 no such value, 3 no such node, device or channel, 4 refused, 5 no answer."""
    match args.verb:
        case "scan":
            return _scan(args)
        case "set":
            return _set(args)
    return _devices(args)


def _devices(args: argparse.Namespace) -> Result:
    gateway = gateway_client.find(args)
    found = gateway.command(args.node, "bridge.devices", {})["result"]
    following = found.pop("next", None)
    while following is not None:
        page = gateway.command(args.node, "bridge.devices", {"after": following})["result"]
        found["devices"] += page["devices"]
        following = page.get("next")
    return Result(data=found, text=lambda: _text(found["devices"], connected=found["connected"]))


def _scan(args: argparse.Namespace) -> Result:
    from ganglion import config
    from ganglion.config.bridge import BridgeSection

    time = option.duration(args.time, "--time")
    if not 0 < time <= _LONGEST:
        raise UsageError("--time is at most 10m")
    addresses = config.brokers(args.broker, "mqtt://127.0.0.1:1883")
    section = BridgeSection(zigbee2mqtt=tuple(args.zigbee2mqtt or ("zigbee2mqtt",)))
    found = asyncio.run(_look(addresses, section, time / SECOND))
    return Result(data={"devices": found}, text=lambda: _text(found, connected=True))


async def _look(addresses: tuple[str, ...], section: Any, seconds: float) -> list[dict[str, Any]]:
    from ganglion.node.bridged import BrokerBridge

    line = BrokerBridge(addresses, section, lambda readings, kept: None)
    running = asyncio.create_task(line.run())
    was_there = False
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                was_there = was_there or line.connected
                await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    if not was_there:
        raise UnreachableError(f"no broker answers at {', '.join(map(str, parsed(addresses)))}: name it with --broker")
    return line.documents()


def _set(args: argparse.Namespace) -> Result:
    value: Any = args.value
    with suppress(ValueError, RecursionError):
        value = json.loads(args.value)
    if not isinstance(value, bool | int | float):
        value = args.value
    params = {"device": args.device, "channel": args.channel, "value": value}
    answer = gateway_client.find(args).command(args.node, "bridge.set", params)["result"]
    return Result(
        data=answer,
        text=lambda: f"sent to {plain(answer['topic'])}; whether the device obeys, its readings show",
    )


def _text(devices: list[dict[str, Any]], *, connected: bool) -> str:
    if not devices:
        there = "no device is announced there" if connected else "the bridge has no broker: look into the node's log"
        return f"{there}; those of Zigbee2MQTT, Tasmota and ESPHome would be"
    rows = []
    for device in devices:
        there = {True: "yes", False: "no"}.get(device["available"], "")
        for name, channel in sorted(device["channels"].items()):
            what = " ".join(part for part in (channel["kind"], channel["unit"].strip("1")) if part)
            value = plain(channel.get("value"))
            rows.append([device["id"], there, name, what, "yes" if channel["settable"] else "", value])
    shown = [[plain(cell) for cell in row] for row in rows]
    return table(("device", "there", "channel", "kind", "can be set", "value"), shown)
