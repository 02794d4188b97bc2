# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of webhooks in a real Chromium, with a receiver that believes nothing that is not signed."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from standardwebhooks import Webhook

from ganglion.units import MILLISECOND
from ganglion_gateway.webhook.schedule import Policy
from ganglion_gateway.webhook.signature import new_secret
from support.browser import opened, ready
from support.gateway import NO_BROKER, Process, happen, here, process
from support.receiver import Answer, Receiver, receiver
from support.waiting import until, until_answered

FAST = Policy(first=MILLISECOND, longest=2 * MILLISECOND, rest=MILLISECOND, attempts=2, breaker=1000)
#: Milliseconds in which what is delivered must be on the page.
LIVE = 60_000

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office() -> AsyncIterator[Receiver]:
    async with receiver(new_secret()) as listening:
        yield listening


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory, office: Receiver) -> AsyncIterator[Process]:
    """A gateway with a webhook `office`, which has refused three messages until they were given up."""
    state = tmp_path_factory.mktemp("gateway") / "state"
    await given_up(state, office)
    async with process(state, NO_BROKER) as started:
        yield started


async def given_up(state: Path, office: Receiver) -> None:
    async with here(state, policy=FAST) as site:
        allowed = {"allow_http": True, "allow_private": True}
        await site.post("/webhooks", {"url": office.url, "name": "office", "secret": office.secret, **allowed})
        office.answers.extend([Answer(500)] * 6)
        await happen(site, 1, 2, 3)

        async def dead() -> bool:
            return len((await site.get("/dlq"))["messages"]) == 3

        await until_answered(dead, what="three dead letters")


async def id_of(gateway: Process, name: str) -> str:
    found = (await gateway.http.get("/api/v1/webhooks")).json()["webhooks"]
    return next(str(each["id"]) for each in found if each["name"] == name)


async def secret_of(page: Page) -> str:
    """The one that is shown this once; the dialog is closed."""
    dialog = page.get_by_role("dialog")
    await expect(dialog.filter(has_text="shown this once")).to_be_visible()
    secret = await dialog.locator("[data-role=secret]").inner_text()
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    return secret


async def test_dead_letters_are_looked_at_dropped_and_replayed(
    chromium: Browser, gateway: Process, office: Receiver
) -> None:
    watch = await opened(chromium, gateway, "/webhooks")
    page = watch.page
    row = page.locator(f'[data-key="{await id_of(gateway, "office")}"]')
    await expect(row).to_contain_text("answers")
    await row.get_by_role("link", name="3", exact=True).click()
    await page.wait_for_url("**/webhooks/dead?webhook=*")
    await ready(page)
    letters = page.get_by_role("table", name="Dead letters").locator("tbody tr")
    await expect(letters).to_have_count(3)
    await expect(letters.first).to_contain_text("HTTP status 500")
    await letters.first.get_by_role("button", name="Look").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", level=2)).to_have_text("alert/x")
    await expect(dialog.get_by_role("table", name="Attempts").locator("tbody tr")).to_have_count(2)
    await expect(dialog.locator("pre")).to_have_text("3")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await letters.first.get_by_role("button", name="Drop").click()
    await expect(dialog).to_contain_text("Throw away the message of alert/x?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(letters).to_have_count(3)
    await letters.first.get_by_role("button", name="Drop").click()
    await dialog.get_by_role("button", name="Drop").click()
    await expect(letters).to_have_count(2)
    await letters.last.get_by_role("button", name="Replay").click()
    await until(lambda: len(office.taken) == 1, what="the first one, tried again")
    await expect(letters).to_have_count(1)
    await page.get_by_role("button", name="Drop all").click()
    await expect(dialog).to_contain_text("Throw away 1 message of office?")
    await dialog.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Replay all").click()
    await expect(dialog).to_contain_text("Try 1 message of office again?")
    assert len(office.taken) == 1
    await dialog.get_by_role("button", name="Replay all").click()
    await until(lambda: len(office.taken) == 2, what="the other one, tried again")
    await expect(page.get_by_text("everything has arrived")).to_be_visible()
    await expect(page.get_by_role("button", name="Replay all")).to_be_hidden()
    assert watch.errors == []


async def test_a_webhook_is_added_tried_changed_and_deleted(
    chromium: Browser, gateway: Process, office: Receiver
) -> None:
    watch = await opened(chromium, gateway, "/webhooks")
    page = watch.page
    await page.get_by_label("URL, as").fill(office.url)
    await page.get_by_label("Name", exact=True).fill("shop")
    await page.get_by_label("Classes of events").fill("order, alert")
    await page.get_by_label("Secret").fill(office.secret)
    await page.get_by_role("button", name="Add the webhook").click()
    await expect(page.get_by_role("alert").filter(has_text="https")).to_be_visible()
    await page.get_by_role("checkbox", name="Allow http").click()
    await page.get_by_role("checkbox", name="Allow addresses").click()
    await page.get_by_role("button", name="Add the webhook").click()
    assert await secret_of(page) == office.secret
    await page.get_by_role("link", name="shop").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("shop")
    await ready(page)
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("Delivered: HTTP 204")).to_be_visible(timeout=LIVE)
    standing = page.locator("[data-role=standing]")
    await expect(standing).to_have_text("answers")
    await page.get_by_role("button", name="Pause").click()
    await expect(standing).to_have_text("paused")
    await page.get_by_role("button", name="Resume").click()
    await expect(standing).to_have_text("answers")
    await page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("store")
    await dialog.get_by_label("Classes of events").fill("order")
    await dialog.get_by_role("button", name="Have it be so").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("store")
    await page.get_by_role("button", name="Replace the secret").click()
    await dialog.get_by_role("button", name="Replace the secret").click()
    assert (await secret_of(page)).startswith("whsec_")
    await expect(page.get_by_text("signs, too, until")).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete").click()
    await page.wait_for_url("**/webhooks")
    await expect(page.get_by_role("link", name="office")).to_be_visible()
    await expect(page.get_by_role("link", name="store")).to_have_count(0)
    entries = (await gateway.http.get("/api/v1/audit")).json()["entries"]
    actions = [each["action"] for each in entries if each["action"].startswith("webhook.")]
    assert actions[:6] == [f"webhook.{word}" for word in ("delete", "rotate", "edit", "resume", "pause", "test")]
    assert watch.errors == []


async def test_who_signs_is_let_in_and_its_events_are_delivered_live(
    chromium: Browser, gateway: Process, office: Receiver
) -> None:
    watch = await opened(chromium, gateway, "/webhooks/in")
    page = watch.page
    await expect(page.locator("[data-role=empty]:visible")).to_contain_text("Let a service do so below")
    await page.get_by_label("Name, as").fill("till")
    await page.get_by_label("Topic").fill("till/#")
    await page.get_by_label("Class", exact=True).fill("alert")
    await page.get_by_role("button", name="Let it in").click()
    await expect(page.get_by_role("alert").filter(has_text="is no topic")).to_be_visible()
    await page.get_by_label("Topic").fill("till/order")
    await page.get_by_label("Topic").press("Enter")
    secret = await secret_of(page)
    row = page.get_by_role("table", name="Webhooks in").locator("tbody tr")
    await expect(row).to_contain_text("till/order")
    path = await row.get_by_text("/hooks/").inner_text()
    await page.goto(f"{gateway.url}/webhooks/{await id_of(gateway, 'office')}")
    await ready(page)
    messages = page.get_by_role("table", name="Messages").locator("tbody tr")
    before, shown = len(office.taken), await messages.count()
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.post(path, content='{"bread": "<i>2</i>"}', headers=signed(secret, '{"bread": "<i>2</i>"}'))
    assert answer.status_code == 200, answer.text
    await until(lambda: len(office.taken) == before + 1, what="the event, delivered")
    await expect(messages).to_have_count(shown + 1, timeout=LIVE)
    await expect(messages.first).to_contain_text("HTTP 204", timeout=LIVE)
    await messages.first.get_by_role("button", name="Look").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", level=2)).to_have_text("till/order")
    await expect(dialog.locator("pre")).to_contain_text('"bread": "<i>2</i>"')
    await dialog.get_by_role("button", name="Close").click()
    await page.goto(f"{gateway.url}/webhooks/in")
    await ready(page)
    await row.get_by_role("button", name="New secret").click()
    await dialog.get_by_role("button", name="Replace the secret").click()
    assert await secret_of(page) != secret
    await row.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(row).to_have_count(0)
    assert watch.errors == []


def signed(secret: str, body: str) -> dict[str, str]:
    now = int(time.time())
    signature = Webhook(secret).sign("msg-1", datetime.fromtimestamp(now, UTC), body)
    return {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(now),
        "webhook-signature": signature,
        "content-type": "application/json",
    }


async def test_who_has_not_the_scope_sees_none_of_it(chromium: Browser, gateway: Process) -> None:
    made = await gateway.http.post("/api/v1/api-keys", json={"name": "wall", "role": "operator"})
    watch = await opened(chromium, gateway, "/webhooks/dead", token=made.json()["token"])
    await expect(watch.page.get_by_role("alert")).to_contain_text("asks for the scope 'webhooks'")
    await expect(watch.page.get_by_role("link", name="Webhooks")).to_have_count(0)
    await expect(watch.page.get_by_role("button", name="Replay all")).to_have_count(0)
    assert watch.errors == []


async def test_pages_fit_a_phone_in_ukrainian_and_are_reached_by_keyboard(
    chromium: Browser, gateway: Process, office: Receiver
) -> None:
    watch = await opened(chromium, gateway, width=390, language="uk", dark=True)
    page = watch.page
    for path, title in (
        ("/webhooks", "Вебхуки"),
        ("/webhooks/dead", "Недоставлені"),
        ("/webhooks/in", "Вхідні вебхуки"),
        (f"/webhooks/{await id_of(gateway, 'office')}", "office"),
    ):
        await page.goto(f"{gateway.url}{path}")
        await ready(page)
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
        for control in await page.locator("#main :is(button, a, input, summary):visible").all():
            assert await control.evaluate("el => el.ariaLabel || el.innerText || el.labels?.length"), path
    assert await page.evaluate("document.documentElement.lang") == "uk"
    assert watch.errors == []
