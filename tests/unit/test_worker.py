# SPDX-License-Identifier: GPL-3.0-or-later
"""worker: blocking calls beside the loop, in order, and none that can keep the process alive."""

import asyncio
import subprocess
import sys
import threading

import pytest

from ganglion.worker import Worker


async def test_calls_are_made_in_order_on_one_thread_that_is_not_the_loops():
    worker = Worker("test")
    made = []

    def call(number):
        made.append((number, threading.current_thread().name))
        return number

    results = await asyncio.gather(*(worker.call(lambda number=number: call(number)) for number in range(20)))
    worker.stop()
    assert results == list(range(20))
    assert made == [(number, "test") for number in range(20)]


async def test_what_a_call_raises_is_raised_where_it_is_awaited():
    worker = Worker("test")
    with pytest.raises(ZeroDivisionError):
        await worker.call(lambda: 1 / 0)
    assert await worker.call(lambda: 7) == 7
    worker.stop()


async def test_the_loop_goes_on_while_a_call_blocks():
    worker, release = Worker("test"), threading.Event()
    waiting = worker.call(release.wait)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    release.set()
    assert await waiting
    worker.stop()


async def test_an_answer_that_nobody_waits_for_any_more_is_dropped():
    worker, release = Worker("test"), threading.Event()
    waiting = worker.call(release.wait)
    waiting.cancel()
    release.set()
    assert await worker.call(lambda: 1) == 1
    worker.stop()


def test_a_call_that_hangs_does_not_keep_the_process():
    program = """
import asyncio, threading
from ganglion.worker import Worker
async def main():
    worker = Worker("hangs")
    await asyncio.wait({worker.call(threading.Event().wait)}, timeout=0.05)
    worker.stop()
asyncio.run(main())
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20, env=environment)
