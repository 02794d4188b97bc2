# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator asks of a rollout: stages, soak, health, and how much may fail. Written and read as JSON. No I/O."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import ge, gt, le, lt
from typing import Any

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion.units import SECOND, duration

MAX_STAGES = 32
MAX_BOUNDS = 16
MINUTE = 60 * SECOND
#: The longest soak or patience.
LONGEST = 90 * 86400 * SECOND

_SHARE = re.compile(r"(\d{1,9})(%?)")
_STAGE = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)%?(?::(.+))?")
_BOUND = re.compile(r"([^\s<>=]{1,128})\s*(<=|>=|<|>)\s*(-?\d{1,18}(?:\.\d{1,9})?)(?:\s+for\s+(\S+))?")
_HOLDS: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True, slots=True)
class Share:
    """So many nodes, or so many of a hundred."""

    amount: int
    percent: bool = False

    @classmethod
    def read(cls, text: str, *, where: str = "") -> "Share":
        """`3` or `5%`.

        Raises:
            InvalidError: it is neither.
        """
        found = _SHARE.fullmatch(text.strip())
        if found is None or (found[2] and int(found[1]) > 100):
            raise InvalidError(
                say("{text!r} is no share: write a number of nodes as 3, or of a hundred as 5%", text=text), where=where
            )
        return cls(int(found[1]), bool(found[2]))

    def of(self, total: int) -> int:
        """How many nodes that is of so many; a part of a node is none."""
        return total * self.amount // 100 if self.percent else self.amount

    def __str__(self) -> str:
        return f"{self.amount}{'%' if self.percent else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step.

    Attributes:
        percent: Of all nodes of the rollout, more than 0 and at most 100, those of the stages before among them.
        soak: Nanoseconds for which its cohort must be well before the next stage begins.
    """

    percent: float
    soak: int

    @classmethod
    def read(cls, text: str, *, soak: int, where: str = "") -> "Stage":
        """`10`, `10%` or `10%:1h`.

        Args:
            soak: Where the text has none.

        Raises:
            InvalidError: it is no stage.
        """
        found = _STAGE.fullmatch(text.strip())
        if found is None:
            raise InvalidError(
                say("{text!r} is no stage: write it as 10% or, with its soak time, as 10%:1h", text=text), where=where
            )
        return cls(percent=float(found[1]), soak=soak if found[2] is None else duration(found[2], where=where))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a sensor of a node must read once it runs the release.

    Attributes:
        sensor: As in the node's inventory.
        order: `<`, `<=`, `>` or `>=`.
        value: In the sensor's unit.
        lasting: Nanoseconds that it may be otherwise.
    """

    sensor: str
    order: str
    value: float
    lasting: int = MINUTE

    @classmethod
    def read(cls, text: str, *, where: str = "") -> "Bound":
        """`system.temperature < 80` or `system.temperature < 80 for 5m`.

        Raises:
            InvalidError: it is neither.
        """
        found = _BOUND.fullmatch(text.strip())
        if found is None:
            raise InvalidError(
                say("{text!r} is no bound: write it as `system.temperature < 80 for 5m`", text=text), where=where
            )
        lasting = MINUTE if found[4] is None else duration(found[4], where=where)
        return cls(sensor=found[1], order=found[2], value=float(found[3]), lasting=lasting)

    def holds(self, reading: float) -> bool:
        """Whether a reading is as it must be."""
        return _HOLDS[self.order](reading, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a rollout goes.

    Attributes:
        stages: The first first, each with more nodes than the one before.
        quorum: Percent of a stage's cohort that must have committed, 1 to 100. They soak from then on.
        tolerate_stage: So many of one stage's cohort may fail; one more, and the rollout is aborted.
        tolerate: So many of all its nodes may fail.
        patience: Nanoseconds that a node which is there, or has begun, may take from one step to the next.
        at_once: So many nodes are on the way at a time; those that sleep are not counted.
        crashes: So many crashes of a node are no failure, from its trial on.
        alerts: So many alerts of a node are no failure, from its trial on; None for any number.
        bounds: What sensors must read.
        send_back: An abort sends those that have committed back to what they had.
    """

    stages: tuple[Stage, ...]
    quorum: int = 80
    tolerate_stage: Share = Share(5, percent=True)
    tolerate: Share = Share(5, percent=True)
    patience: int = 30 * MINUTE
    at_once: int = 200
    crashes: int = 0
    alerts: int | None = None
    bounds: tuple[Bound, ...] = field(default=())
    send_back: bool = False

    def __post_init__(self) -> None:
        before = 0.0
        if not 1 <= len(self.stages) <= MAX_STAGES:
            raise InvalidError(
                say("has {count} stages: a rollout has 1 to {most}", count=len(self.stages), most=MAX_STAGES),
                where="stages",
            )
        for number, stage in enumerate(self.stages, 1):
            if not before < stage.percent <= 100 or not math.isfinite(stage.percent):
                raise InvalidError(
                    say(
                        "stage {number} is of {percent:g} %: each has more than the one before, and at most 100 %",
                        number=number,
                        percent=stage.percent,
                    ),
                    where="stages",
                )
            _within(say("the soak of stage {number}", number=number), stage.soak, 0, "stages")
            before = stage.percent
        _within(say("the patience"), self.patience, SECOND, "patience")
        if not 1 <= self.quorum <= 100:
            raise InvalidError(say("{quorum} % is no quorum: it is 1 to 100", quorum=self.quorum), where="quorum")
        if self.at_once < 1:
            raise InvalidError(say("at least one node is to be on the way at a time"), where="at_once")
        if self.crashes < 0 or (self.alerts is not None and self.alerts < 0):
            raise InvalidError(say("nobody crashes or alerts fewer than 0 times"), where="crashes, alerts")
        if len(self.bounds) > MAX_BOUNDS:
            raise InvalidError(
                say(
                    "has {count} bounds, and at most {most} are looked at",
                    count=len(self.bounds),
                    most=MAX_BOUNDS,
                ),
                where="bounds",
            )
        for bound in self.bounds:
            _within(say("what {sensor} is given", sensor=bound.sensor), bound.lasting, 0, "bounds")

    def needed(self, size: int) -> int:
        """How many of a cohort of this size must have committed."""
        return -(-size * self.quorum // 100)

    def document(self) -> dict[str, Any]:
        """As JSON; times are nanoseconds."""
        return {
            **asdict(self),
            "stages": [asdict(stage) for stage in self.stages],
            "bounds": [asdict(bound) for bound in self.bounds],
            "tolerate_stage": str(self.tolerate_stage),
            "tolerate": str(self.tolerate),
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Terms":
        """What `document` has made."""
        return cls(
            **{
                **document,
                "stages": tuple(Stage(**stage) for stage in document["stages"]),
                "bounds": tuple(Bound(**bound) for bound in document["bounds"]),
                "tolerate_stage": Share.read(document["tolerate_stage"]),
                "tolerate": Share.read(document["tolerate"]),
            }
        )


def stages(texts: Sequence[str], *, soak: int, where: str = "stages") -> tuple[Stage, ...]:
    """Stages as people write them: `["1%", "10%:1h", "100%"]`. Raises: see `Stage.read`."""
    return tuple(Stage.read(text, soak=soak, where=where) for text in texts)


def _within(what: str, time: int, least: int, where: str) -> None:
    if not least <= time <= LONGEST:
        raise InvalidError(
            say(
                "{what} is {seconds:g} s: at least {least:g} s, at most 90d",
                what=what,
                seconds=time / SECOND,
                least=least / SECOND,
            ),
            where=where,
        )
