# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of `ganglion sensors` that ask a node, through the gateway."""

import argparse
import math
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ganglion.cli import bus, events, gateway_client, sensors_read, sensors_text
from ganglion.cli.result import Result
from ganglion.cli.sensors_file import File, chosen
from ganglion.cli.show import plain, progress

#: Seconds that a node has for a reading, a stop, a reload; and for a reference, which takes several readings.
_TIME = 30.0
_LONG = 120.0


def _ask(args: argparse.Namespace, method: str, params: dict[str, Any], timeout: float = _TIME) -> Any:
    gateway = gateway_client.find(args)
    return gateway.command(args.node, f"sensors.{method}", params, timeout=timeout, on_progress=progress)["result"]


def _listed(args: argparse.Namespace) -> dict[str, Any]:
    answer: dict[str, Any] = gateway_client.find(args).command(args.node, "sensors.list", {})["result"]
    return answer


def list(args: argparse.Namespace) -> Result:
    """All of a node."""
    listed = _listed(args)
    return Result(data=listed, text=lambda: sensors_text.listed(listed["sensors"]))


def inspect(args: argparse.Namespace) -> Result:
    """One, or all."""
    found = _ask(args, "inspect", {} if args.sensor is None else {"sensor": args.sensor})
    return Result(data=found, text=lambda: sensors_text.inspected(found["sensors"]))


def read(args: argparse.Namespace) -> Result:
    """Each now."""
    return sensors_read.outcome(args.sensors, lambda sensor: _ask(args, "read", {"sensor": sensor}))


def watch(args: argparse.Namespace) -> None:
    """Follows until Ctrl-C or `--count`."""
    args.topic = "sensor/#"
    wanted = _columns(args) if args.sensors else None
    found = (each for each in _followed(args) if "dropped" in each or wanted is None or each["source"] in wanted)
    events.show(found, args)


def record(args: argparse.Namespace, *, seconds: float | None) -> Result:
    """Writes the readings of sensors or channels into a file, until Ctrl-C, `--for` or `--count`."""
    columns, lost = _columns(args), 0
    with File(args.to, columns, node=args.node, count=args.count, force=args.force) as file:
        print(f"recording into {args.to}; Ctrl-C ends it", file=sys.stderr)
        with suppress(KeyboardInterrupt):
            until = math.inf if seconds is None else time.monotonic() + seconds
            for event in _followed(args, until):
                if "dropped" in event:
                    lost += event["dropped"]
                    continue
                file.add(event["source"], event["value"], event["timestamp"])
                if file.is_full:
                    break
    return file.result(lost, f"no reading came; `ganglion sensors list {args.node}` says how the sensors are")


def _followed(args: argparse.Namespace, until: float = math.inf) -> Iterator[dict[str, Any]]:
    names = {sensor.partition(".")[0] for sensor in args.sensors}
    topic = f"sensor/{names.pop()}/#" if len(names) == 1 else "sensor/#"
    return bus.follow(gateway_client.find(args), args.node, {"topic": topic}, until=until)


def _columns(args: argparse.Namespace) -> dict[str, str]:
    """Channel to unit, of the sensors and channels that are named.

    Raises:
        NotFoundError: the node has none of a name.
    """
    known = {
        f"{name}.{channel}": str(told["unit"])
        for name, sensor in _listed(args)["sensors"].items()
        for channel, told in sensor["channels"].items()
    }
    return chosen(known, args.sensors, args.node)


def calibrate(args: argparse.Namespace) -> Result:
    """Takes a reference point, or forgets them."""
    params: dict[str, Any] = {"sensor": args.sensor}
    if args.clear:
        params["clear"] = True
    else:
        params |= {"reference": args.reference, "second": args.second}
        if args.within is not None:
            params["within"] = args.within
    done = _ask(args, "calibrate", params, _LONG)
    return Result(data=done, text=lambda: sensors_text.calibrated(done))


def add(args: argparse.Namespace, table: dict[str, Any]) -> Result:
    """Declares one."""
    done = _ask(args, "add", {"sensor": args.sensor, "table": table})
    said = "is in the place of the one of its name" if done["replaced"] else "is there"
    said = f"{plain(done['sensor'])} {said}; read it with `ganglion sensors read {args.node} {args.sensor}`"
    return Result(data=done, text=lambda: said)


def remove(args: argparse.Namespace) -> Result:
    """Forgets one that was added."""
    done = _ask(args, "remove", {"sensor": args.sensor})
    return Result(data=done, text=lambda: f"{plain(done['sensor'])} is removed")


def start(args: argparse.Namespace) -> Result:
    """Has one read again."""
    done = _ask(args, "start", {"sensor": args.sensor})
    return Result(data=done, text=lambda: f"{plain(done['sensor'])} is {plain(done['health'])}")


def stop(args: argparse.Namespace) -> Result:
    """Has one read no more."""
    done = _ask(args, "stop", {"sensor": args.sensor})
    said = f"{plain(done['sensor'])} is {plain(done['health'])}; `ganglion sensors start` has it read again"
    return Result(data=done, text=lambda: said)


def reload(args: argparse.Namespace) -> Result:
    """Has the configuration read again."""
    done = _ask(args, "reload", {})
    return Result(data=done, text=lambda: sensors_text.reloaded(done))
