# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose command holds an actuator, until when, and whose it was that has ended. No clock: time comes in.

An actuator has at most one holder. A command of another owner takes over unless the holder's priority is higher; of
equal priorities the latest counts.
"""

from dataclasses import dataclass

from ganglion.guardian.words import Command, Rule
from ganglion_micro.limits import seconds


@dataclass(slots=True)
class Holder:
    """Who holds an actuator, or held it until a moment ago.

    Attributes:
        run: Of the script that has asked, "" for none.
        heartbeat: Nanoseconds in which it must be heard of; None where it need not.
        heard: When it was heard of last.
        why: What has ended its command, once something has.
    """

    owner: str
    run: str
    priority: int
    expires: int | None
    heartbeat: int | None
    heard: int
    why: str = ""

    @property
    def end(self) -> int | None:
        """When its command ends, if it is not heard of before."""
        silent = None if self.heartbeat is None else self.heard + self.heartbeat
        return min((end for end in (self.expires, silent) if end is not None), default=None)


class Holders:
    """Those of all actuators of a node."""

    def __init__(self) -> None:
        self._live: dict[str, Holder] = {}
        self._last: dict[str, Holder] = {}  # whose command has ended, until another's is taken

    def clear(self) -> None:
        """Nobody holds or held anything."""
        self._live.clear()
        self._last.clear()

    def get(self, actuator: str) -> Holder | None:
        """The holder, whose command may have ended at this moment."""
        return self._live.get(actuator)

    def live(self, actuator: str, now: int) -> Holder | None:
        """The holder; None where its command has ended."""
        holder = self._live.get(actuator)
        if holder is None or holder.end is None or holder.end > now:
            return holder
        if holder.expires is not None and holder.expires <= now:
            self.end(actuator, "its owner's command has expired")
        else:
            self.end(actuator, f"its owner {holder.owner} has been silent for {seconds(holder.heartbeat or 0)}")
        return None

    def last(self, actuator: str) -> Holder | None:
        """Who holds it, or else who held it last; None where that is over and done with."""
        return self._live.get(actuator) or self._last.get(actuator)

    def take(self, command: Command, rule: Rule) -> Holder:
        """The owner of a command that was accepted holds its actuator from now on."""
        self._last.pop(command.actuator, None)
        holder = self._live[command.actuator] = Holder(
            command.owner,
            command.run,
            command.priority,
            command.expires,
            _strictest(command.heartbeat, rule.max_silence),
            command.now,
        )
        return holder

    def give_back(self, actuator: str, holder: Holder | None) -> None:
        """It is held again by whom `last` named before a command was taken, or was."""
        self._live.pop(actuator, None)
        if holder is not None:
            (self._last if holder.why else self._live)[actuator] = holder

    def end(self, actuator: str, why: str) -> None:
        """Nobody holds it any more."""
        if (holder := self._live.pop(actuator, None)) is not None:
            holder.why = why
            self._last[actuator] = holder

    def renew(self, owner: str, now: int) -> list[str]:
        """The actuators that an owner holds, whose heartbeats count anew."""
        renewed = []
        for actuator in list(self._live):
            if (holder := self.live(actuator, now)) is not None and holder.owner == owner:
                holder.heard = now
                renewed.append(actuator)
        return renewed

    def limit(self, actuator: str, rule: Rule) -> None:
        """Its holder must be heard of as often as another rule says."""
        if (holder := self._live.get(actuator)) is not None:
            holder.heartbeat = _strictest(holder.heartbeat, rule.max_silence)


def unfit(command: Command) -> str:
    """Why a command can hold nothing; "" where it can."""
    if not 0 <= command.priority <= 3:
        return f"priority must be 0 to 3, not {command.priority}"
    if command.heartbeat is not None and command.heartbeat <= 0:
        return "heartbeat must be above 0"
    return "the command had expired" if command.expires is not None and command.expires <= command.now else ""


def held(holder: Holder | None, command: Command) -> str:
    """Why a command may not take an actuator from its holder; "" where it may."""
    if holder is None or holder.owner == command.owner or holder.priority <= command.priority:
        return ""
    until = "" if holder.end is None else f" for {seconds(holder.end - command.now)} more"
    return f"{holder.owner} holds it with priority {holder.priority}{until}"


def _strictest(*times: int | None) -> int | None:
    return min((each for each in times if each is not None), default=None)
