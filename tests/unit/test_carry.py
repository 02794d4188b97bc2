# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh: running a transport until cancelled, anew when that is asked for."""

import asyncio

import pytest

from ganglion.mesh.transport import carry
from support.waiting import until


class Slow:
    """A transport that takes its time to say goodbye."""

    def __init__(self) -> None:
        self.begun = 0
        self.closing = asyncio.Event()
        self.may_close = asyncio.Event()

    async def run(self) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.closing.set()
            await self.may_close.wait()


async def test_it_is_run_anew_when_that_is_asked_for() -> None:
    transport, again = Slow(), asyncio.Event()
    transport.may_close.set()
    task = asyncio.create_task(carry(transport, again=again))  # type: ignore[arg-type]
    await until(lambda: transport.begun == 1)
    again.set()
    await until(lambda: transport.begun == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_cancels_it_while_it_begins_anew_is_obeyed() -> None:
    """A node that is stopped in the moment in which it takes up a new key."""
    transport, again = Slow(), asyncio.Event()
    task = asyncio.create_task(carry(transport, again=again))  # type: ignore[arg-type]
    await until(lambda: transport.begun == 1)
    again.set()
    await transport.closing.wait()
    task.cancel()
    transport.may_close.set()
    done, _ = await asyncio.wait((task,), timeout=10)
    assert done, "it runs on"
    assert task.cancelled()
    assert transport.begun == 1


async def test_its_error_ends_it() -> None:
    class Broken:
        async def run(self) -> None:
            raise OSError("no way")

    with pytest.raises(OSError, match="no way"):
        await carry(Broken(), again=asyncio.Event())  # type: ignore[arg-type]
