# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of a real gateway with a real database, asked as programs and as strangers ask."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.enrol import EnrolKey
from ganglion.mesh.member import Received
from ganglion_gateway.api import routes
from ganglion_gateway.problems import SCHEMA
from ganglion_gateway.settings import WebhookSettings
from ganglion_gateway.store import keys
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_micro import gl1
from support.brokers import nats_broker
from support.gateway import Here, here
from support.mesh import NOW
from support.waiting import until

NODE = "n" * 26


@pytest.fixture
async def site(tmp_path: Path, store_url: DatabaseUrl) -> AsyncIterator[Here]:
    async with here(tmp_path / "state", database=store_url) as started:
        yield started


def event(seq: int, cls: str = "alert", **body: Any) -> Received:
    known = {"class": cls, "topic": f"{cls}/x", "value": seq, "timestamp": NOW, "source": "s", "run": "", **body}
    return Received(gl1.EVENT, NODE, None, known, 1, seq, NOW)


async def store(site: Here, *events: Received, at: int = NOW) -> None:
    from ganglion_gateway import rows
    from ganglion_gateway.store import events as table

    batch = rows.event_rows(events, at)
    await site.services.database.write(lambda connection: table.save(connection, batch, at))


def is_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    jsonschema.validate(document, SCHEMA)
    assert document["status"] == status
    return document


ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # what asks no database anything


@ON_SQLITE
@pytest.mark.parametrize("path", ["/api/v1/nodes", "/metrics", "/openapi.json", "/", "/nowhere"])
async def test_a_stranger_gets_no_answer(site: Here, path: str) -> None:
    is_problem(await site.stranger.get(path), 401)


async def test_head_is_answered_as_get_is_and_without_a_body(site: Here) -> None:
    for path in ("/health/live", "/api/v1/nodes"):
        got, head = await site.http.get(path), await site.http.head(path)
        assert (head.status_code, head.headers["content-type"]) == (got.status_code, got.headers["content-type"])
        assert (head.content, head.headers["content-length"]) == (b"", str(len(got.content)))
    assert (await site.stranger.head("/api/v1/nodes")).status_code == 401


async def test_who_says_no_token_and_who_says_a_wrong_one_are_told_different_things(site: Here) -> None:
    nobody = await site.stranger.get("/api/v1/nodes")
    wrong = await site.stranger.get("/api/v1/nodes", headers={"authorization": "Bearer gk_0"})
    assert (nobody.status_code, wrong.status_code) == (401, 401)
    assert nobody.json()["detail"].startswith("say who you are")
    assert wrong.json()["detail"].startswith("this token is none, has expired or was taken back")


async def test_health_is_for_anybody_and_tells_three_things_apart(site: Here) -> None:
    assert (await site.stranger.get("/health/live")).json() == {"status": "ok"}
    assert (await site.stranger.get("/health/startup")).json() == {"status": "ok"}
    ready = await site.stranger.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "degraded", "checks": {"database": "ok", "broker": "away", "parts": "ok"}}
    site.services.started = False
    assert (await site.stranger.get("/health/startup")).status_code == 503
    assert (await site.stranger.get("/health/live")).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("GET", "/api/v1/nodes/nobody", None, 404),
        ("GET", "/api/v1/traces/last", None, 404),
        ("GET", f"/api/v1/traces/{NODE}-1-1", None, 404),
        ("GET", "/api/v1/traces/..%2F..%2Fetc", None, 404),
        ("GET", "/api/v1/traces/x", None, 404),
        ("GET", "/api/v1/events?limit=0", None, 422),
        ("GET", "/api/v1/events?wher={}", None, 422),
        ("GET", "/api/v1/watch?wher={}", None, 422),
        ("GET", "/api/v1/nodes?x=1", None, 422),
        ("GET", "/api/v1/events?limit=x", None, 422),
        ("GET", "/api/v1/events?cursor=nonsense", None, 422),
        ("GET", "/api/v1/events?node=nobody", None, 404),
        ("DELETE", "/api/v1/nodes", None, 405),
        ("DELETE", "/api/v1/webhooks/wh_x", None, 404),
        ("GET", "/api/v1/webhooks/wh_x/messages", None, 404),
        ("POST", "/api/v1/enrol-keys", {"uses": 0}, 422),
        ("POST", "/api/v1/enrol-keys", {"ttl": "soon"}, 422),
        ("POST", "/api/v1/enrol-keys", {"ttl": "1000d"}, 422),
        ("POST", "/api/v1/enrol-keys", {"uzes": 3}, 422),
        ("POST", "/api/v1/enrol-keys", {"name": "a\nb"}, 422),
        ("POST", "/api/v1/enrol-keys", [], 422),
        ("POST", "/api/v1/webhooks", {"url": "http://example.org/"}, 422),
        ("POST", "/api/v1/webhooks", {"url": "https://u:p@example.org/"}, 422),
        ("POST", "/api/v1/webhooks", {"url": "file:///etc/passwd"}, 422),
        ("POST", "/api/v1/webhooks", {"url": "https://example.org/", "secret": "short"}, 422),
        ("POST", "/api/v1/webhooks", {"url": "https://example.org/", "classes": []}, 422),
        ("POST", "/api/v1/nodes/nobody/commands", {"method": "x"}, 404),
        ("POST", "/api/v1/nodes/nobody/commands", {"method": "x", "timeout": 1e9}, 422),
    ],
)
async def test_every_error_is_a_problem(site: Here, method: str, path: str, body: Any, status: int) -> None:
    document = is_problem(await site.http.request(method, path, json=body), status)
    assert document["detail"]
    if status == 422 and "errors" in document:
        assert all(one["where"] and one["message"] for one in document["errors"])


async def test_what_is_no_json_is_a_problem(site: Here) -> None:
    answer = await site.http.post("/api/v1/enrol-keys", content=b"{", headers={"content-type": "application/json"})
    document = is_problem(answer, 422)
    said = "the body is no JSON: a name in double quotes is missing, at letter 2"
    assert document["detail"] == said
    binary = await site.http.post("/api/v1/enrol-keys", content=b"\xff{", headers={"content-type": "application/json"})
    assert is_problem(binary, 400)["detail"] == "the body is no JSON: it is not UTF-8"
    plain = await site.http.post("/api/v1/enrol-keys", content=b"{}", headers={"content-type": "text/plain"})
    said = "the body is to be JSON, and it comes as text/plain: say `Content-Type: application/json`"
    assert is_problem(plain, 415)["detail"] == said
    assert plain.headers["accept"] == "application/json"
    words = await site.http.post("/api/v1/enrol-keys", content=b'"x"', headers={"content-type": "application/json"})
    is_problem(words, 422)  # of the right type, and no object


@ON_SQLITE
async def test_a_refusal_is_told_in_the_language_that_who_asks_reads(site: Here) -> None:
    in_ukrainian = {"accept-language": "uk-UA,uk;q=0.9"}
    answer = await site.http.get("/api/v1/nodes/frige", headers=in_ukrainian)
    assert is_problem(answer, 404)["detail"] == "немає вузла з назвою 'frige'; поки немає жодного"
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("uk", "Accept-Language")
    assert is_problem(await site.http.get("/api/v1/nodes/frige"), 404)["detail"].startswith("no node is called 'frige'")
    answer = await site.http.post("/api/v1/enrol-keys", json={"uses": 0, "ttl": "1h"}, headers=in_ukrainian)
    (wrong,) = is_problem(answer, 422)["errors"]
    assert wrong["where"] == "body.uses"
    assert wrong["message"].startswith("0 не підходить: має бути ціле число від 1 до ")
    answer = await site.http.get("/api/v1/jobs/none", headers=in_ukrainian)
    said = "немає завдання 'none': `ganglion jobs list` покаже наявні"
    assert is_problem(answer, 404)["detail"] == said
    answer = await site.http.get("/api/v1/nodes", headers=in_ukrainian | {"authorization": "Bearer none"})
    assert is_problem(answer, 401)["detail"].startswith("такого токена немає")


@ON_SQLITE
async def test_an_answer_has_the_sentences_of_the_gateway_in_the_readers_language(site: Here) -> None:
    body = {"name": "shop", "node": "frige"}
    made = (await site.http.post("/api/v1/hooks", json=body, headers={"accept-language": "uk"})).json()
    assert made["fault"].startswith("немає вузла з назвою 'frige'")
    answer = await site.http.get("/api/v1/hooks")
    assert answer.json()["hooks"][0]["fault"].startswith("no node is called 'frige'")
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("en", "Accept-Language")
    script = {"text": "[", "file": "x.yaml"}
    answer = await site.http.post("/api/v1/scripts/compile", json=script, headers={"accept-language": "uk"})
    english = await site.http.post("/api/v1/scripts/compile", json=script)
    assert is_problem(answer, 422)["detail"] != is_problem(english, 422)["detail"]
    assert answer.headers["content-language"] == "uk"


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, GZIP"])
async def test_a_body_in_another_coding_is_refused_with_its_name(site: Here, coding: str) -> None:
    body = gzip.compress(b'{"uses": 1}')
    headers = {"content-type": "application/json", "content-encoding": coding}
    for path in ("/api/v1/enrol-keys", "/api/v1/auth/login", "/hooks/nobody"):
        answer = await site.http.post(path, content=body, headers=headers)
        name = coding.rpartition(" ")[2].lower()
        said = f"the body comes in Content-Encoding '{name}', which is not taken here: send it as it is"
        assert is_problem(answer, 415)["detail"] == said
        assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_in_no_coding_is_taken_whether_that_is_said_or_not(site: Here) -> None:
    answer = await site.http.post("/api/v1/enrol-keys", json={"uses": 1}, headers={"content-encoding": "identity"})
    assert answer.status_code == 201
    assert (await site.http.get("/api/v1/nodes", headers={"content-encoding": "gzip"})).status_code == 200


async def test_what_is_wrong_is_said_with_what_is_right(site: Here) -> None:
    job = await site.http.get("/api/v1/jobs/nosuch")
    said = "there is no job 'nosuch': `ganglion jobs list` shows those there are"
    assert is_problem(job, 404)["detail"] == said
    answer = await site.http.post("/api/v1/jobs", json={"method": "status", "selectr": "fridge"})
    document = is_problem(answer, 422)
    assert document["detail"] == 'selectr: there is no such field; did you mean "selector"?'
    assert document["errors"] == [
        {"where": "body.selectr", "message": 'there is no such field; did you mean "selector"?'}
    ]
    answer = await site.http.get("/api/v1/models/usage?since=2026-11-30&until=2026-11-01")
    assert (
        is_problem(answer, 422)["detail"]
        == "since: 2026-11-30 is after 2026-11-01, which is `until`: name an earlier day"
    )
    answer = await site.http.get("/api/v1/models/usage?until=2026-02-30")
    assert "there is no day 2026-02-30" in is_problem(answer, 422)["detail"]


async def test_a_failure_of_ours_is_a_problem_without_its_details(site: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> list[dict[str, Any]]:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(site.services.enrol_keys, "all", fail)
    document = is_problem(await site.http.get("/api/v1/enrol-keys"), 500)
    assert "swordfish" not in str(document)


async def test_events_come_page_by_page_newest_first(site: Here) -> None:
    await store(site, *(event(i) for i in range(1, 8)), event(8, "episode", id="r", steps=[]))
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = await site.get("/events", limit=3, **{"class": "alert"}, **({"cursor": cursor} if cursor else {}))
        seen += [one["value"] for one in page["events"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    everything = await site.get("/events")
    assert {one["class"] for one in everything["events"]} == {"alert", "episode"}
    assert (await site.get(f"/events/{NODE}-1-3"))["value"] == 3


async def test_events_are_found_by_a_filter_page_by_page(site: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_LOOK", 4)
    await store(site, *(event(i, topic="alert/odd" if i % 2 else "alert/even") for i in range(1, 20)))
    for limit in (1, 3, 50):
        seen: list[int] = []
        cursor: str | None = None
        while True:
            where = '{"topic": "alert/odd", "value": {"$gt": 3}}'
            page = await site.get("/events", limit=limit, where=where, **({"cursor": cursor} if cursor else {}))
            assert len(page["events"]) <= limit
            seen += [one["value"] for one in page["events"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [19, 17, 15, 13, 11, 9, 7, 5]
    for wrong in ("{", '{"vale": 1}', "[]"):
        problem = is_problem(await site.http.get("/api/v1/events", params={"where": wrong}), 422)
        assert "where" in problem["detail"]


async def test_the_last_trace_is_that_of_the_last_alert(site: Here) -> None:
    await store(site, event(1, run="r1"), event(2, "note"))
    trace = await site.get("/traces/last")
    assert trace["event"]["id"] == f"{NODE}-1-1"
    assert trace["status"] == "pending"
    assert trace == await site.get(f"/traces/{NODE}-1-1")


async def test_the_episode_of_a_run_is_asked_by_its_id_or_as_the_last(site: Here) -> None:
    site.services.fleet.load([{"id": NODE, "name": "fridge"}], [])
    is_problem(await site.http.get("/api/v1/nodes/fridge/episodes/last"), 404)
    told = [event(i, "episode", id=f"r{i}", steps=[], started=NOW + i) for i in (1, 2)]
    await store(site, *told)
    assert (await site.get(f"/nodes/{NODE}/episodes/last"))["id"] == "r2"
    assert (await site.get("/nodes/fridge/episodes/r1"))["id"] == "r1"
    problem = is_problem(await site.http.get(f"/api/v1/nodes/{NODE}/episodes/r3"), 404)
    assert "not told of a run r3" in problem["detail"]


async def test_an_enrol_key_is_shown_once_and_counted(site: Here) -> None:
    made = await site.post("/enrol-keys", {"uses": 2, "ttl": "15m", "tags": ["kitchen"], "name": "two"})
    key = EnrolKey.parse(made["key"])
    assert key.mesh_id == made["mesh"] == site.gateway.mesh_id
    [listed] = (await site.get("/enrol-keys"))["enrol_keys"]
    assert listed == {name: made[name] for name in listed}
    assert made["key"] not in str(listed)
    store = site.services.enrol_keys
    now = site.services.clock()
    assert [await store.take(key.key_id, node, now) for node in ("a", "a", "b", "c", "a")] == [True] * 3 + [False, True]
    entries = (await site.get("/audit", action="node.enrol"))["entries"]
    assert [(each["target"], each["detail"]["key"]) for each in entries] == [
        (node, listed["id"]) for node in ("b", "a")
    ]
    record = await store.find(key.key_id)
    assert record is not None
    assert (record.mac_key, record.tags) == (key.mac_key, ("kitchen",))
    assert not await store.take(key.key_id, "d", made["expires"])


async def test_a_webhook_is_made_listed_and_removed_and_its_secret_is_shown_once(site: Here) -> None:
    made = await site.post("/webhooks", {"url": "https://hooks.example.org/x", "classes": ["alert", "note"]})
    assert made["secret"].startswith("whsec_")
    await store(site, event(1), event(2, "note"), event(3, "other"))
    [listed] = (await site.get("/webhooks"))["webhooks"]
    assert "secret" not in listed
    assert sum(listed["messages"].values()) == 2  # tried meanwhile, and given up: there is no such host
    path = f"/webhooks/{made['id']}/messages"
    assert [message["event"] for message in (await site.get(path))["messages"]] == [f"{NODE}-1-2", f"{NODE}-1-1"]
    assert (await site.get(path, state="delivered"))["messages"] == []
    assert (await site.http.delete(f"/api/v1/webhooks/{made['id']}")).status_code == 204
    assert (await site.get("/webhooks"))["webhooks"] == []


async def test_what_people_do_is_written_down_without_secrets(site: Here) -> None:
    key = await site.post("/enrol-keys", {})
    hook = await site.post("/webhooks", {"url": "https://hooks.example.org/x"})
    entries = (await site.get("/audit"))["entries"]
    assert [(entry["actor"], entry["action"]) for entry in entries] == [
        ("admin", "webhook.create"),
        ("admin", "enrol_key.create"),
        ("gateway", "user.create"),
        ("gateway", "api_key.create"),
    ]
    assert key["key"] not in str(entries)
    assert hook["secret"] not in str(entries)
    assert [one["action"] for one in (await site.get("/audit", action="webhook.create"))["entries"]] == [
        "webhook.create"
    ]


async def test_metrics_are_as_prometheus_wants_them(site: Here) -> None:
    await site.http.post("/api/v1/webhooks", json={"url": "https://hooks.example.org/x"})
    await store(site, event(1))
    await site.stranger.get("/api/v1/nodes")
    answer = await site.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["ganglion_gateway_nodes"].samples
    assert [sample.value for sample in families["ganglion_gateway_webhook_messages"].samples] == [1.0]
    assert families["ganglion_gateway_http_unauthenticated"].samples[0].value == 1.0
    for name, family in families.items():
        assert name.startswith(("ganglion_", "process_"))
        assert family.documentation
        assert family.type != "unknown"


async def test_openapi_names_every_route_and_the_problem(site: Here) -> None:
    document = (await site.http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {"/api/v1/nodes", "/api/v1/traces/last", "/api/v1/webhooks", "/metrics"} <= set(document["paths"])
    assert "application/problem+json" in document["paths"]["/api/v1/nodes"]["get"]["responses"]["default"]["content"]


async def test_a_login_makes_a_session_and_a_logout_ends_it(site: Here) -> None:
    browser = site.stranger
    assert (await browser.get("/", headers={"accept": "text/html"})).headers["location"] == "/login"
    assert "<form" in (await browser.get("/login")).text
    wrong = await browser.post("/login", data={"token": "gt_wrong"})
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    right = await browser.post("/login", data={"token": site.token})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (await browser.get("/api/v1/nodes")).status_code == 200
    await browser.post("/logout", headers={"origin": "http://gateway.test"})
    assert (await browser.get("/api/v1/nodes")).status_code == 401


async def test_a_login_leads_on_to_a_page_of_this_gateway_and_to_nothing_else(site: Here) -> None:
    browser, form = site.stranger, {"token": site.token}
    asked = await browser.get("/fleet?where=tag%3Dwet&health=bad", headers={"accept": "text/html"})
    wrong = await browser.post(asked.headers["location"], data={"token": "gt_wrong"})
    for shown in (await browser.get(asked.headers["location"]), wrong):
        assert shown.text.count('action="/login?next=%2Ffleet%3Fwhere%3Dtag%253Dwet%26health%3Dbad"') == 2
    entered = await browser.post(asked.headers["location"], data=form)
    assert entered.headers["location"] == "/fleet?where=tag%3Dwet&health=bad"
    evil = [
        "//evil.test",
        "https://evil.test",
        "/\\evil.test",
        "/\t/evil.test",
        "\\\\evil.test",
        "evil.test",
        " //evil.test",
    ]
    for wanted in [*evil, "javascript:alert(1)", "/login?next=/", "/logout", "/" + "x" * 2000, '/"><script>']:
        entered = await browser.post("/login", params={"next": wanted}, data=form)
        told = entered.headers["location"]
        assert told == "/" or urlsplit(urljoin("http://gateway.test/login", told)).netloc == "gateway.test", wanted
        assert told == "/" or "<" not in told, wanted
        assert "<script>alert" not in (await browser.get("/login", params={"next": wanted})).text
    for why, said in (("ended", "session is over"), ("closed", "logged out")):
        assert said in (await browser.get("/login", params={"why": why})).text
    assert 'class="notice"' not in (await browser.get("/login", params={"why": "<b>"})).text


async def test_no_link_of_another_site_logs_anybody_in(site: Here) -> None:
    asked = await site.stranger.get("/login", params={"token": site.token})
    assert asked.status_code == 200
    assert "set-cookie" not in asked.headers
    assert site.token not in asked.text
    for who, own in (("none", "yes"), ("same-origin", "yes"), ("cross-site", "no"), ("same-site", "no"), ("", "no")):
        shown = await site.stranger.get("/login", headers={"sec-fetch-site": who} if who else {})
        assert f'data-own="{own}"' in shown.text
    form = {"token": site.token}
    assert (await site.stranger.post("/login", data=form, headers={"origin": "http://evil.test"})).status_code == 403


async def test_whoever_guesses_must_wait(site: Here) -> None:
    statuses = [(await site.stranger.post("/login", data={"token": f"gt_{i}"})).status_code for i in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = await site.stranger.post("/login", data={"token": site.token})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert (await site.http.get("/api/v1/nodes")).status_code == 200  # programs with a token are not shut out


async def test_a_viewer_looks_and_changes_nothing(site: Here) -> None:
    from ganglion_gateway.access.tokens import digest, new_token

    token = new_token()
    database = site.services.database
    await database.write(
        lambda connection: keys.save_api_key(connection, name="screen", role="viewer", digest=digest(token), created=1)
    )
    site.services.keyring.load(await keys.active_api_keys(database))
    headers = {"authorization": f"Bearer {token}"}
    assert (await site.stranger.get("/api/v1/nodes", headers=headers)).status_code == 200
    is_problem(await site.stranger.post("/api/v1/enrol-keys", json={}, headers=headers), 403)


async def test_a_state_folder_has_one_gateway_and_keeps_its_keys(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as first:
        with pytest.raises(RefusedError, match="another gateway"):
            async with here(tmp_path / "state"):
                raise AssertionError("two gateways share a folder")
        key = await first.post("/enrol-keys", {})
    async with here(tmp_path / "state") as second:
        assert second.token == first.token
        assert second.gateway.mesh_id == first.gateway.mesh_id
        assert [one["id"] for one in (await second.get("/enrol-keys"))["enrol_keys"]] == [key["id"]]
    for name in ("token", "session-secret", "gateway.db", "identity", "authority/root", "authority/issuer"):
        assert (tmp_path / "state" / name).stat().st_mode & 0o077 == 0, name
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


async def test_deleting_the_token_file_makes_the_old_token_void(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as first:
        old = first.token
    (tmp_path / "state" / "token").unlink()
    async with here(tmp_path / "state") as second:
        assert second.token != old
        answer = await second.stranger.get("/api/v1/nodes", headers={"authorization": f"Bearer {old}"})
        assert answer.status_code == 401


async def test_the_command_lines_webhook_keeps_its_messages_when_its_url_changes(tmp_path: Path) -> None:
    def hook(port: int) -> WebhookSettings:
        return WebhookSettings(url=f"http://127.0.0.1:{port}/", allow_private=True)

    async with here(tmp_path / "state", webhook=hook(1)) as site:
        await store(site, event(1), at=site.services.clock())  # now: an old one would be given up
    async with here(tmp_path / "state", webhook=hook(2)) as site:
        [listed] = (await site.get("/webhooks"))["webhooks"]
        assert (listed["url"], listed["messages"]) == ("http://127.0.0.1:2/", {"pending": 1})
    async with here(tmp_path / "state") as site:
        [listed] = (await site.get("/webhooks"))["webhooks"]
        assert not listed["enabled"]


async def test_a_webhook_that_cannot_be_one_stops_the_start(tmp_path: Path) -> None:
    for settings, error in (
        (WebhookSettings(url="http://example.org/"), InvalidError),
        (WebhookSettings(url="https://example.org/", secret_file=tmp_path / "none"), NotFoundError),
    ):
        with pytest.raises(error):
            async with here(tmp_path / "state", webhook=settings):
                raise AssertionError("it started")


async def test_a_broker_that_refuses_subscriptions_is_no_healthy_one(tmp_path: Path) -> None:
    accounts = {"gateway": "right"}
    async with (
        nats_broker(tmp_path / "nats", users=accounts, deny_subscribe="gl1/#") as broker,
        here(tmp_path / "state", broker.url_as("gateway", "right")) as site,
    ):
        await until(lambda: site.services.mesh.unheard, what="it was refused")
        ready = (await site.stranger.get("/health/ready")).json()
    assert ready["status"] == "degraded"
    assert ready["checks"]["broker"].startswith("refuses ")


async def test_a_body_where_none_is_taken_is_refused_and_not_passed_over(site: Here) -> None:
    for path in ("/api/v1/dlq/drop", "/api/v1/dlq/replay"):
        wrong = await site.http.post(path, json={"webhook": "wh_0123456789abcdef"})
        assert wrong.status_code == 422, wrong.text
        assert wrong.json()["detail"].startswith("the body: nothing is taken in it here")
        for nothing in ({}, {"json": {}}):
            assert (await site.http.post(path, **nothing)).status_code == 200


@pytest.mark.parametrize("path", ["/login", "/api/v1/auth/login"])
async def test_who_hangs_up_in_the_middle_of_a_body_makes_no_fault_of_ours(site: Here, path: str) -> None:
    said: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": b"na", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"host", b"x"), (b"content-length", b"100"), (b"content-type", b"application/json")]
    scope = {"type": "http", "path": path, "method": "POST", "headers": headers, "query_string": b"", "client": None}
    await site.guard(scope, receive, send)  # what it raises is a traceback in the log, for which anybody can ask
    assert said[0]["status"] == 400


@pytest.mark.parametrize(
    ("value", "why"), [("[" * 100_000, "it is too deep"), ("1" * 5000, "it holds a number of too many digits")]
)
async def test_why_a_body_is_no_json_is_said(site: Here, value: str, why: str) -> None:
    answer = await site.http.post("/api/v1/groups", content=value, headers={"content-type": "application/json"})
    assert is_problem(answer, 400)["detail"] == f"the body is no JSON: {why}"
