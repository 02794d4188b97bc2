# SPDX-License-Identifier: GPL-3.0-or-later
"""The editor of scripts in a real Chromium: what is typed is checked, drawn, tested, kept, saved, and run on a node."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from ganglion.mova.templates import template
from support.brokers import nats_broker
from support.browser import browser, opened
from support.gateway import Process, process
from support.node import CHIP, node
from support.waiting import until_answered

pytestmark = pytest.mark.asyncio(loop_scope="module")
#: Milliseconds in which something must be on the page, on a machine that is busy.
PATIENCE = 30_000
EDGE = template("edge", "cold")
#: For a node that has a thermometer, and no buzzer.
TELLS = """version: "2.2"
dialect: edge/1
name: tells
triggers:
  - {id: often, every: 1h, run: tell}
protocols:
  - name: tell
    steps:
      - {id: say, action: publish, topic: alert/tells, value: 1}
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Process]:
    folder = tmp_path_factory.mktemp("scripts")
    async with nats_broker(folder / "broker") as broker, process(folder / "gateway", broker.url) as started:
        key = (await started.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (folder / "enrol.key").write_text(key)
        async with node(folder, CHIP.format(name="fridge", broker=broker.url, more="")) as fridge:
            await fridge.ready()

            async def there() -> bool:
                nodes = (await started.http.get("/api/v1/nodes")).json()["nodes"]
                return bool(nodes) and bool(nodes[0]["online"])

            await until_answered(there)
            yield started


async def write(page: Page, text: str) -> None:
    """Has a text stand in the editor, as if it was pasted."""
    await page.locator(".cm-content").click()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text(text)


async def written(page: Page) -> str:
    return str(await page.evaluate("window.ganglion.script.view.state.doc.toString()"))


async def test_what_is_typed_is_underlined_listed_and_led_to(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/scripts")
    page = watch.page
    state = page.locator(".g-script-bar [role=status]")
    await expect(state).to_have_text("valid", timeout=PATIENCE)
    await write(page, EDGE.replace("run: too_warm", "run: nothing"))
    await expect(state).to_have_text("errors: 1", timeout=PATIENCE)
    await expect(page.locator(".g-mark-error")).to_have_text("nothing")
    entry = page.locator("[data-code=MV204]")
    await expect(entry).to_contain_text("line 8, column")
    await expect(entry).to_contain_text("a protocol that is named does not exist")
    await page.keyboard.press("Control+Home")
    await entry.focus()
    await page.keyboard.press("Enter")
    # The cursor stands there now: what is typed goes before the word
    await expect(page.locator(".cm-content")).to_be_focused()
    await page.keyboard.press("Control+Delete")
    await page.keyboard.type("too_warm")
    await expect(state).to_have_text("valid", timeout=PATIENCE)
    await expect(page.locator(".g-mark-error")).to_have_count(0)
    assert watch.errors == []


async def test_the_graph_follows_and_its_boxes_lead_to_their_steps(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/scripts")
    page = watch.page
    await page.get_by_role("tab", name="Graph").click()
    chart = page.locator(".g-ed-graph")
    await expect(chart).to_contain_text("actuate buzzer", timeout=PATIENCE)
    text = await written(page)
    await write(page, text.replace("id: beep", "id: shout"))
    await expect(chart).to_contain_text("shout: actuate", timeout=PATIENCE)
    await chart.locator(".node", has_text="done: end").click()
    line = "(v => v.state.doc.lineAt(v.state.selection.main.head).number)(window.ganglion.script.view)"
    await expect(page.locator(".cm-content")).to_be_focused()
    assert await page.evaluate(line) == 15
    await write(page, "{")
    await expect(page.get_by_text("what is drawn is from before")).to_be_visible(timeout=PATIENCE)
    await expect(chart).to_contain_text("shout: actuate")
    assert watch.errors == []


async def test_tests_and_a_run_are_shown_step_by_step(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/scripts")
    page = watch.page
    await write(page, EDGE.replace("{celsius: 9}", "{celsius: 8}"))
    await page.keyboard.press("ControlOrMeta+Enter")
    await expect(page.get_by_text("1 of 2 failed")).to_be_visible(timeout=PATIENCE)
    failed = page.locator("[data-passed=false]")
    await expect(failed.locator(".g-ed-failure")).to_contain_text("published alert/cold {'celsius': 8} is missing")
    steps = failed.get_by_role("table", name="Steps").locator("tbody tr")
    await expect(steps.first).to_contain_text("13 min")
    await expect(steps.first).to_contain_text("buzzer")
    await page.get_by_role("tab", name="Own run").click()
    await page.get_by_label("Value of the event").fill("12.5")
    await page.get_by_label("Sensors, as JSON").fill("[1]")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_text("write a map, as")).to_be_visible(timeout=PATIENCE)
    await page.get_by_label("Sensors, as JSON").fill("")
    await page.get_by_role("button", name="Run", exact=True).click()
    told = page.get_by_role("table", name="What happened").last
    await expect(told).to_contain_text('{"celsius": 12.5}', timeout=PATIENCE)
    assert watch.errors == []


async def test_a_reload_loses_nothing_and_a_template_begins_anew(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/scripts")
    page = watch.page
    await expect(page.locator(".g-script-bar [role=status]")).to_have_text("valid", timeout=PATIENCE)
    await write(page, TELLS)
    await page.get_by_label("File name").fill("tells.yaml")
    await page.keyboard.press("Enter")
    await expect(page.locator(".g-script-bar [role=status]")).to_have_text("valid", timeout=PATIENCE)
    await page.reload()
    await expect(page.locator(".cm-content")).to_contain_text("name: tells", timeout=PATIENCE)
    await expect(page.get_by_label("File name")).to_have_value("tells.yaml")
    assert await written(page) == TELLS
    await page.get_by_role("button", name="Open…").click()
    await page.locator("[data-template=webhook]").click()
    await expect(page.locator(".cm-content")).to_contain_text("webhook:", timeout=PATIENCE)
    # A file of this computer goes into the editor alone
    await page.get_by_role("button", name="Open…").click()
    file = {"name": "mine.json", "mimeType": "application/json", "buffer": b'{"version": "2.2"}'}
    await page.locator("input[type=file]").set_input_files(file)
    await expect(page.locator(".cm-content")).to_have_text('{"version": "2.2"}', timeout=PATIENCE)
    await expect(page.get_by_label("File name")).to_have_value("mine.json")
    assert watch.errors == []


async def test_a_script_becomes_a_release_and_runs_live_on_a_node(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/scripts?node=fridge")
    page = watch.page
    await expect(page.locator(".g-script-bar [role=status]")).to_have_text("valid", timeout=PATIENCE)
    await write(page, TELLS)
    await page.get_by_role("button", name="Save as a release…").click()
    await page.get_by_label("Name of the new release").fill("kitchen-1")
    await page.get_by_label("File in the release").fill("tells.yaml")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("link", name="Show the release")).to_be_visible(timeout=PATIENCE)
    (release,) = (await gateway.http.get("/api/v1/releases")).json()["releases"]
    assert (release["name"], [each["path"] for each in release["files"]]) == ("kitchen-1", ["tells.yaml"])
    await page.get_by_role("link", name="Show the release").click()
    await page.locator("details", has_text="tells.yaml").locator("summary").click()
    await page.get_by_role("link", name="Edit this script").click()
    await expect(page.locator(".cm-content")).to_contain_text("name: tells", timeout=PATIENCE)
    await page.goto(f"{gateway.url}/scripts?node=fridge&release=kitchen-1&file=tells.yaml")
    await expect(page.get_by_label("File name")).to_have_value("tells.yaml", timeout=PATIENCE)
    assert await written(page) == TELLS

    async def running() -> list[str]:
        answer = await gateway.http.get("/api/v1/nodes/fridge/calls/scripts.list", timeout=60)
        said = answer.json()["result"]["scripts"]
        return [each["name"] for each in said]

    assert await running() == []
    await page.get_by_role("button", name="Run live").click()
    live = page.locator(".g-ed-live [role=status]")
    await expect(live).to_contain_text("runs on fridge while this page is open", timeout=PATIENCE)
    assert await running() == ["tells"]
    await write(page, TELLS.replace("name: tells", "name: louder", 1))
    await expect(live).to_contain_text("Ctrl-S brings it", timeout=PATIENCE)
    await page.keyboard.press("ControlOrMeta+s")
    await expect(live).to_contain_text("louder", timeout=PATIENCE)

    async def replaced() -> bool:
        return await running() == ["louder"]

    await until_answered(replaced)
    await page.get_by_role("button", name="End it").click()
    await expect(live).to_have_text("Ended: what ran before is back.", timeout=PATIENCE)
    assert await running() == []
    assert watch.errors == []


async def test_who_may_only_look_writes_and_runs_nothing(chromium: Browser, gateway: Process) -> None:
    made = (await gateway.http.post("/api/v1/api-keys", json={"name": "screen", "role": "viewer"})).json()
    watch = await opened(chromium, gateway, "/scripts", width=390, language="uk", token=made["token"])
    page = watch.page
    await expect(page.get_by_role("heading", name="Скрипти")).to_be_visible()
    await expect(page.locator(".g-script-bar [role=status]")).to_have_text("без помилок", timeout=PATIENCE)
    await write(page, "a: 1")
    await expect(page.locator("[data-code=MV101]").first).to_contain_text("немає обов’язкового ключа", timeout=PATIENCE)
    await expect(page.get_by_role("tab")).to_have_count(2)
    await expect(page.get_by_role("button", name="Зберегти випуском…")).to_have_count(0)
    await expect(page.locator(".g-ed-live")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert watch.errors == []
