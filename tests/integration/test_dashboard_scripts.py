# SPDX-License-Identifier: GPL-3.0-or-later
"""The editor of scripts in a real Chromium: what is typed is checked, drawn, tested, kept, saved, and run on a node."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mova.plan import Plan
from ganglion.mova.templates import template
from ganglion_gateway.dashboard.scripts.live import LEASE
from support.brokers import nats_broker
from support.browser import PATIENCE, opened
from support.gateway import Process, process
from support.mesh import enrolled, running
from support.node import CHIP, node
from support.waiting import until_answered

pytestmark = pytest.mark.asyncio(loop_scope="session")
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
#: What that node runs: its text takes more than one piece.
NIGHT = f"# {'The stars are out, and it is cold. ' * 700}\n" + TELLS.replace("tells", "night")


class Barn:
    """A node with a leaf that takes what it is sent, as a board with the agent does."""

    def __init__(self, client: MeshClient) -> None:
        self.client = client
        self.held = b""
        self.runs: dict[str, bytes] = {}
        client.on_request("leaf.call", self._call)

    async def _call(self, params: dict[str, Any], peer: object) -> Any:
        assert params["leaf"] == "garden"
        given = params["params"]
        if params["method"] == "scripts.live":
            if not given["seconds"]:
                self.runs.pop(given["name"], None)
            return {"hash": "x" if given["name"] in self.runs else ""}
        assert (params["method"], given["seconds"]) == ("scripts.put", LEASE)
        self.held = self.held[: given["at"]] + base64.b64decode(given["data"])
        if len(self.held) < given["size"]:
            return {"at": len(self.held)}
        self.runs[given["name"]] = self.held
        return {"done": True}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def broker_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with nats_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker.url


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> AsyncIterator[Process]:
    folder = tmp_path_factory.mktemp("scripts")
    async with process(folder / "gateway", broker_url) as started:
        key = (await started.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (folder / "enrol.key").write_text(key)
        (folder / "night.yaml").write_text(NIGHT)
        config = CHIP.format(name="fridge", broker=broker_url, more="")
        config = config.replace("[node]", '[node]\nscripts = ["night.yaml"]')
        async with node(folder, config) as fridge:
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
    # What was said of one document is not said of another
    tests = page.get_by_role("tab", name="Tests")
    await expect(tests).to_have_text("Tests ✗")
    await page.get_by_role("button", name="Open…").click()
    await page.locator("[data-template=webhook]").click()
    await expect(tests).to_have_text("Tests")
    await tests.click()
    await expect(page.locator("[data-passed]")).to_have_count(0)
    assert watch.errors == []


async def test_a_reload_loses_nothing_and_a_template_begins_anew(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/scripts")
    page = watch.page
    await expect(page.locator(".g-script-bar [role=status]")).to_have_text("valid", timeout=PATIENCE)
    await write(page, TELLS)
    await page.get_by_label("File name").fill("tells.yaml")
    await page.keyboard.press("Enter")
    await page.wait_for_function("window.ganglion.script.file === 'tells.yaml'")
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

    assert await running() == ["night"]
    await page.get_by_role("button", name="Run live").click()
    live = page.locator(".g-ed-live [role=status]")
    await expect(live).to_contain_text("runs on fridge while this page is open", timeout=PATIENCE)
    assert await running() == ["night", "tells"]
    await write(page, TELLS.replace("name: tells", "name: louder", 1))
    await expect(live).to_contain_text("Ctrl-S brings it", timeout=PATIENCE)
    await page.keyboard.press("ControlOrMeta+s")
    await expect(live).to_contain_text("louder", timeout=PATIENCE)

    async def replaced() -> bool:
        return await running() == ["night", "louder"]

    await until_answered(replaced)
    await page.get_by_role("button", name="End it").click()
    await expect(live).to_have_text("Ended: what ran before is back.", timeout=PATIENCE)
    assert await running() == ["night"]
    assert watch.errors == []


async def test_a_script_of_a_node_is_opened_as_it_is_there(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/scripts")
    page, dialog = watch.page, watch.page.get_by_role("dialog")
    await page.get_by_role("button", name="Open…").click()
    await dialog.get_by_label("Node").fill("nobody")
    await dialog.get_by_role("button", name="Open", exact=True).first.click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Name a node")
    await dialog.get_by_label("Node").fill("fridge")
    await expect(dialog.locator(".q-select").first).to_contain_text("night")
    await dialog.get_by_label("Node").press("Enter")
    await expect(page.get_by_label("File name")).to_have_value("night.yaml", timeout=PATIENCE)
    await expect(dialog).to_have_count(0)
    assert await written(page) == NIGHT
    where = page.get_by_label("Node, or NODE/LEAF")
    await expect(where).to_have_value("fridge")
    # The node's own page leads to it, too; and what the address names is fetched anew, unless it was changed here
    await page.goto(f"{gateway.url}/nodes/fridge")
    await page.get_by_role("table", name="Scripts").get_by_role("link", name="night").click()
    await expect(page.get_by_label("File name")).to_have_value("night.yaml", timeout=PATIENCE)
    await expect(where).to_have_value("fridge")
    await page.wait_for_function("text => window.ganglion.script.view.state.doc.toString() === text", arg=NIGHT)
    await page.reload()
    await expect(page.get_by_label("File name")).to_have_value("night.yaml", timeout=PATIENCE)
    assert await page.evaluate("sessionStorage.getItem(window.ganglion.script.key)") is None
    # What came as a plan has no text there
    plan = (await gateway.http.post("/api/v1/scripts/compile", json={"text": TELLS})).json()["plan"]
    body = {"method": "scripts.put", "params": {"plan": plan, "seconds": 60}}
    assert (await gateway.http.post("/api/v1/nodes/fridge/commands", json=body)).status_code == 200
    refused = await gateway.http.get("/api/v1/nodes/fridge/scripts/tells", timeout=60)
    assert (refused.status_code, "it was put there as a plan" in refused.json()["detail"]) == (403, True)
    assert (await gateway.http.get("/api/v1/nodes/fridge/scripts/none", timeout=60)).status_code == 404
    body = {"method": "scripts.remove", "params": {"name": "tells"}}
    assert (await gateway.http.post("/api/v1/nodes/fridge/commands", json=body)).status_code == 200
    assert watch.errors == []


async def test_a_leaf_gets_a_script_in_pieces(
    chromium: Browser, gateway: Process, broker_url: str, tmp_path: Path
) -> None:
    key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
    client = MeshClient(
        transport=MqttTransport(broker_url),
        state=tmp_path / "barn",
        name="barn",
        enrol_key=key,
        birth=lambda: {"board": "sim", "sw": "ganglion/test", "caps": {"leaves": {"garden": {"online": True}}}},
    )
    barn = Barn(client)
    async with running(client):
        await enrolled(client)
        watch = await opened(chromium, gateway, "/scripts")
        page = watch.page
        await write(page, TELLS.replace("value: 1", f"value: {'7' * 600}"))
        where = page.get_by_label("Node, or NODE/LEAF")
        await where.fill("GARD")
        await expect(page.locator("datalist option")).to_have_count(1)
        await expect(page.locator("datalist option")).to_have_attribute("value", "barn/garden")
        await where.fill("barn/garden")
        await page.get_by_role("button", name="Run live").click()
        live = page.locator(".g-ed-live [role=status]")
        await expect(live).to_contain_text("runs on barn/garden while this page is open", timeout=PATIENCE)
        assert Plan.decode(barn.runs["tells"]).name == "tells"
        await page.get_by_role("button", name="End it").click()
        await expect(live).to_have_text("Ended: what ran before is back.", timeout=PATIENCE)
        assert barn.runs == {}
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
