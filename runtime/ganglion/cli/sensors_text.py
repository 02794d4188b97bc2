# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion sensors` shows to people."""

from collections.abc import Mapping, Sequence
from typing import Any

from ganglion.cli.result import table
from ganglion.cli.show import clock, moment, plain
from ganglion.units import SECOND

Document = Mapping[str, Any]


def value(of: Document) -> str:
    """A value with its unit, if it has one; why there is none, or `-`."""
    if of["value"] is None:
        return f"refused: {plain(of['error'])}" if of.get("error") else "-"
    number = of["value"]
    text = f"{number:.6g}" if isinstance(number, float) else plain(number) or '""'
    return text if of["unit"] in ("", "1") else f"{text} {plain(of['unit'])}"


def listed(sensors: Document) -> str:
    """A line a channel."""
    if not sensors:
        return "no sensor; `ganglion sensors add` adds one"
    rows = [
        (
            plain(f"{name}.{channel}"),
            plain(sensor["kind"]),
            plain(sensor["health"]),
            value(told),
            clock(told["timestamp"]) if told["timestamp"] else "-",
            plain(told["calibration"]),
        )
        for name, sensor in sensors.items()
        for channel, told in sensor["channels"].items()
    ]
    lines = [table(("channel", "kind", "health", "value", "at", "calibration"), rows)]
    lines += [f"{plain(name)}: {plain(sensor['error'])}" for name, sensor in sensors.items() if sensor["error"]]
    return "\n".join(lines)


def readings(all: Sequence[Document]) -> str:
    """A line a channel, or why a sensor has none."""
    rows = []
    for each in all:
        if each.get("error"):
            why = each["error"].removeprefix(f"sensor {each['sensor'].partition('.')[0]}: ")
            rows.append((plain(each["sensor"]), f"no reading: {plain(why)}"))
        rows += [(plain(f"{each['sensor']}.{channel}"), value(told)) for channel, told in each["values"].items()]
    return table(("channel", "value"), rows)


def inspected(sensors: Document) -> str:
    """Each sensor with its channels."""
    return "\n\n".join(_inspected(name, sensor) for name, sensor in sensors.items()) or listed({})


def _inspected(name: str, sensor: Document) -> str:
    every = f"every {sensor['every'] / SECOND:g} s" if sensor["every"] else "at its own pace"
    lines = [
        f"{plain(name)}: {plain(sensor['kind'])}, {plain(sensor['modality']) or 'of no modality'}, {every}, "
        f"{plain(sensor['health'])}; {plain(sensor['errors'])} errors, {plain(sensor['missed'])} samples missed",
        f"declared {'at run time' if sensor['added'] else 'in the configuration'}: {plain(sensor['table'])}",
    ]
    if sensor["error"]:
        lines.append(f"error: {plain(sensor['error'])}")
    rows = [
        (
            plain(channel),
            value(told),
            "-" if told["range"] is None else f"{told['range'][0]:g} to {told['range'][1]:g}",
            f"{told['samples']:.3g}",
            f"{told['events']:.3g}",
            plain(told["refused"]),
            plain(told["doubted"]),
            plain(told["withheld"]),
            plain(told["calibration"]),
        )
        for channel, told in sensor["channels"].items()
    ]
    head = ("channel", "value", "range", "samples/s", "events/s", "refused", "doubted", "withheld", "calibration")
    lines.append(table(head, rows))
    for channel, told in sensor["channels"].items():
        lines += [f"{plain(channel)}: {_point(point)}" for point in told["points"]]
    return "\n".join(lines)


def _point(point: Document) -> str:
    return f"{point['raw']:.6g} was {point['reference']:g} on {moment(point['at'])}"


def calibrated(done: Document) -> str:
    """How a channel is corrected now."""
    name, correction = plain(done["sensor"]), done["correction"]
    if correction is None:
        return f"{name} is read as it is"
    by = f"{name} is corrected: reading * {correction['scale']:.6g} + {correction['offset']:.6g}"
    return "\n".join([by, *(_point(point) for point in done["points"])])


def reloaded(done: Document) -> str:
    """What came of a reload."""
    sensors = {what: names for what, names in done.items() if names and what != "restart"}
    said = [f"{what}: {plain(', '.join(names))}" for what, names in sensors.items()] or ["no sensor"]
    if later := done.get("restart"):
        said.append(f"changed too, and read at the start alone: {plain(', '.join(later))}; start the node again")
    return "\n".join(said)


def checked(sensors: Document) -> str:
    """A line a channel, or what is wrong with the sensor."""
    rows = []
    for name, sensor in sensors.items():
        if sensor["error"] and not any(told.get("error") for told in sensor["values"].values()):
            rows.append((plain(name), "wrong", plain(sensor["error"])))
        if sensor["warming_up"]:
            rows.append((plain(name), "ok", plain(sensor["warming_up"])))
        rows += [(plain(f"{name}.{channel}"), *_found(told)) for channel, told in sensor["values"].items()]
    return table(("channel", "", "value"), rows)


def _found(told: Document) -> tuple[str, str]:
    """How a channel is, and what it read."""
    if told["value"] is None and not told.get("error"):
        return "-", "no value yet"
    return "wrong" if told.get("error") else "ok", value(told)
