# SPDX-License-Identifier: GPL-3.0-or-later
"""How far nodes are with a release: the word and the colour of each state, and a bar of all of them."""

from collections.abc import Mapping

from nicegui import ui

from ganglion_gateway.dashboard.parts import attribute
from ganglion_gateway.dashboard.words import Say

#: The colours of a bar, in its order, and the states that each stands for.
_TONES = {
    "good": ("committed",),
    "busy": ("downloading", "staged", "trial", "healthy"),
    "bad": ("reverted", "failed"),
    "warn": ("back", "skipped"),
    "idle": ("waiting", "pending", "gone"),
}
TONE = {state: tone for tone, states in _TONES.items() for state in states}


def tone(state: str, *, is_over: bool = False) -> str:
    """The colour of a state.

    Args:
        is_over: The rollout has ended: who was on the way is stopped there, and gets back what it had.
    """
    return "warn" if is_over and TONE[state] == "busy" else TONE[state]


#: In which it goes well, then what else may be.
ORDER = (
    *("pending", "waiting", "downloading", "staged", "trial", "healthy", "committed"),
    *("reverted", "failed", "back", "skipped", "gone"),
)


def spoken(say: Say) -> dict[str, str]:
    """What each state is called."""
    return {
        "pending": say("not its turn yet"),
        "waiting": say("waiting"),
        "downloading": say("downloading"),
        "staged": say("staged"),
        "trial": say("on trial"),
        "healthy": say("healthy"),
        "committed": say("committed"),
        "reverted": say("reverted"),
        "failed": say("failed"),
        "back": say("has what it had"),
        "skipped": say("cannot take it"),
        "gone": say("left the rollout"),
    }


def told(counts: Mapping[str, int], say: Say) -> str:
    """How many nodes are how far, in a line."""
    words = spoken(say)
    return " · ".join(f"{counts[state]} {words[state]}" for state in ORDER if counts.get(state))


class Bar:
    """A bar whose parts are as long as the nodes of each colour are many.

    Args:
        mark: Percent of it at which there is a mark; None for none.
    """

    def __init__(self, say: Say, *, mark: int | None = None) -> None:
        self._say = say
        self._shown: tuple[dict[str, int], bool] | None = None
        with ui.element("div").classes("g-progress").props('role="img"') as self._bar:
            self._parts = {colour: ui.element("span").classes(f"g-{colour}") for colour in _TONES}
            if mark is not None:
                ui.element("i").style(f"left: {mark}%")

    def update(self, counts: Mapping[str, int], *, is_over: bool = False) -> None:
        """Shows so many nodes, `is_over` those of a rollout that has ended."""
        if (dict(counts), is_over) == self._shown:
            return
        self._shown = (dict(counts), is_over)
        for colour, part in self._parts.items():
            count = sum(count for state, count in counts.items() if tone(state, is_over=is_over) == colour)
            part.style(f"flex-grow: {count}")
            part.set_visibility(bool(count))
        self._bar.props(f'aria-label="{attribute(told(counts, self._say))}"')

    def set_visibility(self, visible: bool) -> None:
        """Shows or hides it."""
        self._bar.set_visibility(visible)
