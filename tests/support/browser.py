# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium that looks at the dashboard.

pytestmark = pytest.mark.asyncio(loop_scope="session")   # one browser for all modules, so one loop

async def test_it(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/fleet")   # watch.page, and watch.errors of what went wrong on it
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from support.brokers import nats_broker, program
from support.gateway import Process, process

#: Milliseconds that what a page is to show may take, on a machine that does much else.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)

FLAGS = [
    *("--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a screen, until the block ends."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program("chromium"), args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def chromium(_chromium: Browser) -> AsyncIterator[Browser]:
    """The browser of all tests, without the pages of those before: each would go on to ask its gateway."""
    yield _chromium
    for context in _chromium.contexts:
        await context.close()


#: A model that nobody asks, with a budget.
MODELS = """
[[model]]
name = "near"
url = "http://127.0.0.1:9/v1"
model = "llama-3"
prompt_price = 0.5
completion_price = 1.5

[budget]
tokens = 1000
"""


class Front(NamedTuple):
    """A gateway with a model, and the URL of its broker."""

    gateway: Process
    broker: str


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """That of the modules whose pages need no fleet of their own: each gateway costs seconds."""
    folder = tmp_path_factory.mktemp("front")
    (folder / "models.toml").write_text(MODELS)
    words = ["--models", str(folder / "models.toml")]
    async with nats_broker(folder / "broker") as broker, process(folder / "state", broker.url, *words) as gateway:
        yield Front(gateway, broker.url)


class Watch:
    """A page, and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)


async def opened(
    browser: Browser,
    gateway: Process,
    path: str = "/",
    *,
    width: int = 1280,
    dark: bool = False,
    language: str = "en",
    token: str = "",
) -> Watch:
    """A page of the dashboard, logged in by the token."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", locale=language
    )
    context.set_default_timeout(PATIENCE)
    watch = Watch(await context.new_page())
    # Where the login leads costs a page, which is not the one that is wanted
    form = {"token": token or gateway.token}
    await context.request.post(f"{gateway.url}/login", form=form, headers={"origin": gateway.url}, max_redirects=0)
    await watch.page.goto(f"{gateway.url}{path}")
    await ready(watch.page)
    return watch


async def ready(page: Page) -> None:
    """Waits until the page is there and hears the gateway: what is done before is told in any order."""
    await expect(page.locator("#main")).to_be_visible()
    await page.wait_for_function("window.did_handshake")
