# SPDX-License-Identifier: GPL-3.0-or-later
"""Dialogs: what is built in one is gone when it is closed, and who has it open may leave the page.

with dialog(say("Rename it")) as asking:
    name = field(say("Name"))
    button(say("Rename"), lambda: asking.submit(True))
if await asking: ...    # None where it was closed by Esc, or the page left
"""

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui

from ganglion_gateway.dashboard.parts import attribute, button, tagged
from ganglion_gateway.dashboard.words import Say


class Dialog(ui.dialog):
    """One that is awaited gives its answer when it is gone from the page: what is opened next is the only one there."""

    def __init__(self) -> None:
        super().__init__()
        self._gone = asyncio.Event()
        self.props("transition-duration=0")
        # Not before it is hidden: what had the focus when it was opened has it again by then
        self.on("hide", self.delete)

    def __await__(self) -> Generator[Any, None, Any]:
        said = yield from super().__await__()  # type: ignore[no-untyped-call]
        if not self.is_deleted:
            yield from self._gone.wait().__await__()
        return said

    def _handle_delete(self) -> None:
        self._gone.set()
        super()._handle_delete()


@contextmanager
def dialog(heading: str, *, close: str = "", stays: bool = False, more: str = "") -> Iterator[Dialog]:
    """A dialog, of which the block builds the content. It is opened by `await`, or by its `open()`.

    Args:
        close: What a button beside the heading says that closes it; "" for none.
        stays: Esc and a click beside it do not close it.
        more: Further classes of its card.
    """
    # A part of the page, and not of what was clicked: a table that changes meanwhile would take it along
    with ui.context.client.content, Dialog() as made:
        made.props(f'aria-label="{attribute(heading)}"')
        if stays:
            made.props("persistent")
        with ui.card().classes(f"g-dialog {more}").props('role="document"'):
            if close:
                with ui.element("div").classes("g-dialog-head"):
                    tagged("h2", heading)
                    button(close, made.close)
            else:
                tagged("h2", heading)
            yield made


def refusal() -> ui.label:
    """Where a form says why it was refused, and stays open with what is written in it: `Visit.attempt` takes it."""
    made = ui.label("").classes("g-wrong").props('role="alert"')
    made.set_visibility(False)
    return made


async def confirmed(say: Say, question: str, do: str) -> bool:
    """Asks before what cannot be taken back.

    Args:
        question: What will be, in a sentence.
        do: What the button says that does it.
    """
    with dialog(question) as asking, ui.element("div").classes("g-bar"):
        button(do, lambda: asking.submit(True), main=True)
        button(say("Cancel"), lambda: asking.submit(False))
    return bool(await asking)


def shown_once(say: Say, heading: str, secret: str) -> None:
    """Shows what is shown this once, in a dialog that stays until it is closed."""
    with dialog(heading, stays=True) as showing:
        ui.label(say("It is shown this once: copy it now.")).classes("g-faint")
        shown = tagged("pre", secret).classes("g-code").props('data-role="secret"')
        with ui.element("div").classes("g-bar"):
            button(say("Copy"), main=True).on("click", js_handler=f"() => window.ganglion.copy('{shown.html_id}')")
            button(say("Close"), showing.close)
    showing.open()
