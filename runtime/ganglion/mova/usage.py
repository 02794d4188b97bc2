# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document declares and never uses: protocols, intents, tools, presets, sensors and actuators."""

from collections.abc import Iterator
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.load import Document
from ganglion.mova.model import Model
from ganglion.mova.source import Map, Report, at_key, inside
from ganglion.words import _
from ganglion_micro.topic import matches


def usage(document: Document, of: Model, report: Report) -> None:
    """Adds the parts of a valid document that nothing uses."""
    assert document.root is not None  # it was checked
    users = [each.raw for each in of.protocols] + [each.raw for each in of.triggers]
    mentioned = set(_mentions(users))
    if of.triggers:
        _protocols(of, report)
    if document.edge:
        _intents(of, report)
    for tool in of.tools:
        if tool.id not in mentioned:
            _unused(report, inside(tool.place, tool.raw, "id"), _("no step uses the tool {id!r}").format(id=tool.id))
    whole = Place("", document.root.offset)
    for name in of.presets:
        if name not in mentioned:
            place = at_key(inside(whole, document.root, "presets"), of.presets, name)
            _unused(report, place, _("no step uses the preset {name!r}").format(name=name))
    requires = document.root.get("requires")
    if isinstance(requires, Map):
        at = inside(whole, document.root, "requires")
        for key, sentence in (
            ("sensors", _("nothing uses the sensor {name!r}")),
            ("actuators", _("no step uses the actuator {name!r}")),
        ):
            listed = requires.get(key, [])
            for i, name in enumerate(listed):
                topic = "sensor/" + name.replace(".", "/")
                if name not in mentioned and not any(matches(each, topic) for each in mentioned):
                    _unused(report, inside(inside(at, requires, key), listed, i), sentence.format(name=name))


def _unused(report: Report, place: Place, message: str) -> None:
    report.add("MV405", place, message, _("remove it"))


def _protocols(of: Model, report: Report) -> None:
    """Adds the protocols that neither a trigger runs nor a protocol that one runs."""
    by_name = {protocol.name: protocol for protocol in of.protocols}
    waiting = [trigger.run.name for trigger in of.triggers if trigger.run is not None]
    run: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in run and name in by_name:
            run.add(name)
            waiting += _mentions(by_name[name].raw)
    for protocol in of.protocols:
        if protocol.name not in run:
            report.add(
                "MV404",
                inside(protocol.place, protocol.raw, "name"),
                _("nothing runs the protocol {name!r}").format(name=protocol.name),
                _("give it a trigger, call it from another protocol, or remove it"),
            )


def _intents(of: Model, report: Report) -> None:
    """Adds the intents that neither start a protocol nor have an answer."""
    heard = {trigger.raw.get("intent") for trigger in of.triggers}
    for place, raw in of.parts["intent"]:
        if raw["name"] not in heard and not raw.get("response_template"):
            report.add(
                "MV405",
                inside(place, raw, "name"),
                _("nothing comes of the intent {name!r}").format(name=raw["name"]),
                _("give it a trigger or a response_template, or remove it"),
            )


def _mentions(value: Any) -> Iterator[str]:
    """Every text in a part of the document that may name another one. What only looks like a name does no harm."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in ("id", "name"):
                yield from _mentions(each)
    elif isinstance(value, list):
        for each in value:
            yield from _mentions(each)
