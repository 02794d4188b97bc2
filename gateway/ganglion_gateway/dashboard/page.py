# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the dashboard, and what mounts them. Once a process: NiceGUI keeps its pages in the module."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import core, ui
from starlette.types import ASGIApp

from ganglion.errors import GanglionError, NotFoundError
from ganglion_gateway.dashboard import (
    audit,
    door,
    fleet,
    frame,
    jobs,
    logs,
    models,
    node,
    overview,
    releases,
    rollouts,
    style,
    text,
    webhooks,
)
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.console import build as console
from ganglion_gateway.dashboard.frame import Entry
from ganglion_gateway.dashboard.scripts import build as scripts
from ganglion_gateway.dashboard.settings import page as settings
from ganglion_gateway.dashboard.unseen import Unseen
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.problems import problem
from ganglion_gateway.services import Services

#: Seconds that a page has to be built; NiceGUI's 3 are few on a Raspberry Pi.
_PATIENCE = 30.0
#: Seconds that a page outlives its connection: NiceGUI's 3 are less than a phone takes to change its Wi-Fi.
_GAP = 30.0

Build = Callable[[Visit], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        path: As FastAPI writes it.
        title: In English; in the catalogue.
        build: Fills the page.
        key: The letter that follows `g` to go there; "" for a page that stands in no menu.
        scope: What it asks for beyond `read`; it is not in the menu of who has it not.
        within: The path of the page in the menu that it belongs to; "" for its own.
        gap: Seconds that it outlives its connection.
        missing: In English, in the catalogue, where what the path names is not there, with `{name}`.
    """

    path: str
    title: str
    build: Build
    key: str = ""
    scope: str = "read"
    within: str = ""
    gap: float = _GAP
    missing: str = ""


_NO_NODE = "No node is called {name}."
#: In the menu's order.
PAGES = (
    Page("/", "Now", overview.build, "n"),
    Page("/fleet", "Fleet", fleet.build, "f"),
    Page("/nodes/{node}", "Node", node.build, within="/fleet", missing=_NO_NODE),
    Page("/scripts", "Scripts", scripts.build, "c"),
    # Who has left a console writes there no more, and somebody else may
    Page(console.PATH, "Console", console.build, scope="debug", within="/fleet", gap=3.0, missing=_NO_NODE),
    Page("/releases", "Releases", releases.listing.build, "r"),
    Page("/releases/new", "New release", releases.create.build, scope="config"),
    Page("/releases/{release}", "Release", releases.one.build, missing="There is no release {name}."),
    Page("/rollouts", "Rollouts", rollouts.listing.build, "o"),
    Page("/rollouts/new", "New rollout", rollouts.plan.build),
    Page("/rollouts/{rollout}", "Rollout", rollouts.one.build, missing="There is no rollout {name}."),
    Page("/jobs", "Jobs", jobs.build, "j"),
    Page("/jobs/{job}", "Job", jobs.build_one, within="/jobs", missing="There is no job {name}."),
    Page("/logs", "Logs", logs.build, "l"),
    Page("/webhooks", "Webhooks", webhooks.out.build, "w", "webhooks"),
    Page("/webhooks/dead", "Dead letters", webhooks.dead.build, scope="webhooks"),
    Page("/webhooks/in", "Webhooks in", webhooks.incoming.build, scope="webhooks"),
    Page("/webhooks/{webhook}", "Webhook", webhooks.one.build, scope="webhooks", missing="There is no webhook {name}."),
    Page("/models", "Models", models.build, "m"),
    Page("/audit", "Audit", audit.build, "a", "audit"),
    Page("/settings", "Settings", settings.build, "s"),
)


async def _nowhere(visit: Visit) -> None:
    ui.context.client.status_code = 404
    line = visit.say("There is no page {path} here.").format(path=text.cut(f"/{visit.path['rest']}"))
    with ui.element("div").classes("g-card g-section").props('role="alert"'):
        ui.label(line)
        with ui.element("a").classes("g-link").props('href="/"'):
            ui.label(visit.say("To the first page"))


#: What stands where no page is.
NOWHERE = Page("/{rest:path}", "Not found", _nowhere)


def mount(app: FastAPI, services: Services, guarded: ASGIApp) -> None:
    """Adds the dashboard to an application.

    Args:
        guarded: The same with its guard, which pages ask on behalf of who looks.
    """
    unseen = Unseen()
    door.bind(core.sio)
    app.add_middleware(door.Door, sio=core.sio)
    for page in PAGES:
        _add(page, services, guarded, unseen)
    ui.run_with(
        app,
        title="Ganglion",
        favicon=style.ICON,
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )
    _add(NOWHERE, services, guarded, unseen)  # the last: it takes whatever path is no other's


def _add(page: Page, services: Services, guarded: ASGIApp, unseen: Unseen) -> None:
    async def show(request: Request) -> Response | None:
        visit = Visit(guarded, services, request)
        try:
            if page is NOWHERE and "text/html" not in request.headers.get("accept", ""):
                # A picture, or a script of a version before: nobody reads a page of it
                return problem(404, f"there is nothing at {request.url.path}", instance=request.url.path)
            await built(visit)
        finally:
            unseen.add(visit.principal.key, ui.context.client)
        return None

    async def built(visit: Visit) -> None:
        menu = [Entry(each.path, each.title, each.key) for each in PAGES if each.key and visit.may(each.scope)]
        with frame.framed(visit, menu, title=page.title, here=page.within or page.path):
            if not visit.may(page.scope):
                line = visit.say("{name} may not see this: it asks for the scope '{scope}'.")
                _said(line.format(name=visit.principal.name, scope=page.scope))
                return
            try:
                await page.build(visit)
            except LoggedOutError:
                visit.log_in()
            except GanglionError as error:
                # What the address names is not there, or is not for who looks
                why = str(error)
                if isinstance(error, NotFoundError):
                    ui.context.client.status_code = 404
                    if page.missing and visit.language != "en":  # in English the API's sentence says what is near
                        name = text.cut(next(iter(visit.path.values()), ""))
                        why = visit.say(page.missing).format(name=name)
                _said(why)

    ui.page(page.path, response_timeout=_PATIENCE, reconnect_timeout=page.gap)(show)


def _said(why: str) -> None:
    """Instead of the page."""
    ui.label(why).classes("g-card g-empty").props('role="alert"')
