# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node knows of its releases, as one small file has it: what it should run, what it runs, what it tries. Pure.

A release on trial counts its starts, each before it happens, so it makes no difference how one ends: an exception,
SIGKILL, a power cut. Every change of the state and the report of it to the gateway are one write.
"""

import hashlib
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ganglion.mesh import codec

#: The node's own configuration, without a release.
OWN = ""
#: Starts that a release on trial has to prove itself in.
TRIAL_STARTS = 3
#: Reports that wait for the gateway; beyond, the oldest are dropped.
WAITING = 16
#: Letters of why.
_WHY = 500

#: What is reported: `waiting` is the gateway's own word for a node that has said nothing yet.
STATES = ("waiting", "downloading", "staged", "trial", "healthy", "committed", "reverted", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the gateway is told.

    Attributes:
        serial: Only rises.
        number: Of the assignment that it is about.
        release: Its id; `OWN` for none.
        state: One of `STATES`.
        why: A sentence; "" where there is nothing to say.
        at: Nanoseconds since the Unix epoch, by the node's clock.
    """

    serial: int
    number: int
    release: str
    state: str
    why: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known.

    Attributes:
        number: Of the newest assignment; 0 before any.
        desired: The release of it.
        current: What is committed, and runs where nothing is on trial.
        trial: What is on trial; None for nothing.
        starts: Of the trial.
        given_up: Number of the assignment that has failed here; it is not tried again.
        excused: Sensors that did not answer before the trial, either.
        linked: Whether the node had its link to the others before the trial.
        last: The newest report; None before any.
        untold: Reports that the gateway has not confirmed.
    """

    number: int = 0
    desired: str = OWN
    current: str = OWN
    trial: str | None = None
    starts: int = 0
    given_up: int = 0
    excused: tuple[str, ...] = ()
    linked: bool = True
    last: Report | None = None
    untold: tuple[Report, ...] = ()

    @property
    def runs(self) -> str:
        """What is to run now."""
        return self.current if self.trial is None else self.trial

    @property
    def wanted(self) -> str | None:
        """What is to be fetched and tried; None where there is nothing to do."""
        is_settled = self.desired == self.current or self.given_up == self.number
        return None if self.number == 0 or self.trial is not None or is_settled else self.desired

    @property
    def is_unwanted(self) -> bool:
        """Whether something else was assigned while this one is on trial."""
        return self.trial is not None and self.trial != self.desired

    def assigned(self, number: int, release: str, now: int) -> "Record":
        """The gateway's word; one that is older than what is known says nothing.

        What runs for good already is reported so, also where it was assigned while something else was on trial.
        """
        if number < self.number or number == 0:
            return self
        known = replace(self, number=number, desired=release) if number > self.number else self
        is_said = self.last is not None and (self.last.number, self.last.release) == (number, known.desired)
        return known if is_said or not known.is_met else known.said("committed", "it runs already", now)

    @property
    def is_met(self) -> bool:
        """Whether what should run does, for good."""
        return self.trial is None and self.desired == self.current

    def said(self, state: str, why: str, now: int) -> "Record":
        """Another state of what is desired, to be reported; the same one again says nothing."""
        return self._said(self.desired, state, why, now)

    def _said(self, release: str, state: str, why: str, now: int) -> "Record":
        why, last = why[:_WHY], self.last
        if last and (last.number, last.release, last.state, last.why) == (self.number, release, state, why):
            return self
        # Above those of a record that this disk has lost
        serial = max(now // 1_000_000, 1 if last is None else last.serial + 1)
        report = Report(serial=serial, number=self.number, release=release, state=state, why=why, at=now)
        return replace(self, last=report, untold=(*self.untold, report)[-WAITING:])

    def told(self, serial: int) -> "Record":
        """The gateway has this report, and all before it."""
        return replace(self, untold=tuple(each for each in self.untold if each.serial > serial))

    def tried(self, excused: tuple[str, ...], now: int, *, linked: bool = True) -> "Record":
        """From the next start on what is desired is on trial."""
        return replace(self.said("trial", "", now), trial=self.desired, starts=0, excused=excused, linked=linked)

    def started(self) -> "Record":
        """A start, counted before it happens."""
        return self if self.trial is None else replace(self, starts=self.starts + 1)

    def committed(self, now: int) -> "Record":
        """What was on trial is kept."""
        assert self.trial is not None
        kept = replace(self, current=self.trial, trial=None, starts=0, excused=())
        return kept._said(kept.current, "committed", "", now)

    def reverted(self, why: str, now: int) -> "Record":
        """What was on trial is left for what was before it, and this assignment is not tried again."""
        assert self.trial is not None
        said = self._said(self.trial, "reverted", why, now)
        given_up = self.given_up if self.is_unwanted else self.number
        return replace(said, trial=None, starts=0, excused=(), given_up=given_up)

    def failed(self, why: str, now: int, *, for_good: bool) -> "Record":
        """What is desired cannot be had here.

        Args:
            for_good: Until it is assigned again; else it is looked at again.
        """
        said = self.said("failed", why, now)
        return replace(said, given_up=self.number) if for_good else said

    def lost(self, why: str, now: int) -> "Record":
        """What was committed cannot run any more: the node's own configuration does."""
        return replace(self._said(self.current, "failed", why, now), current=OWN)


def encode(record: Record) -> bytes:
    """With a SHA-256 before it: a disk may damage what it keeps."""
    body = codec.encode(_plain(asdict(record)))
    return hashlib.sha256(body).digest() + body


def decode(data: bytes) -> Record | None:
    """The record in bytes; None where they are damaged. What another version has in it beside this is left out."""
    body = data[32:]
    if hashlib.sha256(body).digest() != data[:32]:
        return None
    try:
        found = codec.decode(body)
        last, untold, excused = found.pop("last"), found.pop("untold"), found.pop("excused")
        return Record(
            **_known(Record, found),
            last=None if last is None else Report(**_known(Report, last)),
            untold=tuple(Report(**_known(Report, each)) for each in untold),
            excused=tuple(excused),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _known(kind: type[Record | Report], found: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value
