# SPDX-License-Identifier: GPL-3.0-or-later
"""One visitor at one page: who that is, what is asked on his behalf, and how he is told what went wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from nicegui import ui
from starlette.types import ASGIApp

from ganglion.client.call import Call
from ganglion.errors import GanglionError
from ganglion_gateway.access.sessions import CLOSED, ENDED, Session
from ganglion_gateway.access.tokens import Principal
from ganglion_gateway.dashboard import asking, text, words
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.services import Services

T = TypeVar("T")

#: Seconds between two looks at what is shown, where a page does not say.
TURN = 2.0


class Visit:
    """A page that is open.

    Attributes:
        services: The gateway's parts, for what is in memory and asks for no right but `read`.
        principal: Who looks.
        language: One of `languages.LANGUAGES`.
        say: Gives a sentence in that language.
        dark: Whether colours are dark; None where the system says.
        path: What stands for the `{names}` of the page's path.
        query: What the address has behind `?`.
        base: Where the gateway is, as the browser has it: `https://host:port`.

    Args:
        app: The application with its guard, which answers what pages ask.
    """

    def __init__(self, app: ASGIApp, services: Services, request: Request) -> None:
        self.services = services
        self.principal: Principal = request.state.principal
        self._session: Session | None = request.state.session
        self.language = words.chosen(request.cookies, request.headers.get("accept-language", ""))
        self.say = words.speaking(self.language)
        self.dark = {"dark": True, "light": False}.get(request.cookies.get("ganglion_colours", ""))
        self.path: dict[str, str] = dict(request.path_params)
        self.query: dict[str, str] = dict(request.query_params)
        self.base = str(request.base_url).rstrip("/")
        self._api = asking.client(app, request, self.language)
        self._trouble: ui.label | None = None
        self._heading: ui.label | None = None

    def may(self, scope: str) -> bool:
        """Whether who looks has a scope of `access.permissions`: what he may not do is not offered."""
        return self.principal.may(scope)

    @property
    def is_welcome(self) -> bool:
        """Whether who opened the page would still be let in: the guard sees a page's socket once."""
        return not self._is_over and self.services.keyring.holder(self.principal.key) is not None

    @property
    def _is_over(self) -> bool:
        return self._session is not None and time.time() >= self._session.expires

    def log_in(self) -> None:
        """Leads who is let in no more to the login, which says why, and leads back here."""
        ui.run_javascript(f"window.ganglion.login('{ENDED if self._is_over else CLOSED}')")

    async def ask(self, call: Call[T]) -> T:
        """The API's answer. Raises: see `AsyncGatewayClient.ask`; LoggedOutError."""
        return await self._api.ask(call)

    async def attempt(self, call: Call[T], *, done: str = "", trouble: ui.label | None = None) -> T | None:
        """The API's answer to what a button asks for; None where it refuses, and the visitor is told why.

        Args:
            done: What he is told where it is done, in his language.
            trouble: Where the refusal stands until the next attempt, for a form that takes a while to put right.
        """
        try:
            answer = await self.ask(call)
        except LoggedOutError:
            self.log_in()
        except GanglionError as error:
            if trouble is None:
                self.complain(error)
            else:
                trouble.set_text(str(error))
                trouble.set_visibility(True)
        else:
            if trouble is not None:
                trouble.set_visibility(False)
            if done:
                self.tell(done)
            return answer
        return None

    def complain(self, error: GanglionError | str) -> None:
        """Tells what went wrong, until it is read."""
        # Above, as all that is told: below and at the sides are the buttons
        close = self.say("Close")
        ui.notify(str(error), type="negative", position="top", multi_line=True, timeout=8000, close_button=close)

    def tell(self, done: str, *, seconds: float = 5.0) -> None:
        """Tells what was done."""
        ui.notify(done, type="positive", position="top", timeout=int(seconds * 1000))

    def headed_by(self, heading: ui.label) -> None:
        """What stands above the page."""
        self._heading = heading

    def entitle(self, name: str) -> None:
        """The page is about one thing, and has its name."""
        name = text.whole(name)
        ui.page_title(f"{name} · Ganglion")
        if self._heading is not None:
            self._heading.set_text(name)

    def troubled_in(self, place: ui.label) -> None:
        """Where it is said that what is shown is not of now."""
        self._trouble = place
        place.set_visibility(False)

    async def every(self, look: Callable[[], Awaitable[Any]], *, seconds: float = TURN) -> None:
        """Looks now, and again and again while the page is open; says so where a look fails, and when it is over."""
        under_way = False

        async def turn() -> None:
            nonlocal under_way
            if under_way:
                return
            under_way = True
            try:
                if not self.is_welcome:
                    raise LoggedOutError
                await look()
            except LoggedOutError:
                self.log_in()
            except GanglionError as error:
                self._troubled(str(error))
            else:
                self._troubled("")
            finally:
                under_way = False

        await turn()
        ui.timer(seconds, turn, immediate=False)

    async def now(self, look: Callable[[], Awaitable[Any]]) -> None:
        """Looks once more, as what is shown has changed by what was done."""
        try:
            await look()
        except LoggedOutError:
            self.log_in()
        except GanglionError as error:
            self.complain(error)

    def follow(self, call: Call[Any], take: Callable[[dict[str, Any]], Any]) -> "asyncio.Task[None]":
        """Gives `take` each document of an answer that goes on, until that ends, the task is cancelled, or the page is.

        What goes wrong is told. Whoever may not see it any more is led to the login.
        """

        async def lines() -> None:
            try:
                async for line in self._api.follow(call):
                    if not self.is_welcome:
                        raise LoggedOutError
                    take(line)
            except LoggedOutError:
                with client:
                    self.log_in()
            except GanglionError as error:
                with client:
                    self.complain(error)

        client = ui.context.client
        task = asyncio.create_task(lines(), name="a page that follows")
        client.on_delete(task.cancel)
        return task

    def _troubled(self, what: str) -> None:
        if self._trouble is not None:
            self._trouble.set_text(what)
            self._trouble.set_visibility(bool(what))
