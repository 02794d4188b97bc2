# SPDX-License-Identifier: GPL-3.0-or-later
"""asyncio: tasks, their order, cancelling, waiting, flags and locks."""

import asyncio

import uasyncio


async def steps(name, times, ms):
    for i in range(times):
        print(name, i)
        await asyncio.sleep_ms(ms)
    return name


async def failing():
    await asyncio.sleep_ms(1)
    raise ValueError("wrong")


async def stubborn():
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        print("stubborn is cancelled")
        raise
    finally:
        print("stubborn ends")


async def main():
    print(await asyncio.gather(steps("a", 2, 10), steps("b", 2, 15)))
    print(await asyncio.gather(failing(), steps("c", 1, 1), return_exceptions=True) and "gathered")
    try:
        await asyncio.gather(failing())
    except ValueError as error:
        print("ValueError", error)
    task = asyncio.create_task(stubborn())
    await asyncio.sleep_ms(0)
    print(task.done(), task.cancel())
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", task.done(), task.cancel())
    try:
        await asyncio.wait_for_ms(stubborn(), 5)
    except asyncio.TimeoutError:
        print("TimeoutError")
    print(await asyncio.wait_for(steps("d", 1, 1), 1), await asyncio.wait_for(steps("e", 1, 1), None))
    try:
        await asyncio.wait_for(failing(), 1)
    except ValueError as error:
        print("ValueError", error)
    event = asyncio.Event()
    waiters = [asyncio.create_task(waiting(event, i)) for i in range(3)]
    await asyncio.sleep_ms(0)
    event.set()
    print(event.is_set())
    for each in waiters:
        await each
    event.clear()
    lock = asyncio.Lock()
    await asyncio.gather(locked(lock, "x"), locked(lock, "y"), locked(lock, "z"))
    try:
        lock.release()
    except RuntimeError as error:
        print("RuntimeError", error)
    flag = asyncio.ThreadSafeFlag()
    task = asyncio.create_task(flagged(flag))
    await asyncio.sleep_ms(1)
    flag.set()
    await task
    flag.set()
    flag.clear()
    try:
        await asyncio.wait_for_ms(flag.wait(), 2)
    except asyncio.TimeoutError:
        print("the flag was cleared")
    print(asyncio.current_task() is not None)
    asyncio.create_task(steps("left behind", 3, 1))


async def waiting(event, i):
    await event.wait()
    print("woken", i)


async def locked(lock, name):
    async with lock:
        print(name, "has it", lock.locked())
        await asyncio.sleep_ms(1)
        print(name, "gives it")


async def flagged(flag):
    print("waits")
    await flag.wait()
    print("is told")


asyncio.run(main())
print("between")
uasyncio.run(steps("i", 1, 20))
loop = asyncio.get_event_loop()
loop.set_exception_handler(lambda loop, context: print(context["message"], type(context["exception"]).__name__))
asyncio.create_task(failing())
print(asyncio.run(steps("h", 1, 5)), loop.run_until_complete(steps("f", 1, 1)))
loop.create_task(steps("g", 1, 1))
loop.run_forever()
print("nothing is left")


async def forever():
    await asyncio.Event().wait()


print(asyncio.run(forever()))
asyncio.new_event_loop()
try:
    asyncio.create_task(1)
except TypeError as error:
    print("TypeError", error)
try:
    asyncio.current_task()
except RuntimeError as error:
    print("RuntimeError")
