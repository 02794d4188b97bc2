# SPDX-License-Identifier: GPL-3.0-or-later
"""What rollouts and their stages are called while they are so, and the colour of that."""

from nicegui import ui

from ganglion_gateway.dashboard.words import Say

_TONES = {"running": "busy", "paused": "warn", "completed": "good", "aborted": "bad"}
_STAGE_TONES = {
    "pending": "idle",
    "running": "busy",
    "soaking": "busy",
    "passed": "good",
    "aborted": "bad",
    "not_begun": "idle",
}


def spoken(say: Say) -> dict[str, str]:
    """What each state of a rollout is called."""
    return {
        "running": say("running"),
        "paused": say("paused"),
        "completed": say("completed"),
        "aborted": say("aborted"),
    }


def stage_spoken(say: Say) -> dict[str, str]:
    """What each state of a stage is called."""
    return {
        "pending": say("to come"),
        "running": say("under way"),
        "soaking": say("soaking"),
        "passed": say("passed"),
        "aborted": say("aborted"),
        "not_begun": say("not begun"),
    }


def adds(size: int, say: Say) -> str:
    """How many nodes a stage has that those before it have not."""
    return say.many("adds {count} node", "adds {count} nodes", size).format(count=size) if size else say("adds nobody")


class Standing:
    """A state with its dot.

    Args:
        stage: It is of a stage.
    """

    def __init__(self, say: Say, *, stage: bool = False) -> None:
        self._words, self._tones = (stage_spoken(say), _STAGE_TONES) if stage else (spoken(say), _TONES)
        self._shown = ""
        with ui.element("div").classes("g-state").props('data-role="state"'):
            self._dot = ui.element("span").classes("g-dot").props('aria-hidden="true"')
            self._word = ui.label("")

    def update(self, state: str) -> None:
        """Shows another one."""
        if state != self._shown:
            before, self._shown = self._shown, state
            self._dot.classes(remove=f"g-{self._tones[before]}" if before else None, add=f"g-{self._tones[state]}")
            self._word.set_text(self._words[state])
