# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API has for pages of a fleet: health counted, readings by spans of time, jobs of a node, logs searched."""

import logging
from pathlib import Path
from typing import Any

from ganglion.units import SECOND
from ganglion_gateway import verdict
from ganglion_gateway.store import fleet, jobs, logs
from support.gateway import Here, here

FRIDGE, ATTIC = "f" * 26, "a" * 26


def born(site: Here, id: str, name: str, *, tags: list[str], present: bool) -> None:
    now = site.services.clock()
    row: dict[str, Any] = {
        "id": id,
        "name": name,
        "board": "sim",
        "sw": "ganglion/0.1.0",
        "epoch": 1,
        "caps": {},
        "tags": tags,
        "credential_expires": now + 10**18,
        "first_seen": now,
        "last_seen": now,
        "online": present,
    }
    site.services.fleet.born(row, present=present, now=now)


def reading(at: int, number: float | None, value: Any = None) -> dict[str, Any]:
    told = {"node": FRIDGE, "sensor": "door.open", "timestamp": at, "number": number, "value": value}
    return {**told, "confidential": ""}


async def test_health_is_counted_and_chooses_nodes(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        born(site, FRIDGE, "fridge", tags=["cold"], present=True)
        born(site, ATTIC, "attic", tags=["warm"], present=False)
        assert await site.get("/fleet/health") == {
            "nodes": 2,
            "online": 1,
            "health": {"revoked": 0, "away": 1, "bad": 0, "warning": 0, "asleep": 0, "ok": 1},
        }
        assert (await site.get("/fleet/health", where="tag=cold"))["health"]["ok"] == 1
        found = await site.get("/nodes", health="away")
        assert [node["name"] for node in found["nodes"]] == ["attic"]
        assert found["nodes"][0]["release"] == {"desired": None, "reported": None}
        for word in verdict.WORDS:
            assert [node["health"] for node in (await site.get("/nodes", health=word))["nodes"]] in ([], [word])
        assert (await site.http.get("/api/v1/nodes", params={"health": "fine"})).status_code == 422
        await site.services.releases.assign(FRIDGE, None, by="olena")
        listed = {node["id"]: node["release"] for node in (await site.get("/nodes"))["nodes"]}
        assert listed[ATTIC] == {"desired": None, "reported": None}
        assert listed[FRIDGE] == (await site.get("/nodes/fridge"))["release"]


async def test_readings_are_put_together_by_spans_of_time(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        born(site, FRIDGE, "fridge", tags=[], present=True)
        begin = site.services.clock() - 100 * SECOND
        rows = [reading(begin + at * SECOND, number) for at, number in ((0, 1.0), (4, 3.0), (9, -1.0), (25, 7.0))]
        rows += [reading(begin + 30 * SECOND, None, "ajar"), reading(begin + 101 * SECOND, 99.0)]
        await site.services.database.write(lambda connection: fleet.save_readings(connection, rows))
        site.services.fleet.read(rows)
        query = {"sensor": "door.open", "since": begin, "until": begin + 100 * SECOND, "spans": 10}
        answer = await site.get("/nodes/fridge/history", **query)
        assert answer["step"] == 10 * SECOND
        assert answer["spans"] == [[begin, -1.0, 1.0, 3.0, 3], [begin + 20 * SECOND, 7.0, 7.0, 7.0, 1]]
        for wrong, status in (({"sensor": "hall"}, 404), ({"until": begin}, 422), ({"spans": 0}, 422)):
            answer = await site.http.get("/api/v1/nodes/fridge/history", params={**query, **wrong})
            assert answer.status_code == status, answer.text


async def test_jobs_of_one_node(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        born(site, FRIDGE, "fridge", tags=[], present=False)
        born(site, ATTIC, "attic", tags=[], present=False)
        made = [await site.post("/jobs", {"selector": where, "method": "status"}) for where in ("all", "attic")]
        assert [job["id"] for job in (await site.get("/jobs", node="fridge"))["jobs"]] == [made[0]["id"]]
        assert [job["id"] for job in (await site.get("/jobs", node="attic"))["jobs"]] == [made[1]["id"], made[0]["id"]]
        assert await jobs.page(site.services.database, before=None, limit=5, nodes=[]) == []


async def test_logs_are_searched(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        born(site, FRIDGE, "fridge", tags=[], present=True)
        records = [
            {
                "event": str(part),
                "part": part,
                "node": FRIDGE,
                "at": part,
                "received": part,
                "lost": 0,
                "level": logging.WARNING,
                "logger": "pump",
                "text": said,
            }
            for part, said in enumerate(("the valve is 100% stuck", "it leaks"))
        ]
        await site.services.database.write(lambda connection: logs.save(connection, records))
        for text, found in (("VALVE", [0]), ("0% s", [0]), ("0_", []), ("pump", [1, 0])):
            kept = (await site.get("/logs", text=text))["records"]
            assert [record["at"] for record in kept] == found
