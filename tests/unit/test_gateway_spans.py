# SPDX-License-Identifier: GPL-3.0-or-later
"""gateway: the path of an event as spans, and when it is exported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import UsageError
from ganglion.units import MILLISECOND, SECOND
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.settings import TraceSettings
from ganglion_gateway.trace import DONE, FAILED, PENDING, SKIPPED
from ganglion_gateway.tracing import tracing
from ganglion_gateway.tracing.spans import is_sampled, spans, trace_id, traceparent
from ganglion_gateway.tracing.tracing import LOOKS, Tracing

EVENT = "a" * 26 + "-1-7"


def line(stage: str, at: int | None, took: float | None = None, status: str = DONE, **more: Any) -> dict[str, Any]:
    return {"stage": stage, "status": status, "at": at, "took_ms": took, "detail": f"{stage} it was", **more}


def document(*lines: dict[str, Any], status: str = DONE) -> dict[str, Any]:
    event = {"id": EVENT, "node": {"id": "n" * 26, "name": "barn"}, "class": "alert", "topic": "hot", "run": "r1"}
    return {"event": event, "status": status, "lines": list(lines)}


def test_each_stage_is_a_span_below_one_root_and_a_webhook_has_the_id_that_its_header_says() -> None:
    root, sensor, step, gateway, webhook = spans(
        document(
            line("sensor", 1000),
            line("trigger", None, status=SKIPPED),
            line("actuator", 2000, 1.5, step="beep"),
            line("gateway", 5_000_000, 2.0),
            line("webhook", 8_000_000, 4.0, FAILED, endpoint="wh_1"),
            line("webhook", None, status=PENDING, endpoint="wh_2"),
        )
    )
    assert (root.parent, root.start, root.end, root.name) == (None, 1000, 12_000_000, "alert hot")
    assert [one.parent for one in (sensor, step, gateway, webhook)] == [root.id] * 4
    assert [one.name for one in (sensor, step, gateway, webhook)] == ["sensor", "actuator beep", "gateway", "webhook"]
    assert [one.on_node for one in (sensor, step, gateway, webhook)] == [True, True, False, False]
    assert (step.start, step.end) == (2000, 2000 + 3 * MILLISECOND // 2)
    assert (root.error, webhook.error, gateway.error) == ("webhook it was", "webhook it was", "")
    assert traceparent(EVENT, "wh_1") == f"00-{trace_id(EVENT):032x}-{webhook.id:016x}-01"
    assert (root.attributes["ganglion.node.name"], root.attributes["ganglion.run"]) == ("barn", "r1")
    assert spans(document(line("sensor", None))) == []


@given(st.lists(st.text(min_size=1), unique=True, min_size=200, max_size=200), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_what_a_smaller_one_keeps(events: list[str], one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert {event for event in events if is_sampled(event, less)} <= {e for e in events if is_sampled(e, more)}
    assert all(is_sampled(event, 1) for event in events)
    assert not any(is_sampled(event, 0) for event in events)


class World:
    """Paths, a sink and a clock of a test."""

    def __init__(self, share: float = 1) -> None:
        self.now = 0
        self.paths: dict[str, dict[str, Any]] = {}
        self.sent: list[int] = []
        self.looked: list[int] = []
        self.metrics = Metrics()
        self.tracing = Tracing(share, self.path, self, metrics=self.metrics, clock=lambda: self.now)

    async def path(self, event: str) -> dict[str, Any] | None:
        self.looked.append(self.now // SECOND)
        return self.paths.get(event)

    def send(self, trace: int, found: Any) -> None:
        assert found
        self.sent.append(trace)

    async def until(self, second: int) -> None:
        while self.now < second * SECOND:
            self.now += SECOND
            await self.tracing.look()

    def counted(self, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value("ganglion_gateway_traces_total", {"outcome": outcome})


async def test_a_path_is_exported_once_when_nothing_in_it_is_pending() -> None:
    world = World()
    world.paths[EVENT] = document(line("sensor", 1), line("webhook", None, status=PENDING), status=PENDING)
    world.tracing.stored([EVENT])
    await world.until(6)
    assert world.sent == []
    world.paths[EVENT] = document(line("sensor", 1), line("webhook", 2))
    await world.until(2000)
    assert world.sent == [trace_id(EVENT)]
    assert world.looked == [1, 3, 7]
    assert world.counted("exported") == 1


async def test_a_path_that_never_ends_is_exported_after_the_last_look() -> None:
    world = World()
    world.paths[EVENT] = document(line("sensor", 1), status=PENDING)
    world.tracing.stored([EVENT])
    await world.until(LOOKS[-1] - 1)
    assert world.sent == []
    await world.until(LOOKS[-1])
    assert (world.sent, world.looked) == ([trace_id(EVENT)], list(LOOKS))


async def test_what_is_gone_or_not_sampled_or_too_much_is_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "WAITING", 2)
    world = World()
    world.tracing.stored(["gone", "gone too", "one too many"])
    await world.until(10)
    assert (world.sent, world.counted("dropped"), world.looked) == ([], 1, [1, 1])
    silent = World(share=0)
    silent.tracing.stored([EVENT])
    await silent.until(10)
    assert (silent.looked, silent.tracing.headers(EVENT, "wh_1")) == ([], {})


def test_the_settings_are_opentelemetrys_own() -> None:
    assert TraceSettings.read({}) is None
    base = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}
    assert TraceSettings.read(base) == TraceSettings(url="http://c:4318/v1/traces", share=1)
    whole = base | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t/x", "OTEL_TRACES_SAMPLER_ARG": "0.25"}
    assert TraceSettings.read(whole) == TraceSettings(url="https://t/x", share=0.25)
    with pytest.raises(UsageError, match="OTEL_EXPORTER_OTLP_ENDPOINT is 'c:4318"):
        TraceSettings.read({"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"})
    for wrong in ("2", "all", "nan", ""):
        with pytest.raises(UsageError, match="OTEL_TRACES_SAMPLER_ARG"):
            TraceSettings.read(base | {"OTEL_TRACES_SAMPLER_ARG": wrong})
