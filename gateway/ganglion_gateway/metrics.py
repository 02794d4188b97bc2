# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus reads: names and units by its conventions, in a registry of this gateway's own."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST

disable_created_metrics()  # type: ignore[no-untyped-call] # when each counter began, for every label: nobody asks

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80)


class Metrics:
    """Counters and gauges of one gateway."""

    def __init__(self, version: str = "") -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("ganglion_gateway_info", "1, and what runs.", ["version"], registry=registry).labels(version).set(1)
        self.events = Counter(
            "ganglion_gateway_events",
            "Events stored; a copy of one that is stored is not counted.",
            ["class"],
            registry=registry,
        )
        self.copies = Counter(
            "ganglion_gateway_event_copies", "Events that were stored already when they came.", registry=registry
        )
        self.readings = Counter("ganglion_gateway_readings", "Readings stored.", registry=registry)
        self.dropped = Counter(
            "ganglion_gateway_dropped", "What members sent and was not stored.", ["what", "cause"], registry=registry
        )
        self.ingest = Histogram(
            "ganglion_gateway_event_commit_seconds",
            "From an event's arrival to its commit.",
            registry=registry,
            buckets=_FAST,
        )
        self.nodes = Gauge("ganglion_gateway_nodes", "Nodes by presence.", ["presence"], registry=registry)
        self.broker = Gauge("ganglion_gateway_broker_connected", "1 while the broker is there.", registry=registry)
        self.deliveries = Counter(
            "ganglion_gateway_webhook_attempts", "Attempts to deliver a webhook.", ["outcome"], registry=registry
        )
        self.delivery = Histogram(
            "ganglion_gateway_webhook_duration_seconds", "How long an attempt took.", registry=registry, buckets=_FAST
        )
        self.relays = Counter(
            "ganglion_gateway_relays", "Events for another node that were settled.", ["outcome"], registry=registry
        )
        self.outbox = Gauge(
            "ganglion_gateway_webhook_messages", "Messages by state.", ["endpoint", "state"], registry=registry
        )
        self.oldest = Gauge(
            "ganglion_gateway_webhook_oldest_seconds",
            "Age of the oldest message that waits for an endpoint.",
            ["endpoint"],
            registry=registry,
        )
        self.hooks = Counter("ganglion_gateway_hook_messages", "Webhooks that came in.", ["outcome"], registry=registry)
        self.rollouts = Gauge("ganglion_gateway_rollouts", "Rollouts by state.", ["state"], registry=registry)
        self.rollout_nodes = Gauge(
            "ganglion_gateway_rollout_nodes",
            "Nodes of rollouts on which something is left to do or to hear, by how far they are.",
            ["state"],
            registry=registry,
        )
        self.rollout_overdue = Gauge(
            "ganglion_gateway_rollout_overdue_seconds",
            "By how long the stage of a running rollout has taken longer than it is to soak.",
            ["rollout"],
            registry=registry,
        )
        self.prompts = Counter(
            "ganglion_gateway_model_requests", "Questions to the language model.", ["outcome"], registry=registry
        )
        self.tokens = Counter(
            "ganglion_gateway_model_tokens",
            "Tokens that the models used; those that none has counted are guessed.",
            ["kind"],
            registry=registry,
        )
        self.prompt = Histogram(
            "ganglion_gateway_model_duration_seconds", "How long an answer took.", registry=registry, buckets=_SLOW
        )
        self.health = Gauge("ganglion_gateway_node_health", "Nodes by how they are.", ["health"], registry=registry)
        self.crashes = Counter(
            "ganglion_gateway_crashes", "Crashes of nodes and leaves that were told.", ["kind"], registry=registry
        )
        self.crashing = Gauge(
            "ganglion_gateway_nodes_crashing",
            "Nodes and leaves that have crashed three times or more within an hour.",
            registry=registry,
        )
        self.logged = Counter(
            "ganglion_gateway_log_records", "Warnings and errors of nodes stored.", ["level"], registry=registry
        )
        self.followers = Gauge("ganglion_gateway_log_followers", "Who follows logs of nodes now.", registry=registry)
        self.followed = Counter(
            "ganglion_gateway_log_followed", "Records of logs shown to who follows.", registry=registry
        )
        self.jobs = Gauge("ganglion_gateway_jobs_running", "Jobs that have not ended.", registry=registry)
        self.jobs_overdue = Gauge(
            "ganglion_gateway_jobs_overdue", "Jobs that have not ended though their time is over.", registry=registry
        )
        self.job_targets = Counter(
            "ganglion_gateway_job_targets", "What became of jobs, at each node.", ["state"], registry=registry
        )
        self.traces = Counter(
            "ganglion_gateway_traces", "Paths of events for the trace collector.", ["outcome"], registry=registry
        )
        self.lag = Histogram(
            "ganglion_gateway_loop_lag_seconds",
            "By how much the event loop was late, measured each second.",
            registry=registry,
            buckets=_FAST,
        )
        self.requests = Counter(
            "ganglion_gateway_http_requests", "HTTP requests answered.", ["method", "status"], registry=registry
        )
        self.request = Histogram(
            "ganglion_gateway_http_duration_seconds",
            "From a request to the beginning of its answer.",
            ["route"],
            registry=registry,
            buckets=_FAST,
        )
        self.refused = Counter(
            "ganglion_gateway_http_unauthenticated", "Requests without a valid token or session.", registry=registry
        )

    def watch(self, name: str, documentation: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """A counter that somebody else keeps: `read` gives its value by label whenever it is asked for."""
        self.registry.register(_Watched(name, documentation, label, read))

    def render(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)


class _Watched(Collector):
    def __init__(self, name: str, documentation: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._documentation = documentation
        self._label = label
        self._read = read

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=[self._label])
        for label, value in self._read().items():
            family.add_metric([label], value)
        yield family
