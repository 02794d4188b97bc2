# SPDX-License-Identifier: GPL-3.0-or-later
"""The console of a real node in a real Chromium: lines and a shell by the keyboard, one who writes."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, TimeoutError, expect

from support.brokers import nats_broker
from support.browser import PATIENCE, opened
from support.cable import Cable
from support.gateway import Process, process
from support.node import CHIP, node
from support.waiting import until_answered

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/nodes/fridge/console"
SHOWN = """() => {
  const lines = getElement(window.ganglion.console.id).terminal.buffer.active;
  return [...Array(lines.length).keys()].map(i => lines.getLine(i).translateToString(true)).join("\\n");
}"""


class Site(NamedTuple):
    gateway: Process
    folder: Path
    config: str


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("console")
    async with nats_broker(folder / "broker") as broker, process(folder / "gateway", broker.url) as gateway:
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (folder / "enrol.key").write_text(key)
        lent = f'[serial.board]\nport = "{folder / "ttyUSB0"}"\nabout = "the pump"\n'
        config = CHIP.format(name="fridge", broker=broker.url, more=f"[console]\nshell = true\n{lent}")
        yield Site(gateway, folder, config)


async def shows(page: Page, *texts: str) -> None:
    """Waits until the terminal shows these."""
    for text in texts:
        try:
            await page.wait_for_function(f"text => ({SHOWN})().includes(text)", arg=text, timeout=PATIENCE)
        except TimeoutError:
            raise AssertionError(f"no {text!r} in {await page.evaluate(SHOWN)}") from None


async def enter(page: Page, line: str) -> None:
    await page.keyboard.type(line)
    await page.keyboard.press("Enter")


async def test_lines_are_carried_out_and_one_writes(chromium: Browser, site: Site) -> None:
    made = {"name": "olena", "role": "debug"}
    token = (await site.gateway.http.post("/api/v1/api-keys", json=made)).json()["token"]
    async with node(site.folder, site.config) as fridge:
        await fridge.ready()
        watch = await opened(chromium, site.gateway, "/nodes/fridge")
        page, state = watch.page, watch.page.locator(".g-console-bar [role=status]")
        await page.get_by_role("link", name="Console").click()
        await expect(page.get_by_role("heading", name="Console of fridge")).to_be_visible()
        await expect(state).to_have_text("you write", timeout=PATIENCE)
        await shows(page, "Enrolled in the mesh")
        await enter(page, "help status")
        await shows(page, "how the node is, in short")
        await enter(page, "nonsense")
        await shows(page, "there is no method 'nonsense'")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Home")
        await page.keyboard.type("more")
        await page.keyboard.press("Enter")
        await shows(page, "there is no method 'morenonsense'")
        other = await opened(chromium, site.gateway, PATH, token=token)
        its = other.page.locator(".g-console-bar [role=status]")
        await expect(its).to_have_text("admin@gateway writes", timeout=PATIENCE)
        await enter(page, "nonsense again")
        await shows(other.page, "admin@gateway> nonsense")
        await enter(other.page, "status")
        await shows(other.page, "admin@gateway writes here")
        await other.page.get_by_role("button", name="Take over").click()
        await other.page.get_by_role("dialog").get_by_role("button", name="Take over").click()
        await expect(its).to_have_text("you write", timeout=PATIENCE)
        await expect(state).to_have_text("olena@gateway writes", timeout=PATIENCE)
        await other.page.close()
        await page.close()
        assert watch.errors == other.errors == []
    entries = (await site.gateway.http.get("/api/v1/audit")).json()["entries"]
    opened_by = {each["actor"] for each in entries if each["detail"].get("method") == "console.open"}
    assert opened_by == {"admin", "olena"}


async def test_a_shell_has_the_keyboard_and_the_windows_size_and_a_node_comes_back(
    chromium: Browser, site: Site
) -> None:
    async with node(site.folder, site.config) as fridge:
        await fridge.ready()

        async def there() -> bool:
            answer = await site.gateway.http.get("/api/v1/nodes/fridge/calls/status?timeout=3", timeout=60)
            return answer.status_code == 200

        await until_answered(there)
        watch = await opened(chromium, site.gateway, PATH)
        page, state = watch.page, watch.page.locator(".g-console-bar [role=status]")
        # A page of before may have been there for as long as it takes the gateway to give it up
        await expect(state).to_have_text(re.compile("you write|nobody writes"), timeout=PATIENCE)
        await enter(page, "status")
        await expect(state).to_have_text("you write", timeout=PATIENCE)
        await enter(page, "shell")
        await shows(page, "a shell on the node")
        columns = await page.evaluate("getElement(window.ganglion.console.id).terminal.cols")
        await enter(page, "echo $((40 + 2)) wide $(tput cols)")
        await shows(page, f"42 wide {columns}")
        await page.set_viewport_size({"width": 900, "height": 700})
        # A window may come to its size in steps; the shell has the last
        await enter(page, "while sleep 0.2; do echo is $(tput cols).; done")
        wide = "getElement(window.ganglion.console.id).terminal.cols"
        settled = f"before => {wide} < before && ({SHOWN})().split('\\n').findLast(line => line.startsWith('is '))"
        await page.wait_for_function(f"{settled} === `is ${{{wide}}}.`", arg=columns, timeout=PATIENCE)
        await page.keyboard.press("Control+c")
        await enter(page, "echo now $((1 + 1))")
        await shows(page, "now 2")
        # Tab is the shell's, and Ctrl-] leaves it
        await page.keyboard.type("ec")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.closest('.xterm') !== null")
        await page.keyboard.press("Control+]")
        assert await page.evaluate("document.activeElement.textContent") == "fridge"
        await page.locator(".xterm").click()
        await page.keyboard.press("Control+u")
        await enter(page, "exit")
        await shows(page, "the shell is over")
        await enter(page, "help status")
        await shows(page, "how the node is, in short")
    await expect(state).to_have_text("the node does not answer", timeout=2 * PATIENCE)
    async with node(site.folder, site.config) as fridge:
        await fridge.ready()
        await shows(page, "fridge is there again")
        await expect(state).to_have_text("you write", timeout=PATIENCE)
        assert watch.errors == []


async def test_a_serial_port_of_the_node_is_typed_at(chromium: Browser, site: Site) -> None:
    cable = Cable(site.folder, held=False)
    async with node(site.folder, site.config) as fridge:
        await fridge.ready()

        async def there() -> bool:
            answer = await site.gateway.http.get("/api/v1/nodes/fridge/calls/ports.list?timeout=3", timeout=60)
            return answer.status_code == 200

        await until_answered(there)
        watch = await opened(chromium, site.gateway, PATH, width=390, language="uk")
        page, state = watch.page, watch.page.locator(".g-console-bar [role=status]")
        await page.get_by_role("combobox", name="Чия консоль").click()
        await page.get_by_role("option", name="fridge:board – the pump").click()
        await page.wait_for_url("**/console?port=board")
        await expect(state).to_have_text("пишете ви", timeout=PATIENCE)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.keyboard.type("hi")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        said = b""
        while not said.endswith(b"\r"):
            more = await asyncio.to_thread(cable.read, 30)
            assert more, said
            said += more
        assert said == b"hi\t\r"
        cable.write("вітаю \x1b]0;owned\x07\r\n".encode())
        await shows(page, "вітаю ␛]0;owned")
        await page.get_by_role("button", name="Скинути").click()
        await shows(page, "fridge:board не має DTR")
        await page.get_by_role("combobox", name="Бітів за секунду").click()
        await page.get_by_role("option", name="57600").click()
        cable.pull()
        await expect(state).to_have_text("порт зник", timeout=PATIENCE)
        cable.plug()
        await shows(page, "fridge:board знову на зв’язку")
        await page.locator(".xterm").click()
        await page.keyboard.type("!")
        assert await asyncio.to_thread(cable.read, 30) == b"!"
        await page.close()
        assert watch.errors == []
    cable.close()


async def test_who_may_not_debug_is_told_so(chromium: Browser, site: Site) -> None:
    made = {"name": "screen", "role": "operator"}
    token = (await site.gateway.http.post("/api/v1/api-keys", json=made)).json()["token"]
    watch = await opened(chromium, site.gateway, PATH, width=390, language="uk", token=token)
    await expect(watch.page.get_by_role("alert").filter(has_text="debug")).to_be_visible()
    await expect(watch.page.locator(".xterm")).to_have_count(0)
    assert await watch.page.evaluate("document.documentElement.scrollWidth") <= 390
    none = await opened(chromium, site.gateway, "/nodes/attic/console")
    await expect(none.page.get_by_text("attic")).to_be_visible()
    assert watch.errors == []
    assert all("404" in error for error in none.errors)
