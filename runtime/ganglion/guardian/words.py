# SPDX-License-Identifier: GPL-3.0-or-later
"""The guardian's words: rules, commands, decisions, effects, states. Times are ns of a clock that nobody sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
        max_silence: Nanoseconds after which an owner that has not renewed its command counts as silent, whatever its
            command says; None where the command says it.
        risk: Bounds the commands that a language model has caused.
        barred: Why it may have its fail-safe value and no other; "" where it may. Limits that contradict each other
            leave it nothing else.
        sources: Who has set a limit, by its key.
        consent_within: Nanoseconds that a person has to agree to such a command.
    """

    limits: Limits
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    max_silence: int | None = None
    risk: Risk = Risk.LOW
    barred: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    consent_within: int = 120_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What an owner wants.

    Attributes:
        actuator: Its name.
        value: A bool, a number or one of the actuator's values.
        owner: Who asks: a script's run, a person, the gateway.
        priority: 0 (low) to 3 (urgent).
        expires: When it ends without being renewed; None for until another command or the stop.
        heartbeat: Nanoseconds in which the owner renews it, by the same command or `renew`, or else is silent; None for
            an owner that need not.
        advised: Whether a language model's answer has caused it.
        consent: The person who has agreed to it, "" for nobody.
        run: Of the script that asks, "" for none.
        why: What the language model has answered, for the person who is asked.
        now: The time.
        day: The time of the local day, in nanoseconds; None where nobody knows it.
    """

    actuator: str
    value: Any
    owner: str
    now: int
    priority: int = 1
    expires: int | None = None
    heartbeat: int | None = None
    advised: bool = False
    consent: str = ""
    run: str = ""
    why: str = ""
    day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to a command.

    Attributes:
        accepted: Whether it was carried out.
        value: What the actuator has now.
        reason: Why not; with `accepted` empty, or whom it displaced and who has agreed to it.
        risk: The actuator's class.
        expires: When the command ends; None for never, or where it was refused.
        heartbeat: Nanoseconds in which its owner must renew it; None where it need not.
        changed: Whether the actuator had another value before.
        displaced: The owner whose command it replaced, "" for none.
        unasked: Whether a person's consent is all that is missing.
        consent: The person who has agreed to it, "" for nobody.
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
    heartbeat: int | None = None
    changed: bool = False
    displaced: str = ""
    unasked: bool = False
    consent: str = ""
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the guardian does by itself: write `value`, in the order of the list.

    Attributes:
        value: The fail-safe one.
        reason: Why, in words that begin with the actuator's name.
        owner: Whose command it ends, or who held the actuator last; "" for nobody.
        run: Of the script that this owner was, "" for none.
    """

    actuator: str
    value: Any
    reason: str
    owner: str = ""
    run: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuatorStatus:
    """One actuator.

    Attributes:
        id: Its name.
        value: What it was told last.
        certain: Whether it is known to have obeyed.
        holder: The owner of the command that holds, "" for none.
        risk: Its class.
        errors: Writes that failed since the start.
        failure: Where it is not certain: what failed, where, and what to do about it.
    """

    id: str
    value: Any
    certain: bool
    holder: str
    risk: str
    errors: int
    failure: str
