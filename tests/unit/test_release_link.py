# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.release.link: what of a link counts against a release, and what a real broker's absence looks like."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ganglion.mqtt import packet
from ganglion.mqtt.url import BrokerUrl
from ganglion.release.link import Linking, Reach, Standing, reach
from ganglion.release.trial import Seen, Trial, Verdict
from ganglion.units import SECOND
from support.brokers import STRICT, free_ports, strict
from support.certificates import Certificates
from support.netns import namespace

END = 60 * SECOND


def after(
    found: Reach | None, *, had: bool = True, changed: bool = False, since: int = 0, up: bool = False
) -> Standing:
    """A trial of 60 s in which this was found of the broker from a time on; how it stands at its end."""
    linking = Linking(had=had, changed=changed, window=60)
    for now in range(0, END, SECOND):
        linking.look(up=False, answered=False, reach=found if now >= since else Reach.AWAY, now=now)
    return linking.look(up=up, answered=False, reach=found, now=END)


def test_a_broker_or_a_gateway_that_is_away_says_nothing_against_a_release() -> None:
    assert after(Reach.AWAY) == (False, "")
    assert after(None) == (False, "")
    assert after(Reach.AWAY, up=True) == (True, ""), "the broker is there, and the gateway is not"


def test_a_link_that_what_ran_before_had_and_this_has_not_counts() -> None:
    assert "had a way to its broker before, and had none within the 60 s" in after(Reach.NO_WAY).why
    assert "the broker is there, and the node did not get in" in after(Reach.THERE).why
    assert after(Reach.THERE, since=END - 5 * SECOND).why == "", "it has just come back"
    assert after(Reach.NO_WAY, had=False) == (True, ""), "there was none before, either"


def test_a_release_that_changes_the_way_to_the_others_has_to_be_answered() -> None:
    for found in (*Reach, None):
        for up in (False, True):
            assert "the gateway did not answer" in after(found, changed=True, up=up).why
    linking = Linking(had=True, changed=True, window=60)
    assert linking.look(up=True, answered=True, reach=None, now=1).proved
    assert linking.look(up=False, answered=False, reach=Reach.NO_WAY, now=END).proved, "it was once"


def test_a_link_that_was_there_and_is_lost_for_good_counts() -> None:
    linking, trial = Linking(had=True, changed=False, window=300), Trial(300, (), 0)

    def look(now: int, *, up: bool = False, reach: Reach | None = Reach.THERE) -> Verdict:
        link = linking.look(up=up, answered=up, reach=reach, now=now * SECOND)
        return trial.look(Seen(linked=link.proved, unlinked=link.why), now * SECOND)

    assert look(1, up=True, reach=None).state == "healthy"
    for now in range(4, 300):
        assert look(now).state in ("healthy", "trial")
    assert "the broker is there, and the node was in no more when the 300 s" in look(300).why
    assert look(301, up=True).state == "committed", "it is in again"
    assert look(302).state == "committed", "it has just lost it"
    for now in range(303, 340):
        assert look(now, reach=Reach.AWAY).state == "committed", "the broker is away"
    assert look(341).state == "committed", "the broker has just come back"


async def saying(answer: bytes) -> AsyncIterator[BrokerUrl]:
    """What takes connections, and says this to whoever speaks first; for nothing it hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield BrokerUrl.parse(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.mark.parametrize("which", sorted(STRICT))
async def test_a_broker_that_lets_no_stranger_in_is_there(
    which: str, tmp_path: Path, certificates: Certificates
) -> None:
    (nobody,) = free_ports(1)
    away = BrokerUrl.parse(f"mqtt://127.0.0.1:{nobody}")
    assert await reach([away]) is Reach.AWAY
    assert await reach([]) is Reach.AWAY
    async with strict(which, tmp_path, certificates) as broker:
        there = BrokerUrl.parse(broker.url)
        assert await reach([away, there]) is Reach.THERE
        port = BrokerUrl.parse(f"mqtt://{there.host}:{there.port}")
        assert await reach([port]) is Reach.AWAY, "it speaks no MQTT without TLS"


async def test_what_takes_connections_before_a_broker_that_is_away_is_none() -> None:
    refused, unavailable = bytes((packet.CONNACK, 2, 0, 5)), bytes((packet.CONNACK, 2, 0, 3))
    wanted = {refused: Reach.THERE, unavailable: Reach.AWAY, b"": Reach.AWAY, b"HTTP/1.1 400 x": Reach.AWAY}
    for answer, found in wanted.items():
        async for broker in saying(answer):
            assert await reach([broker]) is found, answer

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    gone = asyncio.Event()
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        broker = BrokerUrl.parse(f"mqtt://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        assert await reach([broker], patience=0.2) is Reach.AWAY
        async with asyncio.timeout(60):
            await gone.wait()


LOOK = """
import asyncio
from ganglion.mqtt.url import BrokerUrl
from ganglion.release.link import reach
for host in ("127.0.0.1", "192.0.2.7", "broker.example"):
    print(asyncio.run(reach([BrokerUrl.parse(f"mqtt://{host}")])).name.lower())
"""


def look(within: list[str]) -> list[str]:
    done = subprocess.run(
        [*within, sys.executable, "-c", LOOK],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_machine_that_has_lost_its_network_has_no_way() -> None:
    with namespace() as within:
        assert look(within) == ["away", "no_way", "no_way"]
        subprocess.run([*within, *["ip", "-6", "route", "add", "default", "dev", "lo"]], check=True, timeout=60)
        assert look(within) == ["away", "no_way", "away"], "nobody finds its name, but there is a way to others"
