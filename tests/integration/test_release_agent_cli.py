# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion release|rollout|fleet` with versions of Ganglion, against a gateway that knows nodes of several kinds."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.release import wheel
from ganglion.release.agent import room_for
from ganglion_gateway.release.office import Office
from support.gateway import Here, here, served
from support.released import GOOD, create
from support.rollout_crew import Crew
from support.wheels import tiny
from support.wheels import wheel as made

ROUTER = {"machine": "mipsel", "libc": "musl 1.2", "python": "3.11"}
PI = {"machine": "aarch64", "libc": "glibc 2.36", "python": "3.11"}


def caps(machine: dict[str, str], base: str = "0.1.0", brought: str = "") -> dict[str, Any]:
    return {"agent": {**machine, "base": base, "wheel": brought}}


async def test_wheels_are_sent_shown_compared_and_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kitchen"
    (folder / "agent").mkdir(parents=True)
    (folder / "door.yaml").write_text(GOOD.format(name="door"))
    router_name, router = made("0.3.0", tiny("0.3.0", ""), tag="cp311-abi3-musllinux_1_2_mipsel")
    (folder / "agent" / router_name).write_bytes(router)
    pi_name, pi = made("0.2.0", tiny("0.2.0", ""), tag="cp311-abi3-manylinux_2_17_aarch64")
    (tmp_path / pi_name).write_bytes(pi)
    (tmp_path / "other.whl").write_bytes(pi)
    bad_name, bad = made("0.4.0", tiny("0.4.0", ""), over={"evil.pth": b"import os"})
    (tmp_path / bad_name).write_bytes(bad)
    monkeypatch.chdir(tmp_path)

    async with here(tmp_path / "state") as site, served(site) as url:
        monkeypatch.setenv("GANGLION_GATEWAY", url)
        monkeypatch.setenv("GANGLION_TOKEN", site.token)

        async def says(*words: str, code: int = 0) -> str:
            assert await asyncio.to_thread(main, list(words)) == code, (words, capsys.readouterr())
            told = capsys.readouterr()
            return told.out if code == 0 else told.err

        new = ("release", "create", "--name")
        shown = await says(*new, "one", "kitchen", "--agent", pi_name)
        assert "0.2.0     cp311-abi3-manylinux_2_17_aarch64" in shown
        assert "0.3.0     cp311-abi3-musllinux_1_2_mipsel" in shown
        assert "its file is called" in await says(*new, "x", "--agent", "other.whl", code=1)
        assert f"{bad_name}: has evil.pth in it, which is in no package" in await says(
            *new, "x", "--agent", bad_name, code=1
        )
        assert "give a folder or files, or a wheel" in await says(*new, "x", code=2)
        assert "does not exist" in await says(*new, "x", "--agent", "none.whl", code=3)
        assert "was given twice" in await says(*new, "x", "--agent", pi_name, "--agent", pi_name, code=2)

        await says(*new, "two", "--agent", pi_name)
        found = json.loads(await says("release", "show", "two", "--json"))
        assert [(each["name"], each["version"], each["size"]) for each in found["agent"]] == [
            (pi_name, "0.2.0", len(pi))
        ]
        assert found["signed"]["holds"]
        listed = {line.split()[1]: line.split() for line in (await says("release", "list")).splitlines()[1:]}
        assert (listed["two"][2:5], listed["one"][2:4]) == (["0", "0.2.0", str(len(pi))], ["1", "0.2.0,"])
        assert "file  " not in await says("release", "show", "two")
        diff = await says("release", "diff", "one", "two")
        assert "removed door.yaml" in diff
        assert f"brings {pi_name} " in diff

        crew = Crew(site, 0)
        crew.bear("a" * 26, name="pi", caps=caps(PI))
        crew.bear("b" * 26, name="small", caps=caps(PI))
        crew.bear("c" * 26, name="router", sw="ganglion/0.4.0", caps=caps(ROUTER, "0.1.0", "f" * 64))
        crew.bear("d" * 26, name="windmill", caps=caps({**PI, "machine": "riscv64"}))
        crew.bear("e" * 26, name="old", caps={})
        reading = {"node": "b" * 26, "sensor": "host.disk_available", "timestamp": 1, "number": 10.0}
        site.services.fleet.read([{**reading, "value": None, "confidential": ""}])
        plan = json.loads(await says("rollout", "plan", "one", "--to", "all", "--json"))
        assert sorted((each["name"], each["before"], each["after"], each["older"]) for each in plan["versions"]) == [
            ("pi", "0.1.0", "0.2.0", False),
            ("router", "0.4.0", "0.3.0", True),
        ]
        why = {each["name"]: each["why"] for each in plan["skipped"]}
        assert (
            "it brings no Ganglion for this node (riscv64, glibc 2.36, Python 3.11), only for cp311" in why["windmill"]
        )
        assert "its Ganglion is older than releases that bring another" in why["old"]
        needs = room_for(wheel.read(pi, pi_name)) + len(GOOD.format(name="door"))
        assert why["small"] == f"it has 10 bytes free, and the release takes {needs}"
        text = await says("rollout", "plan", "one", "--to", "all")
        assert "1 of them runs Ganglion 0.2.0 then, in place of 0.1.0: pi" in text
        assert "1 of them runs Ganglion 0.3.0 then, which is OLDER than 0.4.0: router" in text
        # A release without one has nodes run what is installed
        await create(site, "plain", {"door.yaml": GOOD.format(name="door")}, requires={"agent": ">=0.2"})
        plan = json.loads(await says("rollout", "plan", "plain", "--to", "router", "--json"))
        assert "it needs Ganglion >=0.2, and this node would run 0.1.0" in plan["skipped"][0]["why"]

        shown = await says("fleet", "show", "router")
        assert "release             none was assigned" in shown
        assert "ganglion/0.4.0, which a release has brought; 0.1.0 is installed" in shown
        assert "ganglion/0.1.0, as installed" in await says("fleet", "show", "pi")
        assert "it runs Ganglion 0.4.0, which a release has brought; 0.1.0 is installed" in await says(
            "release", "status", "router"
        )


async def test_the_gateway_signs_no_wheel_that_it_has_not_read(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        name, data = made("0.2.0", tiny("0.2.0", ""))
        digest = await sent(site, data)
        for agent, why in (
            ([{"name": name, "pieces": ["0" * 64]}], "send agent/"),
            ([{"name": f"../{name}", "pieces": [digest]}], "is no wheel of Ganglion"),
            ([{"name": name, "pieces": [digest, digest]}], name),
            ([{"name": name, "pieces": [await sent(site, b"PK")]}], "is no wheel"),
            ([{"name": name, "pieces": [await sent(site, data[:99]), await sent(site, data[99:])]}], "its pieces have"),
            ([{"name": name, "pieces": [digest]}] * 2, "names a wheel twice"),
            ([], "0 files"),
        ):
            answer = await site.http.post("/api/v1/releases", json={"name": "x", "agent": agent})
            assert answer.status_code in (403, 422), answer.text
            assert why in answer.text
        body = {"name": "x", "agent": [{"name": name, "pieces": [digest]}]}
        made_ = (await site.http.post("/api/v1/releases", json=body)).json()
        again = await site.http.post("/api/v1/releases", json=body)
        assert (again.status_code, again.json()["id"]) == (200, made_["id"])
        (entry,) = [e for e in (await site.get("/audit"))["entries"] if e["action"] == "release.create"]
        assert entry["detail"]["agent"] == [name]
        office: Office = site.services.releases
        assert (await office.find("x")).manifest.agents[0].id == made_["agent"][0]["sha256"]


async def sent(site: Here, data: bytes) -> str:
    import hashlib

    digest = hashlib.sha256(data).hexdigest()
    assert (await site.http.put(f"/api/v1/releases/files/{digest}", content=data)).status_code == 200
    return digest
