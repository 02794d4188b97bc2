# SPDX-License-Identifier: GPL-3.0-or-later
"""Does on a machine what a plan says, sees that the node comes up, and puts back what was where it does not."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ganglion.errors import GanglionError, RefusedError, UnreachableError
from ganglion.flash.host import system
from ganglion.flash.host.connection import Remote
from ganglion.flash.host.machine import CONFIG, FOLDER, Machine, look, parse
from ganglion.flash.host.node_file import KEY_FILE
from ganglion.flash.host.plan import Plan, mark
from ganglion.flash.host.text import last_lines
from ganglion.flash.host.upload import Progress, upload

#: Lines of a log that are shown of what went wrong.
_LINES = 12
#: Seconds between looks whether the node is there.
_LOOK = 0.5

#: Shows a line of what is being done.
Say = Callable[[str], None]
#: Whether the mesh has seen the node, by its name.
Seen = Callable[[str], Awaitable[bool]]


async def looked(remote: Remote) -> Machine:
    """What the machine is; from here on commands there are root's.

    Raises:
        RefusedError: one cannot become root.
    """
    said = await remote.run(
        "id -u; command -v sudo >/dev/null && sudo -n true >/dev/null 2>&1 && echo sudo", plain=True
    )
    words = said.text.split()
    if "0" not in words:
        if "sudo" not in words:
            raise RefusedError(
                f"{remote.user} may not become root on {remote.address} without a password: log in as root, or there "
                f"allow it with: echo '{remote.user} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/ganglion"
            )
        remote.as_root = ("sudo", "-n")
    own = mark()
    return parse(own, (await remote.run(look(own), within=60)).text, str(remote.address))


async def configured(remote: Remote) -> str:
    """The configuration that is there; empty for none."""
    said = await remote.run(f"[ ! -e {CONFIG} ] || cat {CONFIG}")
    if said.status:
        raise GanglionError(f"{CONFIG} of {remote.address} cannot be read: see what it is")
    return said.text


async def sent(remote: Remote, plan: Plan, progress: Progress) -> int:
    """Brings the package there; how many bytes had to be sent. Nothing else is changed."""
    if not plan.due("package"):
        return 0
    return await upload(remote, plan.package.data, system.kept(plan.machine, plan.package.sha256), progress)


async def installed(remote: Remote, plan: Plan, *, wait: float, say: Say, seen: Seen | None) -> dict[str, Any]:
    """Does what the plan says and is not done; what the node said when it was ready.

    Args:
        wait: Seconds until it must have joined.

    Raises:
        GanglionError: something went wrong on the machine; what was there before is put back.
        UnreachableError: the connection is lost, or the node runs and has not joined in time.
        CancelledError: it was broken off; what was there before is put back.
    """
    kept: list[str] = []
    try:
        return await _done(remote, plan, kept, wait, say, seen)
    except UnreachableError:
        raise
    except asyncio.CancelledError:
        say("broken off; putting back what was there, once more Ctrl-C leaves that")
        say(await _ending(remote, plan, kept))
        raise
    except GanglionError as error:
        say("it did not work; putting back what was there")
        raise GanglionError(f"{error}\n{await _ending(remote, plan, kept)}") from None


async def _ending(remote: Remote, plan: Plan, kept: list[str]) -> str:
    try:
        return await _put_back(remote, plan, kept)
    except GanglionError as other:
        return f"what was there could not be put back: {other}"


async def _done(
    remote: Remote, plan: Plan, kept: list[str], wait: float, say: Say, seen: Seen | None
) -> dict[str, Any]:
    machine, sha256 = plan.machine, plan.package.sha256
    for step in plan.steps:
        say(step.text)
        if not step.due:
            continue
        match step.name:
            case "package":
                await _package(remote, machine, sha256)
            case "configuration":
                # A run that is broken off here is to find it stopped: else the next one saw nothing left to do
                await remote.run(system.stop(machine))
                writing = asyncio.ensure_future(_write(remote, CONFIG, plan.config, keep=True))
                try:
                    await asyncio.shield(writing)
                finally:  # where it is broken off, what is there is known all the same
                    kept.append(await writing)
            case "key":
                await _write(remote, f"{FOLDER}/{KEY_FILE}", plan.key + "\n", keep=False)
    ready = await _up(remote, plan, wait) if plan.due("service") else {}
    if seen is not None:
        say("waiting until the gateway has seen it")
        await _seen(seen, plan.name, wait)
    await remote.run(f"rm -f {FOLDER}/{KEY_FILE}\n{system.forget(machine, sha256)}")
    return ready


async def _package(remote: Remote, machine: Machine, sha256: str) -> None:
    said = await remote.run(system.install(machine, system.kept(machine, sha256)), within=system.INSTALLING)
    if said.status == 0:
        await remote.run(system.record(sha256))
        return
    lower = said.text.lower()
    if any(each in lower for each in system.BUSY):
        why = "its package manager is busy with something else: wait until that is done, then run this again"
    elif any(each in lower for each in system.FULL):
        why = "its disk is full: make room there, then run this again"
    elif any(each in lower for each in system.LACKING):
        why = (
            "it cannot get what the package needs: update its package lists there, and see that it reaches the servers"
        )
    else:
        why = f"its package manager ended with {said.status}"
    raise GanglionError(_with_log(f"{remote.address} did not install the package: {why}", said.text))


async def _write(remote: Remote, path: str, text: str, *, keep: bool) -> str:
    said = await remote.run(system.write(path, keep=keep), stdin=[text.encode()])
    if said.status:
        raise GanglionError(f"{remote.address} cannot write {path}: see that its disk is not full or read-only")
    return said.text.strip()


async def _up(remote: Remote, plan: Plan, wait: float) -> dict[str, Any]:
    """What the node said when it was ready.

    Raises:
        GanglionError: it ended.
        UnreachableError: it runs, and is not ready in time.
    """
    began = await remote.run(system.start(plan.machine, mark()))
    if began.status:
        raise GanglionError(f"{remote.address} has no service of Ganglion: its package is not what it should be")
    loop = asyncio.get_running_loop()
    deadline, downs = loop.time() + wait, 0
    while True:
        said = await remote.run(system.state(plan.machine, began.text.strip()), most=4 << 20)
        state, _, log = said.text.partition("\n")
        if (ready := _ready(log)) is not None:
            return ready
        downs = downs + 1 if state == "down" else 0
        if downs > 1:  # between two looks it may just have been started
            raise GanglionError(_with_log(f"the node ended on {remote.address}", log))
        if loop.time() > deadline:
            late = f"the node runs on {remote.address} and has not joined within {wait:g} s"
            if plan.machine.is_active:  # what ran before may have been better
                raise GanglionError(_with_log(late, log))
            remedy = "see that it reaches its broker, and that a gateway of its mesh runs; it goes on trying"
            raise UnreachableError(_with_log(f"{late}: {remedy}", log))
        await asyncio.sleep(_LOOK)


def _ready(log: str) -> dict[str, Any] | None:
    """What the node says once, when it is up and joined."""
    for line in log.splitlines():
        at = line.find('{"ready"')
        if at < 0:
            continue
        try:
            said = json.loads(line[at:])
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("ready") is True:
            return said
    return None


async def _seen(seen: Seen, name: str, wait: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while not await seen(name):
        if loop.time() > deadline:
            raise UnreachableError(
                f"the gateway has not seen {name} within {wait:g} s: see that it is the gateway of that mesh"
            )
        await asyncio.sleep(_LOOK)


async def _put_back(remote: Remote, plan: Plan, kept: list[str]) -> str:
    """Puts back what was there; what that came to, as a sentence."""
    machine = plan.machine
    done = []
    if kept:
        is_done = not (await remote.run(system.put_back(kept[0]))).status
        if kept[0]:
            lost = f"not {CONFIG}, which is still the new one: move {kept[0]} there"
            done.append("the configuration" if is_done else lost)
        else:
            done.append("the new configuration is removed" if is_done else f"not {CONFIG}, which is new: remove it")
    if plan.due("package") and machine.installed:
        old = system.kept(machine, machine.record)
        there = machine.record and not (await remote.run(f"[ -e {old} ]")).status
        if there and not (await remote.run(system.install(machine, old), within=system.INSTALLING)).status:
            await remote.run(system.record(machine.record))
            done.append(f"ganglion {machine.installed}")
        else:
            done.append(
                f"not ganglion {machine.installed}, whose package is not there any more: give it with --package"
            )
    if (await remote.run(f"rm -f {FOLDER}/{KEY_FILE}")).status:
        done.append(f"the enrol key is still there, {FOLDER}/{KEY_FILE}: remove it")
    again = system.start(machine, mark()) if machine.is_active else system.stop(machine)
    failed = (await remote.run(again)).status and machine.is_active
    ending = "and the service is started again" if machine.is_active else "and the service is stopped"
    if failed:
        ending = "and the service could not be started again: look at its log there"
    return f"put back: {', '.join(done) or 'nothing'}; {ending}"


def _with_log(sentence: str, log: str) -> str:
    return "\n  ".join([sentence, *last_lines(log, _LINES)])
