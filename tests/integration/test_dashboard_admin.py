# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of models, audit and settings in a real Chromium, by mouse and by keyboard, in both languages."""

import json

import httpx
import pytest
from playwright.async_api import Browser, expect

from support.browser import Front, opened
from support.gateway import Process

PAGES = ["/models", "/audit", "/settings"]


@pytest.fixture
def gateway(front: Front) -> Process:
    return front.gateway


pytestmark = pytest.mark.asyncio(loop_scope="session")


async def viewer(gateway: Process) -> str:
    made = await gateway.http.post("/api/v1/api-keys", json={"name": "screen", "role": "viewer"})
    token: str = made.json()["token"]
    return token


async def test_models_are_listed_with_what_is_left_of_their_budget(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/models")
    models = watch.page.get_by_role("table", name="Models")
    await expect(models.get_by_role("row").nth(1)).to_contain_text("llama-3")
    await expect(models).to_contain_text("0.5")
    budget = watch.page.get_by_role("table", name="Budgets of today").get_by_role("row").nth(1)
    await expect(budget).to_contain_text("0 / 1000")
    await expect(budget.get_by_role("cell").first).to_have_text("everything")
    await expect(watch.page.get_by_text("No script has asked a model").first).to_be_visible()
    assert watch.errors == []


async def test_a_user_is_added_changed_and_removed_and_the_audit_says_so(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/settings")
    page = watch.page
    await page.get_by_label("Name of a new user").fill("olena")
    await page.get_by_role("button", name="Add the user").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("shown this once")
    password = await dialog.locator("[data-role=secret]").inner_text()
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.post("/api/v1/auth/login", json={"name": "olena", "password": password})
    assert (answer.status_code, answer.json()["must_change"]) == (200, True)
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_label("Name of a new user").fill("olena")
    await page.get_by_role("button", name="Add the user").click()
    await expect(page.get_by_role("alert").filter(has_text="olena")).to_be_visible()
    row = page.locator('[data-key="olena"]')
    await expect(row).to_contain_text("viewer")
    await row.get_by_role("button", name="Other role").click()
    await page.get_by_role("dialog").get_by_label("Role").click()
    await page.get_by_role("option", name="operator").click()
    await page.get_by_role("button", name="Give this role").click()
    await expect(row).to_contain_text("operator")
    await row.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(row).to_be_visible()
    await row.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)
    await page.goto(f"{gateway.url}/audit")
    removed = page.get_by_role("table", name="Audit").get_by_text("user.remove", exact=True)
    await expect(removed).to_be_visible()
    lines = await removed.evaluate("line => line.offsetHeight / parseFloat(getComputedStyle(line).lineHeight)")
    assert lines < 1.5, "a word of an action is not broken"
    await page.keyboard.press("/")
    await page.keyboard.type("user.create")
    await expect(page.get_by_role("table", name="Audit")).not_to_contain_text("user.remove")
    await expect(page.get_by_role("table", name="Audit")).to_contain_text("olena")
    assert watch.errors == []


async def test_what_the_gateway_refuses_is_told_in_the_readers_language(chromium: Browser, gateway: Process) -> None:
    await gateway.http.post("/api/v1/users", json={"name": "taras", "role": "viewer"})
    watch = await opened(chromium, gateway, "/settings", language="uk-UA")
    page, name = watch.page, watch.page.get_by_label("Ім’я нового користувача")
    await name.fill("taras")
    await page.get_by_role("button", name="Додати користувача").click()
    await expect(page.get_by_role("alert").filter(has_text="користувач 'taras' уже є")).to_be_visible()
    await name.fill("taras shevchenko")
    await page.get_by_role("button", name="Додати користувача").click()
    said = "name: 'taras shevchenko' не підходить: має бути від 1 до 64 знаків"
    await expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible()
    assert watch.errors == []


async def test_an_api_key_lets_a_program_in_until_it_is_revoked(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/settings")
    page = watch.page
    await page.get_by_label("Name of a new key").fill("robot")
    await page.get_by_role("button", name="Make the key").click()
    token = await page.get_by_role("dialog").locator("[data-role=secret]").inner_text()
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    asking = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, headers=asking) as http:
        assert (await http.get("/api/v1/auth/me")).json()["role"] == "viewer"
        row = page.get_by_role("table", name="API keys").get_by_role("row").filter(has_text="robot")
        await row.get_by_role("button", name="Revoke").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(row).to_contain_text("revoked")
        assert (await http.get("/api/v1/auth/me")).status_code == 401
    assert watch.errors == []


async def test_a_policy_is_changed_and_a_wrong_one_is_refused_with_the_place(
    chromium: Browser, gateway: Process
) -> None:
    await gateway.http.post("/api/v1/groups", json={"name": "unkeyed", "nodes": [], "tags": []})
    watch = await opened(chromium, gateway, "/settings")
    page = watch.page
    group = page.get_by_role("table", name="Groups").get_by_role("row").filter(has_text="unkeyed")
    await expect(group.get_by_role("cell").nth(2)).to_have_text("–")
    rules = page.get_by_label("Policy", exact=True).and_(page.locator("textarea"))
    kept = json.loads(await rules.input_value())
    change = page.get_by_role("button", name="Have this hold").first
    for text, said in (("[", "This is no JSON"), ('[{"name": "x"}]', "policy.rules")):
        await rules.fill(text)
        await change.click()
        if "JSON" not in said:
            await page.get_by_role("dialog").get_by_role("button", name="Have this hold").click()
        await expect(page.get_by_text(said)).to_be_visible()
    kept[0]["name"] = "the gateways"
    await rules.fill(json.dumps(kept))
    await change.click()
    await page.get_by_role("dialog").get_by_role("button", name="Have this hold").click()
    await expect(page.get_by_text("It is signed and on its way.")).to_be_visible()
    held = (await gateway.http.get("/api/v1/mesh/policy")).json()
    assert held["rules"][0]["name"] == "the gateways"
    assert watch.errors == []


async def test_who_may_only_look_is_offered_nothing_else(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/settings", token=await viewer(gateway))
    page = watch.page
    await expect(page.get_by_role("heading", name="You", exact=True)).to_be_visible()
    for hidden in ("Users", "API keys"):
        await expect(page.get_by_role("heading", name=hidden)).to_have_count(0)
    await expect(page.get_by_role("button", name="Have this hold")).to_have_count(0)
    await expect(page.get_by_role("link", name="Audit")).to_have_count(0)
    await page.goto(f"{gateway.url}/audit")
    await expect(page.get_by_role("alert").filter(has_text="'audit'")).to_be_visible()
    assert watch.errors == []


@pytest.mark.parametrize("path", PAGES)
async def test_pages_fit_a_phone_and_speak_ukrainian(chromium: Browser, gateway: Process, path: str) -> None:
    watch = await opened(chromium, gateway, path, width=390, dark=True, language="uk-UA")
    page = watch.page
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert await page.evaluate("document.documentElement.lang") == "uk"
    await page.get_by_role("button", name="Меню").click()
    await expect(page.get_by_role("link", name="Налаштування")).to_be_visible()
    for control in await page.locator("button:visible, a:visible, input:visible, textarea:visible").all():
        assert await control.evaluate("el => el.ariaLabel || el.innerText || el.labels?.length"), control
    assert watch.errors == []


async def test_the_frame_by_keyboard_and_the_choices_that_stay(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway)
    page = watch.page
    await page.keyboard.press("g")
    await page.keyboard.press("s")
    await page.wait_for_url("**/settings")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await page.get_by_role("button", name="Light or dark").click()
    await expect(page.locator("body.body--dark")).to_be_visible()
    assert await page.evaluate(ground) != light
    await page.get_by_role("button", name="Українська").click()
    await expect(page.get_by_role("heading", name="Налаштування")).to_be_visible()
    await page.reload()
    await expect(page.locator("body.body--dark")).to_be_visible()
    await expect(page.get_by_role("heading", name="Налаштування")).to_be_visible()
    assert watch.errors == []
