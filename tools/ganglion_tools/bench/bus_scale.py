# SPDX-License-Identifier: GPL-3.0-or-later
"""What many subscriptions weigh, and how long an event of another thread takes."""

import asyncio
import subprocess
import sys
import time

from ganglion.bus import Bus
from ganglion.errors import GanglionError
from ganglion.inbox import Inbox

SUBSCRIPTIONS = 10_000

#: In a process of its own: what others have freed before would hide it.
_WEIGH = """
import gc, sys
from ganglion.bus import Bus

def rss():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def told(event):
    pass

bus = Bus(backend=sys.argv[1])
bus.subscribe("x", told)
bus.emit("x", 1.0, timestamp=0)
before = rss()
for i in range(int(sys.argv[2])):
    bus.subscribe(f"site/{i % 100}/device/{i}/+", told)
print(rss() - before)
"""


def mebibytes(backend: str) -> float:
    """Of resident memory, for many subscriptions with a filter each, the Python objects included."""
    command = [sys.executable, "-c", _WEIGH, backend, str(SUBSCRIPTIONS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise GanglionError(f"bench: the subscriptions could not be weighed: {done.stderr.strip()}")
    return int(done.stdout) / 2**20


def microseconds(backend: str, *, events: int = 1000) -> float:
    """From `Inbox.post` on a thread to the callback on the loop, when nothing else happens: the 99th percentile."""
    return asyncio.run(_latency(backend, events))


async def _latency(backend: str, events: int) -> float:
    bus = Bus(backend=backend)
    inbox, topic, took = Inbox(bus), bus.topic("mic/level"), list[int]()
    bus.subscribe("mic/+", lambda event: took.append(time.time_ns() - event.timestamp))

    def post() -> None:
        for _ in range(events):
            time.sleep(0.001)
            inbox.post(topic, 0.5)

    loop = asyncio.get_running_loop()
    loop.add_reader(inbox, inbox.drain)
    await loop.run_in_executor(None, post)
    await asyncio.sleep(0)  # for the last wake
    inbox.drain()
    loop.remove_reader(inbox)
    inbox.close()
    if len(took) != events:
        raise GanglionError(f"bench: {events - len(took)} events of another thread were lost, so there is no figure")
    return sorted(took)[events * 99 // 100] / 1000
