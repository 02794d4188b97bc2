# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the fleet, of one node, of jobs and of logs in a real Chromium, before a gateway with real nodes."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from support.brokers import nats_broker
from support.browser import opened
from support.gateway import Process, process
from support.mesh import enrolled, running
from support.node import CHIP, node
from support.transports import Counted
from support.waiting import until, until_answered

ACTUATORS = """
[sensor.door]
kind = "bme280"
bus = "/dev/i2c-77"
[actuator.lamp]
driver = "sim"
[actuator.flap]
driver = "sim"
low = 0
high = 180
risk = "confirm"
"""
PAGES = ["/fleet", "/nodes/fridge", "/jobs", "/logs"]


class Pump:
    """A node of this process whose log, method and crashes are the test's."""

    def __init__(self, client: MeshClient) -> None:
        self.client = client
        self.lines: list[list[Any]] = []
        self.said = asyncio.Event()
        self.go_on = asyncio.Event()
        client.on_request("dose", self._dose, summary="give so much (ml)")
        client.on_request("log.follow", self._follow, summary="what is logged, as it comes")

    def log(self, level: int, text: str) -> None:
        self.lines.append([time.time_ns(), level, "pump", text])
        self.said.set()

    async def _dose(self, params: dict[str, Any], peer: object) -> Any:
        await self.go_on.wait()
        return {"given": params["ml"]}

    async def _follow(self, params: dict[str, Any], peer: object) -> Any:
        after = params["after"]
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while len(self.lines) <= after:
                    self.said.clear()
                    await self.said.wait()
        return {"records": self.lines[after:], "next": len(self.lines), "boot": "b", "lost": 0}


class Site:
    """What the pages show."""

    def __init__(self, gateway: Process, pump: Pump, broker: str, folder: Path) -> None:
        self.gateway = gateway
        self.pump = pump
        self.broker = broker
        self.folder = folder

    async def get(self, path: str) -> Any:
        return (await self.gateway.http.get(f"/api/v1{path}")).json()


async def key(gateway: Process, *tags: str) -> str:
    made: str = (await gateway.http.post("/api/v1/enrol-keys", json={"tags": list(tags)})).json()["key"]
    return made


@asynccontextmanager
async def site_in(folder: Path) -> AsyncIterator[Site]:
    (folder / "node").mkdir()
    async with nats_broker(folder / "broker") as broker, process(folder / "state", broker.url) as gateway:
        (folder / "node" / "enrol.key").write_text(await key(gateway, "cold"))
        client = MeshClient(
            transport=MqttTransport(broker.url, backoff=Counted()),
            state=folder / "pump",
            name="pump",
            enrol_key=await key(gateway, "wet"),
            birth=lambda: {"board": "sim", "sw": "ganglion/0.1.0", "caps": {}},
        )
        config = CHIP.format(name="fridge", broker=broker.url, more='every = "1s"\n' + ACTUATORS)
        async with running(client), node(folder / "node", config) as fridge:
            pump = Pump(client)
            await enrolled(client)
            await fridge.ready()
            site = Site(gateway, pump, broker.url, folder)

            async def known() -> bool:
                return (await site.get("/fleet/health"))["health"]["bad"] == 1 and bool(
                    (await site.get("/nodes/fridge")).get("sensors")
                )

            await until_answered(known, what="the node that has a sensor without a bus")
            yield site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site_in(tmp_path_factory.mktemp("fleet")) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="session")


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name="Nodes").get_by_role("row").filter(has_text=name)


async def test_the_fleet_is_listed_with_its_health_chosen_and_tagged(chromium: Browser, site: Site) -> None:
    watch = await opened(chromium, site.gateway, "/fleet")
    page, nodes = watch.page, watch.page.get_by_role("table", name="Nodes")
    await expect(row(page, "fridge")).to_contain_text("its sensor door fails: there is no /dev/i2c-77")
    await expect(row(page, "fridge")).to_contain_text(re.compile(r"memory \d+ MiB"))
    await expect(page.locator("[data-choice=bad]")).to_have_text("bad 1")
    await expect(page.locator("[data-choice=ok]")).to_have_text("ok 1")

    selector = page.get_by_label("Selector")
    await page.locator("body").press("/")
    await expect(selector).to_be_focused()
    await selector.fill("tag=wet and online=yes")
    await expect(nodes.get_by_role("row")).to_have_count(2)
    await expect(row(page, "pump")).to_be_visible()
    await selector.fill("tag=")
    await expect(page.locator("[data-role=wrong]")).to_contain_text("a value is missing")
    await expect(nodes).to_be_hidden()
    await selector.fill("tag=zzz")
    await expect(page.get_by_text("No node is so.")).to_be_visible()
    await expect(page.get_by_text("Make an enrol key below")).to_be_hidden()
    await selector.fill("")
    await expect(page.locator("[data-role=wrong]")).to_be_hidden()
    await page.locator("[data-choice=bad]").click()
    await expect(nodes.get_by_role("row")).to_have_count(2)
    await expect(row(page, "fridge")).to_be_visible()
    assert page.url.endswith("/fleet?health=bad")
    await page.locator("[data-choice='']").click()

    await page.get_by_role("button", name="Tags… pump").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Tags").fill("wet +upstairs")
    await dialog.get_by_label("Tags").press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("add")
    await expect(dialog.get_by_label("Tags")).to_have_value("wet +upstairs")
    await dialog.get_by_label("Tags").fill("wet upstairs")
    await dialog.get_by_label("Tags").press("Enter")
    await expect(row(page, "pump")).to_contain_text("wet, upstairs")
    assert (await site.get("/audit?action=node.tag"))["entries"][0]["actor"] == "admin"
    await page.get_by_role("button", name="Tags… pump").click()
    await expect(dialog.get_by_label("Tags")).to_have_value("wet upstairs")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("button", name="Tags… pump")).to_be_focused()
    await row(page, "fridge").get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("fridge")
    assert watch.errors == []


async def test_a_key_is_shown_once_and_revoked_and_who_asks_is_let_in_or_refused(chromium: Browser, site: Site) -> None:
    watch = await opened(chromium, site.gateway, "/fleet")
    page, dialog = watch.page, watch.page.get_by_role("dialog")
    await page.get_by_role("button", name="Make a key…").click()
    await dialog.get_by_label("Name").fill("greenhouse")
    await dialog.get_by_label("Tags of its nodes").fill("green, wet")
    await dialog.get_by_label("Nodes that may join by it").fill("3")
    await dialog.get_by_role("button", name="Make the key").click()
    shown = await dialog.locator("[data-role=secret]").inner_text()
    assert shown.startswith("gk1_")
    await dialog.get_by_role("button", name="Copy").click()
    assert await page.evaluate("getSelection().toString()") == shown
    await dialog.get_by_role("button", name="Close").click()
    [made] = [each for each in (await site.get("/enrol-keys"))["enrol_keys"] if each["name"] == "greenhouse"]
    assert (made["tags"], made["uses"]) == (["green", "wet"], 3)
    line = page.locator(f"[data-key='{made['id']}']")
    await expect(line).to_contain_text("3 / 3")
    await line.get_by_role("button").click()
    await dialog.get_by_role("button", name="Revoke").click()
    await expect(line).to_contain_text("revoked")

    mesh = (await site.get("/pending"))["mesh"]
    asking = [
        MeshClient(
            transport=MqttTransport(site.broker, backoff=Counted()), state=site.folder / name, name=name, mesh=mesh
        )
        for name in ("well", "stranger")
    ]
    async with running(*asking):
        list_ = page.get_by_role("table", name="Ask to be let in")
        await expect(list_.get_by_role("row").filter(has_text="stranger")).to_be_visible()
        await list_.get_by_role("row").filter(has_text="stranger").get_by_role("button", name="Refuse…").click()
        await expect(dialog).to_contain_text("for good?")
        await dialog.get_by_role("button", name="Refuse").click()
        await expect(list_.get_by_role("row").filter(has_text="stranger")).to_have_count(0)
        await list_.get_by_role("row").filter(has_text="well").get_by_role("button", name="Let in…").click()
        await dialog.get_by_label("Tags").fill("wet")
        await dialog.get_by_role("button", name="Let in").click()
        await until(lambda: asking[0].statistics().enrolled, what="who was let in has its credential")
        await expect(row(page, "well")).to_contain_text("wet")
        assert not asking[1].statistics().enrolled
        await page.goto(f"{site.gateway.url}/nodes/well")
        await page.get_by_role("button", name="Revoke…").click()
        await dialog.get_by_role("button", name="Revoke").click()
        await expect(page.locator("[data-level=revoked]")).to_contain_text("nobody in the mesh believes it")
        await expect(page.get_by_role("button", name="Revoke…")).to_have_count(0)
    assert watch.errors == []


async def test_a_job_is_run_on_a_selector_followed_and_cancelled(chromium: Browser, site: Site) -> None:
    watch = await opened(chromium, site.gateway, "/fleet?where=tag%3Dwet")
    page, dialog = watch.page, watch.page.get_by_role("dialog")
    await page.get_by_role("button", name="Run a job on these…").click()
    form = dialog.first
    await expect(form).to_contain_text("means 1 node, online: 1")
    await form.get_by_role("button", name="Run…").click()
    await expect(form.get_by_role("alert")).to_contain_text("the name of a method")
    for selector, said in (("", "`all` means every one"), ("tag=", "a value is missing"), ("tag=zzz", "No node is so")):
        await form.get_by_label("On the nodes").fill(selector)
        await form.get_by_label("Method").fill("dose")
        await form.get_by_role("button", name="Run…").click()
        await expect(form.get_by_role("alert").filter(has_text=said)).to_be_visible()
        await expect(dialog).to_have_count(1)
    await form.get_by_label("On the nodes").fill("tag=wet")
    await expect(form).to_contain_text("means 1 node, online: 1")
    await form.get_by_label("Method").fill("dose")
    await expect(form).to_contain_text("give so much (ml)")
    await form.get_by_label("Parameters").fill("{ml: 3}")
    await form.get_by_role("button", name="Run…").click()
    await expect(page.get_by_role("alert").filter(has_text="are no JSON")).to_be_visible()
    await form.get_by_label("Parameters").fill('{"ml": 3}')
    await form.get_by_role("button", name="Run…").click()
    await expect(dialog.last).to_contain_text("Have dose done by 1 node?")
    await dialog.last.get_by_role("button", name="Run", exact=True).click()
    await page.wait_for_url("**/jobs/*")
    await expect(row(page, "pump")).to_contain_text("running")
    site.pump.go_on.set()
    await expect(row(page, "pump")).to_contain_text('{"given": 3}')
    await expect(page.locator("dl")).to_contain_text("1 done")
    await row(page, "pump").get_by_role("button").click()
    await expect(dialog).to_contain_text('"given": 3')
    await page.keyboard.press("Escape")

    # One that waits for a node that does not answer
    site.pump.go_on.clear()
    body = {"selector": "pump", "method": "dose", "params": {"ml": 4}}
    job = (await site.gateway.http.post("/api/v1/jobs", json=body)).json()["id"]
    await page.goto(f"{site.gateway.url}/jobs")
    await page.get_by_role("link", name=job).click()
    await page.get_by_role("button", name="Cancel the job…").click()
    await dialog.get_by_role("button", name="Cancel the job").click()
    await expect(page.locator("dl")).to_contain_text("cancelled")
    await expect(page.get_by_role("button", name="Cancel the job…")).to_be_hidden()
    site.pump.go_on.set()
    await page.goto(f"{site.gateway.url}/jobs/00000000")
    await expect(page.get_by_text("there is no job '00000000'")).to_be_visible()
    assert all("404" in error for error in watch.errors)


POINTS = "el => getElement(Number(el.id.slice(1))).chart.getOption().series.at(-1).data.map(point => point[1])"


async def test_a_node_is_read_live_and_over_days_moved_and_asked(chromium: Browser, site: Site) -> None:
    watch = await opened(chromium, site.gateway, "/nodes/fridge", width=1400)
    page, dialog = watch.page, watch.page.get_by_role("dialog")
    await expect(page.locator("[data-level=bad]")).to_contain_text("door fails")
    await expect(page.get_by_role("link", name="Console")).to_be_visible()
    await expect(page.locator("dt", has_text="Started").locator("+ dd")).to_contain_text(re.compile("ago|just now"))
    tile = page.locator("[data-sensor='fridge.temperature']")
    body = {"method": "sim.set", "params": {"sensor": "fridge.temperature", "value": 31.5}}
    assert (await site.gateway.http.post("/api/v1/nodes/fridge/commands", json=body)).status_code == 200
    await expect(tile.locator("[data-role=value]")).to_have_text("31.5")
    chart = tile.get_by_role("img")

    async def drawn() -> bool:
        return any(abs(value - 31.5) < 0.1 for value in await chart.evaluate(POINTS))

    await until_answered(drawn, what="the reading is a point of the chart")
    await page.locator("[data-choice=week]").click()
    series = "el => getElement(Number(el.id.slice(1))).chart.getOption().series.length"

    async def banded() -> bool:
        return bool(await chart.evaluate(series) == 3 and await chart.evaluate(POINTS))

    await until_answered(banded, what="the mean between the least and the greatest")
    extent = "el => getElement(Number(el.id.slice(1))).chart.getModel().getComponent('xAxis').axis.scale.getExtent()"
    begin, end = await chart.evaluate(extent)
    assert end - begin > 6 * 86_400_000, "the whole week, whenever the first reading was"

    lamp, flap = page.locator("[data-actuator=lamp]"), page.locator("[data-actuator=flap]")
    await expect(lamp.locator("[data-role=value]")).to_have_text("switched off")
    await lamp.get_by_role("button", name="On lamp").click()
    await expect(lamp.locator("[data-role=value]")).to_have_text("switched on")
    await expect(lamp).to_contain_text("held by mesh:")
    await expect(flap).to_contain_text("waits for a person's consent")
    await flap.get_by_label("flap, 0 to 180").fill("90")
    await flap.get_by_role("button", name="Set flap").click()
    await expect(dialog).to_contain_text("Set flap of fridge to 90?")
    await dialog.get_by_role("button", name="Set it").click()
    await expect(flap.locator("[data-role=value]")).to_have_text("90")
    await page.get_by_label("Set for").fill("soon")
    await lamp.get_by_role("button", name="Off lamp").click()
    await expect(page.get_by_role("alert").filter(has_text="for")).to_be_visible()

    method = page.get_by_role("combobox", name="Method")
    await method.fill("bus.stat")
    await page.get_by_role("option", name="bus.statistics").click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator("[data-role=answer]")).to_contain_text("{")
    await expect(page.get_by_role("log").last).to_contain_text("Enrolled in the mesh")
    await page.goto(f"{site.gateway.url}/nodes/nobody")
    await expect(page.get_by_text("no node is called 'nobody'")).to_be_visible()
    assert all("404" in error for error in watch.errors)


async def test_a_crash_is_listed_and_shown_as_text(chromium: Browser, site: Site) -> None:
    said = {
        "id": "c0ffee",
        "kind": "error",
        "text": "<b>it broke</b>",
        "at": time.time_ns(),
        "log": ["first line", "<script>x</script>"],
        "after": 12,
    }
    event = {"topic": "crash", "value": said, "timestamp": time.time_ns(), "source": "", "run": ""}
    site.pump.client.publish_event("crash", event)
    watch = await opened(chromium, site.gateway, "/nodes/pump")
    crashes = watch.page.get_by_role("table", name="Crashes")
    await expect(crashes).to_contain_text("<b>it broke</b>")
    await crashes.get_by_role("button").click()
    dialog = watch.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Crash c0ffee of pump")
    await expect(dialog.locator("pre")).to_contain_text("<script>x</script>")
    await dialog.get_by_role("button", name="Close").click()
    await expect(watch.page.get_by_role("table", name="Jobs")).to_contain_text("dose")
    assert watch.errors == []


async def test_logs_are_followed_paused_and_searched(chromium: Browser, site: Site) -> None:
    at = time.time_ns()
    kept = {"records": [[at, logging.ERROR, "pump", "the valve is stuck"]], "lost": 0}
    site.pump.client.publish_event("log", kept)

    async def stored() -> bool:
        return bool((await site.get("/logs?text=VALVE"))["records"])

    await until_answered(stored, what="the error is kept")
    watch = await opened(chromium, site.gateway, "/logs?where=tag%3Dwet")
    page, log = watch.page, watch.page.get_by_role("log")
    await expect(log).to_contain_text("the valve is stuck")
    site.pump.log(logging.INFO, "it drips <img src=x>")
    await expect(log).to_contain_text("it drips <img src=x>")
    await page.locator("[data-role=pause]").click()
    site.pump.log(logging.WARNING, "it leaks")
    await expect(page.get_by_text("paused, 1 new")).to_be_visible()
    await expect(log).not_to_contain_text("it leaks")
    await page.locator("[data-role=pause]").click()
    await expect(log).to_contain_text("it leaks")
    await page.get_by_label("Find in what is said").fill("valve")
    await expect(log).not_to_contain_text("it drips")
    await expect(log).to_contain_text("the valve is stuck")
    await page.get_by_label("Find in what is said").fill("")
    await page.locator("[data-choice=error]").click()
    await expect(log).not_to_contain_text("it leaks")
    await expect(log).to_contain_text("the valve is stuck")
    await page.get_by_label("Selector").fill("name=fridge")
    await expect(log).not_to_contain_text("the valve is stuck")
    await page.get_by_label("Selector").fill("and")
    await expect(page.locator("[data-role=wrong]")).to_be_visible()
    assert watch.errors == []


async def test_who_may_only_look_sees_all_and_changes_nothing(chromium: Browser, site: Site) -> None:
    made = await site.gateway.http.post("/api/v1/api-keys", json={"name": "screen", "role": "viewer"})
    watch = await opened(chromium, site.gateway, "/fleet", token=made.json()["token"])
    page = watch.page
    await expect(row(page, "fridge")).to_be_visible()
    for name in ("Run a job on these…", "Make a key…", "Tags… fridge"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    await page.goto(f"{site.gateway.url}/nodes/fridge")
    await expect(page.locator("[data-actuator=flap]")).to_contain_text("with consent")
    await expect(page.get_by_role("button", name="Set flap")).to_have_count(0)
    await expect(page.get_by_role("button", name="Revoke…")).to_have_count(0)
    await expect(page.get_by_role("link", name="Console")).to_have_count(0)
    method = page.get_by_role("combobox", name="Method")
    await method.fill("status")
    await page.get_by_role("option", name="release.status").click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator("[data-role=answer]")).to_contain_text("{")
    await method.fill("actuators.set")
    await expect(page.get_by_role("option", name="actuators.set")).to_have_count(0)
    assert watch.errors == []


async def test_they_fit_a_phone_in_ukrainian_and_each_control_has_a_name(chromium: Browser, site: Site) -> None:
    watch = await opened(chromium, site.gateway, PAGES[0], width=390, dark=True, language="uk")
    page = watch.page
    fridge = page.get_by_role("row").filter(has=page.get_by_role("link", name="fridge"))
    await expect(fridge).to_contain_text("його сенсор door не працює")
    await expect(fridge.get_by_text("ganglion/")).to_be_visible()
    for path in PAGES:
        await page.goto(site.gateway.url + path)
        await expect(page.locator("[data-key], [data-sensor], [role=log]").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await page.evaluate("document.documentElement.lang") == "uk"
        named = "el => Boolean(el.ariaLabel || el.innerText || el.labels?.length)"
        controls = page.locator("#main button:visible, #main a:visible, #main input:visible, #main [role=img]:visible")
        assert await controls.evaluate_all(f"all => all.every({named})")
        texts = await page.locator("#main h2, #main th, #main .g-button, #main .g-segment").all_inner_texts()
        assert not [text for text in texts if text.strip() and text[0].isascii() and text[0].isalpha()], texts
    assert watch.errors == []
