# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of `ganglion sensors` that read the hardware of this machine: no node, no mesh, no gateway."""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ganglion import config
from ganglion.bus import Bus
from ganglion.cli import sensors_read, sensors_text
from ganglion.cli.quiet import quiet
from ganglion.cli.result import Result
from ganglion.cli.sensors_file import File, chosen
from ganglion.clock import Clock
from ganglion.errors import GanglionError, InvalidError, NotFoundError, UnreachableError
from ganglion.event import Event
from ganglion.guardian.actuator import chips
from ganglion.sensors import Sensor, Sensors, build, ordered
from ganglion.sensors.computed import needs, parted
from ganglion.sensors.status import told
from ganglion.settings import nearest

T = TypeVar("T")

#: Seconds that a sensor has for its first values.
_PATIENCE = 10.0


def _builder(file: Path) -> Callable[[str, dict[str, Any]], Sensor]:
    """Makes the sensors of a file, but none of a chip that the same file has for an actuator: a node may be running."""
    folder, where = file.absolute().parent, f"{file}: "
    actuators = chips(config.actuator_tables(file), where=where)
    return partial(build, where=where, resolve=lambda path: (folder / path).resolve(), actuators=actuators)


def _named(file: Path, words: Sequence[str]) -> list[Sensor]:
    """The sensors that are named, or whose channels are, and those that they are computed from.

    Raises:
        GanglionError: the file or a table is wrong, or has none of a name.
    """
    tables, built_of = config.sensor_tables(file), _builder(file)
    names = [word.partition(".")[0] for word in words]
    built: dict[str, Sensor] = {}
    while names:
        if (name := names.pop(0)) in built:
            continue
        if name not in tables:
            raise NotFoundError(f"{file} has no sensor {name!r}{nearest(name, tables)}")
        built[name] = built_of(name, tables[name])
        names += needs(built[name])
    return list(built.values())


async def _reading(sensors: Sensors, does: Callable[[], Any]) -> Any:
    """What comes of something, while the sensors are read."""
    life = asyncio.create_task(sensors.run())
    await asyncio.sleep(0)  # so that they are starting, and not stopped
    try:
        return await does()
    finally:
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life


async def _values(sensors: Sensors, word: str) -> dict[str, Any]:
    """What a sensor or a channel reads; of a sensor also which channels have no value, and why.

    Raises:
        NotFoundError: there is none of that name.
        UnreachableError: it does not answer, or fails.
    """
    name, _, channel = word.partition(".")
    units = sensors.sensors()[name].channels
    try:
        async with asyncio.timeout(_PATIENCE):
            values = {channel: await sensors.read(word)} if channel else await sensors.read_all(name)
    except TimeoutError:
        raise UnreachableError(f"sensor {name} has not answered within {_PATIENCE:g} s") from None
    return told(values, {channel: units[channel]} if channel else units, sensors.refusals(name))


async def _all(sensors: Sensors, name: str) -> dict[str, Any]:
    """What a sensor reads, with the channels that are not in each sample: they have come already, or are waited for.

    Raises: see `_values`.
    """
    values = await _values(sensors, name)

    async def rare(channel: str) -> None:
        value = sensors.last(f"{name}.{channel}")
        if value is None:
            with suppress(UnreachableError):
                value = await sensors.read(f"{name}.{channel}")
        values[channel]["value"] = value

    await asyncio.gather(
        *(rare(channel) for channel, told in values.items() if told["value"] is None and not told.get("error"))
    )
    return values


def read(file: Path, words: Sequence[str]) -> Result:
    """The sensors and channels that are named, now.

    Raises:
        GanglionError: the file or a table is wrong, or has none of a name.
        UnreachableError: a sensor does not answer, or fails.
    """
    sensors = Sensors(Bus(), Clock())
    sensors.change(into=_named(file, words))

    async def reading(word: str) -> dict[str, Any] | UnreachableError:
        try:
            return {"sensor": word.partition(".")[0], "values": await _values(sensors, word)}
        except UnreachableError as error:
            return error

    async def readings() -> dict[str, dict[str, Any] | UnreachableError]:
        return {word: await reading(word) for word in words}

    with quiet("ganglion.sensors", logging.CRITICAL):  # what fails is part of the answer
        found: dict[str, dict[str, Any] | UnreachableError] = asyncio.run(_reading(sensors, readings))

    def of(word: str) -> dict[str, Any]:
        if isinstance(each := found[word], UnreachableError):
            raise each
        return each

    return sensors_read.outcome(words, of)


def check(file: Path) -> Result:
    """Each sensor of a file: whether its table is right, and what it reads. Exit code 1 where one is not well.

    Raises:
        GanglionError: the file is missing or no TOML.
    """
    sensors = Sensors(Bus(), Clock())
    tables, built_of = config.sensor_tables(file), _builder(file)
    found: dict[str, dict[str, Any]] = {name: {"error": "", "warming_up": "", "values": {}} for name in tables}

    def attempt(name: str, does: Callable[[], T]) -> T | None:
        try:
            return does()
        except GanglionError as error:
            found[name]["error"] = str(error)
            return None

    built = [attempt(name, partial(built_of, name, table)) for name, table in tables.items()]
    ready, circling = parted(each for each in built if each is not None)
    for sensor in ready:
        attempt(sensor.name, partial(sensors.add, sensor))
    for sensor in circling:
        attempt(sensor.name, partial(ordered, circling))

    async def read_each(name: str) -> None:
        try:
            found[name]["values"] = await _all(sensors, name)
        except UnreachableError as error:
            said = str(error).removeprefix(f"sensor {name}: ")
            found[name]["warming_up" if sensors.is_warming_up(name) else "error"] = said
            return
        refused = [f"{name}.{channel}: {why}" for channel, why in sensors.refusals(name).items()]
        found[name]["error"] = "; ".join(refused)

    async def each() -> None:
        await asyncio.gather(*(read_each(name) for name in sensors.sensors()))

    with quiet("ganglion.sensors", logging.CRITICAL):  # what fails is part of the answer
        asyncio.run(_reading(sensors, each))
    well = not any(each["error"] for each in found.values())
    return Result(data={"sensors": found}, text=lambda: sensors_text.checked(found), exit_code=0 if well else 1)


def record(
    file: Path, words: Sequence[str], to: Path, *, seconds: float | None, count: int | None, force: bool
) -> Result:
    """Writes what the sensors and channels that are named read into a file, until Ctrl-C, a time or so many rows.

    Raises: see `read`; but a sensor that fails is waited for, and only where nothing came at all that is an error.
    """
    made = _named(file, words)
    units = {f"{sensor.name}.{channel}": unit for sensor in made for channel, unit in sensor.channels.items()}
    with File(to, chosen(units, words, str(file)), node="", count=count, force=force) as recording:
        print(f"recording into {to}; Ctrl-C ends it", file=sys.stderr)
        bus = Bus()
        sensors = Sensors(bus, Clock())
        sensors.change(into=made)
        with suppress(KeyboardInterrupt):
            asyncio.run(_record(bus, sensors, recording, seconds))
    errors = dict.fromkeys(f"{each.id.partition('.')[0]}: {each.error}" for each in sensors.status() if each.error)
    return recording.result(0, "; ".join(errors) or "no reading came in that time")


async def _record(bus: Bus, sensors: Sensors, recording: File, seconds: float | None) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(event: Event) -> None:
        if done.done():
            return
        try:
            recording.add(event.source, event.value, event.timestamp)
        except InvalidError as error:  # the disk is full: raised here it would be the bus's
            done.set_exception(error)
        else:
            if recording.is_full:
                done.set_result(None)

    bus.subscribe("sensor/#", take)

    async def wait() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await done

    await _reading(sensors, wait)
