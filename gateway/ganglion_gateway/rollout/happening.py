# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout hears besides the reports of nodes, and the one thing that it does."""

from typing import NamedTuple

from ganglion.sentences import say
from ganglion_gateway.rollout.contract import Report
from ganglion_gateway.rollout.target import Rollout, State, Want


class Presence(NamedTuple):
    """A node came or went."""

    node: str
    online: bool


class Crashed(NamedTuple):
    """A node's software ended by itself."""

    node: str
    why: str


class Alerted(NamedTuple):
    """A node has raised an alert."""

    node: str


class Read(NamedTuple):
    """What a sensor of a node reads now."""

    node: str
    sensor: str
    value: float


class Gone(NamedTuple):
    """A node is believed no more, or nobody knows it."""

    node: str
    why: str


class Told(NamedTuple):
    """The delivery knows what a node is to have."""

    node: str
    want: Want


class Pause(NamedTuple):
    """No node more, for now."""

    by: str


class Resume(NamedTuple):
    """On with it."""

    by: str


class Abort(NamedTuple):
    """No node more, for ever, and those on the way back.

    Attributes:
        send_back: Those that have committed, too.
    """

    by: str
    why: str = ""
    send_back: bool = False


Happening = Report | Presence | Crashed | Alerted | Read | Gone | Told | Pause | Resume | Abort


class Assign(NamedTuple):
    """Have a node pull toward a release, or toward none; then say `Told`.

    Attributes:
        since: When its turn came.
    """

    node: str
    release: str | None
    want: Want
    since: int


_SAID = {
    State.RUNNING: say("running"),
    State.PAUSED: say("paused"),
    State.COMPLETED: say("completed"),
    State.ABORTED: say("aborted"),
}
_COMMANDS = {Pause: say("pause"), Resume: say("resume"), Abort: say("abort")}


def refusal(rollout: Rollout, command: Pause | Resume | Abort) -> str:
    """Why a command makes no sense now; "" where it does."""
    state = rollout.state
    if not state.is_live:
        return say(
            "rollout {rollout} is {state}: there is nothing to {word}",
            rollout=rollout.id,
            state=_SAID[state],
            word=_COMMANDS[type(command)],
        )
    if isinstance(command, Pause) and state is State.PAUSED:
        return say(
            "rollout {rollout} is paused already, by {by}", rollout=rollout.id, by=rollout.why.removeprefix("by ")
        )
    if isinstance(command, Resume) and state is not State.PAUSED:
        return say(
            "rollout {rollout} is {state}: only one that is paused can go on", rollout=rollout.id, state=_SAID[state]
        )
    return ""
