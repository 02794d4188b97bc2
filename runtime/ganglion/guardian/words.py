# SPDX-License-Identifier: GPL-3.0-or-later
"""The guardian's words: rules, commands, decisions, effects. Times are nanoseconds of a clock that nobody sets."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ganglion_micro.limits import Limits


class Risk(StrEnum):
    """What a language model's step may cause: READ and LOW alone, CONFIRM with a person's consent, NEVER nothing."""

    READ = "read"
    LOW = "low"
    CONFIRM = "confirm"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One actuator as the guardian sees it.

    Attributes:
        limits: Its own.
        requires: Actuators that must be on while it is on: `heater` requires `fan`.
        excludes: Actuators that are never on while it is; they exclude it too.
        risk: Recorded in every decision.
    """

    limits: Limits
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    risk: Risk = Risk.LOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What an owner wants.

    Attributes:
        actuator: Its name.
        value: A bool, a number or one of the actuator's values.
        owner: Who asks: a script's run, a person, the gateway.
        priority: 0 (low) to 3 (urgent).
        expires: When it ends without being renewed; None for until another command or the stop.
        now: The time.
    """

    actuator: str
    value: Any
    owner: str
    now: int
    priority: int = 1
    expires: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to a command.

    Attributes:
        accepted: Whether it was carried out.
        value: What the actuator has now.
        reason: Why not; with `accepted` empty, or whom it displaced.
        risk: The actuator's class.
        expires: When the command ends; None for never, or where it was refused.
        changed: Whether the actuator had another value before.
        displaced: The owner whose command it replaced, "" for none.
        confirmed: Whether reading back showed the value; None where the actuator cannot be read.
    """

    accepted: bool
    actuator: str
    value: Any
    owner: str
    priority: int
    risk: Risk
    reason: str = ""
    expires: int | None = None
    changed: bool = False
    displaced: str = ""
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the guardian does by itself: write `value`, in the order of the list, and say `reason`."""

    actuator: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What must be known of an actuator after a restart.

    Attributes:
        value: It had.
        switched: Nanoseconds since it went on or off.
        moved: Nanoseconds since its value changed.
    """

    value: Any
    switched: int
    moved: int
