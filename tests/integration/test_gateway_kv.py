# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/v1/kv on a gateway that is alone: what is asked, what is refused, what is written into the audit."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ganglion_gateway.access.tokens import digest, new_token
from ganglion_gateway.store import keys
from support.gateway import Here, here

KEYS = "/api/v1/kv/keys"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Here]:
    async with here(tmp_path / "state") as started:
        yield started


async def test_a_key_is_set_found_listed_and_removed(site: Here) -> None:
    answer = await site.http.put(f"{KEYS}/shared/target", json={"value": {"a": [1, None]}})
    assert answer.status_code == 200
    document = (await site.http.get(f"{KEYS}/shared/target")).json()
    assert document == answer.json()
    assert (document["key"], document["value"], document["by"]) == (
        "shared/target",
        {"a": [1, None]},
        site.gateway.member.client.identity.node_id,
    )
    assert document["name"]
    assert document["at"]
    await site.http.put(f"{KEYS}/policy%2Fversion", json={"value": None})
    assert [item["key"] for item in (await site.get("/kv"))["items"]] == ["policy/version", "shared/target"]
    assert [item["key"] for item in (await site.get("/kv", prefix="shared/"))["items"]] == ["shared/target"]
    assert (await site.http.delete(f"{KEYS}/shared/target")).status_code == 204
    assert (await site.http.delete(f"{KEYS}/shared/target")).status_code == 204, "it stays so"
    missing = await site.http.get(f"{KEYS}/shared/target")
    assert (missing.status_code, missing.json()["detail"]) == (404, "there is nothing at 'shared/target'")
    noted = [(entry["action"], entry["target"]) for entry in (await site.get("/audit"))["entries"]]
    assert noted[:2] == [("kv.delete", "shared/target")] * 2
    assert ("kv.set", "policy/version") in noted


async def test_a_set_takes_and_loses_members_beside_a_value(site: Here) -> None:
    for member in ("door", 3, "door"):
        answer = await site.http.post(f"{KEYS}/open", json={"add": member})
    assert answer.json() == {"key": "open", "members": [3, "door"]}
    await site.http.put(f"{KEYS}/open", json={"value": 1})
    assert [(item["value"], item["members"]) for item in (await site.get("/kv"))["items"]] == [(1, [3, "door"])]
    assert (await site.http.post(f"{KEYS}/open", json={"remove": 3})).json()["members"] == ["door"]
    await site.http.delete(f"{KEYS}/open")
    assert (await site.get("/kv"))["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/x", {}),
        ("PUT", "/x", {"value": "v" * 40_000}),
        ("PUT", "/" + "k" * 257, {"value": 1}),
        ("PUT", "/" + "%C3%A9" * 200, {"value": 1}),
        ("POST", "/x", {}),
        ("POST", "/x", {"add": 1, "remove": 2}),
        ("POST", "/x", {"add": "v" * 2000}),
    ],
)
async def test_what_is_none_is_refused(site: Here, method: str, path: str, body: dict[str, Any]) -> None:
    answer = await site.http.request(method, KEYS + path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert (await site.get("/kv"))["items"] == []


async def test_a_long_list_comes_in_pages(site: Here) -> None:
    for number in range(7):
        await site.http.put(f"{KEYS}/k{number}", json={"value": "v" * 20_000})
    found: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        page = await site.get("/kv", after=after)
        found += [item["key"] for item in page["items"]]
        after = page["next"]
        pages += 1
    assert found == [f"k{number}" for number in range(7)]
    assert pages == 4


async def test_a_viewer_looks_and_changes_nothing(site: Here) -> None:
    token = new_token()
    await site.services.database.write(
        lambda connection: keys.save_api_key(connection, name="screen", role="viewer", digest=digest(token), created=1)
    )
    site.services.keyring.load(await keys.active_api_keys(site.services.database))
    viewer = {"authorization": f"Bearer {token}"}
    assert (await site.stranger.get("/api/v1/kv", headers=viewer)).status_code == 200
    for method, body in (("PUT", {"value": 1}), ("POST", {"add": 1}), ("DELETE", None)):
        answer = await site.stranger.request(method, f"{KEYS}/x", headers=viewer, json=body)
        assert answer.status_code == 403
    assert (await site.stranger.get("/api/v1/kv")).status_code == 401
