# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around every page: the head with the broker's state, the menu, and who is logged in."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from nicegui import ui

from ganglion_gateway.dashboard import style
from ganglion_gateway.dashboard.parts import attribute, button, tagged
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.words import COOKIE
from ganglion_gateway.languages import LANGUAGES

#: Seconds between looks at the broker, and at who looks.
_TURN = 1.0


class Entry(NamedTuple):
    """A line of the menu: where it leads, its English title, and the letter that follows `g`."""

    path: str
    title: str
    key: str


@contextmanager
def framed(visit: Visit, menu: Sequence[Entry], *, title: str, here: str) -> Iterator[None]:
    """Builds the frame; what is built inside the block stands beside the menu.

    Args:
        title: Of the page, in English.
        here: Its path, as the menu has it.
    """
    say = visit.say
    _watch(visit)
    ui.page_title("Ganglion" if here == "/" else f"{say(title)} · Ganglion")
    ui.add_css(style.CSS)
    if visit.dark is not None:
        ui.dark_mode(visit.dark)
    keys = json.dumps({entry.key: entry.path for entry in menu})
    ui.add_head_html(f"<script>{style.SCRIPT}\nwindow.ganglion.begin({json.dumps(visit.language)}, {keys})</script>")
    with ui.element("a").classes("g-skip").props('href="#main"'):
        ui.label(say("Skip to the content"))
    with ui.element("header").classes("g-head"):
        _menu_button(say("Menu"))
        ui.html(style.ICON, sanitize=False).classes("g-mark").props('aria-hidden="true"')
        tagged("h1" if here == "/" else "p", "Ganglion").classes("g-name")
        ui.element("div").classes("g-space")
        _broker(visit)
    with ui.element("div").classes("g-body"):
        with ui.element("nav").classes("g-nav").props(f'id="menu" aria-label="{attribute(say("Menu"))}"'):
            for entry in menu:
                is_here = entry.path == here or (entry.path != "/" and here.startswith(f"{entry.path}/"))
                current = ' aria-current="page"' if is_here else ""
                with ui.element("a").props(f'href="{entry.path}"{current}'):
                    ui.label(say(entry.title))
            ui.element("div").classes("g-space")
            _choices(visit)
        with ui.element("div").classes("g-main").props('id="main" tabindex="-1"'):
            visit.troubled_in(ui.label("").classes("g-trouble").props('role="alert"'))
            if here != "/":
                visit.headed_by(tagged("h1", say(title)).classes("g-title"))
            yield


def _watch(visit: Visit) -> None:
    """Leads whoever is let in no more to the login, and then ends the page here, whether or not his browser goes."""
    client, is_leaving = ui.context.client, False

    def look() -> None:
        nonlocal is_leaving
        if visit.is_welcome:
            return
        if not is_leaving:
            is_leaving = True
            visit.log_in()
        elif client.has_socket_connection:  # without one it ends by itself, and cannot come back: the guard is there
            client.delete()

    ui.timer(_TURN, look, immediate=False)


def _menu_button(caption: str) -> None:
    """For phones, where the menu is folded."""
    props = f'type="button" aria-controls="menu" aria-expanded="false" aria-label="{attribute(caption)}"'
    with ui.element("button").classes("g-button g-menu").props(props) as folded:
        ui.label("☰").props('aria-hidden="true"')
    folded.on("click", js_handler="() => window.ganglion.menu()")


def _broker(visit: Visit) -> None:
    say, mesh = visit.say, visit.services.mesh
    with ui.element("span").classes("g-chip").props('role="status"') as chip:
        ui.element("span").classes("g-dot").props('aria-hidden="true"')
        state = ui.label("")

    def look() -> None:
        connected = mesh.connected
        state.set_text(say("broker connected") if connected else say("broker away"))
        chip.classes(add="g-on" if connected else "g-off", remove="g-off" if connected else "g-on")

    look()
    ui.timer(_TURN, look, immediate=False)


def _choices(visit: Visit) -> None:
    """Language, colours, and the way out."""
    say = visit.say
    with ui.element("div").classes("g-choices"):
        ui.label(visit.principal.name).classes("g-faint")
        for language, name in LANGUAGES.items():
            if language != visit.language:
                other = button(name).props(f'lang="{language}"')
                other.on("click", js_handler=f"() => window.ganglion.choose('{COOKIE}', '{language}')")
        colours = button(say("Light or dark"))
        colours.on("click", js_handler="() => window.ganglion.colours()")
        with ui.element("form").props('method="post" action="/logout"'):
            button(say("Log out"), kind="submit")
