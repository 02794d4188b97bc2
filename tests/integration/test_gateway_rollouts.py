# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts through the API of a real gateway: planned, followed, stopped, and what is said of what makes no sense."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ganglion_gateway.store.url import DatabaseUrl
from support.gateway import Here, here
from support.released import GOOD, create
from support.rollout_crew import Crew
from support.waiting import until, until_answered


@pytest.fixture
async def site(tmp_path: Path, store_url: DatabaseUrl) -> AsyncIterator[Here]:
    async with here(tmp_path / "state", database=store_url) as started:
        yield started


ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # the other is no other here
QUICK = {"selector": "tag=all", "stages": ["20%", "100%"], "soak": "0s"}


async def release(site: Here, name: str = "door", **more: Any) -> str:
    return await create(site, name, {"door.yaml": GOOD.format(name=name)}, **more)


async def ended(site: Here, id: str) -> dict[str, Any]:
    """A rollout that has ended."""
    found: dict[str, Any] = {}

    async def is_over() -> bool:
        found.update(await site.get(f"/rollouts/{id}"))
        return found["state"] in ("completed", "aborted")

    await until_answered(is_over, what="the rollout has ended")
    return found


async def test_what_was_planned_is_what_is_done(site: Here) -> None:
    crew = Crew(site, 10)
    ring = site.services.live.ring
    ring.follow(time.monotonic())
    id = await release(site)
    planned = await site.http.post("/api/v1/rollouts/plan", json={"release": "door", "id": "spring", **QUICK})
    plan = planned.json()
    assert (plan["id"], plan["release"], plan["name"], plan["nodes"]) == ("spring", id, "door", 10)
    assert [(stage["size"], len(stage["nodes"])) for stage in plan["stages"]] == [(2, 2), (8, 8)]
    assert await site.get("/rollouts") == {"rollouts": [], "next": None}
    begun = await site.post("/rollouts", {"release": "door", "id": "spring", **QUICK})
    assert (begun["state"], begun["selector"], begun["by"]) == ("running", "tag=all", "admin")
    async with crew.working():
        done = await ended(site, "spring")
        assert done["state"] == "completed"

        async def all_have_it() -> bool:  # the quorum is what completes it
            return (await site.get("/rollouts/spring"))["nodes"] == {"committed": 10}

        await until_answered(all_have_it, what="the last of them has it, too")
        assert set(crew.runs.values()) == {id}
    listed = (await site.get("/rollouts/spring/nodes", limit=3))["nodes"]
    first = {each["node"] for each in plan["stages"][0]["nodes"]}
    assert {each["node"] for each in listed if each["stage"] == 1} == first
    seen, cursor = [], None
    while True:
        page = await site.get("/rollouts/spring/nodes", limit=4, **({"cursor": cursor} if cursor else {}))
        seen += [each["name"] for each in page["nodes"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(crew.names.values())
    assert (await site.get("/rollouts/spring/nodes", state=["failed", "reverted"]))["nodes"] == []
    told = await site.get("/rollouts/spring/report")
    assert [each["what"] for each in told["notes"]][-1] == "completed"
    assert told["troubled"] == []
    notes = [each["what"] for each in told["notes"]]

    def steps() -> list[str]:
        said = [json.loads(each.text) for each in ring.after(0, 999) if each.channel == "rollouts/spring"]
        return [each["data"]["what"] for each in said]

    await until(lambda: len(steps()) >= len(notes), what="its steps told")
    assert steps() == notes
    assert (await site.get("/rollouts/spring/notes"))["notes"] == told["notes"]
    assert [each["action"] for each in (await site.get("/audit"))["entries"] if each["target"] == "spring"] == [
        "rollout.completed",
        "rollout.stage",
        "rollout.stage",
        "rollout.start",
    ]


async def test_a_bad_release_stays_in_its_first_cohort_and_is_taken_back(site: Here) -> None:
    good, bad = await release(site, "good"), await release(site, "bad")
    crew = Crew(site, 10, breaks=lambda name, release: release == bad)
    async with crew.working():
        await site.post("/rollouts", {"release": good, "id": "one", **QUICK, "stages": ["100%"]})
        assert (await ended(site, "one"))["state"] == "completed"
        await site.post("/rollouts", {"release": bad, "id": "two", **QUICK})
        done = await ended(site, "two")
        assert done["state"] == "aborted"
        assert done["why"].endswith("of 2 failed, and at most 0 may; most often: no sensors")

        async def is_back() -> bool:
            wanted = [(await site.get(f"/nodes/{name}/release"))["desired"] for name in crew.names.values()]
            return {each["release"] for each in wanted} == {good}

        await until_answered(is_back, what="all are to run what they had")
    assert set(crew.runs.values()) == {good}
    told = await site.get("/rollouts/two/report")
    assert [stage["state"] for stage in told["stages"]] == ["aborted", "not_begun"]
    reverted = {note["detail"] for note in told["notes"] if note["what"] in ("failed", "reverted")}
    troubled = told["troubled"]
    assert reverted == {f"{each['name']}: no sensors" for each in troubled}, "a node has a name"
    assert {each["why"] for each in troubled} == {"no sensors"}
    assert all(each["sent_back"] and each["stage"] == 1 and each["before"] == good for each in troubled)
    listed = await site.get("/rollouts", state="aborted")
    assert [each["id"] for each in listed["rollouts"]] == ["two"]
    metrics = {
        (sample.name, sample.labels["state"]): sample.value
        for family in text_string_to_metric_families((await site.http.get("/metrics")).text)
        for sample in family.samples
        if sample.name.startswith("ganglion_gateway_rollout")
    }
    assert metrics["ganglion_gateway_rollouts", "aborted"] == metrics["ganglion_gateway_rollouts", "completed"] == 1
    assert metrics["ganglion_gateway_rollouts", "running"] == 0
    assert ("ganglion_gateway_rollout_nodes", "waiting") in metrics


@ON_SQLITE
async def test_it_is_paused_resumed_and_aborted_and_watched_to_its_end(site: Here) -> None:
    crew = Crew(site, 10)
    id = await release(site)
    begun = await site.post("/rollouts", {"release": id, **QUICK, "soak": "1h"})
    path = f"/rollouts/{begun['id']}"
    async with crew.working():
        assert (await site.post(f"{path}/pause", {}))["state"] == "paused"
        twice = await site.http.post(f"/api/v1{path}/pause")
        assert (twice.status_code, twice.json()["detail"]) == (
            409,
            f"rollout {begun['id']} is paused already, by admin",
        )
        again = await site.http.post(f"/api/v1{path}/abort", json={"reason": "x"})
        assert again.status_code == 422, again.text
        assert (await site.post(f"{path}/resume", {}))["state"] == "running"
        refused = await site.http.post(f"/api/v1{path}/resume")
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            f"rollout {begun['id']} is running: only one that is paused can go on",
        )
        aborted = await site.post(f"{path}/abort", {"why": "smells", "send_back": True})
        assert (aborted["state"], aborted["why"]) == ("aborted", "by admin: smells")
        assert [stage["state"] for stage in aborted["stages"]] == ["aborted", "not_begun"]
        assert [stage["state"] for stage in (await site.get(f"{path}/report"))["stages"]] == ["aborted", "not_begun"]
        assert (await site.http.post(f"/api/v1{path}/pause")).status_code == 409
    lines = []
    async with site.http.stream("GET", f"/api/v1{path}/watch") as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) async for line in answer.aiter_lines() if line.strip()]
    assert lines[-1]["state"] == "aborted"
    whats = [note["what"] for line in lines for note in line["notes"]]
    assert whats.count("paused") == 1
    assert whats.index("paused") < whats.index("resumed") < whats.index("aborted")
    actions = [each["action"] for each in (await site.get("/audit"))["entries"] if each["actor"] == "admin"]
    assert {"rollout.start", "rollout.paused", "rollout.resumed", "rollout.aborted"} <= set(actions)


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"selector": "tga=all"}, 422, "selector:1: 'tga' is no key; did you mean \"tag\"?"),
        ({"selector": "tag=al"}, 404, 'no node has tag=al; did you mean "all"?'),
        ({"release": "dor"}, 404, "there is no release 'dor'"),
        ({"stages": ["50%", "10%"]}, 422, "stages: stage 2 is of 10 %"),
        ({"stages": ["ten"]}, 422, "stages: 'ten' is no stage"),
        ({"soak": "long"}, 422, "soak: 'long' is not a duration"),
        ({"tolerate": "few"}, 422, "tolerate: 'few' is no share"),
        ({"bounds": ["hot"]}, 422, "bounds: 'hot' is no bound"),
        ({"quorum": 101}, 422, "quorum"),
        ({"id": "No Name"}, 422, "id"),
        ({"stage": "1%"}, 422, "stage"),
        ({"release": "camera"}, 403, "no node that is meant can take camera: n"),
    ],
)
async def test_what_makes_no_rollout_is_a_problem(site: Here, body: dict[str, Any], status: int, says: str) -> None:
    Crew(site, 2)
    await release(site)
    await release(site, "camera", requires={"capabilities": ["sensor:camera"]})
    answer = await site.http.post("/api/v1/rollouts", json={"release": "door", **QUICK, **body})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
    assert (await site.get("/rollouts"))["rollouts"] == []


@ON_SQLITE
async def test_a_plan_says_who_sleeps_has_it_is_busy_or_cannot_take_it(site: Here) -> None:
    crew = Crew(site, 3)
    id = await release(site, requires={"capabilities": ["sensor:t"]})
    crew.bear("c" * 26, name="blind", caps={})
    reading = {"node": "n0".ljust(26, "a"), "sensor": "host.disk_available", "timestamp": 1, "number": 10.0}
    site.services.fleet.read([{**reading, "value": None, "confidential": ""}])
    site.services.fleet.died("n1".ljust(26, "a"), site.services.clock())
    plan = await site.http.post("/api/v1/rollouts/plan", json={"release": id, "selector": "all or nobody"})
    made = plan.json()
    assert made["nodes"] == 2
    assert (made["asleep"], made["away"]) == ([], ["n1".ljust(26, "a")])
    assert len(made["space_unknown"]) == 2
    assert made["unknown"] == ["no node is called nobody"]
    assert {each["name"]: each["why"] for each in made["skipped"]} == {
        "blind": "this node has no sensor t",
        "n0": f"it has 10 bytes free, and the release takes {len(GOOD.format(name='door'))}",
    }
    await site.post("/rollouts", {"release": id, "selector": "n2", "id": "first", "stages": ["100%"], "soak": "0s"})
    made = (await site.http.post("/api/v1/rollouts/plan", json={"release": id, "selector": "all"})).json()
    assert [(each["name"], each["rollout"]) for each in made["busy"]] == [("n2", "first")]
    refused = await site.http.post("/api/v1/rollouts", json={"release": id, "selector": "all"})
    assert refused.status_code == 403
    assert "1 of these nodes is in rollout first, which has not ended" in refused.json()["detail"]
    async with crew.working():
        assert (await ended(site, "first"))["state"] == "completed"
    made = (await site.http.post("/api/v1/rollouts/plan", json={"release": id, "selector": "all"})).json()
    assert (made["busy"], made["already"]) == ([], ["n2".ljust(26, "a")])


@ON_SQLITE
async def test_what_is_not_there_is_said(site: Here) -> None:
    for path in ("", "/nodes", "/notes", "/report", "/watch"):
        answer = await site.http.get(f"/api/v1/rollouts/nowhere{path}")
        assert (answer.status_code, answer.json()["detail"][:28]) == (404, "there is no rollout nowhere:")
    assert (await site.http.post("/api/v1/rollouts/nowhere/pause")).status_code == 404
    assert (await site.http.get("/api/v1/rollouts?stat=running")).status_code == 422
    assert (await site.http.get("/api/v1/rollouts?state=ended")).status_code == 422
