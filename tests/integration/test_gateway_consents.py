# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's questions to people: real database, the API as an operator has it; what was decided stays so."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.member import Peer
from ganglion.units import SECOND
from ganglion_gateway.consents import Consents
from ganglion_gateway.store.database import Database
from support.gateway import here
from support.waiting import until

CELLAR = cast(Peer, SimpleNamespace(node_id="c" * 26, name="cellar"))
ATTIC = cast(Peer, SimpleNamespace(node_id="a" * 26, name="attic"))


class Time:
    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


def asking(**changes: Any) -> dict[str, Any]:
    return {
        "nonce": "n1",
        "actuator": "lock",
        "value": True,
        "owner": "watch",
        "run": "r-1",
        "why": "parrot-1 has answered true",
        "wait": 60 * SECOND,
        "hold": 0,
        **changes,
    }


@pytest.fixture
async def consents(tmp_path: Path):
    async with Database.open_(tmp_path / "gateway.db") as database:
        yield Consents(database, Time())


async def test_a_person_sees_what_is_wanted_and_the_node_hears_who_has_agreed(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        waiting = asyncio.create_task(site.services.consents.answer(asking(hold=50 * SECOND), CELLAR))
        await until(lambda: site.services.consents.waiting)
        (one,) = (await site.get("/consents"))["consents"]
        assert (one["name"], one["actuator"], one["value"], one["owner"]) == ("cellar", "lock", True, "watch")
        assert (one["run"], one["why"], one["state"]) == ("r-1", "parrot-1 has answered true", "waiting")
        assert one["expires"] - one["asked"] == 60 * SECOND
        decided = await site.post(f"/consents/{one['id']}/grant", {})
        assert (decided["state"], decided["by"], decided["told"]) == ("granted", "admin", True)
        answer = await waiting
        assert answer == {
            **{key: asking()[key] for key in ("nonce", "actuator", "value", "owner", "run")},
            "id": one["id"],
            "state": "granted",
            "by": "admin",
        }
        (entry,) = (await site.get("/audit", action="consent.grant"))["entries"]
        assert (entry["actor"], entry["target"]) == ("admin", CELLAR.node_id)
        assert entry["detail"] == {
            "id": one["id"],
            "name": "cellar",
            "actuator": "lock",
            "value": True,
            "owner": "watch",
            "run": "r-1",
        }
        again = await site.http.post(f"/api/v1/consents/{one['id']}/refuse")
        assert (again.status_code, again.json()["detail"]) == (
            409,
            f"admin has decided already: {one['id']} is granted",
        )
        assert (await site.get("/consents"))["consents"] == []
        nowhere = await site.http.post("/api/v1/consents/00000000/grant")
        assert nowhere.status_code == 404
        stranger = await site.stranger.post(f"/api/v1/consents/{one['id']}/grant")
        assert stranger.status_code == 401


async def test_a_viewer_sees_and_decides_nothing(tmp_path: Path) -> None:
    from ganglion_gateway.access.tokens import Role, digest, new_token
    from ganglion_gateway.store import keys

    async with here(tmp_path / "state") as site:
        services, token = site.services, new_token()
        await services.database.write(
            lambda connection: keys.save_api_key(
                connection, name="wall", role=Role.VIEWER.value, digest=digest(token), created=services.clock()
            )
        )
        services.keyring.load(await keys.active_api_keys(services.database))
        await services.consents.answer(asking(), CELLAR)
        headers = {"authorization": f"Bearer {token}"}
        (one,) = (await site.stranger.get("/api/v1/consents", headers=headers)).json()["consents"]
        said = await site.stranger.post(f"/api/v1/consents/{one['id']}/grant", headers=headers)
        assert (said.status_code, "may not do this" in said.json()["detail"]) == (403, True)
        assert (await site.get("/consents"))["consents"] == [one]


@pytest.mark.parametrize("granted", [True, False])
async def test_what_was_decided_outlives_a_restart(tmp_path: Path, granted: bool) -> None:
    clock = Time()
    async with Database.open_(tmp_path / "gateway.db") as database:
        consents = Consents(database, clock)
        identity = (await consents.answer(asking(value=21.0), CELLAR))["id"]
        decided = await consents.decide(identity, granted=granted, by="anna")
        assert decided["told"] is False
    async with Database.open_(tmp_path / "gateway.db") as database:
        consents = Consents(database, clock)
        await consents.load()
        answer = await consents.answer(asking(value=21.0, hold=50 * SECOND), CELLAR)
        assert (answer["id"], answer["state"], answer["by"]) == (identity, "granted" if granted else "refused", "anna")
        assert type(answer["value"]) is float


async def test_a_question_outlives_a_restart_under_its_number(tmp_path: Path) -> None:
    clock = Time()
    async with Database.open_(tmp_path / "gateway.db") as database:
        identity = (await Consents(database, clock).answer(asking(), CELLAR))["id"]
    async with Database.open_(tmp_path / "gateway.db") as database:
        consents = Consents(database, clock)
        await consents.load()
        assert [one["id"] for one in consents.waiting] == [identity]
        clock.now += 30 * SECOND
        assert consents.waiting == [], "its node has not asked again"
        with pytest.raises(RefusedError, match="cellar waits for"):
            await consents.decide(identity, granted=True, by="anna")
        assert (await consents.answer(asking(wait=30 * SECOND), CELLAR))["id"] == identity
        assert (await consents.decide(identity, granted=True, by="anna"))["state"] == "granted"


async def test_what_comes_too_late_is_no_consent(consents: Consents) -> None:
    answer = await consents.answer(asking(), CELLAR)
    consents._clock.now += 60 * SECOND
    assert consents.waiting == []
    with pytest.raises(RefusedError, match="no more"):
        await consents.decide(answer["id"], granted=True, by="anna")
    assert (await consents.answer(asking(), CELLAR))["state"] == "expired"


@pytest.mark.parametrize(
    "change", [{"actuator": "door"}, {"value": 1}, {"value": False}, {"owner": "other"}, {"run": "r-2"}]
)
async def test_a_grant_is_for_no_other_command(consents: Consents, change: dict[str, Any]) -> None:
    answer = await consents.answer(asking(), CELLAR)
    await consents.decide(answer["id"], granted=True, by="anna")
    with pytest.raises(InvalidError, match="nonce: was another command's"):
        await consents.answer(asking(**change), CELLAR)
    assert (await consents.answer(asking(nonce="n2", **change), CELLAR))["state"] == "waiting"
    assert (await consents.answer(asking(), ATTIC))["state"] == "waiting", "and for no other node"


async def test_a_node_cannot_fill_the_list(consents: Consents) -> None:
    for i in range(8):
        await consents.answer(asking(nonce=f"n{i}"), CELLAR)
    with pytest.raises(RefusedError, match="8 commands of cellar wait for a person already"):
        await consents.answer(asking(nonce="more"), CELLAR)
    await consents.answer(asking(nonce="n3"), CELLAR)
    await consents.answer(asking(), ATTIC)
    for node in range(12):
        peer = cast(Peer, SimpleNamespace(node_id=f"{node:026}", name=f"node {node}"))
        for i in range(8):
            if len(consents.waiting) < 100:
                await consents.answer(asking(nonce=f"n{i}"), peer)
    with pytest.raises(RefusedError, match="100 commands wait for a person already"):
        await consents.answer(asking(nonce="more"), ATTIC)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"nonce": ""}, "nonce"),
        ({"nonce": "x" * 33}, "nonce"),
        ({"nonce": 7}, "nonce"),
        ({"actuator": ""}, "actuator"),
        ({"actuator": None}, "actuator"),
        ({"value": [1]}, "value"),
        ({"value": None}, "value"),
        ({"value": float("nan")}, "value"),
        ({"value": 1 << 63}, "value"),
        ({"value": "x" * 129}, "value"),
        ({"owner": 1}, "owner"),
        ({"run": "x" * 129}, "run"),
        ({"why": "x" * 401}, "why"),
        ({"wait": 3601 * SECOND}, "wait"),
        ({"wait": True}, "wait"),
        ({"wait": -1}, "wait"),
        ({"hold": 61 * SECOND}, "hold"),
    ],
)
async def test_a_wrong_question_is_named(consents: Consents, change: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await consents.answer(asking(**change), CELLAR)
    assert str(caught.value).startswith(f"{where}: ")
    assert consents.waiting == []


async def test_of_two_who_decide_at_once_one_does(consents: Consents) -> None:
    identity = (await consents.answer(asking(), CELLAR))["id"]
    both = await asyncio.gather(
        consents.decide(identity, granted=True, by="anna"),
        consents.decide(identity, granted=False, by="boris"),
        return_exceptions=True,
    )
    assert sorted(isinstance(each, RefusedError) for each in both) == [False, True]
    (done,) = [each for each in both if isinstance(each, dict)]
    answer = await consents.answer(asking(), CELLAR)
    assert (answer["state"], answer["by"]) == (done["state"], done["by"])
    with pytest.raises(NotFoundError):
        await consents.decide("0" * 8, granted=True, by="anna")


async def test_a_node_that_breaks_off_can_ask_again(consents: Consents) -> None:
    for _ in range(10):
        broken = asyncio.create_task(consents.answer(asking(hold=50 * SECOND), CELLAR))
        await asyncio.sleep(0)
        broken.cancel()
        await asyncio.gather(broken, return_exceptions=True)
    assert (await consents.answer(asking(), CELLAR))["state"] == "waiting"
