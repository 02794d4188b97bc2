# SPDX-License-Identifier: GPL-3.0-or-later
"""How an endpoint does, in words: whether it answers, and when it is tried next."""

from ganglion.client.documents import Attempt, Webhook
from ganglion.units import SECOND
from ganglion_gateway.dashboard import reasons, text
from ganglion_gateway.dashboard.words import Say


def standing(webhook: Webhook, now: int, say: Say) -> tuple[str, str]:
    """A line, and `good`, `warn`, `bad` or `idle` for its colour."""
    state = webhook["state"]
    if not webhook["enabled"]:
        return say("off: events are not for it"), "idle"
    if webhook["paused"]:
        return say("paused"), "warn"
    if state is None:
        return say("another gateway delivers"), "idle"
    if state["circuit"] == "open":
        left = text.span(max(0, (state["due"] or now) - now) / SECOND, say)
        return say("away, tried again in {span}").format(span=left), "bad"
    if state["circuit"] == "half_open":
        return say("away, is tried now"), "bad"
    if state["failures"]:
        line = say.many("failed {count} time", "failed {count} times in a row", state["failures"])
        return line.format(count=state["failures"]), "warn"
    return say("answers"), "good"


def attempt(last: Attempt | None, say: Say) -> str:
    """What an attempt came to."""
    if last is None:
        return "–"
    if last["error"]:
        return text.whole(reasons.told(last["error"], say))
    return say("HTTP {status} in {span}").format(status=last["status"], span=took(last["took"]))


def took(nanoseconds: int) -> str:
    """How long an attempt took."""
    return f"{text.number(nanoseconds / 1e6)} ms" if nanoseconds < SECOND else f"{nanoseconds / SECOND:.1f} s"
