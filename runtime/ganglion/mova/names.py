# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that the parts of a document have for one another, and what is said of one that nothing has."""

import json
import re
from collections.abc import Collection
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.expression import ExpressionSyntaxError, parse
from ganglion.mova.model import Model, Reference
from ganglion.mova.source import Map, Report, inside
from ganglion.settings import hint
from ganglion.words import _

#: Where a run may put a value: a path in the session.
_TARGET = re.compile(r"(?:session\.data\.)?[^\W\d][\w-]*(?:\.[\w-]+)*")
_RESERVED = {"session", "event", "profile"}


class Names:
    """What is named in a model.

    Attributes:
        model: The model.
        report: Takes what is found.
    """

    def __init__(self, of: Model, report: Report) -> None:
        self.model = of
        self.report = report
        self._known = {
            "MV203": {tool.id for tool in of.tools},
            "MV204": {protocol.name for protocol in of.protocols},
            "MV205": set(of.presets),
            "MV213": {each.name for what, _key, names in of.named if what == "intent" for each in names},
        }
        self._listed = {
            what: None if names is None else set(names)
            for what, names in (("sensor", of.sensors), ("actuator", of.actuators))
        }

    def known(self, code: str, reference: Reference | None, known: Collection[str] | None = None) -> None:
        """Reports a name that nothing has. `known` is for steps, which have names in one protocol alone."""
        if known is None:
            known = self._known[code]
        if reference is not None and reference.name not in known:
            message = _absent(code).format(name=reference.name)
            self.report.add(code, reference.place, message, hint(reference.name, known))

    def unique(self, what: str, key: str, references: list[Reference]) -> None:
        """Reports a name that is there twice."""
        seen: dict[str, Place] = {}
        for reference in references:
            if reference.name in seen:
                line = self.report.position(seen[reference.name].offset)[0]
                sentence = _("the {what} {name!r} has the {key} of the one in line {line}")
                message = sentence.format(what=_(what), name=reference.name, key=key, line=line)
                self.report.add("MV201", reference.place, message)
            else:
                seen[reference.name] = reference.place

    def listed(self, what: str, name: Any, place: Place) -> None:
        """Reports a `sensor` or `actuator` that `requires` does not list."""
        listed = self._listed[what]
        if isinstance(name, str) and listed is not None and name not in listed:
            sensor = _("`requires` does not list the sensor {name!r}")
            sentence = sensor if what == "sensor" else _("`requires` does not list the actuator {name!r}")
            remedy = hint(name, listed) or _("add it to requires.{key}").format(key=f"{what}s")
            self.report.add("MV206", place, sentence.format(name=name), remedy)

    def target(self, path: str, place: Place) -> None:
        """Reports a place that no run may put a value into."""
        if not _TARGET.fullmatch(path) or (
            path.partition(".")[0] in _RESERVED and not path.startswith("session.data.")
        ):
            message = _("{path!r} is no place in the session").format(path=path)
            self.report.add("MV105", place, message, _("write a name, or session.data. and a name"))

    def compared(self, raw: Map, key: str, place: Place) -> None:
        """Reports a word such as ON that is compared, and is read as true: devices say it as text."""
        at = inside(place, raw, key)
        word, value = self.report.word(at.offset), json.dumps(raw.get(key))
        if isinstance(raw.get(key), bool) and word.lower() not in ("", "true", "false"):
            message = _("{word} is compared, and YAML reads it as {value}").format(word=word, value=value)
            remedy = _('write "{word}" in quotes, or {value}').format(word=word, value=value)
            self.report.add("MV218", at, message, remedy)

    def expression(self, text: str, place: Place) -> None:
        """Reports what is no expression."""
        try:
            parse(text)
        except ExpressionSyntaxError as error:
            message = _("not an expression: {error}").format(error=error)
            self.report.add("MV207", place, message, _("at character {at}").format(at=error.column + 1))


def _absent(code: str) -> str:
    return {
        "MV202": _("there is no step {name!r}"),
        "MV203": _("there is no tool {name!r}"),
        "MV204": _("there is no protocol {name!r}"),
        "MV205": _("there is no preset {name!r}"),
        "MV213": _("there is no intent {name!r}"),
    }[code]
