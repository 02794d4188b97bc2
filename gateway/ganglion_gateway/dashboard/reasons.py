# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons that the gateway itself gave and stored in English: read back, and told in the reader's language. Pure.

What a node, a person or the system said is in none of these forms, and stays as it is.
"""

import re
from functools import cache

from ganglion_gateway.dashboard.progress import spoken
from ganglion_gateway.dashboard.words import Say, speaking

_NAME = re.compile(r"\\{(\w+)\\}")


def _forms(say: Say) -> tuple[str, ...]:
    """Of nodes in rollouts, of jobs and of deliveries; one that another begins like stands before it."""
    return (
        say("crashed: {why}"),
        say("crashed"),
        say("has raised alerts"),
        say("was revoked"),
        say("was given something else by somebody else"),
        say("is there, and has not begun: does its software know releases?"),
        say("was not heard any more after it had committed"),
        say("was not heard any more after {state}"),
        say("stays at {state} and says no more"),
        say("{sensor} does not stay {order} {value}"),
        say("it has {free} bytes free, and the release takes {size}"),
        say("it is for the board {boards}, and this node's is {board}"),
        say("this node has no {what}"),
        say(
            "it needs Ganglion {needed}, and this node would run {agent}: have the release bring that (--agent, "
            "docs/releases.md), or install its package on the node (docs/packages.md) and start it again"
        ),
        say("its time is over; the last attempt: {reason}"),
        say("its time is over, and it was not sent"),
        say("it was cancelled before it was sent"),
        say("it was cancelled while the node did it"),
        say("it is in the mesh no more"),
        say("HTTP status {status}, and redirects are not followed"),
        say("HTTP status {status}"),
        say("no answer within {seconds} s"),
        say("the name {host} cannot be resolved"),
        say("{host} is at {address}, which is not a public address; allow_private says that this is fine"),
    )


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    forms = _forms(speaking("en"))
    return tuple(re.compile(_NAME.sub(r"(?P<\1>.+?)", re.escape(form)), re.DOTALL) for form in forms)


def told(reason: str, say: Say) -> str:
    """The same in the reader's language, as far as it is the gateway's."""
    # What a node lacks for a release may be several things
    parts = [_read(part, say) for part in reason.split("; ")]
    if None not in parts:
        return "; ".join(map(str, parts))
    return _read(reason, say) or reason


def _read(reason: str, say: Say) -> str | None:
    for pattern, form in zip(_patterns(), _forms(say), strict=True):
        if found := pattern.fullmatch(reason):
            return form.format(**{name: _value(name, value, say) for name, value in found.groupdict().items()})
    return None


def _value(name: str, value: str, say: Say) -> str:
    if name == "state":
        return (spoken(say) | {"trial": say("trial")}).get(value, value)
    return told(value, say) if name == "reason" else value
