# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard in a real Chromium: closed without a token, live with one, on a screen and on a phone."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from support.browser import Front, opened
from support.gateway import Process
from support.mesh import enrolled, running

CAPS = {"sensors": {"fridge.temperature": {"unit": "Cel", "kind": "bme280"}}}
#: Milliseconds in which what a sensor read must be on the page.
LIVE = 30_000


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def broker_url(front: Front) -> str:
    return front.broker


@pytest.fixture
def gateway(front: Front) -> Process:
    return front.gateway


async def node_of(gateway: Process, folder: Path, broker: str, name: str) -> MeshClient:
    key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
    return MeshClient(
        transport=MqttTransport(broker),
        state=folder / name,
        name=name,
        enrol_key=key,
        birth=lambda: {"board": "sim", "sw": "ganglion/test", "caps": CAPS},
    )


async def test_the_link_with_the_token_logs_in_whom_no_other_site_led_there(
    chromium: Browser, gateway: Process
) -> None:
    link = f"{gateway.url}/login#token={gateway.token}"
    led = await chromium.new_page()
    await led.set_content(f'<a href="{link}">a link of another site</a>')
    await led.get_by_role("link").click()
    use = led.get_by_role("button", name="Use the token")
    await expect(use).to_be_focused()
    assert led.url == f"{gateway.url}/login"
    await use.click()
    await led.wait_for_url(f"{gateway.url}/")
    own = await chromium.new_page()
    await own.goto(link)
    await own.wait_for_url(f"{gateway.url}/")


async def test_nobody_sees_it_without_a_token(chromium: Browser, gateway: Process) -> None:
    page = await chromium.new_page()
    await page.goto(f"{gateway.url}/fleet?where=tag%3Dwet")
    assert page.url.startswith(f"{gateway.url}/login?next=")
    await page.get_by_label("Token").fill("gt_wrong")
    await page.get_by_role("button", name="Use the token").click()
    await expect(page.get_by_role("alert")).to_contain_text("not known")
    await page.get_by_label("Token").fill(gateway.token)
    await page.get_by_role("button", name="Use the token").click()
    await expect(page.get_by_label("Selector")).to_have_value("tag=wet")
    assert page.url == f"{gateway.url}/fleet?where=tag%3Dwet"
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login")
    await page.goto(gateway.url)
    assert page.url == f"{gateway.url}/login"


async def test_who_is_let_out_is_told_so_and_comes_back_to_where_he_was(chromium: Browser, gateway: Process) -> None:
    made = (await gateway.http.post("/api/v1/api-keys", json={"name": "guest", "role": "viewer"})).json()
    watch = await opened(chromium, gateway, "/logs", token=made["token"])
    page = watch.page
    await page.get_by_role("button", name="error").click()
    assert (await gateway.http.post(f"/api/v1/api-keys/{made['id']}/revoke")).is_success
    await expect(page.get_by_role("alert")).to_contain_text("You were logged out")
    await page.get_by_label("Token").fill(gateway.token)
    await page.get_by_role("button", name="Use the token").click()
    await page.wait_for_url(f"{gateway.url}/logs**")
    # One whose time is over, as the cookie of another gateway, is told that
    await page.context.clear_cookies()
    await page.context.add_cookies([{"name": "ganglion_session", "value": "of.before", "url": gateway.url}])
    await page.goto(f"{gateway.url}/jobs")
    await expect(page.get_by_role("alert")).to_contain_text("session is over")


async def test_a_page_that_is_none_says_so_in_the_readers_language_and_colours(
    chromium: Browser, gateway: Process
) -> None:
    watch = await opened(chromium, gateway, dark=True, language="uk")
    answer = await watch.page.goto(f"{gateway.url}/nope/<b>")
    assert answer is not None
    assert answer.status == 404
    await expect(watch.page.get_by_role("alert")).to_contain_text("Сторінки /nope/<b> тут немає.")
    await expect(watch.page.locator("body.body--dark")).to_be_visible()
    await expect(watch.page.get_by_role("link", name="Флот")).to_be_visible()
    answer = await watch.page.goto(f"{gateway.url}/nodes/nobody")
    assert answer is not None
    assert answer.status == 404
    picture = await watch.page.request.get(f"{gateway.url}/apple-touch-icon.png", headers={"accept": "image/*"})
    assert (picture.status, picture.headers["content-type"]) == (404, "application/problem+json")


async def test_an_empty_fleet_says_how_to_begin(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway)
    await expect(watch.page.locator("[data-role=empty]")).to_contain_text("ganglion enrol-key create")
    await expect(watch.page.get_by_text("None yet.")).to_be_visible()
    assert watch.errors == []


async def test_a_reading_is_on_the_page_within_a_second(
    chromium: Browser, gateway: Process, tmp_path: Path, broker_url: str
) -> None:
    watch = await opened(chromium, gateway)
    page = watch.page
    node = await node_of(gateway, tmp_path, broker_url, "fridge")
    async with running(node):
        await enrolled(node)
        card = page.locator("[data-node=fridge]")
        await expect(card.get_by_role("heading", name="fridge")).to_be_visible()
        await expect(card.locator("[data-role=presence]")).to_have_text("online")
        value = card.locator('[data-sensor="fridge.temperature"] [data-role=value]')
        for shown in ("4.5", "8.25", "−3"):
            node.publish_reading("fridge.temperature", float(shown.replace("−", "-")), time.time_ns())
            await expect(value).to_have_text(shown, timeout=LIVE)
        await expect(card.locator('[data-sensor="fridge.temperature"]')).to_contain_text("°C")
        chart = card.get_by_role("img", name="fridge.temperature of fridge")
        await expect(chart).to_be_visible()
        points = "el => getElement(Number(el.id.slice(1))).chart.getOption().series[0].data.map(point => point[1])"
        await expect(chart.locator("canvas")).to_be_visible()
        async with asyncio.timeout(60):
            while await chart.evaluate(points) != [4.5, 8.25, -3]:
                pass
    await expect(card.locator("[data-role=presence]")).to_contain_text("offline", timeout=30_000)
    assert watch.errors == []


async def test_an_alert_comes_by_itself_and_opens_its_path(
    chromium: Browser, gateway: Process, tmp_path: Path, broker_url: str
) -> None:
    watch = await opened(chromium, gateway)
    page = watch.page
    node = await node_of(gateway, tmp_path, broker_url, "cellar")
    async with running(node):
        await enrolled(node)
        # What a node says is shown as text, whatever it looks like
        value = {"cause": "<img src=x onerror=document.title='owned'>"}
        node.publish_event(
            "alert", {"topic": "alert/fridge", "value": value, "timestamp": time.time_ns(), "source": "", "run": ""}
        )
        alert = page.get_by_role("button", name="alert/fridge")
        await expect(alert).to_contain_text("onerror", timeout=30_000)
        await alert.click()
        path = page.get_by_role("dialog").get_by_role("listitem")
        await expect(path).to_have_count(9)
        await expect(path.nth(7)).to_contain_text("gateway")
        await page.get_by_role("button", name="Close").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await page.title() == "Ganglion"
    assert watch.errors == []


async def test_what_waits_for_a_person_is_listed_and_decided_by_who_may(
    chromium: Browser, gateway: Process, tmp_path: Path, broker_url: str
) -> None:
    watch = await opened(chromium, gateway)
    page, tile = watch.page, watch.page.locator("[data-sum=consents]")
    await expect(tile).to_be_hidden()
    node = await node_of(gateway, tmp_path, broker_url, "door")
    wanted = {"actuator": "lock", "value": True, "owner": "watch", "run": "r-1", "why": 'parrot has answered <b>"Yes"'}
    async with running(node):
        await enrolled(node)

        async def ask(nonce: str, hold: int = 0) -> dict[str, Any]:
            said: dict[str, Any] = await node.request(
                "consent", {**wanted, "nonce": nonce, "wait": 300 * 10**9, "hold": hold * 10**9}, timeout=60
            )
            return said

        long = "all the way to the  left, " * 4 + "or 10.04 turns"
        for nonce, word, state, value, shows in (
            ("n1", "Refuse", "refused", True, "true"),
            ("n2", "Grant", "granted", 10.04, "10.04"),
            ("n4", "Refuse", "refused", long, f"'{long}'"),
        ):
            wanted["value"] = value
            asked = await ask(nonce)
            line = page.locator(f"[data-consent='{asked['id']}']")
            await expect(tile).to_contain_text("ganglion consents list")
            for shown in ("watch on door", f"lock = {shows}", '<b>"Yes"', " left"):
                await expect(line).to_contain_text(shown)
            await page.get_by_role("button", name=f"{word} lock = {shows}").click()
            await expect(line).to_have_count(0)
            await expect(tile).to_be_hidden()
            answer = await ask(nonce)
            assert (answer["state"], answer["by"]) == (state, "admin")
        asked = await ask("n3")
        await gateway.http.post(f"/api/v1/consents/{asked['id']}/refuse")
        await expect(tile).to_be_hidden()
    entries = (await gateway.http.get("/api/v1/audit")).json()["entries"]
    decided = [each["action"] for each in entries if each["action"].startswith("consent.")]
    assert decided == ["consent.refuse", "consent.refuse", "consent.grant", "consent.refuse"]
    assert watch.errors == []


async def test_who_may_only_look_sees_what_waits_and_no_buttons(
    chromium: Browser, gateway: Process, tmp_path: Path, broker_url: str
) -> None:
    made = await gateway.http.post("/api/v1/api-keys", json={"name": "wall", "role": "viewer"})
    watch = await opened(chromium, gateway, token=made.json()["token"])
    node = await node_of(gateway, tmp_path, broker_url, "gate")
    async with running(node):
        await enrolled(node)
        wanted = {"nonce": "n1", "actuator": "lock", "value": True, "owner": "watch", "run": "", "why": ""}
        await node.request("consent", {**wanted, "wait": 300 * 10**9, "hold": 0}, timeout=60)
        await expect(watch.page.get_by_text("lock = true")).to_be_visible()
        await expect(watch.page.get_by_role("button", name="Grant")).to_have_count(0)
    assert watch.errors == []


async def test_it_follows_the_systems_colours_and_fits_a_phone(chromium: Browser, gateway: Process) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await opened(chromium, gateway, width=390)
    dark = await opened(chromium, gateway, dark=True)
    assert await light.page.evaluate(ground) != await dark.page.evaluate(ground)
    assert await light.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert await light.page.evaluate("document.documentElement.lang") == "en"
    controls = dark.page.locator("button:visible, a:visible, input:visible, [role=img]:visible")
    for control in await controls.all():
        assert await control.evaluate("el => el.ariaLabel || el.innerText || el.labels?.length"), control
