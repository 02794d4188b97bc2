# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases at the gateway: made, compared, assigned, handed out and reported, on each store."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.member import Peer
from ganglion.release import manifest
from ganglion.units import SECOND
from ganglion_gateway.fleet import Node
from ganglion_gateway.release.office import Office
from ganglion_gateway.rollout.contract import Report, Reported
from ganglion_gateway.store.url import DatabaseUrl
from support import wheels
from support.gateway import Here, here
from support.released import GOOD, assign, create

HOUR = 3600 * SECOND
NODE, OTHER, NEXT = "n" * 26, "o" * 26, "p" * 26
FILES = {"a.yaml": GOOD.format(name="a"), "limits.toml": '[[limit]]\nwhere = {name = "bell"}\nmax_on = "5s"\n'}


@pytest.fixture
async def site(tmp_path: Path, store_url: DatabaseUrl) -> AsyncIterator[Here]:
    async with here(tmp_path / "state", database=store_url) as started:
        for id, name in ((NODE, "fridge"), (OTHER, "barn")):
            started.services.fleet.nodes[id] = Node(id=id, name=name)
        yield started


ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # what asks the database little


def peer(node: str, former: str = "") -> Peer:
    return SimpleNamespace(node_id=node, name=node[:1], credential=SimpleNamespace(former=former))  # type: ignore[return-value]


async def refused(site: Here, name: str, files: dict[str, str | bytes], **more: Any) -> str:
    with pytest.raises(AssertionError) as raised:
        await create(site, name, files, **more)
    return str(raised.value)


@ON_SQLITE
async def test_a_wheel_is_read_before_a_release_is_made_of_it(site: Here) -> None:
    name, data = wheels.wheel("0.2.0", wheels.tiny("0.2.0", ""), needs=("pynacl>=1.5",))
    sha256 = hashlib.sha256(data).hexdigest()
    asked = {"name": name, "pieces": [sha256]}
    early = await site.http.post("/api/v1/wheels/check", json=asked)
    assert (early.status_code, early.json()["detail"]) == (
        403,
        f"send agent/{name}/0 first: PUT /api/v1/releases/files/{sha256}",
    )
    await site.http.put(f"/api/v1/releases/files/{sha256}", content=data)
    read = await site.post("/wheels/check", asked)
    assert (read["version"], read["tags"], read["size"]) == ("0.2.0", ["py3-none-any"], len(data))
    assert read["needs"] == ["python >=3.11", "pynacl>=1.5"]
    assert (await site.get("/releases"))["releases"] == []
    made = await create(site, "brings", {}, agent=[asked])
    assert (await site.get(f"/releases/{made}"))["agent"] == [read], "as the release has it then"
    other = await site.http.post("/api/v1/wheels/check", json={**asked, "name": "numpy-2.0-py3-none-any.whl"})
    assert (other.status_code, other.json()["detail"].partition(": its")[0]) == (
        422,
        "numpy-2.0-py3-none-any.whl: is no wheel of Ganglion",
    )


async def test_a_release_is_made_once_and_looked_at(site: Here) -> None:
    first = await create(site, "one", FILES, requires={"board": ["sim"], "agent": ">=0.1"})
    assert await create(site, "one", FILES, requires={"board": ["sim"], "agent": ">=0.1"}) == first
    made = await site.get("/releases/one")
    assert made["id"] == first
    assert made["requires"] == {"board": ["sim"], "agent": ">=0.1"}
    assert [each["path"] for each in made["files"]] == ["a.yaml", "limits.toml"]
    assert made["size"] == sum(len(text) for text in FILES.values())
    assert await site.get(f"/releases/{first[:6]}") == made
    second = await create(site, "two", {"a.yaml": GOOD.format(name="b"), "node.toml": "[console]\nshell = true\n"})
    page = await site.get("/releases", limit=1)
    assert [each["id"] for each in page["releases"]] == [second]
    rest = await site.get("/releases", limit=1, cursor=page["next"])
    assert [each["id"] for each in rest["releases"]] == [first]
    third = await create(site, "two", {"a.yaml": GOOD.format(name="c")})
    for path in ("/releases/two", "/releases/one/diff/two", "/releases/two/nodes"):
        answer = await site.http.get(f"/api/v1{path}")
        said = answer.json()["detail"]
        assert (answer.status_code, "several releases are called 'two': say which by its id, " in said) == (422, True)
        assert said.index(third[:12]) < said.index(second[:12]), "the newest first"
    assert (await site.get(f"/releases/{second[:12]}"))["id"] == second
    content = await site.http.get(f"/api/v1/releases/{first}/files/a.yaml")
    assert content.text == FILES["a.yaml"]
    found = await site.get(f"/releases/{first}/diff/{second}")
    assert {each["path"]: each["change"] for each in found["files"]} == {
        "a.yaml": "changed",
        "limits.toml": "removed",
        "node.toml": "added",
    }
    assert "-name: a\n+name: b\n" in found["files"][0]["unified"]
    assert found["requires"] == [made["requires"], {}]
    assert (await site.get(f"/releases/{first}/diff/{first}"))["files"] == []
    near = await site.http.get("/api/v1/releases/twoo")
    said = near.json()["detail"]
    assert (near.status_code, said) == (404, "there is no release 'twoo'; did you mean \"two\"?")
    named = await site.http.post("/api/v1/releases", json={"name": "a b", "files": []})
    assert (named.status_code, "each one of a-z A-Z 0-9 _ . : -" in named.text) == (422, True), named.text
    assert (await site.http.get("/api/v1/releases/nowhere")).status_code == 404
    assert (await site.http.get(f"/api/v1/releases/{first[:2]}")).status_code == 404
    assert (await site.http.get(f"/api/v1/releases/{first}/files/b.yaml")).status_code == 404
    actions = [each["action"] for each in (await site.get("/audit"))["entries"]]
    assert actions.count("release.create") == 3


@ON_SQLITE
async def test_what_is_wrong_is_refused_with_its_place(site: Here) -> None:
    assert "a.yaml:3:10" in await refused(site, "x", {"a.yaml": FILES["a.yaml"].replace("edge/1", "edge/9")})
    assert "not TOML" in await refused(site, "x", {"node.toml": "[node\n"})
    assert "(at line 1, column 6)" in await refused(site, "x", {"node.toml": "[node\n"})
    assert "node.toml: mqtt.brokr: unknown key" in await refused(site, "x", {"node.toml": "[mqtt]\nbrokr = 1\n"})
    limits = '[[limit]]\nwhere = {name = "bell"}\nmax_onn = "5s"\n'
    assert "limits.toml: limit[0].max_onn" in await refused(site, "x", {"limits.toml": limits})
    twice = {"a.yaml": FILES["a.yaml"], "b.yaml": FILES["a.yaml"]}
    assert "the script 'a' is in a.yaml already" in await refused(site, "x", twice)
    assert "leave this one out" in await refused(site, "x", {"run.sh": "exit 0"})
    assert "requires" in await refused(site, "x", FILES, requires={"capabilities": ["bell"]})
    assert (await site.get("/releases"))["releases"] == []
    absent = {"name": "x", "files": [{"path": "a.yaml", "sha256": "0" * 64}]}
    answer = await site.http.post("/api/v1/releases", json=absent)
    assert answer.status_code == 403
    assert "send a.yaml first" in answer.json()["detail"]
    same = [{"path": "a.yaml", "sha256": each * 64} for each in "01"]
    assert (await site.http.post("/api/v1/releases", json={"name": "x", "files": same})).status_code == 422
    assert (await site.http.put(f"/api/v1/releases/files/{'0' * 64}", content=b"other")).status_code == 422
    large = bytes(manifest.MAX_FILE + 1)
    address = hashlib.sha256(large).hexdigest()
    assert (await site.http.put(f"/api/v1/releases/files/{address}", content=large)).status_code == 413
    assert (await site.stranger.put(f"/api/v1/releases/files/{'0' * 64}", content=b"")).status_code == 401


async def test_a_node_gets_what_it_should_run_and_nothing_else(site: Here) -> None:
    office: Office = site.services.releases
    one, two = await create(site, "one", FILES), await create(site, "two", {"a.yaml": GOOD.format(name="b")})
    assert await office.desired({}, peer(NODE)) == {"number": 0, "release": ""}
    told = await site.http.put("/api/v1/nodes/fridge/release", json={"release": one[:8]})
    assert told.json()["desired"]["release"] == one
    assert told.json()["reported"]["state"] == "waiting"
    word = await office.desired({}, peer(NODE))
    assert word["release"] == one
    file = FILES["a.yaml"].encode()
    params = {"release": one, "file": hashlib.sha256(file).digest(), "offset": 5, "length": 11}
    assert await office.chunk(params, peer(NODE)) == file[5:16]
    assert await office.chunk({**params, "offset": len(file)}, peer(NODE)) == b""
    trust = site.services.authority.trust(now=site.services.clock())
    message = await office.manifest({"release": one}, peer(NODE))
    assert manifest.verified(message, trust, release=one).name == "one"
    for asks, who in ((params, OTHER), ({**params, "release": two}, NODE), ({**params, "release": None}, NODE)):
        with pytest.raises(RefusedError, match="is not to run this release"):
            await office.chunk(asks, peer(who))
        with pytest.raises(RefusedError):
            await office.manifest(asks, peer(who))
    with pytest.raises(NotFoundError):
        await office.chunk({**params, "file": bytes(32)}, peer(NODE))
    for wrong in ({"length": 2**20}, {"length": 0}, {"offset": -1}, {"file": "a"}, {"offset": True}):
        with pytest.raises(InvalidError):
            await office.chunk(params | wrong, peer(NODE))
    # Its key was rotated: it is the same node
    site.services.fleet.nodes[NEXT] = Node(id=NEXT, name="fridge", former=[NODE])
    assert await office.desired({}, peer(NEXT, NODE)) == word


async def test_reports_are_of_what_a_node_should_run_and_in_order(site: Here) -> None:
    office: Office = site.services.releases
    one = await create(site, "one", FILES)
    heard: list[Report] = []
    office.listen(heard.append)

    def angry(report: Report) -> None:
        raise ValueError("who looks on fails")

    office.listen(angry)
    await office.assign("fridge", one, by="rollout 1")
    await office.assign("fridge", one, by="rollout 1")
    assert [each.state for each in heard] == [Reported.WAITING], "the same again changes nothing"
    number = (await office.desired({}, peer(NODE)))["number"]

    async def report(state: str, serial: int, number: int = number, release: str = one) -> None:
        said = {"number": number, "serial": serial, "release": release, "state": state, "why": "x" * 900, "at": 5}
        assert await office.report(said, peer(NODE)) == {"serial": serial}

    await report("trial", 5)
    await report("trial", 5)
    await report("staged", 4)
    await report("committed", 6, number - 1)
    await report("committed", 6, number, "a" * 64)
    assert [each.state for each in heard] == [Reported.WAITING, Reported.TRIAL]
    known = (await site.get("/nodes/fridge"))["release"]
    assert known["reported"] | {"why": ""} == {"release": one, "state": "trial", "why": "", "at": 5}
    await office.assign("fridge", one, by="rollout 2")
    assert (await site.get("/nodes/fridge/release"))["reported"]["state"] == "waiting"
    await report("reverted", 7)
    assert heard[-1].state is Reported.WAITING, "it was of the assignment before"
    await office.assign("fridge", None, by="rollout 2")
    assert (await office.desired({}, peer(NODE)))["release"] == ""
    assert await office.assigned([NODE, OTHER]) == {}
    assert [each.node for each in await office.standing([OTHER, NODE])] == [NODE]
    for wrong in ({"state": "well"}, {"release": "one"}, {"at": -1}, {"why": None}, {"serial": 2**70}):
        said = {"number": 1, "serial": 1, "release": one, "state": "trial", "why": "", "at": 5}
        with pytest.raises(InvalidError):
            await office.report(said | wrong, peer(NODE))
    with pytest.raises(NotFoundError):
        await office.assign("attic", one, by="x")
    with pytest.raises(NotFoundError):
        await office.assign("fridge", "f" * 64, by="x")
    site.services.fleet.nodes[OTHER].revoked = 1
    with pytest.raises(RefusedError, match="was revoked"):
        await office.assign("barn", one, by="x")


async def test_no_report_is_older_than_what_it_is_about_whichever_gateway_hears_it(site: Here) -> None:
    known: Any = site.services
    begun = known.clock() + HOUR

    def office(clock: int) -> Office:
        return Office(known.database, known.fleet, known.releases.register, lambda: clock)

    ahead, behind = office(begun + HOUR), office(begun - HOUR)
    one = await create(site, "one", FILES)
    times: list[int] = []
    for each in (ahead, behind):
        each.listen(lambda report: times.append(report.at))

    async def report(to: Office, state: str, serial: int) -> None:
        number = (await to.desired({}, peer(NODE)))["number"]
        said = {"number": number, "serial": serial, "release": one, "state": state, "why": "", "at": 5}
        await to.report(said, peer(NODE))

    await behind.assign("fridge", one, by="rollout 1", since=begun)
    assert times == [begun], "a rollout that another gateway began"
    await report(behind, "downloading", 1)
    await report(ahead, "staged", 2)
    await report(behind, "reverted", 3)
    assert times == sorted(set(times)), "each is newer than the one before"
    assert (await behind.standing([NODE]))[0].at == times[-1]
    await ahead.assign("fridge", one, by="rollout 2")
    await report(behind, "reverted", 4)
    assert times[-1] > times[-2] >= begun + HOUR


@ON_SQLITE
async def test_what_a_release_needs_is_compared_with_a_birth(site: Here) -> None:
    asked = {"agent": ">=0.2", "capabilities": ["sensor:fridge.temperature"]}
    release = await site.services.releases.find(await create(site, "one", FILES, requires=asked))
    assert release.name == "one"
    caps = {"sensors": {"fridge.temperature": {}}}
    assert release.lacking(board="sim", sw="ganglion/0.2.0", caps=caps) == []
    assert len(release.lacking(board="sim", sw="ganglion/0.1.0", caps={})) == 2


@ON_SQLITE
async def test_it_is_said_who_has_signed_a_release_and_which_nodes_are_to_run_it(site: Here) -> None:
    release = await create(site, "one", FILES)
    signed = (await site.get(f"/releases/{release}"))["signed"]
    assert (signed["algorithm"], signed["holds"], signed["why"]) == ("Ed25519", True, "")
    assert (len(signed["key"]), len(signed["signature"])) == (16, 128)
    found = await site.get("/releases/one/nodes")
    assert found == {"release": release, "desired": 0, "reported": {}, "nodes": [], "next": None}
    await assign(site, release)
    await assign(site, release, "barn")
    number = (await site.services.releases.desired({}, peer(NODE)))["number"]
    said = {"number": number, "serial": 1, "at": 1, "release": release, "state": "reverted", "why": "no sensors"}
    await site.services.releases.report(said, peer(NODE))
    found = await site.get("/releases/one/nodes", limit=1)
    assert (found["desired"], found["reported"]) == (2, {"reverted": 1, "waiting": 1})
    assert [(each["name"], each["state"]) for each in found["nodes"]] == [("barn", "waiting")]
    found = await site.get("/releases/one/nodes", limit=1, cursor=found["next"])
    assert [(each["name"], each["state"], each["why"]) for each in found["nodes"]] == [
        ("fridge", "reverted", "no sensors")
    ]
    assert [each["nodes"] for each in (await site.get("/releases"))["releases"]] == [2]
