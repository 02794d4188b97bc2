# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of releases and rollouts in a real Chromium, with members of a real mesh that take what they are given."""

import base64
import hashlib
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from ganglion.release import agent
from support import wheels
from support.brokers import nats_broker
from support.browser import opened, ready
from support.gateway import Process, process
from support.mesh_crew import Takes, crew
from support.released import GOOD, send

NAMES = ["n0", "n1", "n2", "n3"]
#: Milliseconds in which what a node said must be on the page.
LIVE = 60_000
BAD = "bad"

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broker_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with nats_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker.url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> AsyncIterator[Process]:
    async with process(tmp_path_factory.mktemp("gateway") / "state", broker_url) as started:
        yield started


@pytest.fixture(scope="module")
def bad() -> set[str]:
    """Ids of releases from which every node goes back."""
    return set()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def members(
    gateway: Process, broker_url: str, bad: set[str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Takes]]:
    folder = tmp_path_factory.mktemp("members")
    async with crew(gateway, broker_url, folder, NAMES, breaks=lambda name, release: release in bad) as started:
        yield started


async def release(gateway: Process, name: str, **more: Any) -> str:
    return await send(gateway.http, name, {"door.yaml": GOOD.format(name=name)}, **more)


async def got(gateway: Process, path: str) -> Any:
    answer = await gateway.http.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def begun(gateway: Process, release: str, id: str, **more: Any) -> None:
    body = {"release": release, "selector": "tag=crew", "id": id, "stages": ["100%"], "soak": "1h", **more}
    answer = await gateway.http.post("/api/v1/rollouts", json=body)
    assert answer.status_code == 201, answer.text


async def over(gateway: Process, id: str) -> None:
    """Ends what is left of a rollout, so that its nodes are free."""
    await gateway.http.post(f"/api/v1/rollouts/{id}/abort", json={})


def tile(page: Page, name: str) -> Any:
    return page.locator(f"[data-sum={name}] b")


async def test_a_release_is_made_of_files_in_the_browser(chromium: Browser, gateway: Process) -> None:
    watch = await opened(chromium, gateway, "/releases")
    page = watch.page
    await expect(page.locator("[data-role=empty]:visible")).to_contain_text("ganglion release create")
    await page.get_by_role("link", name="New release").click()
    await page.wait_for_url("**/releases/new")
    await ready(page)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Choose files").click()
    cold = FilePayload(name="cold.yaml", mimeType="text/yaml", buffer=GOOD.format(name="cold").encode() + b"# <b>\n")
    note = FilePayload(name="note.txt", mimeType="text/plain", buffer=b"x")
    await (await chooser.value).set_files([cold, note])
    files = page.get_by_role("table", name="Files")
    await expect(files).to_contain_text("note.txt")
    await expect(files).to_contain_text("cold.yaml")
    await page.get_by_label("Name, as fridge-2", exact=True).fill("made-1")
    await page.get_by_label("Boards").fill("sim, router")
    await page.get_by_label("Sensors and actuators").fill("sensor:t")
    await page.get_by_role("button", name="Make the release").click()
    await expect(page.get_by_role("alert").filter(has_text="note.txt: a release has scripts")).to_be_visible()
    await page.get_by_role("button", name="Leave out note.txt").click()
    await page.get_by_text("Write one here").click()
    await page.get_by_label("Its name").fill("node.toml")
    await page.get_by_label("What it holds").fill('[history]\nage = "1d"\n')
    await page.get_by_role("button", name="Add it").click()
    await expect(files).to_contain_text("node.toml")
    await page.get_by_role("button", name="Make the release").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("made-1")
    made = await got(gateway, "/releases/made-1")
    assert made["requires"] == {"board": ["sim", "router"], "capabilities": ["sensor:t"]}
    assert [each["path"] for each in made["files"]] == ["cold.yaml", "node.toml"]
    await expect(page.get_by_text("This mesh's authority stands to it.")).to_be_visible()
    await expect(page.get_by_text(made["signed"]["signature"])).to_be_visible()
    await expect(page.get_by_text("sim, router, sensor t")).to_be_visible()
    await page.locator("summary").filter(has_text="cold.yaml").click()
    await expect(page.locator("pre").filter(has_text="action: publish")).to_contain_text("# <b>")
    assert watch.errors == []


async def test_wheels_of_ganglion_are_brought_by_the_browser(chromium: Browser, gateway: Process) -> None:
    small = wheels.wheel("0.2.0", wheels.tiny("0.2.0", ""), tag="py3-none-musllinux_1_2_mipsel")
    noise = random.Random(1).randbytes(agent.PIECE + 5)  # which no compression makes one piece
    large = wheels.wheel("0.2.0", wheels.tiny("0.2.0", "", **{"ganglion/noise.py": noise}))
    elsewhere = wheels.wheel("0.3.0", wheels.tiny("0.2.0", ""))
    watch = await opened(chromium, gateway, "/releases/new")
    page = watch.page
    table = page.get_by_role("table", name="Wheels of Ganglion")
    region = page.get_by_role("region", name="Wheels of Ganglion")
    refusal = region.get_by_role("alert")

    async def chosen(*files: tuple[str, bytes]) -> None:
        async with page.expect_file_chooser() as chooser:
            await page.get_by_role("button", name="Choose wheels").press("Enter")
        given = [FilePayload(name=name, mimeType="", buffer=data) for name, data in files]
        await (await chooser.value).set_files(given)

    await expect(region).to_contain_text("None: nodes run the version that is installed")
    await chosen(large, ("notes.txt", b"x"), ("ganglion-0.2.0-py3-none-win32.whl", b"no zip"), elsewhere)
    await expect(refusal).to_contain_text("notes.txt: is no wheel of Ganglion: its file is called")
    await expect(refusal).to_contain_text("ganglion-0.2.0-py3-none-win32.whl: is no wheel: File is not a zip file")
    await expect(refusal).to_contain_text(f"{elsewhere[0]}: is called 0.3.0, and ganglion/__init__.py in it says")
    row = table.get_by_role("row").filter(has_text=large[0])
    await expect(row).to_contain_text("py3-none-any")
    await expect(table.get_by_role("row")).to_have_count(2)
    await chosen(("numpy-2.0-py3-none-any.whl", b"\0" * (agent.MAX_WHEEL + 1)))
    await expect(refusal).to_have_text("numpy-2.0-py3-none-any.whl has 8.39 MB, and 8.39 MB is the limit.")
    await dropped(page.get_by_role("region", name="Files"), small[0], small[1])
    await expect(refusal).to_be_hidden()
    await expect(table.get_by_role("row").filter(has_text=small[0])).to_contain_text("py3-none-musllinux_1_2_mipsel")
    await page.get_by_role("button", name=f"Leave out {large[0]}").press("Enter")
    await expect(table.get_by_role("row")).to_have_count(2)
    await chosen(large)
    await expect(row).to_contain_text("py3-none-any")
    await page.get_by_label("Name, as fridge-2", exact=True).fill("brings-1")
    await page.get_by_role("button", name="Make the release").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("brings-1")
    made = await got(gateway, "/releases/brings-1")
    brought = {each["name"]: (each["version"], each["size"], each["sha256"]) for each in made["agent"]}
    assert brought == {name: ("0.2.0", len(data), hashlib.sha256(data).hexdigest()) for name, data in (small, large)}
    await expect(table.get_by_role("row").filter(has_text="py3-none-any")).to_contain_text("0.2.0")
    assert watch.errors == []


async def dropped(place: Locator, name: str, data: bytes) -> None:
    """Drags a file there, as from the desktop."""
    await place.evaluate(
        """(place, [name, data]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([Uint8Array.from(atob(data), letter => letter.charCodeAt(0))], name));
          const how = { bubbles: true, cancelable: true, dataTransfer };
          if (place.dispatchEvent(new DragEvent("dragover", how))) throw new Error("nothing can be dropped there");
          place.dispatchEvent(new DragEvent("drop", how));
        }""",
        [name, base64.b64encode(data).decode()],
    )


async def test_a_release_is_compared_and_given_to_a_node(
    chromium: Browser, gateway: Process, members: dict[str, Takes]
) -> None:
    first = await release(gateway, "one")
    second = await release(gateway, "two", requires={"agent": ">=0.1"})
    watch = await opened(chromium, gateway, f"/releases/{second}")
    page = watch.page
    await page.get_by_role("combobox", name="Another release").click()
    await page.get_by_role("option", name="one · ").click()
    diff = page.locator("[data-role=diff]")
    await expect(diff.locator(".g-removed")).to_have_text(
        ["-name: one", "-      - {id: keep, action: publish, topic: note/one, value: 1}"]
    )
    await expect(diff).to_contain_text("nothing in particular → Ganglion >=0.1")
    holders = page.get_by_role("table", name="Who has it")
    await expect(page.get_by_text("No node is to run it.")).to_be_visible()
    await page.get_by_label("Node, by name or id").fill("nobody")
    await page.get_by_role("button", name="Have it run this").click()
    await expect(page.get_by_role("alert").filter(has_text="nobody")).to_be_visible()
    await page.get_by_label("Node, by name or id").fill("n1")
    await page.keyboard.press("Enter")
    await expect(holders.get_by_role("row").filter(has_text="n1")).to_contain_text("committed", timeout=LIVE)
    await expect(page.locator("[data-role=sum]")).to_have_text("1 node is to run it: 1 committed")
    assert members["n1"].runs == second
    await page.goto(f"{gateway.url}/fleet?where=name%3Dn1")
    await expect(page.get_by_role("table", name="Nodes").get_by_role("link", name="two")).to_be_visible()
    await page.goto(f"{gateway.url}/releases")
    await expect(page.locator(f'[data-key="{second}"]')).to_contain_text("two")
    await page.goto(f"{gateway.url}/releases/{first}")
    await expect(page.get_by_text("No node is to run it.")).to_be_visible()
    assert watch.errors == []


async def test_a_rollout_is_planned_begun_and_followed_to_its_end(
    chromium: Browser, gateway: Process, members: dict[str, Takes]
) -> None:
    id = await release(gateway, "spring", requires={"capabilities": ["sensor:t"]})
    watch = await opened(chromium, gateway, "/rollouts")
    page = watch.page
    await expect(page.locator("[data-role=empty]:visible")).to_contain_text("Plan one here")
    await page.goto(f"{gateway.url}/releases/{id}")
    await page.get_by_role("link", name="Roll it out").click()
    await page.wait_for_url("**/rollouts/new?**")
    await ready(page)
    await expect(page.get_by_role("combobox", name="Release")).to_have_value(f"spring · {id[:12]}")
    nodes = page.get_by_label("Nodes, as")
    await nodes.fill("tag=crwe")
    await page.get_by_role("button", name="See the plan").click()
    await expect(page.get_by_role("alert").filter(has_text='did you mean "crew"?')).to_be_visible()
    await nodes.fill("")
    await page.get_by_role("button", name="tag=crew").click()
    await expect(nodes).to_have_value("tag=crew")
    await page.get_by_label("Stages").fill("25%, 100%")
    await page.get_by_label("Soak time").fill("0s")
    await page.get_by_role("button", name="See the plan").click()
    await expect(tile(page, "nodes")).to_have_text("4")
    await expect(tile(page, "already")).to_have_text("0")
    begin = page.get_by_role("button", name="Begin: 4 nodes in 2 stages")
    await expect(begin).to_be_visible()
    await nodes.fill("tag=crew or somebody")
    await expect(begin).to_have_count(0)
    assert (await got(gateway, "/rollouts"))["rollouts"] == []
    await page.get_by_role("button", name="See the plan").click()
    await expect(page.get_by_text("no node is called somebody")).to_be_visible()
    await page.locator("[data-role=plan] summary").nth(1).click()
    await expect(page.locator("[data-role=plan]")).to_contain_text("n3")
    await begin.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("spring")
    head = page.locator("[data-role=head]")
    await expect(head.locator("[data-role=state]")).to_have_text("completed", timeout=LIVE)
    await expect(head.locator("[data-role=how]")).to_contain_text("4 committed", timeout=LIVE)
    steps = page.get_by_role("listitem", name="Stage 2")
    await expect(steps).to_contain_text("3 of 3 committed, 3 needed")
    await expect(steps.locator("[data-role=state]")).to_have_text("passed")
    await expect(page.get_by_role("button", name="4 all")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="4 committed").click()
    await expect(page.get_by_role("table", name="Nodes").get_by_role("row")).to_have_count(5)
    story = page.get_by_role("list", name="What happened")
    await expect(story.get_by_role("listitem").first).to_contain_text("completed")
    await expect(page.get_by_role("button", name="Abort")).to_have_count(0)
    assert {each.runs for each in members.values()} == {id}
    await page.goto(f"{gateway.url}/rollouts")
    await expect(page.get_by_role("listitem").filter(has_text="spring")).to_contain_text("completed")
    assert watch.errors == []


async def test_who_aborts_is_told_first_what_is_taken_back_from_whom(
    chromium: Browser, gateway: Process, members: dict[str, Takes]
) -> None:
    before = {name: each.runs for name, each in members.items()}
    await begun(gateway, await release(gateway, "summer"), "summer")
    watch = await opened(chromium, gateway, "/rollouts/summer")
    page = watch.page
    head = page.locator("[data-role=head]")
    stage = page.get_by_role("listitem", name="Stage 1")
    await expect(stage.locator("[data-role=far]")).to_have_text("4 of 4 committed, 4 needed", timeout=LIVE)
    await expect(stage.locator("[data-role=soak]")).to_contain_text("left of 1 h")
    await expect(stage.locator("[data-role=failed]")).to_have_text("0 failed, 0 may")
    await page.get_by_role("button", name="Pause").click()
    await expect(head.locator("[data-role=state]")).to_have_text("paused")
    await page.get_by_role("button", name="Resume").click()
    await expect(head.locator("[data-role=state]")).to_have_text("running")
    await page.get_by_role("button", name="Abort").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("4 nodes have committed: they keep that, unless you say otherwise here.")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert (await got(gateway, "/rollouts/summer"))["state"] == "running"
    await page.get_by_role("button", name="Abort").click()
    await dialog.get_by_role("checkbox").click()
    await dialog.get_by_label("Why").fill("it smells")
    await dialog.get_by_role("button", name="Abort the rollout").click()
    await expect(head.locator("[data-role=why]")).to_have_text("by admin: it smells")
    await expect(page.get_by_role("button", name="4 has what it had")).to_be_visible(timeout=LIVE)
    await expect(page.get_by_role("list", name="What happened")).to_contain_text("paused")
    assert {name: each.runs for name, each in members.items()} == before
    assert watch.errors == []


async def test_a_bad_release_stops_by_itself_and_each_node_says_why(
    chromium: Browser, gateway: Process, members: dict[str, Takes], bad: set[str]
) -> None:
    id = await release(gateway, BAD)
    bad.add(id)
    await begun(gateway, id, "winter", stages=["25%", "100%"])
    watch = await opened(chromium, gateway, "/rollouts/winter")
    page = watch.page
    await expect(page.locator("[data-role=why]")).to_contain_text("1 node of 1 failed", timeout=LIVE)
    await expect(page.locator("[data-role=head] [data-role=state]")).to_have_text("aborted")
    await page.get_by_role("button", name="1 reverted").click()
    row = page.get_by_role("table", name="Nodes").get_by_role("row").nth(1)
    await expect(row).to_contain_text("no <b>sensors</b>")
    await expect(row).to_contain_text("gets back what it had")
    name = await row.get_by_role("link").first.inner_text()
    story = page.get_by_role("list", name="What happened")
    await expect(story).to_contain_text(f"{name}: no <b>sensors</b>")
    await expect(page.get_by_role("listitem", name="Stage 1").locator(".g-alarm")).to_have_text("1 failed, 0 may")
    soak = page.locator("[data-role=soak]")
    await expect(soak).to_have_text([re.compile("ended before it was well for"), "not reached"])
    await gateway.http.put(f"/api/v1/nodes/{name}/release", json={"release": None})
    await page.goto(f"{gateway.url}/fleet")
    own = page.get_by_role("row").filter(has_text=name).locator("td[data-label=Release]")
    await expect(own).to_have_text("–")  # it is back at its own configuration
    await page.goto(f"{gateway.url}/rollouts?state=aborted")
    await expect(page.get_by_role("listitem").filter(has_text=BAD)).to_contain_text("1 reverted")
    assert watch.errors == []


async def test_a_plan_of_nodes_that_another_rollout_has_cannot_begin(
    chromium: Browser, gateway: Process, members: dict[str, Takes]
) -> None:
    id = await release(gateway, "autumn", requires={"capabilities": ["sensor:none"]})
    await begun(gateway, await release(gateway, "busy"), "busy", selector="n0")
    watch = await opened(chromium, gateway, f"/rollouts/new?release={id}&to=all")
    page = watch.page
    await page.get_by_role("button", name="See the plan").click()
    await expect(tile(page, "skipped")).to_have_text("4")
    await expect(page.get_by_role("table", name="Cannot take it")).to_contain_text("this node has no sensor none")
    await expect(page.get_by_text("Nobody would get it.")).to_be_visible()
    await page.get_by_role("combobox", name="Release").click()
    await page.get_by_role("option", name="busy · ").click()
    await page.get_by_role("button", name="See the plan").click()
    await expect(tile(page, "busy")).to_have_text("1")
    await expect(page.get_by_text("It cannot begin while")).to_be_visible()
    await expect(page.get_by_role("button", name="Begin")).to_have_count(0)
    await over(gateway, "busy")
    assert watch.errors == []


async def test_who_may_only_look_is_offered_nothing_else(
    chromium: Browser, gateway: Process, members: dict[str, Takes]
) -> None:
    made = await gateway.http.post("/api/v1/api-keys", json={"name": "wall", "role": "viewer"})
    id = await release(gateway, "looked-at")
    await begun(gateway, id, "looked-at", selector="n2")
    watch = await opened(chromium, gateway, "/rollouts/looked-at", token=made.json()["token"])
    page = watch.page
    await expect(page.locator("[data-role=head] [data-role=state]")).to_have_text("running")
    for name in ("Pause", "Abort", "Resume"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    await page.goto(f"{gateway.url}/releases/{id}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("looked-at")
    for name in ("Have it run this", "Roll it out"):
        await expect(page.get_by_text(name)).to_have_count(0)
    await page.goto(f"{gateway.url}/releases/new")
    await expect(page.get_by_role("alert")).to_contain_text("asks for the scope 'config'")
    await page.goto(f"{gateway.url}/rollouts/new?release={id}&to=n3")
    await ready(page)
    await page.get_by_role("button", name="See the plan").click()
    await expect(page.get_by_text("Who may operate nodes can begin it.")).to_be_visible()
    await expect(page.get_by_role("button", name="Begin")).to_have_count(0)
    await page.goto(f"{gateway.url}/rollouts/nowhere")
    await expect(page.get_by_role("alert")).to_contain_text("there is no rollout nowhere")
    await over(gateway, "looked-at")
    assert all("404" in error for error in watch.errors)


async def test_pages_fit_a_phone_in_ukrainian_and_are_reached_by_keyboard(
    chromium: Browser, gateway: Process, members: dict[str, Takes]
) -> None:
    rollout = (await got(gateway, "/rollouts"))["rollouts"][0]
    watch = await opened(chromium, gateway, width=390, language="uk", dark=True)
    page = watch.page
    for path in ("/releases", "/releases/new", f"/releases/{rollout['release']}", "/rollouts", "/rollouts/new"):
        await looked(page, f"{gateway.url}{path}")
    await page.get_by_label("Вузли, як-от").fill("all")
    await page.keyboard.press("Enter")
    await expect(tile(page, "nodes")).to_have_text("4")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await looked(page, f"{gateway.url}/rollouts/{rollout['id']}")
    assert watch.errors == []


async def looked(page: Page, url: str) -> None:
    """Opens a page that must fit, and whose controls must have names and be reached by Tab."""
    await page.goto(url)
    await ready(page)
    await expect(page.locator("html")).to_have_attribute("lang", "uk")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390, url
    for control in await page.locator("#main :is(button, a, input, textarea, summary):visible").all():
        assert await control.evaluate("el => el.ariaLabel || el.innerText || el.labels?.length"), url
        assert await control.evaluate("el => el.tabIndex >= 0 || el.closest('.q-checkbox, .q-field') !== null"), url
