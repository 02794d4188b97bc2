# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mesh peers|routes|graph|ping|trace|sniff`: a gateway and nodes in a line without a broker, and on one."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.access.tokens import Role, digest, new_token
from ganglion_gateway.store import keys
from support.brokers import Broker
from support.gateway import NO_BROKER, here, process
from support.mesh import enrolled, running
from support.mesh_process import MeshProcess, members, provision
from support.network import Network, network
from support.transports import Counted
from support.waiting import until_answered

NODES = ("hall", "stairs", "attic")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
PAGE = (Path(__file__).parents[2] / "docs" / "mesh.md").read_text()
SECTION = PAGE.partition("## Looking at the mesh\n")[2].partition("\n## ")[0]
#: Each command that shows something, and what.
COMMANDS = re.findall(r"^```sh\nganglion mesh ([^\n]*)\n```\n\n```text\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
#: A line of `sniff` on a LAN.
HEARD = re.compile(r"[\d:]{8}\.\d{3}  hop \w+ +[0-9a-f]{16} .* \d*/\d+ +\d+ B  \?      lan/eth0 fe80::\S+(  \(.*\))?")


class Line:
    """A gateway and the nodes hall, stairs and attic, each with a cable to the next.

    Attributes:
        nodes: The nodes by name.
        ids: Their ids.
    """

    def __init__(self, folder: Path, net: Network) -> None:
        self.folder = folder
        self.net = net
        authority = Authority.open(folder / "gateway" / "authority", now=1_790_000_000 * 10**9)
        self.ids = {name: provision(folder, authority, name) for name in NODES}
        self.mesh = authority.mesh_id
        self.nodes = {name: self._node(name) for name in NODES}
        self.url = ""

    def _node(self, name: str) -> MeshProcess:
        options = {"state": str(self.folder / name), "name": name, "links": ["lan"]}
        return MeshProcess(name, self.net.command(name), options)

    async def start(self, at: str, *words: str) -> asyncio.subprocess.Process:
        """`ganglion` on the machine of a member."""
        environment = {**ENVIRONMENT, "GANGLION_GATEWAY": self.url}
        if (token := self.folder / "gateway" / "token").exists():
            environment["GANGLION_TOKEN"] = token.read_text().strip()
        return await asyncio.create_subprocess_exec(
            *[*self.net.command(at), sys.executable, "-m", "ganglion", *words],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )

    async def run(self, *words: str) -> tuple[int | None, str, str]:
        """Exit code, stdout and stderr of `ganglion mesh`."""
        child = await self.start("gateway", "mesh", *words)
        out, err = await asyncio.wait_for(child.communicate(), 60)
        return child.returncode, out.decode(), err.decode()

    async def json(self, *words: str) -> Any:
        """Its document."""
        code, out, err = await self.run(*words, "--json")
        assert code == 0, err
        return json.loads(out)


@asynccontextmanager
async def line(folder: Path) -> AsyncIterator[Line]:
    with network({f"eth{i}": list(pair) for i, pair in enumerate(pairwise(("gateway", *NODES)))}) as net:
        at = Line(folder, net)
        words = ["gateway", "--state", str(folder / "gateway"), "--broker", NO_BROKER, "--port", "0", "--log", "error"]
        gateway = await at.start("gateway", *words)
        assert gateway.stdout is not None
        try:
            at.url = json.loads(await asyncio.wait_for(gateway.stdout.readline(), 60))["url"]
            async with members(*at.nodes.values()):
                yield at
        finally:
            gateway.send_signal(signal.SIGKILL)
            await gateway.communicate()


async def holds(at: Line, words: list[str], condition: Callable[[Any], object]) -> Any:
    """What a command says once that is so."""
    told: list[Any] = []

    async def asked() -> bool:
        code, out, _ = await at.run(*words, "--json")
        told[:] = [json.loads(out)]
        return code == 0 and bool(condition(told[0]))

    await until_answered(asked, within=60, what=" ".join(words))
    return told[0]


def ways(told: dict[str, Any], rows: str) -> dict[str, tuple[str, str, str]]:
    """Name -> how it is reached, the next hop's name and the link."""
    return {
        row["name"] or row["id"]: (row["over"], row["next"]["name"], row["link"]) for row in told[rows] if row["next"]
    }


async def test_a_line_without_a_broker_is_seen_from_both_ends(tmp_path: Path) -> None:
    async with line(tmp_path) as at:
        await seen(at)
        await as_the_page_shows(at)
        await interrupted(at)
        await listened_to(at)
        await cut_short(at)


async def seen(at: Line) -> None:
    near, far = ("neighbour", "hall", "lan/eth0"), ("relay", "hall", "lan/eth0")
    told = await holds(at, ["peers"], lambda told: ways(told, "peers") == {"hall": near, "stairs": far, "attic": far})
    assert (told["member"]["name"], told["member"]["role"], told["member"]["broker"]) == (
        "gateway",
        "gateway",
        False,
    )
    assert {row["name"]: row["id"] for row in told["peers"]} == at.ids
    await holds(at, ["peers", "attic"], lambda told: {"gateway", "hall", "stairs"} <= set(ways(told, "peers")))
    [seen] = told["peers"][0]["neighbour"]
    assert (seen["link"], seen["up"], seen["cost"]) == ("lan/eth0", True, 96)
    assert seen["address"].startswith(f"[{at.net.address('hall', 'eth0', scope=False)}]:")
    [(metric, hop)] = [(row["metric"], row["next"]["id"]) for row in told["peers"] if row["name"] == "attic"]
    assert (metric, hop) == (288, at.ids["hall"])

    routes, of_b, drawn, trace, back, ping, other = await asyncio.gather(
        *(at.json("routes", "attic"), at.json("peers", "stairs"), at.json("graph")),
        *(at.run("trace", "attic"), at.run("trace", "gateway", "--from", "attic", "--json")),
        at.run("ping", "attic", "--count", "2", "--interval", "200ms", "--size", "3000"),
        at.run("ping", "hall", "--from", "attic", "--count", "1", "--json"),
    )
    assert routes["routes"][0]["id"] == "gateway"
    hops = {row["name"] or row["id"]: (row["next"]["name"], row["link"]) for row in routes["routes"]}
    assert hops == dict.fromkeys(("gateway", "hall", "stairs"), ("stairs", "lan/eth2"))
    assert {name: way[0] for name, way in ways(of_b, "peers").items()} == {
        "hall": "neighbour",
        "attic": "neighbour",
        "gateway": "relay",
    }
    names = {each["id"]: each["name"] for each in drawn["members"]}
    assert [[names[end] for end in each["ends"]] for each in drawn["links"]] == [
        ["gateway", "hall"],
        ["attic", "stairs"],
        ["hall", "stairs"],
    ]
    assert all(
        each[side] == [{"link": each["there"][0]["link"], "cost": 96}]
        for each in drawn["links"]
        for side in ("there", "back")
    )
    assert drawn["silent"] == []

    code, out, err = trace
    assert (code, [line.split()[:5] for line in out.splitlines()]) == (
        0,
        [
            ["1", "hall", "lan/eth0", "metric", "288"],
            ["2", "stairs", "lan/eth1", "metric", "192"],
            ["3", "attic", "lan/eth2", "metric", "96"],
        ],
    ), err
    code, out, err = back
    *hops, end = map(json.loads, out.splitlines())
    assert (code, [each["name"] for each in hops], end) == (
        0,
        ["stairs", "hall", "gateway"],
        {"reached": True, "why": ""},
    ), err
    assert all(each["answers"] and each["rtt"] > 0 for each in hops)

    code, out, err = ping
    first, second, counts, times = out.splitlines()
    assert (code, counts) == (0, "2 sent, 2 received, 0% lost"), err
    assert first.startswith("seq=1 time=")
    assert second.startswith("seq=2 time=")
    assert times.startswith("min/avg/max ")
    code, out, err = other
    assert (code, json.loads(out.splitlines()[-1])["received"]) == (0, 1), err


async def as_the_page_shows(at: Line) -> None:
    """docs/mesh.md, "Looking at the mesh": each command says what the page shows, but for what is another each time."""
    assert len(COMMANDS) == SECTION.count("```sh") - 1 == 7
    answers = await asyncio.gather(*(at.run(*command.split()) for command, _ in COMMANDS))
    for (command, shown), (code, out, err) in zip(COMMANDS, answers, strict=True):
        assert code == 0, (command, err)
        if command.startswith("sniff"):
            assert len(out.splitlines()) == len(shown.splitlines()), out
            assert all(HEARD.fullmatch(line) for line in [*out.splitlines(), *shown.splitlines()]), out
        else:
            assert sorted(same(out)) == sorted(same(shown)), out


def same(text: str) -> list[list[str]]:
    """The words of each line, with one for all ids, times, epochs and ports."""
    text = re.sub(r"\b[a-z2-7]{26}\b|[\d./]+ ms|\d{10}|[\d-]{10} [\d:]{5}|\]:\d+|\d+\.\d+", "~", text)
    return [line.split() for line in text.splitlines()]


async def interrupted(at: Line) -> None:
    """Ctrl-C ends a ping with its statistics."""
    ping = await at.start("gateway", "mesh", "ping", "attic", "--interval", "200ms")
    assert ping.stdout is not None
    assert (await asyncio.wait_for(ping.stdout.readline(), 60)).startswith(b"seq=1 ")
    ping.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(ping.communicate(), 60)
    assert ping.returncode == 0
    assert b" sent, " in out


async def listened_to(at: Line) -> None:
    """What is said to everyone on a LAN is shown, and who says it as far as it can be known."""
    child = await at.start("gateway", "mesh", "sniff", "--interface", "eth0", "--json")
    assert child.stdout is not None
    kinds: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(60):
        while not {"hop hello", "hop alive"} <= set(kinds):
            document = json.loads(await child.stdout.readline())
            kinds[document["kind"]] = document
    child.send_signal(signal.SIGINT)
    await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 130
    assert kinds["hop hello"]["epoch"] > 0
    assert kinds["hop hello"]["signature"] == "unknown", "no bundle was heard"
    assert kinds["hop hello"]["where"].startswith("lan/eth0 fe80::")


async def cut_short(at: Line) -> None:
    """A ping and a trace to who is gone."""
    at.nodes["attic"].kill()
    code, out_, _ = await at.run("ping", "attic", "--count", "1")
    assert (code, out_.splitlines()[-1]) == (5, "1 sent, 0 received, 100% lost")

    async def ended() -> bool:
        code, out, _ = await at.run("trace", "attic")
        return code == 1 and out.splitlines()[-1].endswith(" has no way there")

    await until_answered(ended, within=60, what="the trace ends where the way does")
    assert (await at.run("trace", "cellar"))[0] == 3


async def test_on_a_broker_every_way_is_the_brokers(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with process(tmp_path / "state", broker.url) as gateway:
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        fridge = MeshClient(
            transport=MqttTransport(broker.url, backoff=Counted()),
            state=tmp_path / "fridge",
            name="fridge",
            enrol_key=key,
        )

        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        monkeypatch.setenv("GANGLION_BROKER", broker.url)

        async def run(*words: str) -> tuple[int, str]:
            code = await asyncio.to_thread(main, ["mesh", *words])
            return code, capsys.readouterr().out

        async with running(fridge), sniffing(broker.url) as sniff:
            await enrolled(fridge)
            await heard(sniff, ("birth", "gateway"), ("birth", "fridge"))

            async def online() -> bool:
                [row] = (await gateway.http.get("/api/v1/mesh/peers")).json()["peers"] or [{"over": ""}]
                return bool(row["over"] == "broker")

            await until_answered(online, what="the node is reached")
            [row] = json.loads((await run("peers", "--json"))[1])["peers"]
            assert (row["name"], row["over"], row["link"], row["metric"]) == ("fridge", "broker", "broker", None)
            assert [line.split() for line in (await run("routes", "fridge"))[1].splitlines()] == [
                ["to", "next", "hop", "link", "metric"],
                ["any", "gateway", "gateway", "broker"],
                ["gateway", "gateway", "broker"],
            ]
            told = json.loads((await run("graph", "--json"))[1])
            assert [(each["name"], each["broker"]) for each in told["members"]] == [("gateway", True), ("fridge", True)]
            assert (told["links"], told["silent"]) == ([], [])
            assert (await run("trace", "fridge"))[1].split()[:3] == ["1", "fridge", "broker"]
            assert "ganglion mesh sniff --count 2" in SECTION
            code, out = await run("sniff", "--count", "2")
            assert (code, len(out.splitlines())) == (0, 2)
            code, out = await run("ping", "gateway", "--from", "fridge", "--count", "1")
            assert (code, "1 received" in out) == (0, True)
            await heard(sniff, ("request", "gateway"), ("reply", "fridge"))

        async def gone() -> bool:
            [row] = (await gateway.http.get("/api/v1/mesh/peers")).json()["peers"]
            return bool(row["over"] == "nowhere")

        await until_answered(gone, what="the node is away")
        code, out = await run("trace", "fridge")
        assert (code, out.splitlines()[-1]) == (1, "ends here: fridge does not answer")


@asynccontextmanager
async def sniffing(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`ganglion mesh sniff` on a broker, which Ctrl-C ends."""
    sniff = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", "mesh", "sniff", "--broker", url, "--json"],
        stdout=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        yield sniff
        sniff.send_signal(signal.SIGINT)
        await asyncio.wait_for(sniff.communicate(), 60)
        assert sniff.returncode == 130
    finally:
        if sniff.returncode is None:
            sniff.kill()
            await sniff.communicate()


async def heard(sniff: asyncio.subprocess.Process, *wanted: tuple[str, str]) -> None:
    """Reads until these kinds have passed, each from whom it says."""
    assert sniff.stdout is not None
    left = set(wanted)
    async with asyncio.timeout(60):
        while left:
            document = json.loads(await sniff.stdout.readline())
            assert document["signature"] != "invalid", document
            if document["signature"] == "valid":
                left.discard((document["kind"], document["from"]))


async def test_who_may_only_look_may_not_ping(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        token, database = new_token(), site.services.database
        await database.write(
            lambda connection: keys.save_api_key(
                connection, name="eve", role=Role.VIEWER.value, digest=digest(token), created=1
            )
        )
        site.services.keyring.load(await keys.active_api_keys(database))
        viewer = {"authorization": f"Bearer {token}"}

        async def status(method: str, path: str, **options: Any) -> int:
            answer = await site.stranger.request(method, f"/api/v1/mesh{path}", headers=viewer, **options)
            return answer.status_code

        for path in ("/peers", "/routes", "/graph"):
            assert await status("GET", path) == 200
        assert await status("POST", "/ping", json={"to": "fridge"}) == 403
        for body in ({"to": "fridge"}, {"to": "fridge", "count": 0}, {"to": "x", "interval": 0.1}, {}):
            answer = await site.http.post("/api/v1/mesh/ping", json=body)
            assert answer.status_code == (404 if body == {"to": "fridge"} else 422)
        answer = await site.http.get("/api/v1/mesh/routes", params={"to": "attic"})
        assert (answer.status_code, "no member of this name" in answer.json()["detail"]) == (404, True)
