# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard in a real Chromium: when it first paints, when a value is on it, how late it shows a new one."""

import asyncio
import shutil
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from ganglion.errors import UnreachableError, UsageError
from ganglion_tools.bench.gateway_site import Site
from ganglion_tools.bench.gateway_worker import PATIENCE, Worker

_FLAGS = [
    *("--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
#: Seconds between two readings while a page is opened.
_EVERY = 0.2
_VALUE = '[data-node="n0x0"] [data-sensor="room.temperature"] [data-role=value]'
_PAINT = """() => new Promise(told => {
    const all = list => list.find(each => each.name === "first-contentful-paint");
    const known = all(performance.getEntriesByType("paint"));
    if (known) return told(known.startTime);
    new PerformanceObserver((list, observer) => {
        const found = all(list.getEntries());
        if (found) { observer.disconnect(); told(found.startTime); }
    }).observe({type: "paint", buffered: true});
})"""


class Seen(NamedTuple):
    """Milliseconds; the middle of several pages and readings.

    Attributes:
        paint: From opening the page to the first paint with something on it (First Contentful Paint).
        value: From opening the page to a sensor's value on it.
        change: From a reading at its node to its value on an open page.
    """

    paint: float
    value: float
    change: float


async def measure(place: Site, node: Worker, *, pages: int) -> Seen:
    """Measures.

    Args:
        node: Reads the values.

    Raises:
        UsageError: there is no Chromium, or nothing to drive it with.
        UnreachableError: it does not start.
    """
    async with _chromium() as browser:
        paints, values, changes = [], [], []
        for number in range(pages + 1):
            enough = asyncio.Event()
            reading = asyncio.create_task(_readings(node, enough))
            try:
                page = await _login(browser, place)
                began = time.perf_counter()
                await page.goto(place.gateway.url, wait_until="commit", timeout=PATIENCE * 1000)
                await page.wait_for_selector(_VALUE, timeout=PATIENCE * 1000)
                value = (time.perf_counter() - began) * 1000
                async with asyncio.timeout(PATIENCE):
                    paint = await page.evaluate(_PAINT)
            finally:
                enough.set()
                await reading
            change = await _change(node, page, 100 + number)
            await page.context.close()
            if number:  # whoever is first fills caches and makes tables
                paints.append(paint)
                values.append(value)
                changes.append(change)
        return Seen(statistics.median(paints), statistics.median(values), statistics.median(changes))


async def _login(browser: Any, place: Site) -> Any:
    """A new page whose browser is logged in, its cache empty."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    url, form = place.gateway.url, {"token": place.token}
    await context.request.post(f"{url}/login", form=form, headers={"origin": url}, timeout=PATIENCE * 1000)
    return page


async def _readings(node: Worker, enough: asyncio.Event) -> None:
    number = 0
    while not enough.is_set():
        number += 1
        await node.ask("reading", value=20 + number % 50)
        await asyncio.sleep(_EVERY)


async def _change(node: Worker, page: Any, value: int) -> float:
    """Milliseconds until a page shows another value."""
    await asyncio.sleep(1)  # what was said before is on the page
    shown = asyncio.create_task(
        page.wait_for_function(
            "([where, value]) => document.querySelector(where).innerText.trim() === value && Date.now()",
            arg=[_VALUE, str(value)],
            timeout=PATIENCE * 1000,
        )
    )
    await asyncio.sleep(0.2)  # it looks at every frame by now
    at: float = (await node.ask("reading", value=value))["at"] / 1e6
    found: float = await (await shown).json_value()
    return found - at


@asynccontextmanager
async def _chromium() -> AsyncIterator[Any]:
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError:
        raise UsageError("playwright is not installed: pip install playwright") from None
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise UsageError("there is no Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=program, args=_FLAGS)
        except Error as error:
            raise UnreachableError(f"{program} does not start: {str(error).splitlines()[0]}") from None
        try:
            yield browser
        finally:
            await browser.close()
