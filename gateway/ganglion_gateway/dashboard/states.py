# SPDX-License-Identifier: GPL-3.0-or-later
"""The words for how nodes, jobs and logs are, in the reader's language, and the colour of each. Pure."""

from ganglion_gateway.dashboard.words import Say

#: Of `parts.Cell`.
COLOURS: dict[str, str] = {
    word: colour
    for colour, words in {
        "good": ("ok", "done"),
        "warn": ("warning", "unknown", "expired"),
        "bad": ("bad", "failed"),
        "busy": ("running",),
        "idle": ("away", "asleep", "revoked", "waiting", "cancelling", "cancelled"),
    }.items()
    for word in words
}


def health(word: str, say: Say) -> str:
    """How a node is."""
    return {
        "ok": say("ok"),
        "warning": say("warning"),
        "bad": say("bad"),
        "away": say("away"),
        "asleep": say("asleep"),
        "revoked": say("revoked"),
    }.get(word, word)


def job(word: str, say: Say) -> str:
    """How a job is, or how it stands at a node."""
    return {
        "waiting": say("waiting"),
        "running": say("running"),
        "done": say("done"),
        "ended": say("ended"),
        "failed": say("failed"),
        "unknown": say("unknown"),
        "expired": say("expired"),
        "cancelling": say("is being cancelled"),
        "cancelled": say("cancelled"),
    }.get(word, word)
