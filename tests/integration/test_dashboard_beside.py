# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard of two gateways beside one PostgreSQL, behind what keeps a browser with one of them."""

import signal
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from ganglion_gateway.backup.making import make
from ganglion_gateway.backup.restoring import restore_keys
from support.affinity import COOKIE, Proxy, proxy
from support.browser import PATIENCE, browser, ready
from support.gateway import NO_BROKER, process
from support.postgres import PostgresServer

MARK = "window.mark = 'as it was built'"


async def opened(chromium: Browser, before: Proxy, route: str, token: str) -> Page:
    """The page of the audit in a browser of its own, at a gateway."""
    context = await chromium.new_context(locale="en")
    context.set_default_timeout(PATIENCE)
    await context.add_cookies([{"name": COOKIE, "value": route, "url": before.url}])
    page = await context.new_page()
    await context.request.post(
        f"{before.url}/login", form={"token": token}, headers={"origin": before.url}, max_redirects=0
    )
    await page.goto(f"{before.url}/audit")
    await ready(page)
    await page.evaluate(MARK)
    return page


async def test_a_page_lives_with_its_gateway_and_comes_again_at_the_other(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.database(migrated=True)
    database = ("--database", postgres.url(url.parameters["dbname"]))
    known = {"GANGLION_DATABASE": database[1]}
    async with process(tmp_path / "one", NO_BROKER, environment=known) as one:
        await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
        restore_keys(tmp_path / "backup", tmp_path / "two", passphrase=None)
        async with (
            process(tmp_path / "two", NO_BROKER, "--name", "two", environment=known) as two,
            proxy({"one": one.url, "two": two.url}) as before,
            browser() as chromium,
        ):
            stays = await opened(chromium, before, "one", one.token)
            moves = await opened(chromium, before, "two", one.token)
            assert min(before.taken.values()) > 0

            await two.end(signal.SIGKILL)
            await moves.wait_for_function("window.mark === undefined && window.did_handshake", timeout=3 * PATIENCE)
            await expect(moves.locator("#main")).to_be_visible()
            await one.http.post("/api/v1/groups", json={"name": "hall", "nodes": [], "tags": []})
            for page in (stays, moves):
                await expect(page.get_by_text("group.create").first).to_be_visible()
            assert await stays.evaluate("window.mark") == "as it was built"
    postgres.drop(url)
