# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.node.telling, vitals, redacted, and the log that is followed: what a node tells of itself, bounded."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.mova.virtual import VirtualLoop
from ganglion.node.console.log import SHOWN, Log
from ganglion.node.console.tail import Tail
from ganglion.node.telling import BURST, Telling
from ganglion.node.vitals import LOOK, Machine, Vitals, parse_wireless
from ganglion.redacted import redacted
from ganglion.sensors import Sensors

WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
 wlan1: 0000   20.  -83.  -256        0      0      0      0      0        0
"""


def test_the_strongest_signal_is_told_and_none_without_a_radio() -> None:
    assert parse_wireless(WIRELESS) == -56
    assert parse_wireless(WIRELESS[: WIRELESS.index(" wlan0")]) is None
    assert parse_wireless("nonsense\n\nwlan0: x") is None


def test_this_machine_says_how_it_is(tmp_path: Path) -> None:
    read = Machine(tmp_path).read()
    assert 1 << 20 < read["rss"] < read["total"]
    assert read["boot"] > 0
    assert "signal" not in Machine(tmp_path, tmp_path).read()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no broker at mqtts://node:hunter2@broker:8883", "no broker at mqtts://node:(hidden)@broker:8883"),
        ("Authorization: Bearer gt_abcdefghijklmnop", "Authorization: Bearer (hidden)"),
        ('{"password": "x y", "ssid": "home"}', '{"password": (hidden), "ssid": "home"}'),
        ("wifi psk=12345678, tried again", "wifi psk=(hidden), tried again"),
        ("key gk1_" + "a" * 53, "key (hidden)"),
        ("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret (hidden)"),
        ("-----BEGIN PRIVATE KEY-----\nMC4\n-----END PRIVATE KEY-----\nafter", "(hidden)\nafter"),
        ("the sensor token.temperature is 8.5", "the sensor token.temperature is 8.5"),
        ("http://127.0.0.1:8470/api", "http://127.0.0.1:8470/api"),
    ],
)
def test_a_secret_that_is_known_by_its_form_is_not_told(text: str, left: str) -> None:
    assert redacted(text) == left


def telling(
    said: list[tuple[str, dict[str, Any]]],
    loop: VirtualLoop,
    tail: Tail,
    tmp_path: Path,
    gateways: Callable[[], object] = lambda: None,
) -> Telling:
    async def saved() -> None:
        return

    vitals = Vitals(
        Machine(tmp_path),
        Sensors(Bus(), Clock()),
        refused={"night": "there is no sensor door"},
        spool=lambda: {"count": 3, "lost": 0},
        reset="killed",
        publish=lambda stream, value: said.append((stream, value)),
        leads=lambda: True,
        gateways=gateways,
        leaves=lambda: ["garden"],
        ask=_status,
        monotonic=loop.time,
    )
    return Telling(
        vitals=vitals,
        crashes=None,
        tail=tail,
        publish=lambda cls, body: said.append((cls, dict(body))),
        saved=saved,
        clock=loop.now,
    )


def test_a_gateway_that_has_started_again_is_told_at_once_how_a_node_and_its_leaves_are(tmp_path: Path) -> None:
    loop, said, boot = VirtualLoop(), list[tuple[str, dict[str, Any]]](), [1]

    async def restarts() -> None:
        task = asyncio.create_task(telling(said, loop, Tail(), tmp_path, gateways=lambda: boot[0]).run())
        await asyncio.sleep(400)  # the next are due in less than a minute, and of the leaf in five
        said.clear()
        boot[0] += 1
        await asyncio.sleep(2 * LOOK)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with closing(loop):
        loop.run_until_complete(restarts())
    assert [stream for stream, _ in said] == ["system/vitals", "system/vitals/garden"]


async def _status(leaf: str) -> dict[str, Any]:
    return {"uptime_s": 5, "heap_free": 60_000, "scripts": ["a"], "crashed": None}


def test_vitals_are_said_each_minute_and_a_leaf_is_asked_each_five(tmp_path: Path) -> None:
    loop, said = VirtualLoop(), list[tuple[str, dict[str, Any]]]()

    async def an_hour() -> None:
        task = asyncio.create_task(telling(said, loop, Tail(), tmp_path).run())
        await asyncio.sleep(3600)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with closing(loop):
        loop.run_until_complete(an_hour())
    own = [value for stream, value in said if stream == "system/vitals"]
    leaf = [value for stream, value in said if stream == "system/vitals/garden"]
    assert 60 <= len(own) <= 70
    assert 11 <= len(leaf) <= 13
    assert own[0]["reset"] == "killed"
    assert own[0]["scripts"] == {"night": "there is no sensor door"}
    assert own[0]["spool"] == 3
    assert leaf[0] == {"uptime_s": 5, "heap_free": 60_000, "crashed": None}


def test_warnings_are_told_together_and_a_flood_of_them_is_not(tmp_path: Path) -> None:
    loop, said, tail = VirtualLoop(), list[tuple[str, dict[str, Any]]](), Tail()

    async def flooded() -> None:
        task = asyncio.create_task(telling(said, loop, tail, tmp_path).run())
        for _ in range(100):
            for number in range(20):
                tail.lines.add(f"ganglion.x: warning {number}", logging.WARNING)
            tail.lines.add("ganglion.x: all is well", logging.INFO)
            tail.lines.add("somebody opens a console")
            await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with closing(loop):
        loop.run_until_complete(flooded())
    events = [body for cls, body in said if cls == "log"]
    records = [record for body in events for record in body["records"]]
    assert BURST <= len(records) <= BURST + 12
    assert records[0][1:] == [logging.WARNING, "ganglion.x", "warning 0"]
    assert {record[1] for record in records} == {logging.WARNING}
    assert sum(body["lost"] for body in events) > 1000
    assert len(events) < 20


async def test_a_log_is_followed_line_by_line_and_over_a_restart() -> None:
    tail = Tail()
    tail.attach()
    try:
        log = Log(tail.lines, tail.news, "boot1")
        for number in range(30):
            tail.lines.add(f"ganglion.x: {number}", logging.INFO)
        first = await log.follow({}, None)
        assert [record[3] for record in first["records"]] == [str(number) for number in range(30 - SHOWN, 30)]
        waiting = asyncio.create_task(
            log.follow({"after": first["next"], "boot": "boot1", "level": "warning", "wait": 10}, None)
        )
        await asyncio.sleep(0)
        logging.getLogger("ganglion.y").info("not this")
        logging.getLogger("ganglion.y").warning("mqtt://a:b@c is away")
        told = await waiting
        assert [record[1:] for record in told["records"]] == [
            [logging.WARNING, "ganglion.y", "mqtt://a:(hidden)@c is away"]
        ]
        again = await Log(tail.lines, tail.news, "boot2").follow({"after": told["next"], "boot": "boot1"}, None)
        assert again["records"][0][3] == "0"
    finally:
        tail.detach()
