# SPDX-License-Identifier: GPL-3.0-or-later
"""The editor of scripts where the browser is heard late: the orders that a busy machine makes by chance, on purpose."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from ganglion.mova.templates import template
from support.browser import Front, opened

pytestmark = pytest.mark.asyncio(loop_scope="session")
STATE = ".g-script-bar [role=status]"
WRITTEN = "window.ganglion.script.view.state.doc.toString()"
#: Keeps back what the editor tells of its text, until `release()`.
HOLD = """() => {
  const emit = window.socket.emit, held = [];
  window.socket.emit = function (name, ...rest) {
    if (name !== "event" || !JSON.stringify(rest).includes("sections")) return emit.call(this, name, ...rest);
    held.push([name, ...rest]);
    return this;
  };
  window.release = () => {
    window.socket.emit = emit;
    for (const each of held) window.socket.emit(...each);
    return held.length;
  };
}"""


@asynccontextmanager
async def held(page: Page) -> AsyncIterator[None]:
    """Within the block, the gateway does not hear what is written."""
    await page.evaluate(HOLD)
    yield
    assert await page.evaluate("window.release()") > 0


async def passed(page: Page) -> None:
    """Has the gateway run the tests of the text that it knows: those of the template are two."""
    await page.get_by_role("tab", name="Tests").click()
    await page.get_by_role("button", name="Run the tests").click()
    await expect(page.get_by_text("2 passed")).to_be_visible()


async def test_a_file_stays_that_is_chosen_while_the_gateway_hears_nothing(chromium: Browser, front: Front) -> None:
    watch = await opened(chromium, front.gateway, "/scripts")
    page = watch.page
    await expect(page.locator(STATE)).to_have_text("valid")
    await page.get_by_role("button", name="Open…").click()
    await page.locator("[data-template=webhook]").click()
    await expect(page.locator(".cm-content")).to_contain_text("webhook:")
    await page.get_by_role("button", name="Open…").click()
    chooser = page.locator("input[type=file]")
    text = '{"a": 1}'
    async with held(page):
        await chooser.set_input_files({"name": "mine.json", "mimeType": "", "buffer": text.encode()})
        # The gateway has its name, and with that all that it says of it is here
        await page.wait_for_function("window.ganglion.script.file === 'mine.json'")
        assert await page.evaluate(WRITTEN) == text
    await expect(page.locator(STATE)).to_contain_text("errors")
    assert await page.evaluate(WRITTEN) == text
    await expect(page.get_by_label("File name")).to_have_value("mine.json")
    assert watch.errors == []


async def test_what_is_opened_is_what_is_tested_though_keys_before_it_come_late(
    chromium: Browser, front: Front
) -> None:
    watch = await opened(chromium, front.gateway, "/scripts")
    page = watch.page
    await expect(page.locator(STATE)).to_have_text("valid")
    await page.get_by_role("button", name="Open…").click()
    example = page.locator("[data-template=edge]")
    await expect(example).to_be_visible()
    async with held(page):
        view = "window.ganglion.script.view"
        await page.evaluate(
            f"{view}.dispatch({{ changes: {{ from: 0, to: {view}.state.doc.length, insert: 'a: 1' }} }})"
        )
        await example.click()
        await expect(page.locator(".cm-content")).to_contain_text("my_script")
    assert await page.evaluate(WRITTEN) == template("edge", "my_script")
    await passed(page)
    await expect(page.locator(STATE)).to_have_text("valid")
    assert watch.errors == []
