# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a document of the edge dialect would not stand a day without a network: prompts, and what must arrive."""

from collections.abc import Iterator
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.load import Document
from ganglion.mova.model import Model, Protocol, Reference, Step, Trigger, walk
from ganglion.mova.schema import expand
from ganglion.mova.source import Map, Report, inside
from ganglion.mova.template import placeholders
from ganglion.units import SECOND, duration
from ganglion.words import _
from ganglion_micro.schema import invalid

#: A message that must arrive is kept until the gateway has it: more often than this, a day away is a heap of them.
_OFTEN = 10 * SECOND


def resilience(document: Document, of: Model, report: Report) -> None:
    """Adds what a node is in trouble with once model or gateway are away; nothing for a plain document."""
    if not document.edge:
        return
    for protocol in of.protocols:
        for step in walk(protocol.steps):
            if step.action == "prompt":
                _prompt(of, protocol, step, report)
    by_name = {protocol.name: protocol for protocol in of.protocols}
    for trigger in of.triggers:
        if trigger.run is not None and trigger.run.name in by_name:
            _often(trigger, by_name[trigger.run.name], report)


def _prompt(of: Model, protocol: Protocol, step: Step, report: Report) -> None:
    if "otherwise" not in step.raw and protocol.fallback is None:
        report.add(
            "MV410",
            step.place,
            _("without a model the prompt {id!r} fails its protocol").format(id=step.id),
            _("give it otherwise, or the protocol a fallback_step_id"),
        )
    if "otherwise" in step.raw and "schema" in step.raw:
        _otherwise(step.raw, step.place, report)
    preset = of.presets.get(step.raw.get("preset", ""), {})
    if "budget" not in step.raw and "max_tokens" not in preset and "budget_ms" not in protocol.policies:
        report.add(
            "MV411",
            step.place,
            _("nothing bounds what the prompt {id!r} costs").format(id=step.id),
            _("give it a budget of tokens and seconds"),
        )


def _otherwise(raw: Map, place: Place, report: Report) -> None:
    value = raw["otherwise"]
    if any(placeholders(text) for text in _texts(value)):
        return  # what it comes to is not known here
    wrong = invalid(value, expand(raw["schema"], inside(place, raw, "schema"), _checked))
    if wrong:
        message = _("otherwise is not what the schema asks for: {wrong}").format(wrong=wrong)
        report.add("MV415", inside(place, raw, "otherwise"), message, _("steps that follow may look for what it lacks"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _checked(place: Place, message: str, hint: str = "") -> None:
    raise AssertionError(f"{place.path}: {message}")  # the document was checked


def _often(trigger: Trigger, protocol: Protocol, report: Report) -> None:
    """A publish that must arrive and that every run comes to, however often it runs."""
    every = trigger.raw.get("every")
    if not isinstance(every, str) or duration(every) >= _OFTEN:
        return
    for step in _always(protocol.steps):
        mesh = step.action == "publish" and "topic" in step.raw
        if mesh and step.raw.get("class", "must_arrive") == "must_arrive":
            report.add(
                "MV412",
                step.place,
                _("{id!r} publishes every {every} what must arrive").format(id=step.id, every=every),
                _("without a gateway the node keeps them all: write class best_effort, or publish less often"),
            )


def _always(steps: list[Step]) -> Iterator[Step]:
    """The steps that a run comes to whatever holds, and without a pause."""
    for step in steps:
        if step.conditions is not None or step.next is not None or any(each.action == "wait" for each in walk([step])):
            return
        yield step
        for branch in step.branches:
            if not isinstance(branch, Reference):
                yield from _always(branch)
