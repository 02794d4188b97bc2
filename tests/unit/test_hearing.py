# SPDX-License-Identifier: GPL-3.0-or-later
"""hearing: what the gateway is shown, who is told that a protocol is busy, and which payloads are taken."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import Bus
from ganglion.cli.dry import DryPorts, Service
from ganglion.clock import Clock
from ganglion.errors import InvalidError, NotFoundError
from ganglion.intent.patterns import Intent
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.node.hearing import MAX_SHOWN, Hearing, fitting
from ganglion_micro import cbor
from support.mova import edge
from support.waiting import until

NOBODY = Service(url="", key="", model="", temperature=None, tokens=None, seconds=None)


class Node:
    """Scripts that are spoken to; the gateway knows nothing, and is asked in a message such as the mesh has."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.runner = ScriptRunner(self.bus, DryPorts({}, NOBODY, self.bus, Clock()), Clock())
        self.hearing = Hearing(self.runner, self._ask)
        self.asked: list[list[list[Any]]] = []

    async def _ask(self, text: str, intents: list[list[Any]]) -> dict[str, Any]:
        cbor.encode({"text": text, "intents": intents})
        self.asked.append(intents)
        return {"intent": None, "by": None, "confidence": 0.0}

    def load(self, plan: Plan) -> None:
        self.runner.add(plan)
        self.hearing.add(plan)

    async def say(self, text: str) -> dict[str, Any]:
        return await self.hearing.say({"text": text}, None)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    yield made
    await made.runner.aclose()


def script(intents: str, triggers: str = "", steps: str = "- {id: done, action: end}", name: str = "trial") -> Plan:
    text = edge(steps, head=f"intents: [{intents}]\ntriggers: [{triggers}]").replace("name: trial", f"name: {name}", 1)
    return compile(load(text, file="x.yaml"))


async def test_more_intents_than_a_message_holds_are_shown_as_far_as_they_fit(node: Node) -> None:
    for part in range(4):
        many = ", ".join(
            f"{{name: intent_{part}_{i}, patterns: [say {part} number {i}, and {part} of {i} too, now {i} {part}]}}"
            for i in range(350)
        )
        node.load(script(many, name=f"part{part}"))
    said = await node.say("something else" * 70)
    assert said["recognition"]["intent"] is None
    (note,) = said["recognition"]["notes"]
    assert note.startswith("the gateway was asked without ")
    (shown,) = node.asked
    assert len(shown) == 1400
    assert {len(patterns) for _, patterns in shown} == {0, 1}  # every name, and some of the patterns


async def test_what_fits_is_shown_whole_and_nothing_is_said_of_it(node: Node) -> None:
    node.load(script("{name: hi, patterns: [hello, good day]}"))
    assert (await node.say("what?"))["recognition"]["notes"] == []
    assert node.asked == [[["hi", ["hello", "good day"]]]]


words = st.text(min_size=1, max_size=2000) | st.integers(1, 30_000).map(lambda size: "°" * size)


@given(st.dictionaries(words, st.lists(words, min_size=1, max_size=5), max_size=12))
def test_what_is_shown_is_in_its_order_within_its_bound_and_counted(known: dict[str, list[str]]) -> None:
    given_ = [Intent(name=name, patterns=patterns) for name, patterns in known.items()]
    shown, left = fitting(given_)
    assert len(cbor.encode(shown)) <= MAX_SHOWN
    assert [name for name, _ in shown] == [name for name in known if name in dict(shown)]
    for name, patterns in shown:
        rest = iter(known[name])
        assert all(pattern in rest for pattern in patterns)
    total = sum(1 + len(patterns) for patterns in known.values())
    assert left == total - sum(1 + len(patterns) for _, patterns in shown)


async def test_a_run_has_the_slots_of_what_was_said_by_name(node: Node) -> None:
    intent = "{name: heat, patterns: ['heat the (?P<room>\\w+)']}"
    says = '- {id: a, action: log, message: "{room} for {event.value.slots.duration} s"}'
    node.load(script(intent, "{id: t, intent: heat, map: {room: slots.room}, run: main}", says))
    told = await node.say("heat the kitchen for 10 minutes")
    assert told["recognition"]["slots"] == {"room": "kitchen", "duration": 600}
    assert told["runs"][0]["said"] == ["kitchen for 600 s"]


async def test_who_comes_while_a_protocol_is_busy_is_told_so(node: Node) -> None:
    waits = "- {id: wait, action: wait, event: go}"
    node.load(script("{name: lamp, patterns: [lamp on]}", "{id: t, intent: lamp, run: main}", waits))
    ann = asyncio.create_task(node.say("lamp on"))
    await until(lambda: node.runner.statistics().running)
    bob = await node.say("lamp on")
    assert (bob["recognition"]["intent"], bob["runs"], bob["ignored"]) == ("lamp", [], 1)
    node.bus.emit("go", True, timestamp=1)
    told = await ann
    assert ([run["status"] for run in told["runs"]], told["ignored"]) == (["completed"], 0)


async def test_a_webhook_too_is_told_that_it_is_busy(node: Node) -> None:
    waits = "- {id: wait, action: wait, event: go}"
    node.load(script("{name: lamp, patterns: [lamp on]}", "{id: t, webhook: bell, run: main}", waits))
    first = asyncio.create_task(node.hearing.webhook({"webhook": "bell"}, None))
    await until(lambda: node.runner.statistics().running)
    assert await node.hearing.webhook({"webhook": "bell"}, None) == {"runs": [], "ignored": 1}
    node.bus.emit("go", True, timestamp=1)
    assert (await first)["ignored"] == 0


@pytest.mark.parametrize("payload", [float("nan"), {"a": [float("inf")]}, 2**64 - 1, b"raw", {1: 2}, cbor.Tag(0, "x")])
async def test_a_webhook_brings_nothing_that_json_could_not_say(node: Node, payload: Any) -> None:
    with pytest.raises(InvalidError, match="payload: cannot be taken"):
        await node.hearing.webhook({"webhook": "bell", "payload": payload}, None)


async def test_a_webhook_that_no_script_listens_to_is_not_found_and_those_there_are_are_named(node: Node) -> None:
    with pytest.raises(NotFoundError, match="the webhook 'bell'; there is none"):
        await node.hearing.webhook({"webhook": "bell"}, None)
    node.load(script("{name: lamp, patterns: [lamp on]}", "{id: t, webhook: bell, run: main}"))
    assert len((await node.hearing.webhook({"webhook": "bell"}, None))["runs"]) == 1
    with pytest.raises(NotFoundError, match="the webhook 'bel'; there are bell"):
        await node.hearing.webhook({"webhook": "bel"}, None)
    node.hearing.remove("trial")
    with pytest.raises(NotFoundError, match="there is none"):
        await node.hearing.webhook({"webhook": "bell"}, None)
