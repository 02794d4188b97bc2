# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop, its tasks, and what waits: MicroPython's rules on CPython's selector loop."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from ganglion.shims import traces
from ganglion.shims.modules.time import ticks_add as ticks_add
from ganglion.shims.modules.time import ticks_diff as ticks_diff
from ganglion.shims.modules.time import ticks_ms

ticks = ticks_ms
CancelledError = asyncio.CancelledError
TimeoutError = asyncio.TimeoutError
_Context = dict[str, Any]


class Task(asyncio.Task[Any]):
    """A task whose error is shown when it ends, unless somebody waits for it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.awaited = False
        self._log_destroy_pending = False  # who waits for what never comes is forgotten quietly
        self.add_done_callback(_ended)

    def __await__(self) -> Generator[Any, None, Any]:
        self.awaited = True
        return super().__await__()

    __iter__ = __await__

    def cancel(self, msg: Any = None) -> bool:
        """Whether it was still to be cancelled.

        Raises:
            RuntimeError: a task cancels itself.
        """
        if _current() is self:
            raise RuntimeError("can't cancel self")
        return super().cancel(msg)


def _ended(task: asyncio.Task[Any]) -> None:
    if task.cancelled() or (error := task.exception()) is None or not isinstance(task, Task) or task.awaited:
        return
    context = {"message": "Task exception wasn't retrieved", "exception": error, "future": task}
    task.get_loop().call_exception_handler(context)


class _Ended(SystemExit):
    """Leaves the loop at once, before another task's turn: no other error does."""

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self.future = future


async def _to_the_end(awaitable: Any) -> None:
    ended = get_event_loop().create_future()
    try:
        ended.set_result(await (_Generator(awaitable) if isinstance(awaitable, Generator) else awaitable))
    except CancelledError:
        ended.cancel()
    except Exception as error:
        ended.set_exception(error)
    raise _Ended(ended)


class Loop(asyncio.SelectorEventLoop):
    """A loop that ends when nothing is left that could wake a task."""

    def __init__(self) -> None:
        super().__init__()
        self.outside = 0  # tasks that wait for what comes from outside the loop
        self.idle = False
        self.set_task_factory(lambda loop, coroutine, **options: Task(coroutine, loop=loop, **options))

    def _run_once(self) -> None:
        alone = len(self._selector.get_map()) <= 1  # type: ignore[attr-defined] # its own pipe
        if alone and not (self._ready or self._scheduled or self.outside):  # type: ignore[attr-defined]
            self.idle = True
            self.stop()
        super()._run_once()  # type: ignore[misc]

    def run_until_complete(self, future: Any) -> Any:
        """The result of a coroutine or task; None where it waits for what can no more come."""
        task = Task(_to_the_end(future), loop=self)
        task.awaited = True
        self.idle = False
        asyncio.set_event_loop(self)
        try:
            super().run_until_complete(task)
        except _Ended as ended:
            task.exception()  # it was looked at
            return ended.future.result()
        except RuntimeError:
            if self.idle and not task.done():
                return None
            raise

    def default_exception_handler(self, context: _Context) -> None:
        """Prints what went wrong in a task to stderr."""
        print(context["message"], file=sys.stderr)
        if (future := context.get("future")) is not None:
            print("future:", future, "coro=", future.get_coro(), file=sys.stderr)
        if (error := context.get("exception")) is not None:
            sys.stderr.write(traces.text(error))

    def close(self) -> None:
        """Nothing: it is there for the next `run`."""

    def get_exception_handler(self) -> Any:
        return self._exception_handler  # type: ignore[attr-defined]


_loop: Loop | None = None


def get_event_loop(*ignored: object) -> Loop:
    """The loop; it is made when it is first asked for."""
    global _loop
    if _loop is None:
        _loop = Loop()
    return _loop


def new_event_loop() -> Loop:
    """A loop in place of the one that was; what waits in that waits for ever."""
    global _loop
    if _loop is not None:
        asyncio.SelectorEventLoop.close(_loop)
    _loop = None
    return get_event_loop()


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine. Tasks that it leaves behind go on with the next `run`."""
    return run_until_complete(main)


def run_until_complete(main: Awaitable[Any]) -> Any:
    """As `run`, of a task too.

    Raises:
        TypeError: it is neither.
    """
    if not hasattr(main, "send") and not isinstance(main, Task):
        raise TypeError("coroutine expected")
    return get_event_loop().run_until_complete(main)


def create_task(coroutine: Any) -> Task:
    """A task; it need not be inside a running loop.

    Raises:
        TypeError: it is no coroutine.
    """
    if not hasattr(coroutine, "send"):
        raise TypeError("coroutine expected")
    return _task(coroutine, get_event_loop())


def current_task() -> Task:
    """The task that runs.

    Raises:
        RuntimeError: none does.
    """
    if (task := _current()) is None:
        raise RuntimeError("no running event loop")
    return task  # type: ignore[return-value]


def _current() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _task(awaitable: Any, loop: Loop) -> Task:
    if isinstance(awaitable, Task):
        return awaitable
    return Task(_driven(awaitable) if isinstance(awaitable, Generator) else awaitable, loop=loop)


async def _driven(generator: Generator[Any, Any, Any]) -> Any:
    """A coroutine of a generator, which MicroPython does not tell apart."""
    return await _Generator(generator)


class _Generator:
    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self._generator)


async def sleep(seconds: float) -> None:
    await asyncio.sleep(max(seconds, 0))


async def sleep_ms(ms: int) -> None:
    """Waits.

    Raises:
        OverflowError: for longer than ticks can tell.
    """
    ticks_add(0, ms)
    await asyncio.sleep(max(ms, 0) / 1000)


async def wait_for(aw: Any, timeout: float | None, sleep: Callable[..., Any] = sleep) -> Any:
    """The result of an awaitable, which is cancelled after so many seconds.

    Raises:
        TimeoutError: they are over.
    """
    task = _task(aw, get_event_loop())
    task.awaited = True
    if timeout is None:
        return await task
    try:
        done, _ = await asyncio.wait([task], timeout=timeout)
    except CancelledError:
        task.cancel()
        raise
    if done:
        return task.result()
    task.cancel()
    await asyncio.wait([task])
    raise TimeoutError


def wait_for_ms(aw: Any, timeout: int | None) -> Any:
    """As `wait_for`, in milliseconds."""
    return wait_for(aw, None if timeout is None else timeout / 1000)


async def gather(*aws: Any, return_exceptions: bool = False) -> list[Any]:
    """The results of all, in their order; the first error of one, or errors among the results."""
    tasks = [_task(each, get_event_loop()) for each in aws]
    for task in tasks:
        task.awaited = True
    return list(await asyncio.gather(*tasks, return_exceptions=return_exceptions))
