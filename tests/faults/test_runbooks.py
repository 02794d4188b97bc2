# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/runbooks.md: each page's fault is made, its commands say what the page promises, and what was kept arrives."""

import asyncio
import contextlib
import io
import os
import re
import resource
import shlex
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
import yaml

from ganglion.cli.main import main
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.units import MILLISECOND
from ganglion_gateway.webhook.schedule import Policy
from ganglion_gateway.webhook.signature import new_secret
from ganglion_micro import gl1
from support import gateway as gateways
from support.brokers import Broker, free_ports, mosquitto_broker
from support.gateway import Process
from support.mesh import enrolled, running
from support.prometheus import DEPLOY
from support.receiver import Answer, receiver
from support.released import GOOD, create
from support.rollout_crew import Crew
from support.waiting import until, until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))
HASTY = Policy(first=MILLISECOND, longest=MILLISECOND, rest=MILLISECOND, attempts=3, breaker=100)
#: Sections that some test here has made happen.
EXERCISED: set[str] = set()


def exercises(section: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    EXERCISED.add(section)
    assert section in SECTIONS, section
    return lambda test: test


def commands(section: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", SECTIONS[section], re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


async def says(command: str) -> tuple[int, str]:
    """Types a command; its exit code, and all that it said."""
    words = shlex.split(command)
    assert words[0] == "ganglion"
    said = io.StringIO()

    def typed() -> int:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return main(words[1:])

    return await asyncio.to_thread(typed), said.getvalue()


class House:
    """A broker, a gateway as a process, and a node that says what a test has it say."""

    def __init__(self, folder: Path, broker: Broker, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.broker = broker
        self.stored: list[str] = []
        self._patch = patch
        self._port = str(free_ports(1)[0])
        self.words: list[str] = ["--link", "none", "--port", self._port]
        self.environment: dict[str, str] = {}
        self.gateway: Process

    async def start(self) -> None:
        """The gateway, at the address that it had."""
        self.gateway = await gateways.start(
            self.folder / "gateway", self.broker.url, *self.words, environment=self.environment
        )
        self._patch.setenv("GANGLION_GATEWAY", self.gateway.url)
        self._patch.setenv("GANGLION_TOKEN", self.gateway.token)

    @asynccontextmanager
    async def node(self) -> AsyncIterator[MeshClient]:
        """`barn`, once it is in the mesh."""
        key = (await self.gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        node = MeshClient(
            transport=MqttTransport(self.broker.url), state=self.folder / "barn", name="barn", enrol_key=key
        )
        node.on_stored = self.stored.append
        async with running(node):
            await enrolled(node)
            yield node

    def alert(self, node: MeshClient, value: int) -> str:
        return node.publish_event("alert", {"topic": "alert/x", "value": value, "source": "t", "run": ""})

    async def values(self) -> list[int]:
        """Of the alerts that are stored, oldest first."""
        events = (await self.gateway.http.get("/api/v1/events", params={"class": "alert"})).json()["events"]
        return [event["value"] for event in reversed(events)]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with mosquitto_broker(tmp_path / "broker") as broker:
        house = House(tmp_path, broker, monkeypatch)
        await house.start()
        yield house
        await house.gateway.end(signal.SIGKILL)


@exercises("The gateway does not answer")
async def test_a_gateway_that_is_killed_loses_nothing(house: House) -> None:
    async with house.node() as node:
        await house.gateway.end(signal.SIGKILL)
        [command] = commands("The gateway does not answer")
        code, said = await says(command)
        assert (code, "no gateway answers" in said) == (5, True), said
        kept = house.alert(node, 1)
        await house.start()
        await until(lambda: kept in house.stored, what="what was kept is stored")
        assert (await house.gateway.http.get("/health/startup")).status_code == 200
        assert await house.values() == [1]


@exercises("The broker is away")
async def test_a_broker_that_is_away_degrades_and_what_waits_arrives_in_order(house: House) -> None:
    async with house.node() as node:
        await house.broker.kill()

        async def degraded() -> bool:
            answer = await house.gateway.http.get("/health/ready")
            return answer.status_code == 200 and answer.json()["status"] == "degraded"

        await until_answered(degraded)
        [command] = commands("The broker is away")
        code, said = await says(command)
        assert code == 0, said
        kept = [house.alert(node, value) for value in (1, 2, 3)]
        await house.broker.start()
        await until(lambda: set(kept) <= set(house.stored), what="what was kept is stored")
        assert await house.values() == [1, 2, 3]


@exercises("Many nodes are away")
async def test_a_node_that_is_away_is_listed_and_why_says_since_when(house: House) -> None:
    async def is_there() -> bool:
        return (await house.gateway.http.get("/api/v1/nodes/barn")).status_code == 200

    async with house.node():
        await until_answered(is_there, what="its birth")

    async def is_away() -> bool:
        return not (await house.gateway.http.get("/api/v1/nodes/barn")).json()["online"]

    await until_answered(is_away)
    listing, why = commands("Many nodes are away")
    code, said = await says(listing)
    assert (code, "barn" in said) == (0, True), said
    code, said = await says(why)
    assert code == 1
    assert "barn" in said
    assert "away" in said


@exercises("Events are stored slowly or not at all")
async def test_where_the_disk_is_full_nodes_keep_their_events_until_there_is_room(house: House) -> None:
    async with house.node() as node:
        before = resource.prlimit(house.gateway.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(house.gateway.pid, resource.RLIMIT_FSIZE, (4096, before[1]))
        kept = house.alert(node, 1)

        async def complains() -> bool:
            return re.search("disk|full", house.gateway.log.read_text()) is not None

        await until_answered(complains, what="the log says what ails it")
        [command] = commands("Events are stored slowly or not at all")
        assert (await says(command))[0] == 0
        assert kept not in house.stored
        resource.prlimit(house.gateway.pid, resource.RLIMIT_FSIZE, before)
        await until(lambda: kept in house.stored, what="what was kept is stored")
        assert await house.values() == [1]


@exercises("A webhook's receiver does not take messages")
async def test_dead_letters_are_listed_and_replayed_when_the_receiver_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that gives up within milliseconds stands for 14 hours."""
    async with (
        receiver(new_secret()) as hook,
        gateways.here(tmp_path, policy=HASTY) as site,
        gateways.served(site) as url,
    ):
        monkeypatch.setenv("GANGLION_GATEWAY", url)
        monkeypatch.setenv("GANGLION_TOKEN", site.token)
        await site.post(
            "/webhooks", {"url": hook.url, "secret": hook.secret, "allow_http": True, "allow_private": True}
        )
        hook.answers.extend([Answer(500)] * HASTY.attempts)
        await gateways.happen(site, 1)
        listing, dead, replay = commands("A webhook's receiver does not take messages")

        async def is_dead() -> bool:
            return "alert/x" in (await says(dead))[1]

        await until_answered(is_dead, what="a dead letter")
        assert "500" in (await says(dead))[1]
        code, said = await says(listing)
        assert (code, re.search(r"\b0 +0 +1 +alert\b", said) is not None) == (0, True), said
        code, said = await says(replay)
        assert code == 0, said
        await until(lambda: hook.taken, what="the message is taken")


@exercises("Messages of the mesh are refused")
async def test_what_a_stranger_writes_is_counted_by_its_cause(house: House) -> None:
    mesh = house.gateway.ready["mesh"]
    async with house.node() as node, aiomqtt.Client("127.0.0.1", port=house.broker.port) as stranger:
        topic = gl1.topic(mesh, gl1.EVENT, node.identity.node_id, "", "alert")
        await stranger.publish(topic, b"\x00nonsense", qos=1)
        [command] = commands("Messages of the mesh are refused")

        async def is_counted() -> bool:
            return re.search(r"malformed\D+[1-9]", (await says(command))[1]) is not None

        await until_answered(is_counted, what="the cause in `mesh stats`")


@exercises("A rollout was aborted or stands still")
async def test_a_rollout_that_stands_still_is_seen_reported_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its nodes are there, and take nothing."""
    async with gateways.here(tmp_path) as site, gateways.served(site) as url:
        monkeypatch.setenv("GANGLION_GATEWAY", url)
        monkeypatch.setenv("GANGLION_TOKEN", site.token)
        Crew(site, 3)
        await create(site, "door", {"door.yaml": GOOD.format(name="door")})
        body = {"release": "door", "id": "spring", "selector": "all", "stages": ["100%"], "soak": "0s"}
        await site.post("/rollouts", body)

        async def is_overdue() -> bool:
            text = (await site.http.get("/metrics")).text
            found = re.search(r'rollout_overdue_seconds\{rollout="spring"\} (\S+)', text)
            return found is not None and float(found[1]) > 0

        await until_answered(is_overdue, what="the stage takes longer than its soak")
        listing, report, abort = commands("A rollout was aborted or stands still")
        for command in (listing, report):
            code, said = await says(command)
            assert (code, "spring" in said) == (0, True), said
        code, said = await says(abort)
        assert code == 0, said
        text = (await site.http.get("/metrics")).text
        assert 'ganglion_gateway_rollouts{state="aborted"} 1.0' in text
        assert "rollout_overdue_seconds{" not in text
        code, said = await says(report)
        assert (code, "the barn has no power" in said) == (0, True), said


@exercises("Nodes crash again and again")
async def test_a_node_that_crashes_three_times_is_counted_and_says_why(house: House) -> None:
    listing, show, logs, release = commands("Nodes crash again and again")
    async with house.node() as node:
        for number in range(3):
            crash = {"id": f"c{number}", "kind": "oom", "text": "no memory", "log": []}
            node.publish_event("crash", {"topic": "crash/node", "value": crash, "source": "node", "run": ""})

        async def is_counted() -> bool:
            return "ganglion_gateway_nodes_crashing 1.0" in (await house.gateway.http.get("/metrics")).text

        await until_answered(is_counted, what="three crashes within an hour")
        for command in (listing, show):
            code, said = await says(command)
            assert (code, "no memory" in said) == (0, True), said
        assert (await says(logs))[0] == 0
        code, said = await says(release)
        assert code == 0, said


@exercises("Jobs are not done in time")
async def test_a_job_at_a_node_that_stays_away_expires_and_is_counted(house: House) -> None:
    listing, show = commands("Jobs are not done in time")
    async with house.node():
        pass

    async def is_away() -> bool:
        answer = await house.gateway.http.get("/api/v1/nodes/barn")
        return answer.status_code == 200 and not answer.json()["online"]

    await until_answered(is_away)
    expired = 'ganglion_gateway_job_targets_total{state="expired"} '
    assert f"{expired}0.0" in (await house.gateway.http.get("/metrics")).text, "the first one is an increase"
    body = {"selector": "barn", "method": "status", "params": {}, "deadline": "1s"}
    made = await house.gateway.http.post("/api/v1/jobs", json=body)
    assert made.status_code in (200, 201), made.text

    async def is_over() -> bool:
        return f"{expired}1.0" in (await house.gateway.http.get("/metrics")).text

    await until_answered(is_over, what="its deadline is over")
    code, said = await says(listing)
    assert code == 0, said
    code, said = await says(show.replace("$JOB", made.json()["id"]))
    assert (code, "expired" in said) == (0, True), said


@exercises("Somebody tries tokens or passwords")
async def test_who_guesses_has_to_wait_and_is_counted(house: House) -> None:
    statuses = []
    for _ in range(12):
        guess = {"name": "admin", "password": "guess"}
        statuses.append((await house.gateway.http.post("/api/v1/auth/login", json=guess)).status_code)
    assert (statuses[0], statuses[-1]) == (401, 429)
    for command in commands("Somebody tries tokens or passwords"):
        code, said = await says(command)
        assert (code, "admin" in said) == (0, True), said


@exercises("The language model does not answer")
async def test_a_model_that_is_away_is_in_the_list(house: House) -> None:
    await house.gateway.end()
    [port] = free_ports(1)
    house.environment = {"GANGLION_LLM_URL": f"http://127.0.0.1:{port}/v1", "GANGLION_LLM_MODEL": "small"}
    await house.start()
    listing, usage = commands("The language model does not answer")
    code, said = await says(listing)
    assert (code, "small" in said) == (0, True), said
    assert (await says(usage))[0] == 0


@exercises("The gateway is slow")
async def test_a_loop_that_was_late_is_seen_in_the_metrics(house: House) -> None:
    os.kill(house.gateway.pid, signal.SIGSTOP)
    await asyncio.sleep(1.5)
    os.kill(house.gateway.pid, signal.SIGCONT)
    [command] = commands("The gateway is slow")
    assert (await says(command))[0] == 0

    async def is_seen() -> bool:
        text = (await house.gateway.http.get("/metrics")).text
        counts = dict(re.findall(r'loop_lag_seconds_bucket\{le="(0\.25|\+Inf)"\} (\S+)', text))
        return float(counts["+Inf"]) > float(counts["0.25"])

    await until_answered(is_seen, what="a lateness of more than 250 ms")


@exercises("A device was lost or stolen")
async def test_a_device_that_is_revoked_is_believed_by_nobody(house: House) -> None:
    async with house.node() as node:
        revoke, why = commands("A device was lost or stolen")
        code, said = await says(revoke)
        assert code == 0, said
        code, said = await says(why)
        assert (code, "revoked" in said) == (1, True), said
        ignored = house.alert(node, 13)
        await asyncio.sleep(1)
        assert ignored not in house.stored
        assert await house.values() == []


@exercises("The gateway's machine is lost")
async def test_from_a_backup_the_fleet_goes_on_without_enrolling(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    backup, restore, begin = commands("The gateway's machine is lost")
    async with house.node() as node:
        first = house.alert(node, 1)
        await until(lambda: first in house.stored, what="the first event stored")
        code, said = await says(backup)
        assert code == 0, said
        await house.gateway.end(signal.SIGKILL)
        (tmp_path / "gateway").rename(tmp_path / "lost")
        code, said = await says(restore)
        assert code == 0, said
        assert begin == "ganglion gateway --state restored"
        (tmp_path / "restored").rename(tmp_path / "gateway")
        await house.start()
        second = house.alert(node, 2)
        await until(lambda: second in house.stored, what="an event after the restore, without enrolling")
        assert await house.values() == [1, 2]


def test_every_page_is_exercised_and_every_alert_has_one() -> None:
    assert set(SECTIONS) == EXERCISED
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-"): title for title in SECTIONS}
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    for rule in rules:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/runbooks.md"
        assert f"`{rule['alert']}`" in SECTIONS[anchors[anchor]], rule["alert"]
