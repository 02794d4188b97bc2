# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `fusion`: one value computed from several channels of the node, over a time window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganglion.analytics.fusion import INPUTS, LOGICAL, Function, Fusion, Input
from ganglion.errors import InvalidError
from ganglion.sensors.computed import Computed, Outcome, channel
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field, meant, read


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSection(Section):
    """`[sensor.<name>]` with `kind = "fusion"`.

    Attributes:
        compute: `mean`, `weighted`, `median`, `any`, `all`, `least`, `greatest`, `rate` (change per second of one
            input, by least squares over the window) or `difference` (the first of two inputs without the second).
        inputs: Channels of this node, `"kitchen.temperature"`, or topics of its bus, `"from/attic/temperature"`; or a
            table with more, `{channel = "kitchen.temperature", max_age = "10s", weight = 2}`.
        window: The readings that count; without one the newest of each input does.
        max_age: A reading that is older does not count, for inputs that say nothing else.
        at_least: How many inputs must have a newer one for a value; all where nothing is said.
        unit: UCUM, of the value; needed where the inputs' units differ, or are not known here.
    """

    compute: str
    inputs: tuple[str | dict[str, Any], ...]
    window: int = duration_field("0s")
    max_age: int = duration_field("1m")
    at_least: int | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.compute not in list(Function):
            raise ValueError(f"compute must be one of {', '.join(Function)}{meant(self.compute, list(Function))}")
        if not self.inputs:
            raise ValueError('inputs is empty: name channels, as in inputs = ["kitchen.temperature"]')
        wanted = INPUTS.get(self.function)
        if wanted is not None and len(self.inputs) != wanted:
            raise ValueError(f"{self.compute} takes {wanted} of inputs, not {len(self.inputs)}")
        if not 1 <= self.needed <= len(self.inputs) or (wanted is not None and self.needed != wanted):
            raise ValueError(f"at_least must be {wanted or f'1 to {len(self.inputs)}'}, not {self.at_least}")
        if self.function is Function.RATE and not self.window:
            raise ValueError('a rate is that of a window: set window, as in "1m"')
        if self.function in LOGICAL and self.unit is not None:
            raise ValueError(f"{self.compute} is true or false and has no unit")

    @property
    def function(self) -> Function:
        """What is computed."""
        return Function(self.compute)

    @property
    def needed(self) -> int:
        """How many inputs must be fresh."""
        return len(self.inputs) if self.at_least is None else self.at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTable:
    """One of `inputs`.

    Attributes:
        channel: Of this node, or a topic of its bus.
        max_age: A reading that is older does not count.
        weight: With `compute = "weighted"`.
    """

    channel: str
    max_age: int = duration_field("0s")
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ValueError(f"weight must be a number above 0, not {self.weight:g}")


SECTION = FusionSection


def source(section: FusionSection, place: Place) -> Source:
    """The computation.

    Raises:
        InvalidError: an input is none, or there twice.
    """
    inputs: list[Input] = []
    for i, given in enumerate(section.inputs):
        where = f"{place.where}.inputs[{i}]"
        table = read(InputTable, {"channel": given} if isinstance(given, str) else given, where)
        if isinstance(given, dict) and "weight" in given and section.function is not Function.WEIGHTED:
            raise InvalidError('weights are for compute = "weighted"', where=f"{where}.weight")
        name = channel(table.channel, where)
        if any(name == each.name for each in inputs):
            raise InvalidError(f"{name} is there twice", where=where)
        inputs.append(Input(name=name, max_age=table.max_age or section.max_age, weight=table.weight))
    return _Fused(section, inputs, place)


class _Fused(Computed):
    branch = "signal.input.internal.fusion"
    held = ("value",)

    def __init__(self, section: FusionSection, inputs: Sequence[Input], place: Place) -> None:
        self.inputs = [each.name for each in inputs]
        self.places = [f"{place.where}.inputs[{i}]" for i in range(len(inputs))]
        self.patience = max(each.max_age for each in inputs)
        self.channels = {"value": section.unit or "", "inputs": "1"}
        self._section = section
        self._where = place.where
        self._fusion = Fusion(section.function, inputs, at_least=section.needed, window=section.window)
        self._told: int | None = None

    def bind(self, units: Sequence[str | None]) -> None:
        if self._section.function in LOGICAL or self._section.unit is not None:
            return
        first = units[0]
        for name, unit in zip(self.inputs, units, strict=True):
            if unit is None:
                raise InvalidError(f"the unit of {name} is not known here: name that of the value", where=self._unit)
            if unit != first:
                raise InvalidError(
                    f"{self.inputs[0]} is in {first or 'true or false'}, {name} in {unit or 'true or false'}: "
                    "name the unit of the value, if they go together",
                    where=self._unit,
                )
        base = first or "1"  # of bools the mean is a share, and the rest counts 0 and 1
        self.channels = {**self.channels, "value": f"{base}/s" if self._section.function is Function.RATE else base}

    def open(self) -> None:
        self._told = None

    def hear(self, at: int, value: Any, timestamp: int, now: int) -> None:
        self._fusion.take(at, value, timestamp, now)

    def compute(self, now: int) -> Outcome:
        fused = self._fusion.fused(now)
        values: dict[str, Value] = {} if fused.value is None else {"value": fused.value}
        if fused.inputs != self._told:
            self._told = values["inputs"] = fused.inputs
        return Outcome(values, fused.why)

    def deadline(self, now: int) -> int | None:
        return self._fusion.deadline(now)

    @property
    def _unit(self) -> str:
        return f"{self._where}.unit"
