# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboards and alerts: every query names metrics and labels that there are, and a real Prometheus runs it."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from ganglion_gateway.metrics import Metrics
from support.brokers import nats_broker
from support.gateway import here, process
from support.prometheus import DEPLOY, ask, prometheus
from support.waiting import until_answered

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
#: What Prometheus adds by itself, and the words of its language that are no functions.
_ADDED, _WORDS = {"up"}, {"and", "or", "unless", "by", "without", "ignoring", "on", "bool", "offset"}
_OF_PROMETHEUS = {"instance", "job", "le"}


def queries() -> Iterator[tuple[str, str]]:
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]


def named(query: str) -> tuple[set[str], set[str]]:
    """The metrics and the labels in a query."""
    labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", query))
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", query)
    for group in re.findall(r"\b(?:by|without|ignoring|on)\s*\(([^)]*)\)", rest):
        labels |= {label.strip() for label in group.split(",")}
    rest = re.sub(r"\b(?:by|without|ignoring|on)\s*\([^)]*\)", " ", rest)
    return set(re.findall(r"\b[a-z_]\w*\b(?!\s*\()", rest)) - _WORDS, labels


def exposed(registry: CollectorRegistry, exposition: str) -> tuple[set[str], set[str]]:
    """All names of samples that there can be, and all labels."""
    names = set(re.findall(r"^# TYPE (\S+) ", exposition, re.MULTILINE))
    for histogram in re.findall(r"^# TYPE (\S+) histogram", exposition, re.MULTILINE):
        names |= {f"{histogram}_{part}" for part in ("bucket", "sum", "count")}
    labels = {label for collector in registry._collector_to_names for label in getattr(collector, "_labelnames", ())}
    return names | _ADDED, labels | _OF_PROMETHEUS | {"cause"}  # that of the refusals, which the mesh counts itself


async def test_every_query_names_metrics_and_labels_that_there_are(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        metrics, labels = exposed(site.services.metrics.registry, (await site.http.get("/metrics")).text)
    for where, query in queries():
        unknown = [sorted(found - known) for found, known in zip(named(query), (metrics, labels), strict=True)]
        assert unknown == [[], []], where


def test_what_reads_a_query_sees_a_name_that_is_wrong() -> None:
    query = 'sum by (endpiont) (rate(ganglion_gateway_evnts_total{clas="alert"}[5m])) > on (job) up and vector(1)'
    assert named(query) == ({"ganglion_gateway_evnts_total", "up"}, {"endpiont", "clas", "job"})


def test_there_are_dashboards_for_each_part_and_no_two_are_alike() -> None:
    documents = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len(documents) >= 5
    assert len({document["uid"] for document in documents}) == len(documents)
    for document in documents:
        taken = set()
        for panel in document["panels"]:
            box = panel["gridPos"]
            cells = {(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])}
            assert not cells & taken, f"{document['title']}: {panel['title']} lies on another panel"
            assert box["x"] + box["w"] <= 24
            taken |= cells


@pytest.mark.parametrize("words", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")], ids=str)
def test_promtool_finds_nothing_wrong_with_the_alerts(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=DEPLOY / "prometheus", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tested() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    tested = (DEPLOY / "prometheus" / "alerts_test.yml").read_text()
    assert [rule["alert"] for rule in rules if rule["alert"] not in tested] == []


def test_promtool_finds_nothing_wrong_with_the_metrics() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=Metrics("1.0").render(), capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


async def test_a_real_prometheus_scrapes_the_gateway_and_runs_every_query(tmp_path: Path) -> None:
    async with nats_broker(tmp_path) as broker, process(tmp_path / "gateway", broker.url) as gateway:
        target = gateway.url.removeprefix("http://")
        async with prometheus(tmp_path, target, tmp_path / "gateway" / "token") as http:

            async def is_up() -> bool:
                return bool(await ask(http, 'up{job="ganglion"} == 1'))

            await until_answered(is_up, what="a scrape")
            for _, query in queries():
                await ask(http, query.replace("$__rate_interval", "1m"))
            [nodes] = await ask(http, 'ganglion_gateway_nodes{presence="online"}')
            assert nodes["value"][1] == "0"
            assert await ask(http, "ganglion_gateway_info")
