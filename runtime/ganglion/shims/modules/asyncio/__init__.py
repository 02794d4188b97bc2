# SPDX-License-Identifier: GPL-3.0-or-later
"""`asyncio`: MicroPython's on CPython's loop, which stays from one `run` to the next."""

import asyncio as _asyncio
from typing import Any

from ganglion.shims.modules.asyncio import core, event, lock, stream

CancelledError = core.CancelledError
TimeoutError = core.TimeoutError
Loop, Task = core.Loop, core.Task
create_task, current_task = core.create_task, core.current_task
get_event_loop, new_event_loop = core.get_event_loop, core.new_event_loop
run, run_until_complete = core.run, core.run_until_complete
sleep, sleep_ms = core.sleep, core.sleep_ms
gather, wait_for, wait_for_ms = core.gather, core.wait_for, core.wait_for_ms
Event, ThreadSafeFlag = event.Event, event.ThreadSafeFlag
Lock = lock.Lock
Server, Stream, StreamReader, StreamWriter = stream.Server, stream.Stream, stream.StreamReader, stream.StreamWriter
open_connection, start_server = stream.open_connection, stream.start_server


def __getattr__(name: str) -> Any:
    return getattr(_asyncio, name)
