# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that lead nowhere: sensors without a channel, and places in the session that no expression can name."""

from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.model import Model, Step, walk
from ganglion.mova.source import Map, Report, at_key, inside
from ganglion.words import _


def misnamed(of: Model, report: Report) -> None:
    """Adds those of a valid document."""
    for trigger in of.triggers:
        _sensor(trigger.raw, trigger.place, report)
        _places(trigger.raw.get("map"), inside(trigger.place, trigger.raw, "map"), report)
    for protocol in of.protocols:
        for step in walk(protocol.steps):
            _step(step, report)
    for tool in of.tools:
        mapping = tool.raw.get("response_mapping")
        _places(mapping, inside(tool.place, tool.raw, "response_mapping"), report)


def _step(step: Step, report: Report) -> None:
    raw = step.raw
    if step.action == "read":
        _sensor(raw, step.place, report)
    elif step.action == "set":
        _places(raw["values"], inside(step.place, raw, "values"), report)
    if isinstance(saved := raw.get("save"), str):
        _place(saved, inside(step.place, raw, "save"), report)


def _sensor(raw: Map, place: Place, report: Report) -> None:
    name = raw.get("sensor")
    if isinstance(name, str) and not all(name.partition(".")) and not {"+", "#"} & set(name):
        message = _("{name!r} is no sensor: each has a name and a channel").format(name=name)
        report.add("MV413", inside(place, raw, "sensor"), message, _("as in fridge.temperature"))


def _places(paths: Any, place: Place, report: Report) -> None:
    for path in paths if isinstance(paths, Map) else ():
        _place(path, at_key(place, paths, path), report)


def _place(path: str, place: Place, report: Report) -> None:
    if "-" in path:
        message = _("in an expression {path!r} is a subtraction").format(path=path)
        report.add("MV414", place, message, _("write _ in place of -"))
